#include "package_index.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "gbox/base/text.h"

namespace gbox::build {

namespace {

constexpr std::array<std::string_view, 3> kEndings = {".gpkg.tar", ".xpak", ".tbz2"};

bool is_field_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

bool is_line(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte != 0x7f;
  });
}

std::string_view ending_of(std::string_view file) {
  for (const std::string_view ending : kEndings)
    if (file.ends_with(ending)) return ending;
  return {};
}

// "php" of "php-8.3.1-r1": no version has a '-' but that of its revision (PMS 3.2).
std::string name_of(std::string_view name_and_version) {
  std::size_t dash = name_and_version.rfind('-');
  if (dash == std::string_view::npos) return {};
  const std::string_view last = name_and_version.substr(dash + 1);
  if (last.size() > 1 && last[0] == 'r' &&
      last.find_first_not_of("0123456789", 1) == std::string_view::npos)
    dash = name_and_version.rfind('-', dash - 1);
  if (dash == std::string_view::npos || dash == 0) return {};
  return std::string(name_and_version.substr(0, dash));
}

std::string fields_text(const IndexFields& fields) {
  std::string text;
  for (const auto& [name, value] : fields)
    text += name + ':' + (value.empty() ? "" : " ") + value + '\n';
  return text;
}

}  // namespace

IndexFields parse_fields(std::string_view text) {
  IndexFields fields;
  for (const std::string& line : split(text, '\n')) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::string name = line.substr(0, colon);
    if (!is_field_name(name) || !is_line(line)) continue;
    if (std::any_of(fields.begin(), fields.end(),
                    [&](const auto& known) { return known.first == name; }))
      continue;
    fields.emplace_back(name, trim(std::string_view(line).substr(colon + 1)));
  }
  return fields;
}

PackageIndex parse_package_index(std::string_view text) {
  PackageIndex index;
  bool first = true;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find("\n\n", at), text.size());
    IndexFields fields = parse_fields(text.substr(at, end - at));
    at = end + 2;
    if (first)
      index.header = std::move(fields);
    else if (!fields.empty())
      index.entries.push_back(std::move(fields));
    first = false;
  }
  return index;
}

std::string field(const IndexFields& fields, std::string_view name) {
  for (const auto& [known, value] : fields)
    if (known == name) return value;
  return {};
}

void set_field(IndexFields& fields, std::string_view name, std::string value) {
  for (auto& [known, old] : fields)
    if (known == name) {
      old = std::move(value);
      return;
    }
  fields.emplace_back(name, std::move(value));
}

std::string index_text(PackageIndex index, std::int64_t timestamp) {
  set_field(index.header, "PACKAGES", std::to_string(index.entries.size()));
  set_field(index.header, "TIMESTAMP", std::to_string(timestamp));
  set_field(index.header, "VERSION", "0");
  std::sort(index.header.begin(), index.header.end());
  const auto rank = [](const IndexFields& entry) {
    const std::string id = field(entry, "BUILD_ID");
    return std::tuple(field(entry, "CPV"), id.size(), id, field(entry, "PATH"));
  };
  std::stable_sort(index.entries.begin(), index.entries.end(),
                   [&](const IndexFields& a, const IndexFields& b) { return rank(a) < rank(b); });
  std::string text = fields_text(index.header);
  for (const IndexFields& entry : index.entries) text += '\n' + fields_text(entry);
  return text + '\n';
}

std::string instance_path(const std::string& cpv, const std::string& file, unsigned id) {
  const std::size_t slash = cpv.find('/');
  if (slash == std::string::npos) return {};
  const std::string version = cpv.substr(slash + 1);
  const std::string name = name_of(version);
  const std::string_view ending = ending_of(file);
  if (name.empty() || ending.empty()) return {};
  return cpv.substr(0, slash) + '/' + name + '/' + version + '-' + std::to_string(id) +
         std::string(ending == ".tbz2" ? ".xpak" : ending);
}

unsigned instance_id(const std::string& cpv, const std::string& path) {
  const std::string file = path.substr(path.rfind('/') + 1);
  const std::string start = cpv.substr(cpv.find('/') + 1) + '-';
  const std::string_view ending = ending_of(file);
  if (ending.empty() || !file.starts_with(start) || file.size() <= start.size() + ending.size())
    return 0;
  const std::string digits = file.substr(start.size(), file.size() - start.size() - ending.size());
  if (digits.size() > 9 || digits.find_first_not_of("0123456789") != std::string::npos) return 0;
  return static_cast<unsigned>(std::stoul(digits));
}

}  // namespace gbox::build
