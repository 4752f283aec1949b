// The grammars of what names an input elsewhere: URLs, dates, variants, revisions.
#include <algorithm>

#include "checks.h"
#include "gbox/base/text.h"
#include "gbox/spec/spec.h"

namespace gbox::spec {

namespace {

constexpr std::size_t kMaxUrlLength = 2048;
constexpr std::size_t kMaxWordLength = 128;

bool is_digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_day(std::string_view text) {
  if (text.size() != 8 || !is_digits(text)) return false;
  const std::string_view month = text.substr(4, 2);
  const std::string_view day = text.substr(6, 2);
  return month >= "01" && month <= "12" && day >= "01" && day <= "31";
}

bool is_word_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.' || c == '+';
}

// Bytes a URL may have; everything else is written %XX by whoever means it.
bool is_url_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < 0x7f && c != '"' && c != '<' && c != '>' && c != '\\' && c != '^' &&
           c != '`' && c != '{' && c != '|' && c != '}';
  });
}

Verdict check_url(std::string_view text, std::initializer_list<std::string_view> schemes,
                  const std::string& hint) {
  if (text.size() > kMaxUrlLength)
    return Problem{"is longer than " + std::to_string(kMaxUrlLength) + " characters", ""};
  if (!is_url_text(text)) return Problem{"holds what no URL may hold", "write it as %XX"};
  const std::size_t colon = text.find("://");
  const std::string_view scheme = text.substr(0, colon);
  if (std::find(schemes.begin(), schemes.end(), scheme) == schemes.end())
    return Problem{"has the scheme " + quoted(scheme) + ", which gbox does not fetch by", hint};
  const std::string_view rest = text.substr(colon + 3);
  if (scheme == "file")
    return rest.starts_with('/') ? Verdict()
                                 : Problem{"does not name an absolute path", "write file:///…"};
  const std::string_view authority = rest.substr(0, rest.find('/'));
  if (authority.empty()) return Problem{"names no host", hint};
  if (scheme != "ssh" && authority.find('@') != std::string_view::npos)
    return Problem{"holds a name or password, which would end up in logs and the lock",
                   "put them into ~/.netrc"};
  if (text.find('?') != std::string_view::npos || text.find('#') != std::string_view::npos)
    return Problem{"holds '?' or '#': names are put behind it", "name the directory itself"};
  return std::nullopt;
}

}  // namespace

bool is_url(std::string_view text) {
  const std::size_t colon = text.find("://");
  return colon != std::string_view::npos && colon > 0 &&
         std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(colon), is_word_byte);
}

bool Base::is_fetched() const {
  return !stage3.empty() || is_url(tarball) || is_url(image);
}

Verdict check_date(std::string_view text, DateUse use) {
  if (text == "latest" || is_day(text)) return std::nullopt;
  if (use == DateUse::stamp && text.size() == 16 && is_day(text.substr(0, 8)) && text[8] == 'T' &&
      is_digits(text.substr(9, 6)) && text[15] == 'Z')
    return std::nullopt;
  return Problem{"is not a date of the mirror",
                 use == DateUse::stamp ? "write 'latest', '20261115' or '20261115T170312Z'"
                                       : "write 'latest' or '20261115'"};
}

Verdict check_variant(std::string_view text) {
  if (!text.empty() && text.size() <= kMaxWordLength && text.front() != '-' &&
      text.front() != '.' && std::all_of(text.begin(), text.end(), is_word_byte) &&
      text.find("..") == std::string_view::npos)
    return std::nullopt;
  return Problem{"is not a stage3's variant", "write such as 'openrc' or 'nomultilib-openrc'"};
}

Verdict check_image(std::string_view text) {
  const std::string hint =
      "write \"oci:DIR\", \"oci-archive:FILE\" or \"docker://HOST/REPOSITORY:TAG\"";
  if (is_url(text)) return check_url(text, {"docker"}, hint);
  if (text.starts_with("oci:") || text.starts_with("oci-archive:"))
    return check_text(text, Newlines::no);
  return Problem{"names no image", hint};
}

Verdict check_location(std::string_view text) {
  const std::string hint = "write https://…, or an absolute path";
  if (is_url(text)) return check_url(text, {"https", "http", "file"}, hint);
  if (text.starts_with('/')) return check_absolute_path(text);
  return Problem{"is neither a URL nor an absolute path", hint};
}

Verdict check_git_url(std::string_view text) {
  const std::string hint = "write https://…, or a path";
  if (is_url(text)) return check_url(text, {"https", "http", "file", "ssh", "git"}, hint);
  if (text.starts_with('-')) return Problem{"is an option, not a URL", hint};
  if (text.find("::") != std::string_view::npos)
    return Problem{"names a helper program of git's, which gbox does not run", hint};
  if (text.find(':') != std::string_view::npos)
    return Problem{"is neither a URL nor a path", "write ssh://user@host/path"};
  return check_text(text, Newlines::no);
}

Verdict check_git_rev(std::string_view text) {
  const Problem problem{"is not a branch, tag or commit", "write such as 'master' or a commit id"};
  if (text.empty() || text.size() > 255 || text.front() == '-' || text.front() == '/' ||
      text.ends_with('/') || text.ends_with(".lock") || text.find("..") != std::string_view::npos ||
      text.find("//") != std::string_view::npos || text.find("@{") != std::string_view::npos)
    return problem;
  const auto fits = [](char c) { return is_word_byte(c) || c == '/' || c == '@' || c == '#'; };
  return std::all_of(text.begin(), text.end(), fits) ? Verdict() : problem;
}

Verdict check_official(std::string_view text) {
  const Problem problem{"is none of Gentoo's binary packages",
                        "write such as 'x86-64' or 'x86-64-v3'"};
  const std::vector<std::string> parts = split(text, '/');
  if (text.size() > kMaxWordLength || parts.empty() || parts.size() > 2) return problem;
  for (const std::string& part : parts)
    if (part.empty() || part.front() == '.' || !std::all_of(part.begin(), part.end(), is_word_byte))
      return problem;
  return std::nullopt;
}

}  // namespace gbox::spec
