// What a decoder of a compressed archive works between: the stored bytes, and blocks of the tar.
// ArchiveStream provides both; xz_reader.h and zstd_reader.h use them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <thread>

#include "blocks.h"
#include "gbox/base/error.h"

namespace gbox::layer {

struct Decoding {
  // The next stored bytes, empty at the end of the input; valid until the next call. By one thread
  // at a time. Throws when nobody wants the result any more.
  std::function<std::span<const std::byte>()> read;
  // An empty block; by any thread.
  std::function<Block()> fresh;
  // The next bytes of the tar, in order; by the thread that called the decoder. Throws likewise.
  std::function<void(Block)> take;
  // Throws when nobody wants the result any more; for a thread that waits for others' work.
  std::function<void()> check;
  // Makes read() throw from now on: for a decoder that gives up while another thread reads.
  std::function<void()> abandon;
  unsigned threads = 1;  // for decoding; at least 1
};

inline unsigned decoding_threads(unsigned wanted) {
  return wanted != 0 ? wanted : std::max(1u, std::thread::hardware_concurrency());
}

inline Error damaged_archive(const std::string& reason) {
  return Error("the archive is damaged or cut short (" + reason + ")", ExitCode::input)
      .add_hint("fetch or make it again");
}

}  // namespace gbox::layer
