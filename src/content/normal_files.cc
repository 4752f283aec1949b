#include "normal_files.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <vector>

#include "bzip2.h"
#include "gbox/base/error.h"
#include "gbox/base/json.h"
#include "gbox/base/text.h"

namespace gbox::content {

namespace {

constexpr std::size_t kMaxEnvironmentBytes = 64u << 20;
constexpr std::int64_t kDay_s = 86400;

std::uint32_t read_le32(const std::string& bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

void write_le32(std::string& bytes, std::size_t at, std::int64_t value) {
  const auto low = static_cast<std::uint32_t>(value);
  for (std::size_t i = 0; i < 4; ++i)
    bytes[at + i] = static_cast<char>(static_cast<unsigned char>(low >> (8 * i)));
}

// What bash has written for a variable: "declare -x NAME=…" or "declare -- NAME".
std::string_view declared_name(std::string_view line) {
  constexpr std::string_view kDeclare = "declare -";
  if (!line.starts_with(kDeclare)) return {};
  const std::size_t space = line.find(' ', kDeclare.size());
  if (space == std::string_view::npos) return {};
  return line.substr(space + 1, line.find_first_of("=", space + 1) - space - 1);
}

// Whether the value that begins on this line ends on it: bash quotes with "…" or $'…', and writes
// an escaped quote as \" or \'.
class Quotes {
 public:
  // Returns whether a quote is open at the end of the line.
  bool feed(std::string_view line) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (line[i] == '\\')
        ++i;
      else if (open_ == '\0' && line[i] == '"')
        open_ = '"';
      else if (open_ == '\0' && line[i] == '\'')
        open_ = '\'';
      else if (line[i] == open_)
        open_ = '\0';
    }
    return open_ != '\0';
  }

 private:
  char open_ = '\0';
};

// Of these the value belongs to the machine or the moment of the build, or tells whether the
// package was merged by the emerge that compiled it. Portage sets them anew, or does not ask.
bool differs_between_builds(std::string_view name) {
  static constexpr std::array<std::string_view, 14> kNames = {"BASHPID",
                                                              "BUILD_ID",
                                                              "BUILD_TIME",
                                                              "EMERGE_DEFAULT_OPTS",
                                                              "FEATURES",
                                                              "EPOCHREALTIME",
                                                              "EPOCHSECONDS",
                                                              "HOSTNAME",
                                                              "MAKEOPTS",
                                                              "NINJAOPTS",
                                                              "PORTAGE_COMPRESSION_COMMAND",
                                                              "PORTAGE_FEATURES",
                                                              "RANDOM",
                                                              "SRANDOM"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

// A variable without a value or an attribute: what a loop of Portage's own has left behind.
bool is_remnant(std::string_view line) {
  return line.starts_with("declare -- ") && line.find('=') == std::string_view::npos;
}

}  // namespace

std::string source_of_bytecode(std::string_view path) {
  constexpr std::string_view kCache = "__pycache__/";
  const std::size_t slash = path.rfind('/') + 1;  // 0 when there is none
  const std::string_view directory = path.substr(0, slash);
  const std::string_view name = path.substr(slash);
  if (directory.ends_with(kCache))
    return std::string(directory.substr(0, directory.size() - kCache.size())) +
           std::string(name.substr(0, name.find('.'))) + ".py";
  return std::string(path.substr(0, path.size() - 1));
}

void rewrite_bytecode(std::string& content, const TimeRule& rule) {
  // Magic number, flags, then the time and size of the source; flags other than 0: it goes by the
  // source's hash.
  if (content.size() < 16 || content[2] != '\r' || content[3] != '\n' || read_le32(content, 4) != 0)
    return;
  write_le32(content, 8, rule(read_le32(content, 8)));
}

void rewrite_gzip(std::string& content, const TimeRule& rule) {
  if (content.size() < 18 || !content.starts_with("\x1f\x8b\x08")) return;
  const std::uint32_t own = read_le32(content, 4);
  if (own != 0) write_le32(content, 4, rule(own));
}

void rewrite_archive(std::string& content, const TimeRule& rule) {
  constexpr std::size_t kHeader = 60;
  constexpr std::size_t kDate = 16, kDateSize = 12, kSize = 48, kSizeSize = 10;
  if (!content.starts_with("!<arch>\n")) return;
  for (std::size_t at = 8; at + kHeader <= content.size();) {
    if (content.compare(at + 58, 2, "`\n") != 0) return;
    const auto size =
        whole_number<std::int64_t>(trim(std::string_view(content).substr(at + kSize, kSizeSize)));
    if (!size || *size < 0 || static_cast<std::uint64_t>(*size) > content.size()) return;
    if (const auto own = whole_number<std::int64_t>(
            trim(std::string_view(content).substr(at + kDate, kDateSize)))) {
      std::string shown = std::to_string(rule(*own));
      shown.resize(kDateSize, ' ');
      content.replace(at + kDate, kDateSize, shown);
    }
    at += kHeader + static_cast<std::size_t>(*size) + (*size & 1);
  }
}

void rewrite_shadow(std::string& content, const TimeRule& rule) {
  std::vector<std::string> lines = split(content, '\n');
  for (std::string& line : lines) {
    std::vector<std::string> fields = split(line, ':');
    if (fields.size() < 3) continue;
    const auto day = whole_number<std::int64_t>(trim(fields[2]));
    if (!day || *day <= 0 || *day > 1'000'000) continue;
    fields[2] = std::to_string(rule(*day * kDay_s) / kDay_s);
    line = join(fields, ":");
  }
  content = join(lines, "\n");
}

void rewrite_sorted(std::string& content) {
  std::vector<std::string> lines = split(content, '\n');
  std::erase(lines, "");
  std::sort(lines.begin(), lines.end());
  lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
  content = join(lines, "\n");
  if (!lines.empty()) content += '\n';
}

void rewrite_environment(std::string& content) {
  const auto plain = try_bunzip2(content, kMaxEnvironmentBytes);
  if (!plain) return;
  std::string kept;
  bool skips = false;
  bool open = false;
  Quotes quotes;
  for (const std::string& line : split(*plain, '\n')) {
    if (!open) {
      const std::string_view name = declared_name(line);
      // Functions follow the variables: their bodies are no declarations, but indented or "}".
      skips = is_remnant(line) || (!name.empty() && differs_between_builds(name));
      quotes = {};
      open = !name.empty() && quotes.feed(line);
    } else {
      open = quotes.feed(line);
    }
    if (!skips) kept += line + '\n';
  }
  if (!kept.empty()) kept.pop_back();
  // The blocks of two libraries could differ, not those of one.
  if (auto packed = try_bzip2(kept)) content = std::move(*packed);
}

void rewrite_registry(std::string& content,
                      const std::function<std::uint32_t(std::string_view cpv)>& counter) try {
  // {"category/name:slot": [cpv, counter, [path…]]}
  Json registry = parse_json(content, "'preserved_libs_registry'");
  if (!registry.is_object() || registry.empty()) return;
  for (auto& [slot, value] : registry.items())
    if (value.is_array() && value.size() == 3 && value[0].is_string())
      value[1] = std::to_string(counter(value[0].get<std::string>()));
  content = registry.dump();
} catch (const Error&) {
  return;  // what Portage cannot read either
}

}  // namespace gbox::content
