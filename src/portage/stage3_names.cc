// The pure half of stage3.h: names, pointers, variants.
#include <algorithm>

#include "gbox/base/text.h"
#include "gbox/portage/digests.h"
#include "gbox/portage/stage3.h"

namespace gbox::portage {

namespace {

constexpr std::size_t kMaxStage3Bytes = 200;
constexpr std::size_t kMostShown = 12;
constexpr std::string_view kPrefix = "stage3-";
constexpr std::string_view kEndings[] = {"xz", "zst", "bz2", "gz"};

// Of the directories below releases/, to tell "arm64-openrc" from a variant.
constexpr std::string_view kArchitectures[] = {"alpha", "amd64", "arm",   "arm64", "hppa",
                                               "ia64",  "loong", "m68k",  "mips",  "ppc",
                                               "riscv", "s390",  "sparc", "x86"};

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kMaxStage3Bytes && text.front() != '-' &&
         text.front() != '.' && text.find("..") == std::string_view::npos &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == '.' || c == '+';
         });
}

std::string variant_of(const std::string& rest, std::string_view arch) {
  const std::string prefix = std::string(arch) + '-';
  return rest.starts_with(prefix) ? rest.substr(prefix.size()) : rest;
}

std::optional<std::uint64_t> size_of(const std::string& text) {
  const auto value = whole_number<std::uint64_t>(text);
  return value == 0u ? std::nullopt : value;
}

// What the word begins, then what is a slip of the hand away, then the rest by name.
std::vector<std::string> nearest_first(const std::string& word, std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::vector<std::string> result;
  const auto take = [&](const std::string& name) {
    result.push_back(name);
    names.erase(std::find(names.begin(), names.end(), name));
  };
  for (const std::string& name : std::vector<std::string>(names))
    if (name.starts_with(word + '-')) take(name);
  for (std::string near = nearest(word, names); !near.empty(); near = nearest(word, names))
    take(near);
  result.insert(result.end(), names.begin(), names.end());
  return result;
}

[[noreturn]] void throw_unknown(const std::string& variant, const std::vector<std::string>& all) {
  Error error("the mirror has no stage3 " + quoted(variant), ExitCode::usage);
  const std::vector<std::string> names = nearest_first(variant, all);
  const bool near =
      !names.empty() && (names[0].starts_with(variant + '-') || !nearest(variant, names).empty());
  std::vector<std::string> shown(
      names.begin(),
      names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), kMostShown)));
  std::string hint = near ? "did you mean " + quoted(names[0]) + "? it has " : "it has ";
  if (names.size() > shown.size()) {
    for (const std::string& name : shown) hint += quoted(name) + ", ";
    hint += "and " + std::to_string(names.size() - shown.size()) + " more";
  } else {
    hint += quoted_list(shown);
  }
  throw error.set_hint(hint);
}

}  // namespace

std::optional<Stage3Name> parse_stage3_name(std::string_view file) {
  if (!is_name(file) || !file.starts_with(kPrefix)) return std::nullopt;
  const std::size_t tar = file.rfind(".tar.");
  if (tar == std::string_view::npos) return std::nullopt;
  Stage3Name name;
  name.ending = file.substr(tar + 5);
  if (std::find(std::begin(kEndings), std::end(kEndings), name.ending) == std::end(kEndings))
    return std::nullopt;
  const std::string_view stem = file.substr(kPrefix.size(), tar - kPrefix.size());
  const std::size_t dash = stem.rfind('-');
  if (dash == std::string_view::npos || dash == 0) return std::nullopt;
  name.rest = stem.substr(0, dash);
  name.stamp = stem.substr(dash + 1);
  if (name.stamp.size() != kStampBytes || !stamp_time(name.stamp)) return std::nullopt;
  return name;
}

Stage3Pointer parse_stage3_pointer(std::string_view text, std::string_view arch) {
  Stage3Pointer pointer;
  std::size_t count = 0;
  for (const std::string& line : split(text, '\n')) {
    if (++count > kMaxLines)
      throw Error("it has more than " + std::to_string(kMaxLines) + " lines", ExitCode::input);
    const std::vector<std::string> words = split_words(line);
    if (words.size() == 2 && words[0] == "#" && words[1].starts_with("ts="))
      pointer.time = static_cast<std::int64_t>(
          std::min<std::uint64_t>(size_of(words[1].substr(3)).value_or(0), INT64_MAX));
    if (words.empty() || words.size() > 2 || words[0].front() == '#') continue;
    const std::size_t slash = words[0].find('/');
    if (slash == std::string::npos) continue;
    const auto name = parse_stage3_name(std::string_view(words[0]).substr(slash + 1));
    if (!name || words[0].substr(0, slash) != name->stamp) continue;
    Stage3Candidate candidate{variant_of(name->rest, arch), name->stamp, words[0], std::nullopt};
    if (words.size() == 2 && !(candidate.size = size_of(words[1]))) continue;
    pointer.candidates.push_back(std::move(candidate));
  }
  return pointer;
}

VariantWish read_variant(std::string_view text, std::string_view arch) {
  VariantWish wish{std::string(text), {}};
  std::string& variant = wish.variant;
  if (variant.starts_with(kPrefix)) variant.erase(0, kPrefix.size());
  if (!is_name(variant))
    throw Error("stage3 " + quoted(text) + " is no name of a variant", ExitCode::usage)
        .set_hint("such as 'openrc', 'systemd' or 'nomultilib-openrc'");
  for (const std::string_view other : kArchitectures) {
    if (other == arch || !variant.starts_with(std::string(other) + '-')) continue;
    throw Error("stage3 " + quoted(text) + " is of architecture " + quoted(other) +
                    ", the base of " + quoted(arch),
                ExitCode::usage)
        .set_hint("write arch = \"" + std::string(other) + "\" beside stage3 = \"" +
                  variant.substr(other.size() + 1) + '"');
  }
  variant = variant_of(variant, arch);
  if (variant != text) wish.hint = "write stage3 = \"" + variant + '"';
  return wish;
}

const Stage3Candidate* choose_stage3(const std::vector<Stage3Candidate>& candidates,
                                     const std::string& variant, std::string_view date) {
  const Stage3Candidate* best = nullptr;
  bool known = false;
  std::vector<std::string> all;
  for (const Stage3Candidate& candidate : candidates) {
    all.push_back(candidate.variant);
    if (candidate.variant != variant) continue;
    known = true;
    if (date != "latest" && !candidate.stamp.starts_with(date)) continue;
    if (best == nullptr || candidate.stamp > best->stamp) best = &candidate;
  }
  if (!known) throw_unknown(variant, all);
  return best;
}

}  // namespace gbox::portage
