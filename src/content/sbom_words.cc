// What Gentoo says, in the words of SPDX, purl and CPE.
#include <algorithm>
#include <array>
#include <regex>
#include <set>
#include <utility>

#include "gbox/base/text.h"
#include "gbox/content/sbom.h"

namespace gbox::content {

namespace {

// Gentoo's name of a licence → SPDX's. Those that are spelled alike are in kSame.
constexpr std::array<std::pair<std::string_view, std::string_view>, 58> kLicenses = {{
    {"AGPL-3", "AGPL-3.0-only"},
    {"AGPL-3+", "AGPL-3.0-or-later"},
    {"Artistic", "Artistic-1.0-Perl"},
    {"Artistic-2", "Artistic-2.0"},
    {"BSD", "BSD-3-Clause"},
    {"BSD-1", "BSD-1-Clause"},
    {"BSD-2", "BSD-2-Clause"},
    {"BSD-4", "BSD-4-Clause"},
    {"BZIP2", "bzip2-1.0.6"},
    {"Boost-1.0", "BSL-1.0"},
    {"CC-BY-3.0", "CC-BY-3.0"},
    {"CC-BY-4.0", "CC-BY-4.0"},
    {"CC-BY-SA-3.0", "CC-BY-SA-3.0"},
    {"CC-BY-SA-4.0", "CC-BY-SA-4.0"},
    {"CC0-1.0", "CC0-1.0"},
    {"CC0-1.0-Universal", "CC0-1.0"},
    {"FDL-1.1", "GFDL-1.1-only"},
    {"FDL-1.1+", "GFDL-1.1-or-later"},
    {"FDL-1.2", "GFDL-1.2-only"},
    {"FDL-1.2+", "GFDL-1.2-or-later"},
    {"FDL-1.3", "GFDL-1.3-only"},
    {"FDL-1.3+", "GFDL-1.3-or-later"},
    {"GPL-1", "GPL-1.0-only"},
    {"GPL-1+", "GPL-1.0-or-later"},
    {"GPL-2", "GPL-2.0-only"},
    {"GPL-2+", "GPL-2.0-or-later"},
    {"GPL-2-with-classpath-exception", "GPL-2.0-only WITH Classpath-exception-2.0"},
    {"GPL-3", "GPL-3.0-only"},
    {"GPL-3+", "GPL-3.0-or-later"},
    {"HPND", "HPND"},
    {"Info-ZIP", "Info-ZIP"},
    {"LGPL-2", "LGPL-2.0-only"},
    {"LGPL-2+", "LGPL-2.0-or-later"},
    {"LGPL-2.1", "LGPL-2.1-only"},
    {"LGPL-2.1+", "LGPL-2.1-or-later"},
    {"LGPL-3", "LGPL-3.0-only"},
    {"LGPL-3+", "LGPL-3.0-or-later"},
    {"MPL-1.0", "MPL-1.0"},
    {"MPL-1.1", "MPL-1.1"},
    {"MPL-2.0", "MPL-2.0"},
    {"NEWLIB", "LicenseRef-gentoo-NEWLIB"},
    {"OFL-1.1", "OFL-1.1"},
    {"PHP-3.01", "PHP-3.01"},
    {"PSF-2", "PSF-2.0"},
    {"PSF-2.0", "PSF-2.0"},
    {"QPL-1.0", "QPL-1.0"},
    {"Ruby", "Ruby"},
    {"SSLeay", "SSLeay-standalone"},
    {"Sleepycat", "Sleepycat"},
    {"TCL", "TCL"},
    {"UoI-NCSA", "NCSA"},
    {"Unlicense", "Unlicense"},
    {"W3C", "W3C"},
    {"WTFPL-2", "WTFPL"},
    {"ZLIB", "Zlib"},
    {"ZPL", "ZPL-2.1"},
    {"libpng", "Libpng"},
    {"libpng2", "libpng-2.0"},
}};
constexpr std::array<std::string_view, 24> kSame = {
    "0BSD",    "AFL-2.1", "AFL-3.0", "Apache-1.1", "Apache-2.0", "CDDL",      "CPL-1.0", "ECL-2.0",
    "EPL-1.0", "EPL-2.0", "FTL",     "IJG",        "ISC",        "LPPL-1.3c", "MIT",     "MIT-0",
    "MS-PL",   "NTP",     "OpenSSL", "OSL-2.1",    "X11",        "Vim",       "curl",    "gnuplot"};

std::string spdx_name(const std::string& word) {
  const auto known = std::find_if(kLicenses.begin(), kLicenses.end(),
                                  [&](const auto& each) { return each.first == word; });
  if (known != kLicenses.end()) return std::string(known->second);
  if (word == "CDDL") return "CDDL-1.0";
  if (word == "openssl") return "OpenSSL";
  if (word == "vim") return "Vim";
  if (word == "icu") return "ICU";
  if (std::find(kSame.begin(), kSame.end(), word) != kSame.end()) return word;
  std::string reference = "LicenseRef-gentoo-";
  for (const char each : word)
    reference += std::isalnum(static_cast<unsigned char>(each)) != 0 || each == '.' ? each : '-';
  return reference;
}

// "|| ( A B ) C": all of a group, or any of it. Depth is bounded by the words.
struct LicenseReader {
  const std::vector<std::string>& words;
  std::size_t at = 0;
  unsigned depth = 0;

