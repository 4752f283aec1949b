#include "distfile_layout.h"

#include <map>

#include "gbox/base/text.h"

namespace gbox::build {

namespace {

constexpr unsigned kMaxStructures = 16;
constexpr unsigned kMaxDirectories = 8;

std::optional<DistfileLayout> structure_of(std::string_view text) {
  static const std::map<std::string_view, HashAlgorithm> kAlgorithms = {
      {"BLAKE2B", HashAlgorithm::blake2b},
      {"SHA256", HashAlgorithm::sha256},
      {"SHA512", HashAlgorithm::sha512}};
  const std::vector<std::string> words = split_words(text);
  if (words.size() == 1 && words[0] == "flat") return DistfileLayout{};
  if (words.size() != 3 || !kAlgorithms.contains(words[1])) return std::nullopt;
  DistfileLayout layout;
  if (words[0] == "filename-hash") {
    layout.kind = DistfileLayout::Kind::filename_hash;
  } else if (words[0] == "content-hash") {
    layout.kind = DistfileLayout::Kind::content_hash;
  } else {
    return std::nullopt;
  }
  layout.algorithm = kAlgorithms.at(words[1]);
  unsigned total = 0;
  for (const std::string& bits : split(words[2], ':')) {
    const auto value = whole_number<unsigned>(bits);
    if (!value || *value == 0 || *value % 4 != 0 || *value > 256) return std::nullopt;
    layout.digits.push_back(*value / 4);
    total += *value;
  }
  if (layout.digits.size() > kMaxDirectories || total > 256) return std::nullopt;
  return layout;
}

}  // namespace

std::vector<DistfileLayout> parse_layout(std::string_view text) {
  std::map<unsigned, std::string> structures;
  bool inside = false;
  for (const std::string& raw : split(text, '\n')) {
    const std::string_view line = trim(raw);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      inside = line == "[structure]";
      continue;
    }
    const std::size_t equals = line.find('=');
    if (!inside || equals == std::string_view::npos) continue;
    const auto number = whole_number<unsigned>(trim(line.substr(0, equals)));
    if (number && *number < kMaxStructures)
      structures.emplace(*number, trim(line.substr(equals + 1)));
  }
  std::vector<DistfileLayout> layouts;
  for (const auto& [number, structure] : structures)
    if (auto layout = structure_of(structure)) layouts.push_back(std::move(*layout));
  if (layouts.empty()) layouts.emplace_back();
  return layouts;
}

std::optional<std::string> path_in(const DistfileLayout& layout, const portage::Distfile& file) {
  using Kind = DistfileLayout::Kind;
  if (layout.kind == Kind::flat) return file.name;
  std::string hex;
  if (layout.kind == Kind::filename_hash) {
    Hasher hasher(layout.algorithm);
    hasher.update(file.name);
    hex = hasher.finish().hex();
  } else {
    for (const Digest& digest : file.digests)
      if (digest.algorithm() == layout.algorithm) hex = digest.hex();
    if (hex.empty()) return std::nullopt;
  }
  std::string path;
  std::size_t at = 0;
  for (const unsigned digits : layout.digits) {
    path += hex.substr(at, digits) + '/';
    at += digits;
  }
  return path + (layout.kind == Kind::content_hash ? hex : file.name);
}

}  // namespace gbox::build
