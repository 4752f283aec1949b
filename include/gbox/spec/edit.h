// Additions to [portage] of a spec, made in its text: comments, order and layout of what a person
// wrote stay, and a rule goes where the file has its like. Pure: build/spec_patch.h writes files.
// What comes out is held against what the addition means before anybody gets it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gbox::spec {

// One rule that [portage] shall have.
struct PortageAddition {
  enum class Key { package_use, package_accept_keywords, package_license, package_unmask };
  Key key = Key::package_use;
  std::string atom;                 // for package_unmask this is all
  std::vector<std::string> values;  // flags, keywords or licences
  bool operator==(const PortageAddition&) const = default;
};

// As a line of [portage] that can stand beside others: package_use."dev-lang/php" = ["intl"]
std::string to_toml(const PortageAddition& addition);

struct EditedSpec {
  struct Line {
    unsigned number = 0;  // in `text`, from 1
    std::string text;     // without its line break
  };
  std::string text;
  std::vector<Line> changed;  // the lines that are new or other than before; empty: the spec says
                              // all of this already
};

// `text` with `additions`. A flag of USE takes the place of its opposite. Throws SpecError when
// `text` is no TOML, and Error (usage) when it cannot be added to safely: what stands there has
// another type, or a value has '${' in it.
EditedSpec add_to_portage(const std::string& file, std::string_view text,
                          const std::vector<PortageAddition>& additions);

}  // namespace gbox::spec
