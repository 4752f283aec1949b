#include "script.h"

#include <cctype>
#include <map>
#include <stdexcept>

namespace script {

std::string capitals(const std::string& text) {
  static const std::map<std::string, std::string> kPairs = {
      {"\xc3\xa4", "\xc3\x84"}, {"\xc3\xb6", "\xc3\x96"}, {"\xc3\xbc", "\xc3\x9c"}, {"\xc3\x9f", "SS"}};
  std::string result;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte < 0x80) {
      result += static_cast<char>(std::toupper(byte));
      continue;
    }
    if (byte < 0xc0 || at + 1 == text.size()) throw std::invalid_argument("broken UTF-8");
    const std::string pair = text.substr(at++, 2);
    const auto found = kPairs.find(pair);
    result += found == kPairs.end() ? pair : found->second;
  }
  return result;
}

}  // namespace script
