#include "checks.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "characters.h"
#include "gbox/base/text.h"
#include "gbox/spec/id.h"

namespace gbox::spec {

namespace {

constexpr std::size_t kMaxNameLength = 128;       // a component of a store path must hold it
constexpr std::size_t kMaxImageNameLength = 255;  // OCI distribution spec, with the registry
constexpr std::size_t kMaxTagLength = 128;        // OCI distribution spec
constexpr std::size_t kMaxPathLength = 4095;      // PATH_MAX without its NUL

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_alnum(char c) {
  return is_digit(c) || is_lower(c) || is_upper(c);
}

bool all_of(std::string_view text, bool (*test)(char)) {
  return std::all_of(text.begin(), text.end(), test);
}

bool has_dotdot(std::string_view path) {
  const auto parts = split(path, '/');
  return std::find(parts.begin(), parts.end(), "..") != parts.end();
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (is_upper(c)) c = static_cast<char>(c - 'A' + 'a');
  return result;
}

// One path component of an image name: alphanumerics joined by '.', '_', '__' or dashes.
bool is_image_component(std::string_view part) {
  if (part.empty()) return false;
  const auto alnum = [](char c) { return is_lower(c) || is_digit(c); };
  if (!alnum(part.front()) || !alnum(part.back())) return false;
  for (std::size_t i = 0; i < part.size();) {
    if (alnum(part[i])) {
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < part.size() && !alnum(part[end])) ++end;
    const std::string_view separator = part.substr(i, end - i);
    const bool dashes = separator.find_first_not_of('-') == std::string_view::npos;
    if (separator != "." && separator != "_" && separator != "__" && !dashes) return false;
    i = end;
  }
  return true;
}

bool is_registry(std::string_view host) {
  const std::size_t colon = host.find(':');
  const std::string_view name = host.substr(0, colon);
  if (colon != std::string_view::npos) {
    const std::string_view port = host.substr(colon + 1);
    if (port.empty() || port.size() > 5 || !all_of(port, is_digit)) return false;
  } else if (host != "localhost" && host.find('.') == std::string_view::npos) {
    return false;
  }
  return !name.empty() && is_alnum(name.front()) && is_alnum(name.back()) &&
         all_of(name, [](char c) { return is_alnum(c) || c == '.' || c == '-'; });
}

}  // namespace

Verdict check_id(std::string_view text) {
  const Problem problem{
      "is not a valid name",
      "use lower-case letters, digits, '.', '_' and '-', first a letter or digit"};
  if (text.empty() || text.size() > kMaxNameLength) return problem;
  if (!is_lower(text.front()) && !is_digit(text.front())) return problem;
  const auto fits = [](char c) {
    return is_lower(c) || is_digit(c) || c == '.' || c == '_' || c == '-';
  };
  if (!all_of(text, fits) || text.find("..") != std::string_view::npos) return problem;
  return std::nullopt;
}

bool is_id(std::string_view text) {
  return !check_id(text);
}

Verdict check_repository_name(std::string_view text) {
  // PMS 3.1.5. Some layouts have names like "x-1"; Portage takes them, so they pass.
  const Problem problem{"is not a repository name",
                        "use letters, digits, '_' and '-', first none of '-'"};
  if (text.empty() || text.size() > kMaxNameLength || text.front() == '-') return problem;
  if (!all_of(text, [](char c) { return is_alnum(c) || c == '_' || c == '-'; })) return problem;
  if (text == "DEFAULT")  // a section of repos.conf with a meaning of its own
    return Problem{"is not a repository name: repos.conf keeps it for itself", ""};
  return std::nullopt;
}

Verdict check_arg_name(std::string_view text) {
  if (!text.empty() && text.size() <= kMaxNameLength && !is_digit(text.front()) &&
      text.front() != '-' &&
      all_of(text, [](char c) { return is_alnum(c) || c == '_' || c == '-'; }))
    return std::nullopt;
  return Problem{"is not an arg's name", "use letters, digits, '_' and '-', first a letter"};
}

Verdict check_variable_name(std::string_view text) {
  if (!text.empty() && text.size() <= kMaxNameLength && !is_digit(text.front()) &&
      all_of(text, [](char c) { return is_alnum(c) || c == '_'; }))
    return std::nullopt;
  return Problem{"is not a variable's name", "use letters, digits and '_', first a letter"};
}

Verdict check_image_name(std::string_view text) {
  const std::string usage = "such as 'php' or 'registry.example.org/team/php'";
  if (text.empty()) return Problem{"is empty", "give the image a name " + usage};
  if (text.size() > kMaxImageNameLength)
    return Problem{"is longer than " + std::to_string(kMaxImageNameLength) + " characters", ""};
  std::vector<std::string> parts = split(text, '/');
  if (parts.size() > 1 && is_registry(parts.front())) parts.erase(parts.begin());
  if (std::all_of(parts.begin(), parts.end(), is_image_component)) return std::nullopt;
  if (text.find('@') != std::string_view::npos)
    return Problem{"is not an image name: it holds a digest", "write the name alone, " + usage};
  const std::size_t colon = parts.back().rfind(':');
  if (colon != std::string::npos && is_image_component(parts.back().substr(0, colon)))
    return Problem{"is not an image name: it holds a tag", "put the tag into 'tag'"};
  const std::string lowered = lower(text);
  if (lowered != text && !check_image_name(lowered))
    return Problem{"is not an image name: registries refuse upper case",
                   "write " + quoted(lowered)};
  return Problem{"is not an image name",
                 "use lower-case letters and digits, joined by '.', '_', '-' or '/', " + usage};
}

Verdict check_tag(std::string_view text) {
  if (!text.empty() && text.size() <= kMaxTagLength && (is_alnum(text.front()) || text[0] == '_') &&
      all_of(text, [](char c) { return is_alnum(c) || c == '_' || c == '.' || c == '-'; }))
    return std::nullopt;
  return Problem{"is not a tag",
                 "use at most 128 letters, digits, '_', '.' and '-', first none of '.' and '-'"};
}

Verdict check_text(std::string_view text, Newlines newlines) {
  for (const char c : text) {
    if (c == '\t' || (c == '\n' && newlines == Newlines::yes)) continue;
    if (c == '\n') return Problem{"holds a newline", "write it on one line"};
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      return Problem{"holds a control character", ""};
  }
  return std::nullopt;
}

Verdict check_profile(std::string_view text) {
  if (text.empty()) return Problem{"is empty", "leave it out, or name a profile"};
  if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    if (const Verdict verdict = check_repository_name(text.substr(0, colon))) return verdict;
    return check_profile(text.substr(colon + 1));
  }
  if (text.front() == '/' || has_dotdot(text))
    return Problem{"is not a profile's name",
                   "write the path below 'profiles', such as 'default/linux/amd64/23.0'"};
  const auto fits = [](char c) {
    return is_alnum(c) || c == '/' || c == '.' || c == '_' || c == '-' || c == '+';
  };
  if (text.size() > kMaxPathLength || !all_of(text, fits))
    return Problem{"is not a profile's name",
                   "use letters, digits, '.', '_', '-', '+' and '/' only"};
  return std::nullopt;
}

