#include "gbox/content/trim.h"

#include <fnmatch.h>

#include <unordered_set>

namespace gbox::content {

namespace {

using spec::TrimRule;

// A rule ready to be held against many paths.
struct Pattern {
  std::string glob;
  std::string_view literal;  // what is before the first wildcard: most paths differ there
  int flags = 0;
  TrimRule::Keeps keeps = TrimRule::Keeps::nothing;
};

Pattern pattern_of(const TrimRule& rule) {
  Pattern pattern;
  pattern.glob = rule.glob;
  pattern.literal = rule.glob.substr(0, rule.glob.find_first_of("*?["));
  pattern.flags = rule.reach == TrimRule::Reach::within ? FNM_PATHNAME : 0;
  pattern.keeps = rule.keeps;
  return pattern;
}

}  // namespace

Matched match(const Tree& tree, const spec::TrimPreset& preset,
              const std::vector<std::string>& keep_locales) {
  std::vector<Pattern> patterns;
  for (const TrimRule& rule : preset.rules) patterns.push_back(pattern_of(rule));
  Matched matched;
  std::unordered_set<std::string> whole;    // matched directories, and all beneath them
  std::unordered_set<std::string> counted;  // files of several names
  for (const File& file : tree.files()) {
    bool taken = whole.contains(parent_of(file.path));
    for (const Pattern& pattern : patterns) {
      if (taken) break;
      if (!file.path.starts_with(pattern.literal) ||
          ::fnmatch(pattern.glob.c_str(), file.path.c_str(), pattern.flags) != 0)
        continue;
      if (pattern.keeps == TrimRule::Keeps::locales &&
          spec::is_kept_locale(name_of(file.path), keep_locales))
        continue;
      taken = true;
      matched.paths.push_back(file.path);
    }
    if (!taken) continue;
    if (file.kind == Seen::Kind::directory) {
      whole.insert(file.path);
      continue;
    }
    ++matched.files;
    if (file.linked_to.empty() || counted.insert(file.linked_to).second)
      matched.bytes += file.size_bytes;
  }
  return matched;
}

}  // namespace gbox::content
