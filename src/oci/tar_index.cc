#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <set>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/oci/types.h"
#include "gbox/sys/fd.h"
#include "strict_json.h"
#include "tar.h"

namespace gbox::oci {

namespace {

using Block = std::array<std::byte, kTarBlock>;

std::string_view text_of(const Block& block) {
  return {reinterpret_cast<const char*>(block.data()), block.size()};
}

std::string_view field(std::string_view block, std::size_t at, std::size_t length) {
  const std::string_view raw = block.substr(at, length);
  return raw.substr(0, raw.find('\0'));
}

std::optional<std::uint64_t> octal(std::string_view text) {
  text = trim(text);
  if (text.empty()) return 0;
  return whole_number<std::uint64_t>(text, 8);
}

// Octal, or GNU's base 256 when the first bit is set.
std::optional<std::uint64_t> number(std::string_view block, std::size_t at, std::size_t length) {
  const std::string_view raw = block.substr(at, length);
  const auto first = static_cast<unsigned char>(raw.front());
  if (first < 0x80) return octal(field(block, at, length));
  if (first != 0x80) return std::nullopt;  // negative, or wider than we would ever read
  std::uint64_t value = 0;
  for (const char c : raw.substr(1)) {
    if (value >> 56 != 0) return std::nullopt;
    value = value << 8 | static_cast<unsigned char>(c);
  }
  return value;
}

bool checksum_holds(std::string_view block) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < block.size(); ++i)
    sum += i >= 148 && i < 156 ? std::uint64_t{' '} : static_cast<unsigned char>(block[i]);
  return octal(field(block, 148, 8)) == sum;
}

void refuse_compressed(std::string_view start, std::string_view what) {
  struct Row {
    std::string_view magic, name, tool;
  };
  static constexpr std::array<Row, 4> kRows = {{{"\x1f\x8b", "gzip", "gzip -d"},
                                                {"\x28\xb5\x2f\xfd", "zstd", "zstd -d"},
                                                {"\xfd"
                                                 "7zXZ",
                                                 "xz", "xz -d"},
                                                {"BZh", "bzip2", "bzip2 -d"}}};
  for (const Row& row : kRows) {
    if (start.starts_with(row.magic))
      refuse(what, "the archive is compressed with " + std::string(row.name),
             "unpack it with '" + std::string(row.tool) + "' first; its layers stay compressed");
  }
}

class TarScanner {
 public:
  TarScanner(int fd, std::string_view what) : fd_(fd), what_(what) {
    const struct stat status = sys::fstat(fd);
    if (!S_ISREG(status.st_mode)) refuse(what_, "not a regular file");
    end_ = static_cast<std::uint64_t>(status.st_size);
  }

  TarIndex run() {
    Block block;
    while (read_block(block)) {
      const std::string_view header = text_of(block);
      if (std::all_of(header.begin(), header.end(), [](char c) { return c == '\0'; }))
        return files_;
      if (at_ == kTarBlock) refuse_compressed(header, what_);
      if (!checksum_holds(header)) refuse(what_, "no tar header at byte " + position());
      take(header);
    }
    if (names_.empty()) refuse(what_, "not a tar archive: it is empty");
    return files_;  // without the two zero blocks at the end: other tools accept that too
  }

 private:
  [[nodiscard]] std::string position() const { return std::to_string(header_at_); }

  bool read_block(Block& block) {
    if (at_ >= end_) return false;
    header_at_ = at_;
    read_at(at_, block);
    at_ += kTarBlock;
    return true;
  }