Verdict check_absolute_path(std::string_view text) {
  if (text.empty() || text.front() != '/')
    return Problem{"is not an absolute path", "begin it with '/'"};
  if (text.size() > kMaxPathLength) return Problem{"is too long for a path", ""};
  if (has_dotdot(text)) return Problem{"leaves its directory by '..'", "write the path without"};
  return check_text(text, Newlines::no);
}

std::string normalized_path(std::string_view text) {
  std::string result;
  for (const std::string& part : split(text, '/'))
    if (!part.empty() && part != ".") result += '/' + part;
  return result.empty() ? "/" : result;
}

Verdict check_owner(std::string_view text) {
  const Problem problem{"is not an owner", "write 'user:group', as names or numbers: '0:0'"};
  const std::vector<std::string> parts = split(text, ':');
  if (parts.size() > 2) return problem;
  for (const std::string& part : parts) {
    if (part.empty() || part.size() > 64) return problem;
    if (all_of(part, is_digit)) {
      const auto id = whole_number<std::uint32_t>(part);
      // The last number means 'no id' to the kernel.
      if (!id || *id == std::numeric_limits<std::uint32_t>::max()) return problem;
      continue;
    }
    if (is_digit(part.front()) || part.front() == '-') return problem;
    if (!all_of(part, [](char c) { return is_alnum(c) || c == '_' || c == '.' || c == '-'; }))
      return problem;
  }
  return std::nullopt;
}

Verdict check_port(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto port = whole_number<unsigned>(text.substr(0, slash));
  const std::string_view protocol =
      slash == std::string_view::npos ? std::string_view("tcp") : text.substr(slash + 1);
  if (port && *port >= 1 && *port <= 65535 &&
      (protocol == "tcp" || protocol == "udp" || protocol == "sctp"))
    return std::nullopt;
  return Problem{"is not a port", "write a number up to 65535 and a protocol, such as '8080/tcp'"};
}

Verdict check_stop_signal(std::string_view text) {
  static constexpr std::array kNames = {
      "ABRT", "ALRM", "BUS", "CHLD", "CONT", "FPE",    "HUP",   "ILL",  "INT",  "IO",   "KILL",
      "PIPE", "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP",  "SYS",  "TERM", "TRAP", "TSTP",
      "TTIN", "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ"};
  const auto number_in = [](std::string_view digits, unsigned least, unsigned most) {
    const auto value = whole_number<unsigned>(digits);
    return value && *value >= least && *value <= most;
  };
  if (number_in(text, 1, 64)) return std::nullopt;
  if (text.starts_with("SIG")) {
    const std::string_view name = text.substr(3);
    if (std::find(kNames.begin(), kNames.end(), name) != kNames.end()) return std::nullopt;
    if (name == "RTMIN" || name == "RTMAX") return std::nullopt;
    if (name.starts_with("RTMIN+") && number_in(name.substr(6), 1, 30)) return std::nullopt;
    if (name.starts_with("RTMAX-") && number_in(name.substr(6), 1, 30)) return std::nullopt;
  }
  return Problem{"is not a signal", "write a name such as 'SIGTERM', or a number up to 64"};
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  constexpr std::string_view kUnits = "KMGT";
  const std::size_t power = unit.size() == 1 ? kUnits.find(unit[0]) : std::string_view::npos;
  if (power == std::string_view::npos || value == 0) return std::nullopt;
  const auto shift = static_cast<unsigned>(10 * (power + 1));
  if (value > (std::numeric_limits<std::uint64_t>::max() >> (shift + 1))) return std::nullopt;
  return value << shift;  // stays below 2^63, so that it is a valid off_t too
}

std::optional<std::uint32_t> parse_octal_mode(std::string_view text) {
  if (text.size() < 3 || text.size() > 5) return std::nullopt;
  const auto mode = whole_number<std::uint32_t>(text, 8);
  return mode && *mode <= 07777 ? mode : std::nullopt;
}

}  // namespace gbox::spec
