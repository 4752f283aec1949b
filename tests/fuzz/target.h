// What fuzz targets share: an input is refused by gbox::Error or taken; anything else thrown, and
// any promise that does not hold, ends the run.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "gbox/base/error.h"

namespace gbox::fuzz {

template <class Action>
void refusing(Action&& action) {
  try {
    action();
  } catch (const Error&) {
    // What outside bytes may come to.
  }
}

inline void require(bool holds, const char* promise) {
  if (holds) return;
  (void)std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace gbox::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
