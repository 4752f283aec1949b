#include "tar_reader.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "gbox/base/error.h"
#include "gbox/base/text.h"

namespace gbox::layer {

namespace {

constexpr const char* kExpected =
    "a tar file is expected, plain or compressed by gzip, bzip2, xz or zstd";

bool is_name_warning(const char* text) {
  return text != nullptr && std::string_view(text).find("converted") != std::string_view::npos;
}

}  // namespace

// libarchive converts PAX names from UTF-8 to the thread's character set, and only when that
// fails keeps the bytes as they are, with a warning. Under C.UTF-8 both give the same bytes,
// whatever the user's locale is. Loaded once: for each entry it would be the dearest part of it.
class TarReader::Utf8 {
 public:
  Utf8() : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {}
  Utf8(const Utf8&) = delete;
  Utf8& operator=(const Utf8&) = delete;
  ~Utf8() {
    if (locale_ != nullptr) ::freelocale(locale_);
  }

  class Use {
   public:
    explicit Use(const Utf8& utf8)
        : before_(utf8.locale_ == nullptr ? nullptr : ::uselocale(utf8.locale_)) {}
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    ~Use() {
      if (before_ != nullptr) (void)::uselocale(before_);  // it was in use: cannot fail
    }

   private:
    locale_t before_;
  };

 private:
  locale_t locale_;
};

struct TarCallbacks {
  static la_ssize_t read(archive* reader, void* client, const void** data) {
    auto& self = *static_cast<TarReader*>(client);
    try {
      const std::span<const std::byte> bytes = self.take_block();
      *data = bytes.data();
      return static_cast<la_ssize_t>(bytes.size());
    } catch (...) {
      self.stream_failure_ = std::current_exception();
      archive_set_error(reader, EIO, "read failed");
      return -1;
    }
  }
};

void TarReader::Free::operator()(archive* reader) const {
  archive_read_free(reader);
}

TarReader::TarReader(ArchiveStream& stream)
    : stream_(stream), reader_(archive_read_new()), utf8_(std::make_unique<Utf8>()) {
  if (!reader_) throw std::bad_alloc();
  archive_read_support_format_tar(reader_.get());
  archive_read_support_format_empty(reader_.get());
  check(archive_read_open(reader_.get(), this, nullptr, TarCallbacks::read, nullptr));
  if (given_ == 0) throw Error("the archive is empty", ExitCode::input).add_hint(kExpected);
}

TarReader::~TarReader() = default;

std::span<const std::byte> TarReader::take_block() {
  if (block_.data != nullptr) stream_.give_back(std::move(block_));
  block_ = {};
  auto next = stream_.next();
  if (!next) return {};
  block_ = std::move(*next);
  const std::span<const std::byte> bytes = block_.bytes();
  const auto last =
      std::find_if(bytes.rbegin(), bytes.rend(), [](std::byte b) { return b != std::byte{0}; });
  if (last != bytes.rend()) last_data_ = given_ + static_cast<std::uint64_t>(bytes.rend() - last);
  given_ += bytes.size();
  return bytes;
}

std::uint64_t TarReader::position() const {
  return static_cast<std::uint64_t>(archive_filter_bytes(reader_.get(), 0));
}

void TarReader::check(int result) {
  if (stream_failure_) std::rethrow_exception(stream_failure_);
  if (result == ARCHIVE_OK || result == ARCHIVE_EOF) return;
  const char* text = archive_error_string(reader_.get());
  if (result == ARCHIVE_WARN && is_name_warning(text)) return;
  const std::string reason = printable(text != nullptr ? text : "no reason given");
  if (reason.find("Unrecognized") != std::string::npos)
    throw Error("it is not a tar archive", ExitCode::input).add_hint(kExpected);
  throw Error("the archive is damaged or cut short at byte " + std::to_string(position()) +
                  " of the tar (" + reason + ")",
              ExitCode::input)
      .add_hint("fetch or make it again");
}

archive_entry* TarReader::next_entry() {
  while (content_left_) (void)next_piece();
  const Utf8::Use locale(*utf8_);
  archive_entry* entry = nullptr;
  const int result = archive_read_next_header(reader_.get(), &entry);
  check(result);
  if (result == ARCHIVE_EOF) {
    expect_end_of_stream();
    return nullptr;
  }
  content_left_ = true;
  return entry;
}

std::optional<TarReader::Piece> TarReader::next_piece() {
  if (!content_left_) return std::nullopt;
  const void* data = nullptr;
  std::size_t size = 0;
  la_int64_t offset = 0;
  const int result = archive_read_data_block(reader_.get(), &data, &size, &offset);
  check(result);
  if (result == ARCHIVE_EOF) {
    content_left_ = false;
    entry_end_ = position();
    return std::nullopt;
  }
  return Piece{static_cast<std::uint64_t>(offset), {static_cast<const std::byte*>(data), size}};
}

void TarReader::expect_end_of_stream() {
  const std::uint64_t end = position();
  if (end == entry_end_)
    throw Error("the archive is cut short: its end marker is missing after byte " +
                    std::to_string(end) + " of the tar",
                ExitCode::input)
        .add_hint("fetch or make it again");
  while (!take_block().empty()) continue;
  if (last_data_ > end)
    throw Error(
        "the archive goes on behind its end marker at byte " + std::to_string(end) + " of the tar",
        ExitCode::input)
        .add_hint("readers do not agree on what such archives hold; pack it anew as one archive");
}

}  // namespace gbox::layer