  std::vector<std::string> parts_of_group() {
    std::vector<std::string> parts;
    while (at < words.size() && words[at] != ")") {
      const std::string word = words[at++];
      if (word == "||" || word == "(") {
        const bool inner_any = word == "||";
        if (inner_any && at < words.size() && words[at] == "(") ++at;
        if (++depth > 32) return {};
        std::string inner = group(inner_any);
        --depth;
        if (at < words.size()) ++at;  // the ")"
        if (!inner.empty()) parts.push_back(std::move(inner));
      } else if (!word.ends_with('?')) {  // the VDB has no conditions; a broken one is passed over
        parts.push_back(spdx_name(word));
      }
    }
    std::vector<std::string> once;
    for (std::string& part : parts)
      if (std::find(once.begin(), once.end(), part) == once.end()) once.push_back(std::move(part));
    return once;
  }

  std::string group(bool any) { return joined(parts_of_group(), any ? " OR " : " AND "); }

  static std::string joined(std::vector<std::string> parts, std::string_view between) {
    if (parts.size() > 1)
      for (std::string& part : parts)
        if (part.find(' ') != std::string::npos) part = '(' + part + ')';
    return join(parts, between);
  }
};

std::string percent_encoded(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string result;
  for (const char each : text) {
    const auto byte = static_cast<unsigned char>(each);
    if (std::isalnum(byte) != 0 || each == '-' || each == '.' || each == '_' || each == '~') {
      result += each;
    } else {
      result += '%';
      result += kHex[byte >> 4];
      result += kHex[byte & 15];
    }
  }
  return result;
}

bool is_on(std::string_view condition, const std::vector<std::string>& use) {
  condition.remove_suffix(1);  // "?"
  const bool negated = condition.starts_with('!');
  if (negated) condition.remove_prefix(1);
  return (std::find(use.begin(), use.end(), condition) != use.end()) != negated;
}

}  // namespace

std::string spdx_license(std::string_view gentoo) {
  const std::vector<std::string> words = split_words(gentoo);
  LicenseReader reader{words};
  std::string expression = reader.group(false);
  return expression.empty() ? "NOASSERTION" : expression;
}

std::string licenses_of(const std::vector<Component>& components) {
  std::set<std::string> all;
  for (const Component& component : components) {
    const std::vector<std::string> words = split_words(component.license);
    for (std::string& part : LicenseReader{words}.parts_of_group()) all.insert(std::move(part));
  }
  return LicenseReader::joined({all.begin(), all.end()}, " AND ");
}

std::string package_url(const Component& component) {
  std::string url = "pkg:ebuild/" + percent_encoded(component.category) + '/' +
                    percent_encoded(component.name) + '@' + percent_encoded(component.version);
  std::vector<std::string> qualifiers;  // in byte order
  if (!component.repository.empty())
    qualifiers.push_back("repository=" + percent_encoded(component.repository));
  if (!component.slot.empty()) qualifiers.push_back("slot=" + percent_encoded(component.slot));
  return qualifiers.empty() ? url : url + '?' + join(qualifiers, "&");
}

std::string versioned_cpe(const std::string& cpe, const std::string& version) {
  std::string upstream = version;
  if (const std::size_t revision = upstream.rfind("-r"); revision != std::string::npos)
    upstream.resize(revision);
  std::string escaped;
  for (const char each : upstream) {
    if (std::isalnum(static_cast<unsigned char>(each)) == 0 && each != '.' && each != '_' &&
        each != '-')
      escaped += '\\';
    escaped += each;
  }
  return cpe + ':' + escaped + ":*:*:*:*:*:*:*";
}

std::vector<std::string> cpes_of_metadata(std::string_view xml) {
  // The one element that is looked for; what a validator would say of the rest is of no matter.
  static const std::regex element(
      "<remote-id[^>]*type=[\"']cpe[\"'][^>]*>\\s*cpe:(2\\.3:|/)([aoh]:"
      "[A-Za-z0-9._~\\\\+-]{1,100}:[A-Za-z0-9._~\\\\+-]{1,100})[^<]*<");
  constexpr std::size_t kMaxBytes = 256u << 10;
  std::vector<std::string> cpes;
  const std::string text(xml.substr(0, kMaxBytes));
  for (auto each = std::sregex_iterator(text.begin(), text.end(), element);
       each != std::sregex_iterator(); ++each)
    cpes.push_back("cpe:2.3:" + (*each)[2].str());
  return cpes;
}

std::vector<SourceFile> sources_of(std::string_view src_uri, const std::vector<std::string>& use) {
  std::vector<SourceFile> sources;
  std::vector<bool> open = {true};  // whether what is in each open group counts
  bool next = true;                 // of the group that comes
  const std::vector<std::string> words = split_words(src_uri);
  std::set<std::string> seen;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word.ends_with('?')) {
      next = open.back() && is_on(word, use);
    } else if (word == "(") {
      open.push_back(next && open.back());
      next = true;
    } else if (word == ")") {
      if (open.size() > 1) open.pop_back();
    } else {
      SourceFile source;
      source.name = word.substr(word.rfind('/') + 1);
      for (const std::string_view prefix : {"fetch+", "mirror+"})
        if (word.starts_with(prefix)) source.url = word.substr(prefix.size());
      if (source.url.empty()) source.url = word;
      if (source.url.find("://") == std::string::npos) source.url.clear();
      if (i + 2 < words.size() && words[i + 1] == "->") {
        source.name = words[i + 2];
        i += 2;
      }
      if (open.back() && !source.name.empty() && seen.insert(source.name).second)
        sources.push_back(std::move(source));
    }
  }
  return sources;
}

Component component_of(const InstalledPackage& package) {
  Component component;
  component.category = package.category;
  component.name = package.name;
  component.version = package.version;
  const std::string& slot = package.field("SLOT");
  component.slot = slot.substr(0, slot.find('/'));
  component.repository = package.field("repository");
  component.description = package.field("DESCRIPTION");
  component.license = package.field("LICENSE");
  component.homepages = split_words(package.field("HOMEPAGE"));
  std::erase_if(component.homepages,
                [](const std::string& each) { return each.find("://") == std::string::npos; });
  // USE has the profile's words as well; those that the ebuild asks about are its flags.
  std::set<std::string> flags;
  for (std::string flag : split_words(package.field("IUSE"))) {
    if (flag.starts_with('+') || flag.starts_with('-')) flag.erase(0, 1);
    flags.insert(std::move(flag));
  }
  for (std::string& flag : split_words(package.field("USE")))
    if (flags.contains(flag)) component.use.push_back(std::move(flag));
  std::sort(component.use.begin(), component.use.end());
  return component;
}

}  // namespace gbox::content
