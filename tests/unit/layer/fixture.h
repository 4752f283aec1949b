// What the layer's tests share: archives as open files, other tools as judges, trees as text.
#pragma once

#include <doctest/doctest.h>
#include <sys/mman.h>

#include <array>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/base/error.h"
#include "gbox/base/sink.h"
#include "gbox/layer/pack.h"
#include "gbox/layer/unpack.h"
#include "gbox/sys/file.h"

namespace gbox::layer::test {

// An unnamed file holding `bytes`, at its start.
inline sys::Fd memory_file(std::string_view bytes = {}) {
  sys::Fd fd(::memfd_create("test", MFD_CLOEXEC));
  sys::write_all(fd.get(), bytes, "test");
  REQUIRE(::lseek(fd.get(), 0, SEEK_SET) == 0);
  return fd;
}

inline std::string content_of(int fd) {
  REQUIRE(::lseek(fd, 0, SEEK_SET) == 0);
  std::string content;
  std::array<std::byte, 65536> buffer;
  while (const std::size_t size = sys::read_full(fd, buffer, "test"))
    content.append(reinterpret_cast<const char*>(buffer.data()), size);
  return content;
}

struct Collected : WarningSink {
  std::vector<Warning> warnings;
  void warn(const Warning& warning) override { warnings.push_back(warning); }
};

// Standard output and error of a shell command; fails the test when the command fails.
inline std::string shell(const std::string& command) {
  CAPTURE(command);
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string output;
  std::array<char, 4096> buffer;
  while (const std::size_t size = ::fread(buffer.data(), 1, buffer.size(), pipe))
    output.append(buffer.data(), size);
  const int status = ::pclose(pipe);
  CAPTURE(output);
  CHECK(status == 0);
  return output;
}

// The message of the Error that `action` must throw.
template <class Action>
std::string message_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.message();
  }
  return "(no error)";
}

struct Packed {
  LayerResult result;
  std::string blob;
};
inline Packed pack(int tree, const PackOptions& options) {
  const sys::Fd blob = memory_file();
  LayerResult result = pack_layer(tree, options, blob.get());
  return {std::move(result), content_of(blob.get())};
}

inline UnpackSummary unpack(std::string_view archive, int target, const UnpackOptions& options) {
  const sys::Fd fd = memory_file(archive);
  return unpack_archive(fd.get(), "test.tar", target, options);
}

}  // namespace gbox::layer::test
