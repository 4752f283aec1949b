#include "tar_writer.h"

#include <sys/sysmacros.h>

#include <array>
#include <cstring>
#include <map>
#include <string_view>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/layer/whiteout.h"

namespace gbox::layer {

namespace {

// Offsets and sizes of the fields, POSIX pax(1), "ustar Header Block".
struct Field {
  std::size_t offset;
  std::size_t size;
};
constexpr Field kName{0, 100};
constexpr Field kMode{100, 8};
constexpr Field kUid{108, 8};
constexpr Field kGid{116, 8};
constexpr Field kSize{124, 12};
constexpr Field kMtime{136, 12};
constexpr Field kChecksum{148, 8};
constexpr std::size_t kTypeOffset = 156;
constexpr Field kLinkName{157, 100};
constexpr Field kMagicField{257, 8};
constexpr Field kMajor{329, 8};
constexpr Field kMinor{337, 8};
constexpr Field kPrefix{345, 155};

constexpr mode_t kModeBits = 07777;

using PaxRecords = std::map<std::string, std::string>;  // sorted: one text per content

// Octal digits and a NUL; false when the value needs more.
bool fits(Field field, std::int64_t value) {
  return value >= 0 && (value >> (3 * (field.size - 1))) == 0;
}

class Header {
 public:
  Header() {
    bytes_.fill('\0');
    put(kMagicField, std::string_view("ustar\00000", 8));
  }
  void put(Field field, std::string_view text) {
    std::memcpy(bytes_.data() + field.offset, text.data(), std::min(text.size(), field.size));
  }
  void put_octal(Field field, std::int64_t value) {
    for (std::size_t i = field.size - 1; i-- > 0; value >>= 3)
      bytes_[field.offset + i] = static_cast<char>('0' + (value & 7));
  }
  void put_type(char type) { bytes_[kTypeOffset] = type; }
  void append_to(std::string& out) {
    std::memset(bytes_.data() + kChecksum.offset, ' ', kChecksum.size);
    std::int64_t sum = 0;
    for (const char c : bytes_) sum += static_cast<unsigned char>(c);
    // Six digits, a NUL, a blank: the form every reader knows.
    put_octal({kChecksum.offset, 7}, sum);
    bytes_[kChecksum.offset + 6] = '\0';
    out.append(bytes_.data(), bytes_.size());
  }

 private:
  std::array<char, kTarBlock> bytes_;
};

// "LENGTH key=value\n", where LENGTH counts itself.
std::string pax_record(const std::string& key, const std::string& value) {
  const std::size_t rest = key.size() + value.size() + 3;  // blank, '=', newline
  std::size_t length = rest;
  for (std::size_t next = rest + std::to_string(length).size(); next != length;
       next = rest + std::to_string(length).size())
    length = next;
  return std::to_string(length) + ' ' + key + '=' + value + '\n';
}

void append_pax(std::string& out, const PaxRecords& records, std::string_view path) {
  std::string body;
  for (const auto& [key, value] : records) body += pax_record(key, value);
  Header header;
  // Only readers that know no PAX see this name; its last component helps them a little.
  while (path.ends_with('/')) path.remove_suffix(1);
  std::string name = "PaxHeaders.0/" + std::string(path.substr(path.rfind('/') + 1));
  header.put(kName, name);
  header.put_octal(kMode, 0644);
  header.put_octal(kUid, 0);
  header.put_octal(kGid, 0);
  header.put_octal(kSize, static_cast<std::int64_t>(body.size()));
  header.put_octal(kMtime, 0);
  header.put_type('x');
  header.append_to(out);
  out += body;
  out.append(content_padding(body.size()), '\0');
}

void put_number(Header& header, PaxRecords& pax, Field field, const char* pax_key,
                std::int64_t value) {
  if (!fits(field, value)) {
    pax[pax_key] = std::to_string(value);
    value = 0;
  }
  header.put_octal(field, value);
}

// ustar splits a long name at a slash; what cannot be split goes to PAX.
void put_name(Header& header, PaxRecords& pax, const std::string& path) {
  if (path.size() <= kName.size) return header.put(kName, path);
  const std::size_t slash = path.rfind('/', std::min(kPrefix.size, path.size() - 2));
  if (slash != std::string::npos && slash > 0 && path.size() - slash - 1 <= kName.size) {
    header.put(kPrefix, std::string_view(path).substr(0, slash));
    return header.put(kName, std::string_view(path).substr(slash + 1));
  }
  pax["path"] = path;
  header.put(kName, path);  // cut
}

char type_flag(EntryKind kind) {
  switch (kind) {
    case EntryKind::hardlink:
      return '1';
    case EntryKind::symlink:
      return '2';
    case EntryKind::char_device:
      return '3';
    case EntryKind::block_device:
      return '4';
    case EntryKind::directory:
      return '5';
    case EntryKind::fifo:
      return '6';
    default:
      return '0';
  }
}

std::string tar_name(const Entry& entry) {
  const std::size_t last = entry.path.rfind('/') + 1;  // 0 when there is no slash
  switch (entry.kind) {
    case EntryKind::directory:
      return entry.path.empty() ? "./" : entry.path + '/';
    case EntryKind::whiteout:
      return entry.path.substr(0, last) + std::string(kWhiteoutPrefix) + entry.path.substr(last);
    case EntryKind::opaque:
      return (entry.path.empty() ? "" : entry.path + '/') + std::string(kOpaqueMarker);
    default:
      return entry.path;
  }
}

}  // namespace

void append_tar_header(std::string& out, const Entry& entry,
                       std::optional<std::int64_t> clamp_mtime) {
  const struct stat& status = entry.status;
  const std::string name = tar_name(entry);
  Header header;
  PaxRecords pax;
  put_name(header, pax, name);
  header.put_octal(kMode, status.st_mode & kModeBits);
  put_number(header, pax, kUid, "uid", status.st_uid);
  put_number(header, pax, kGid, "gid", status.st_gid);
  put_number(header, pax, kSize, "size", entry.kind == EntryKind::file ? status.st_size : 0);
  std::int64_t mtime = status.st_mtim.tv_sec;
  if (clamp_mtime && mtime > *clamp_mtime) mtime = *clamp_mtime;
  put_number(header, pax, kMtime, "mtime", mtime);
  header.put_type(type_flag(entry.kind));
  if (entry.target.size() > kLinkName.size) pax["linkpath"] = entry.target;
  header.put(kLinkName, entry.target);
  if (entry.kind == EntryKind::char_device || entry.kind == EntryKind::block_device) {
    header.put_octal(kMajor, major(status.st_rdev));
    header.put_octal(kMinor, minor(status.st_rdev));
  }
  // Hard links repeat the attributes of their first name: podman and docker chown every entry,
  // which strips the file's capabilities, and put back what this very header says.
  for (const auto& [key, value] : entry.xattrs) pax["SCHILY.xattr." + key] = value;
  if (!pax.empty()) append_pax(out, pax, name);
  header.append_to(out);
}

std::string tar_end_marker() {
  return std::string(2 * kTarBlock, '\0');
}

}  // namespace gbox::layer
