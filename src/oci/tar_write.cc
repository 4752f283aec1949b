#include <array>
#include <cstring>

#include "gbox/base/error.h"
#include "tar.h"

namespace gbox::oci {

namespace {

constexpr std::size_t kNameBytes = 100;
constexpr std::uint64_t kMaxOctalSize = (std::uint64_t{1} << 33) - 1;  // eleven octal digits

using TextBlock = std::array<char, kTarBlock>;

void put(TextBlock& block, std::size_t at, std::string_view text) {
  std::memcpy(block.data() + at, text.data(), text.size());
}

// `width` octal digits and a NUL.
void put_octal(TextBlock& block, std::size_t at, std::size_t width, std::uint64_t value) {
  for (std::size_t i = width; i-- > 0; value >>= 3)
    block[at + i] = static_cast<char>('0' + (value & 7));
}

// Field offsets as in POSIX.1-2017, pax, "ustar Interchange Format".
std::string ustar_block(std::string_view name, char type, unsigned mode, std::uint64_t size) {
  TextBlock block{};
  put(block, 0, name.substr(0, kNameBytes));
  put_octal(block, 100, 7, mode);
  put_octal(block, 108, 7, 0);  // uid
  put_octal(block, 116, 7, 0);  // gid
  put_octal(block, 124, 11, size);
  put_octal(block, 136, 11, 0);  // mtime: same image, same bytes
  block[156] = type;
  put(block, 257,
      std::string_view("ustar\0"
                       "00",
                       8));
  put_octal(block, 329, 7, 0);  // device numbers, which some readers parse for plain files too
  put_octal(block, 337, 7, 0);
  // The checksum counts its own field as blanks; it ends in NUL, blank.
  std::memset(block.data() + 148, ' ', 8);
  std::uint64_t sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  put_octal(block, 148, 6, sum);
  block[154] = '\0';
  return {block.data(), block.size()};
}

// "LENGTH KEY=VALUE\n", where LENGTH counts itself.
std::string pax_record(std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest + 1;
  while (std::to_string(length).size() + rest != length)
    length = std::to_string(length).size() + rest;
  return std::to_string(length) + ' ' + std::string(key) + '=' + std::string(value) + '\n';
}

}  // namespace

std::string tar_header(std::string_view name, TarKind kind, std::uint64_t size) {
  std::string records;
  if (name.size() > kNameBytes) records += pax_record("path", name);
  if (size > kMaxOctalSize) records += pax_record("size", std::to_string(size));
  std::string result;
  if (!records.empty()) {
    const std::uint64_t length = records.size();
    records.append(static_cast<std::size_t>(tar_padding(length)), '\0');
    result = ustar_block("pax", 'x', 0644, length) + records;
  }
  const bool directory = kind == TarKind::directory;
  return result + ustar_block(name, directory ? '5' : '0', directory ? 0755 : 0644,
                              size > kMaxOctalSize ? 0 : size);
}

}  // namespace gbox::oci
