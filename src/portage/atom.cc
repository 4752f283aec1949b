#include "gbox/portage/atom.h"

#include <algorithm>
#include <array>
#include <map>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/portage/version.h"

namespace gbox::portage {

namespace {

constexpr std::size_t kMaxAtomBytes = 1024;
constexpr std::size_t kMaxRules = 2000;  // of one file for one package

using Operator = Atom::Operator;

struct OperatorName {
  std::string_view text;
  Operator op;
};
// Two characters before one.
constexpr std::array<OperatorName, 6> kOperators = {{{"<=", Operator::less_equal},
                                                     {">=", Operator::greater_equal},
                                                     {"<", Operator::less},
                                                     {">", Operator::greater},
                                                     {"=", Operator::equal},
                                                     {"~", Operator::revisions}}};

// Whether `pattern`, in which '*' stands for anything, fits all of `text`.
bool glob(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool is_wild_name(std::string_view text, bool (*is_name)(std::string_view)) {
  if (text.find("**") != std::string_view::npos) return false;
  std::string plain(text);
  std::replace(plain.begin(), plain.end(), '*', 'x');
  return is_name(plain);
}

// Cuts "[…]", "::repo" and ":slot/subslot" off the end.
bool take_qualifiers(std::string_view& rest, Atom& atom) {
  if (rest.ends_with(']')) {
    const std::size_t open = rest.find('[');
    if (open == std::string_view::npos) return false;
    atom.use = split(rest.substr(open + 1, rest.size() - open - 2), ',');
    rest = rest.substr(0, open);
  }
  if (const std::size_t colons = rest.find("::"); colons != std::string_view::npos) {
    atom.repository = rest.substr(colons + 2);
    if (!is_repository_name(atom.repository)) return false;
    rest = rest.substr(0, colons);
  }
  const std::size_t colon = rest.find(':');
  if (colon == std::string_view::npos) return true;
  std::string_view slot = rest.substr(colon + 1);
  rest = rest.substr(0, colon);
  if (slot == "*" || slot == "=") return true;  // slot operators choose nothing here
  if (slot.ends_with('=')) slot.remove_suffix(1);
  const std::size_t slash = slot.find('/');
  atom.slot = slot.substr(0, slash);
  if (slash != std::string_view::npos) {
    atom.subslot = slot.substr(slash + 1);
    if (!is_slot_name(atom.subslot)) return false;
  }
  return is_slot_name(atom.slot);
}

// The version behind an operator, cut off the name; '=…*' and "=*/*-*9999*" have their own forms.
bool take_version(std::string_view& name, Atom& atom) {
  const bool star = atom.op == Operator::equal && name.ends_with('*');
  if (star && atom.wild) {
    const std::size_t dash = name.rfind("-*");
    if (dash == std::string_view::npos) return false;
    atom.op = Operator::prefix;
    atom.version = name.substr(dash + 1);
    name = name.substr(0, dash);
    return atom.version.size() > 2;
  }
  const auto parts = split_name_version(star ? name.substr(0, name.size() - 1) : name);
  if (!parts) return false;
  if (star) atom.op = Operator::prefix;
  atom.version = parts->version;
  name = name.substr(0, parts->name.size());
  return true;
}

// '=1.2*' matches where a component ends: 1.2 and 1.2.3, 1.2_rc1 and 1.2-r1, not 1.20.
bool has_prefix(std::string_view version, std::string_view prefix) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto zeros = [&](std::string_view text) {  // 01 and 1 are the same first component
    while (text.size() > 1 && text.front() == '0' && digit(text[1])) text.remove_prefix(1);
    return text;
  };
  version = zeros(version);
  prefix = zeros(prefix);
  if (!version.starts_with(prefix)) return false;
  if (version.size() == prefix.size()) return true;
  const char next = version[prefix.size()];
  return next == '.' || next == '_' || next == '-' || digit(prefix.back()) != digit(next);
}

bool version_fits(const Atom& atom, std::string_view version) {
  switch (atom.op) {
    case Operator::none:
      return true;
    case Operator::less:
      return compare_versions(version, atom.version) < 0;
    case Operator::less_equal:
      return compare_versions(version, atom.version) <= 0;
    case Operator::equal:
      return compare_versions(version, atom.version) == 0;
    case Operator::prefix:
      return atom.version.front() == '*' ? glob(atom.version, version)
                                         : has_prefix(version, atom.version);
    case Operator::revisions:
      return compare_versions(without_revision(version), without_revision(atom.version)) == 0;
    case Operator::greater_equal:
      return compare_versions(version, atom.version) >= 0;
    case Operator::greater:
      return compare_versions(version, atom.version) > 0;
  }
  return false;
}

int specificity(const Atom& atom) {
  if (atom.wild) return atom.op == Operator::prefix ? -1 : (atom.slot.empty() ? -3 : -2);
  switch (atom.op) {
    case Operator::equal:
      return 6;
    case Operator::revisions:
      return 5;
    case Operator::prefix:
      return 4;
    case Operator::none:
      return atom.slot.empty() ? 1 : 3;
    default:
      return atom.slot.empty() ? 2 : 3;
  }
}

// Whether Portage takes `atom` for a better match than `best`, which stands before it in the file.
bool is_nearer(const Atom& atom, const Atom& best, std::string_view version) {
  const int rank = specificity(atom);
  const int best_rank = specificity(best);
  if (rank != best_rank) return rank > best_rank;
  // Of two ranges the one whose bound is nearer to the package's version, if both bounds are on
  // the same side of it.
  if (rank != 2 || best.version == version || best.version == atom.version) return false;
  if (atom.version == version) return true;
  const int side = compare_versions(atom.version, version);
  return side == compare_versions(best.version, version) &&
         compare_versions(atom.version, best.version) == -side;
}

}  // namespace

std::optional<Atom> parse_atom(std::string_view text) {
  if (text.empty() || text.size() > kMaxAtomBytes) return std::nullopt;
  Atom atom;
  atom.text = text;
  std::string_view rest = text;
  for (const OperatorName& name : kOperators)
    if (rest.starts_with(name.text)) {
      atom.op = name.op;
      rest.remove_prefix(name.text.size());
      break;
    }
  if (!take_qualifiers(rest, atom)) return std::nullopt;
  const std::size_t slash = rest.find('/');
  std::string_view name = slash == std::string_view::npos ? rest : rest.substr(slash + 1);
  if (slash != std::string_view::npos) {
    atom.category = rest.substr(0, slash);
    if (!is_wild_name(atom.category, is_category_name)) return std::nullopt;
    const std::string_view unversioned =
        atom.op == Operator::equal && name.ends_with('*') ? name.substr(0, name.size() - 1) : name;
    atom.wild = atom.category.find('*') != std::string::npos ||
                unversioned.find('*') != std::string_view::npos;
  }
  if (atom.op != Operator::none && !take_version(name, atom)) return std::nullopt;
  atom.name = name;
  if (atom.wild ? !is_wild_name(atom.name, is_package_name) : !is_package_name(atom.name))
    return std::nullopt;
  return atom;
}

bool matches_package(const Atom& atom, std::string_view category, std::string_view name) {
  if (!atom.wild) return (atom.category.empty() || atom.category == category) && atom.name == name;
  return glob(atom.category, category) && glob(atom.name, name);
}

bool matches(const Atom& atom, const Candidate& candidate) {
  if (!matches_package(atom, candidate.category, candidate.name)) return false;
  if (!atom.repository.empty() && atom.repository != candidate.repository) return false;
  if (!atom.slot.empty() && !candidate.slot.empty()) {
    if (atom.slot != candidate.slot) return false;
    if (!atom.subslot.empty() && atom.subslot != candidate.subslot) return false;
  }
  return version_fits(atom, candidate.version);
}

std::vector<std::size_t> application_order(const std::vector<const Atom*>& atoms,
                                           std::string_view version) {
  // Lines of one atom are one rule, in the order of the file.
  std::vector<std::vector<std::size_t>> rules;
  std::map<std::string_view, std::size_t> known;
  for (std::size_t i = 0; i < atoms.size(); ++i) {
    const auto [entry, added] = known.emplace(atoms[i]->text, rules.size());
    if (added) rules.emplace_back();
    rules[entry->second].push_back(i);
  }
  if (rules.size() > kMaxRules)  // what follows is quadratic
    throw Error("more than " + std::to_string(kMaxRules) + " rules of one file are for " +
                    quoted(atoms.front()->package()),
                ExitCode::input);
  // Taken out one by one as Portage does: its "nearer than" is no order that could be sorted by.
  std::vector<std::vector<std::size_t>> taken;
  while (!rules.empty()) {
    std::size_t best = 0;
    for (std::size_t i = 1; i < rules.size(); ++i)
      if (is_nearer(*atoms[rules[i].front()], *atoms[rules[best].front()], version)) best = i;
    taken.push_back(std::move(rules[best]));
    rules.erase(rules.begin() + static_cast<std::ptrdiff_t>(best));
  }
  std::vector<std::size_t> order;
  for (auto rule = taken.rbegin(); rule != taken.rend(); ++rule)
    order.insert(order.end(), rule->begin(), rule->end());
  return order;
}

}  // namespace gbox::portage
