// One tar entry after the other, by libarchive's parser (ustar, PAX, GNU and their sparse forms)
// over an ArchiveStream, with what libarchive lets pass: an archive that ends without its end
// marker is cut short, and one that goes on behind it has two meanings. Used by unpack.cc.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "archive_stream.h"

struct archive;
struct archive_entry;

namespace gbox::layer {

class TarReader {
 public:
  // `stream` is borrowed.
  explicit TarReader(ArchiveStream& stream);
  TarReader(const TarReader&) = delete;
  TarReader& operator=(const TarReader&) = delete;
  ~TarReader();

  // The next header, valid until the next call; nullptr after the last. What is left of the
  // entry before is skipped. Throws Error (input).
  archive_entry* next_entry();

  struct Piece {
    std::uint64_t offset;  // in the file; what lies between pieces is a hole
    std::span<const std::byte> bytes;
  };
  // The next piece of the current entry's content; nullopt at its end.
  std::optional<Piece> next_piece();

 private:
  friend struct TarCallbacks;
  struct Free {
    void operator()(archive* reader) const;
  };
  class Utf8;
  void check(int result);
  [[nodiscard]] std::uint64_t position() const;
  void expect_end_of_stream();
  std::span<const std::byte> take_block();

  ArchiveStream& stream_;
  std::unique_ptr<archive, Free> reader_;
  std::unique_ptr<Utf8> utf8_;
  Block block_;                  // what libarchive looks at now
  std::uint64_t given_ = 0;      // bytes of the tar handed to libarchive
  std::uint64_t last_data_ = 0;  // end of the last byte that is not zero
  std::uint64_t entry_end_ = 0;  // where the last entry ended, its padding included
  bool content_left_ = false;
  std::exception_ptr stream_failure_;  // carried past libarchive, which is C
};

}  // namespace gbox::layer
