#include "armor.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "gbox/base/error.h"
#include "gbox/base/text.h"

namespace gbox::portage {

namespace {

constexpr std::string_view kBegin = "-----BEGIN PGP ";
constexpr std::string_view kEnd = "-----END PGP ";
constexpr std::string_view kDashes = "-----";
constexpr std::string_view kSigned = "SIGNED MESSAGE";
constexpr std::string_view kSignature = "SIGNATURE";
// Verifiers have cut longer lines and gone on to output the rest as if it had been signed.
constexpr std::size_t kMaxCleartextLine = 4096;

std::string_view without_trailing_blanks(std::string_view line) {
  const std::size_t end = line.find_last_not_of(" \t\r");
  return end == std::string_view::npos ? std::string_view() : line.substr(0, end + 1);
}

class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}
  // The next line without its end; nothing behind the last.
  std::optional<std::string_view> next() {
    if (rest_.empty()) return std::nullopt;
    const std::size_t end = rest_.find('\n');
    const std::string_view line = rest_.substr(0, end);
    rest_ = end == std::string_view::npos ? std::string_view() : rest_.substr(end + 1);
    return line;
  }

 private:
  std::string_view rest_;
};

// "SIGNATURE" of "-----BEGIN PGP SIGNATURE-----"; "" for any other line.
std::string_view block_type(std::string_view line, std::string_view mark) {
  line = without_trailing_blanks(line);
  if (!line.starts_with(mark) || !line.ends_with(kDashes) ||
      line.size() <= mark.size() + kDashes.size())
    return {};
  return line.substr(mark.size(), line.size() - mark.size() - kDashes.size());
}

int sextet(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

// Whole groups of four, padding only at the very end; nothing else.
std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const bool last = i + 4 == text.size();
    std::uint32_t group = 0;
    int padding = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      const char c = text[i + k];
      if (c == '=' && last && k >= 2) {
        ++padding;
        group <<= 6;
        continue;
      }
      const int value = sextet(c);
      if (value < 0 || padding != 0) return std::nullopt;
      group = (group << 6) | static_cast<std::uint32_t>(value);
    }
    for (int k = 0; k < 3 - padding; ++k)
      bytes += static_cast<char>((group >> (16 - 8 * k)) & 0xff);
  }
  return bytes;
}

// RFC 4880 §6.1.
std::string crc24(std::string_view data) {
  std::uint32_t crc = 0xb704ce;
  for (const char c : data) {
    crc ^= static_cast<std::uint32_t>(static_cast<unsigned char>(c)) << 16;
    for (int i = 0; i < 8; ++i) {
      crc <<= 1;
      if ((crc & 0x1000000) != 0) crc ^= 0x1864cfb;
    }
  }
  std::string bytes;
  for (const int shift : {16, 8, 0}) bytes += static_cast<char>((crc >> shift) & 0xff);
  return bytes;
}

[[noreturn]] void refuse_armor(std::string_view what, const std::string& why) {
  throw Error("read " + quoted(what) + ": " + why, ExitCode::input)
      .set_hint("the file is cut short or damaged; fetch it again");
}

// The block whose BEGIN line was just read, up to its END line.
ArmorBlock read_block(Lines& lines, std::string_view type, std::string_view what) {
  ArmorBlock block{std::string(type), {}};
  std::string base64;
  std::optional<std::string> checksum;
  bool in_headers = true;
  while (const auto raw = lines.next()) {
    const std::string_view line = without_trailing_blanks(*raw);
    if (line.starts_with(kDashes)) {
      if (block_type(line, kEnd) != type)
        refuse_armor(what,
                     "a block of armour begins as " + quoted(type) + " and does not end as one");
      const auto data = decode_base64(base64);
      if (!data || data->empty()) refuse_armor(what, "the armour is not base64");
      block.data = *data;
      if (checksum && decode_base64(*checksum) != crc24(block.data))
        refuse_armor(what, "the armour's checksum differs");
      return block;
    }
    if (in_headers) {  // "Version: …", up to an empty line
      if (line.empty())
        in_headers = false;
      else if (line.find(": ") == std::string_view::npos && !line.ends_with(':'))
        refuse_armor(what, "the armour's header is not one");
      continue;
    }
    if (checksum && !line.empty()) refuse_armor(what, "the armour goes on behind its checksum");
    if (line.starts_with('='))
      checksum = std::string(line.substr(1));
    else
      base64 += line;
  }
  refuse_armor(what, "the armour ends early");
}

bool is_text_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 ? byte != 0x7f : byte == '\t' || byte == '\n' || byte == '\r';
}

}  // namespace

std::vector<ArmorBlock> dearmor(std::string_view text, std::string_view what) {
  if (text.size() > kMaxArmorBytes)
    refuse_armor(what, "it is larger than " + human_size(kMaxArmorBytes));
  std::vector<ArmorBlock> blocks;
  Lines lines(text);
  while (const auto line = lines.next()) {
    const std::string_view type = block_type(*line, kBegin);
    if (!type.empty() && type != kSigned) blocks.push_back(read_block(lines, type, what));
  }
  return blocks;
}

bool is_clearsigned(std::string_view text) {
  Lines lines(text);
  while (const auto line = lines.next())
    if (block_type(*line, kBegin) == kSigned) return true;
  return false;
}

std::string read_cleartext(std::string_view text, std::string_view what, Cleartext& out) {
  // A NUL or a form feed once made verifiers lose the rest of a line they then printed.
  if (!std::all_of(text.begin(), text.end(), is_text_byte))
    return "it holds bytes that are no text";
  Lines lines(text);
  auto line = lines.next();
  while (line && without_trailing_blanks(*line).empty()) line = lines.next();
  if (!line || block_type(*line, kBegin) != kSigned) return "there is text before the signed part";
  // Only "Hash" may stand here: whatever else a reader showed would not be covered.
  while ((line = lines.next()) && !without_trailing_blanks(*line).empty())
    if (!line->starts_with("Hash: ")) return "there is text between its head and the signed part";
  bool first = true;
  for (;;) {
    line = lines.next();
    if (!line) return "the signed part does not end";
    if (line->size() > kMaxCleartextLine)
      return "a line is longer than " + std::to_string(kMaxCleartextLine) + " bytes";
    std::string_view content = *line;
    if (content.starts_with("- "))
      content.remove_prefix(2);
    else if (block_type(content, kBegin) == kSignature)
      break;
    else if (content.starts_with('-'))
      return "a line of the signed part is not escaped";
    content = without_trailing_blanks(content);
    // Some verifiers take a lone carriage return for the end of a line, some do not.
    if (content.find('\r') != std::string_view::npos) return "it holds bytes that are no text";
    if (!first) {
      out.text += '\n';
      out.signed_bytes += "\r\n";
    }
    first = false;
    out.text += content;
    out.signed_bytes += content;
  }
  out.signature = read_block(lines, kSignature, what).data;
  while ((line = lines.next()))
    if (!without_trailing_blanks(*line).empty()) return "there is text behind the signed part";
  return {};
}

}  // namespace gbox::portage
