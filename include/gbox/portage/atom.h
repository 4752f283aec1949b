// Package dependency specifications ('atoms') as PMS 8.3 and portage(5) have them: parsing and
// matching against one ebuild. Pure. Whoever reads package.* files, profiles or the spec's atoms
// calls it. USE dependencies are taken apart but not matched: that needs a resolver.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gbox::portage {

struct Atom {
  enum class Operator { none, less, less_equal, equal, prefix, revisions, greater_equal, greater };
  std::string text;              // as written
  Operator op = Operator::none;  // `prefix` is '=…*', `revisions` is '~'
  std::string category;          // empty: any (only as emerge's argument); may hold '*'
  std::string name;              // may hold '*' in package.* files
  std::string version;           // empty without an operator
  std::string slot;              // empty: any
  std::string subslot;           // empty: any
  std::string repository;        // empty: any
  std::vector<std::string> use;  // the flags of [a,-b,c?], as written between the commas
  bool wild = false;             // category or name holds '*'

  [[nodiscard]] std::string package() const { return category + '/' + name; }
};

// nullopt for what is no atom. Blockers are none here: nothing asks for one.
std::optional<Atom> parse_atom(std::string_view text);

// What atoms are matched against.
struct Candidate {
  std::string_view category;
  std::string_view name;
  std::string_view version;
  std::string_view slot;  // empty: unknown, matches any
  std::string_view subslot;
  std::string_view repository;
};

bool matches(const Atom& atom, const Candidate& candidate);
// Category and name only.
bool matches_package(const Atom& atom, std::string_view category, std::string_view name);

// The order in which Portage applies what `atoms` of one package.* file, all of which match the
// package of this version, say: the more an atom pins down, the later. Returns indices.
// Throws Error (input) for more rules than any file has for one package.
std::vector<std::size_t> application_order(const std::vector<const Atom*>& atoms,
                                           std::string_view version);

}  // namespace gbox::portage