  void read_at(std::uint64_t offset, std::span<std::byte> buffer) {
    for (std::size_t done = 0; done < buffer.size();) {
      const ssize_t count = ::pread(fd_, buffer.data() + done, buffer.size() - done,
                                    static_cast<off_t>(offset + done));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) throw SysError(errno, "read " + std::string(what_), ExitCode::input);
      if (count == 0) refuse(what_, "the archive is cut off at byte " + std::to_string(end_));
      done += static_cast<std::size_t>(count);
    }
  }

  void take(std::string_view header) {
    const char type = header[156];
    std::optional<std::uint64_t> size = number(header, 124, 12);
    if (size && pax_size_ && type != 'x' && type != 'g') size = std::exchange(pax_size_, {});
    if (!size || *size > kMaxBlobBytes)
      refuse(what_, "an impossible size in the tar header at byte " + position());
    if (*size > end_ - std::min(end_, at_))
      refuse(what_, "the archive is cut off: the entry at byte " + position() + " claims " +
                        std::to_string(*size) + " bytes");
    // Some readers skip content behind links and directories, some do not: whoever is fooled sees
    // other entries.
    if (type >= '1' && type <= '6' && *size != 0)
      refuse(what_, "content behind a link, directory or device at byte " + position());
    const std::uint64_t content = at_;
    at_ += *size + tar_padding(*size);
    if (type == 'x') return read_pax(extension(content, *size));
    if (type == 'L') {
      const std::string name = extension(content, *size);
      long_name_ = name.substr(0, name.find('\0'));
      return;
    }
    if (type == 'g' || type == 'K') return;  // comments of whole archives; a link's long target
    if (type == 'S') refuse(what_, "a sparse file at byte " + position());
    add(std::exchange(long_name_, {}).value_or(short_name(header)), type,
        {.offset = content, .size = *size});
  }

  static std::string short_name(std::string_view header) {
    const std::string name(field(header, 0, 100));
    const std::string_view prefix = field(header, 345, 155);
    // GNU's old format keeps other things where POSIX keeps the prefix.
    const bool posix = header.substr(257, 6) == std::string_view("ustar\0", 6);
    return posix && !prefix.empty() ? std::string(prefix) + '/' + name : name;
  }

  std::string extension(std::uint64_t offset, std::uint64_t size) {
    if (size > kMaxTarExtension)
      refuse(what_, "an extended tar header of " + std::to_string(size) + " bytes");
    std::string text(static_cast<std::size_t>(size), '\0');
    read_at(offset, std::as_writable_bytes(std::span(text)));
    return text;
  }

  void read_pax(const std::string& text) {
    for (std::string_view rest = text; !rest.empty();) {
      std::size_t length = 0;
      const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), length);
      const auto digits = static_cast<std::size_t>(end - rest.data());
      if (error != std::errc() || length <= digits + 1 || length > rest.size() ||
          rest[digits] != ' ' || rest[length - 1] != '\n')
        refuse(what_, "a broken pax header at byte " + position());
      const std::string_view record = rest.substr(digits + 1, length - digits - 2);
      rest.remove_prefix(length);
      const std::size_t equals = record.find('=');
      if (equals == std::string_view::npos)
        refuse(what_, "a broken pax header at byte " + position());
      take_pax(record.substr(0, equals), record.substr(equals + 1));
    }
  }

  void take_pax(std::string_view key, std::string_view value) {
    if (key == "path") long_name_ = std::string(value);
    if (key.starts_with("GNU.sparse.")) refuse(what_, "a sparse file at byte " + position());
    if (key != "size") return;
    pax_size_ = whole_number<std::uint64_t>(value);
    if (!pax_size_) refuse(what_, "a broken pax header at byte " + position());
  }

  void add(std::string name, char type, TarFile file) {
    while (name.starts_with("./")) name.erase(0, 2);
    while (name.ends_with('/')) name.pop_back();
    const bool directory = type == '5';
    if (!directory && !names_.insert(name).second)
      refuse(what_, "the archive holds " + gbox::quoted(name) + " twice");
    if (++count_ > kMaxArchiveEntries)
      refuse(what_, "more than " + std::to_string(kMaxArchiveEntries) + " entries");
    if (type == '0' || type == '\0' || type == '7') files_.emplace(std::move(name), file);
  }

  int fd_;
  std::string_view what_;
  std::uint64_t end_ = 0;
  std::uint64_t at_ = 0;         // of what comes next
  std::uint64_t header_at_ = 0;  // of the header at hand
  std::size_t count_ = 0;
  std::optional<std::string> long_name_;
  std::optional<std::uint64_t> pax_size_;
  std::set<std::string> names_;
  TarIndex files_;
};

}  // namespace

TarIndex index_tar(int fd, std::string_view what) {
  return TarScanner(fd, what).run();
}

}  // namespace gbox::oci
