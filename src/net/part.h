// A file that is still on its way: its bytes, where they came from, and the lock that keeps a
// second gbox from writing it too. Named by what the file will be, so that another mirror or
// another run goes on where this one stopped. An anonymous one (memory) serves small texts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "gbox/net/transfer.h"
#include "gbox/sys/fd.h"
#include "gbox/sys/lock.h"

namespace gbox::net {

// Who sent the bytes: with an ETag of that server they can be continued without knowing digests.
struct Source {
  std::string url;  // as requested
  std::string etag;
};

class Part {
 public:
  // nullopt while somebody else holds it. `dirfd` is borrowed.
  static std::optional<Part> try_open(int dirfd, const Transfer& transfer);
  static Part anonymous();
  Part(Part&&) noexcept = default;
  Part& operator=(Part&&) = delete;
  // Keeps what there is for another run; removes an empty file, and the lock's.
  ~Part();

  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  [[nodiscard]] const Source& source() const noexcept { return source_; }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  // Forgets all bytes; what comes next is of `source`.
  void restart(const Source& source);
  void append(std::span<const std::byte> bytes);
  // Onto `file` of another directory of this file system, durably and readable for all.
  void publish(int dirfd, const std::string& file);

 private:
  Part() = default;
  [[nodiscard]] bool named() const noexcept { return lock_.held(); }
  [[noreturn]] void throw_unwritten(int error_number) const;

  int dirfd_ = -1;
  std::string name_;
  std::string shown_;  // the transfer's, for people
  sys::FileLock lock_;
  sys::Fd fd_;
  std::uint64_t size_ = 0;
  Source source_;
  bool published_ = false;
};

}  // namespace gbox::net
