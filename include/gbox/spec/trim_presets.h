// The presets of a phase's 'trim': what each takes out of a root, as data. The spec is checked
// against their names, keys are made of their rules, `content` finds what they match.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gbox::spec {

struct TrimRule {
  // Globs of fnmatch(3), from the root. `within`: '*' stops at a slash, and the path is that of a
  // file or directory. `anywhere`: '*' is any text, so that "/usr/*/__pycache__" is one at any
  // depth.
  enum class Reach { within, anywhere };
  // What of the matches stays: nothing, or what belongs to a locale of 'keep_locales'.
  enum class Keeps { nothing, locales };
  std::string_view glob;
  Reach reach = Reach::within;
  Keeps keeps = Keeps::nothing;
};

struct TrimPreset {
  std::string_view name;
  std::string_view what;  // "manuals, info pages and documentation"
  std::span<const TrimRule> rules;
};

// In byte order of their names.
std::span<const TrimPreset> trim_presets();
const TrimPreset* find_trim_preset(std::string_view name);
std::vector<std::string> trim_preset_names();

// Whether a directory or file of this name ("de_DE.utf8") is of one of these locales: 'de' keeps
// all of German, 'de_DE' that country's and what is common to all.
bool is_kept_locale(std::string_view name, const std::vector<std::string>& keep);

}  // namespace gbox::spec
