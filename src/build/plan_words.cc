#include "plan_words.h"

#include <algorithm>
#include <set>

#include "gbox/base/text.h"

namespace gbox::build {

namespace {

constexpr char kAdd[] = "add to [portage]: ";

spec::PortageAddition addition_of(const portage::Proposal& proposal) {
  using Kind = portage::Proposal::Kind;
  const std::string package(proposal.id.package());
  switch (proposal.kind) {
    case Kind::use:
      return {spec::PortageAddition::Key::package_use, package, proposal.values};
    case Kind::keywords:
      return {spec::PortageAddition::Key::package_accept_keywords, '=' + proposal.id.cpv,
              proposal.values};
    case Kind::unmask:
      return {spec::PortageAddition::Key::package_unmask, '=' + proposal.id.cpv, {}};
    case Kind::license:
      break;
  }
  return {spec::PortageAddition::Key::package_license, package, proposal.values};
}

std::string sentence_of(const portage::Proposal& proposal) {
  using Kind = portage::Proposal::Kind;
  const std::string by = proposal.wanted_by.empty() ? "" : quoted(proposal.wanted_by.front());
  const std::string who = (by.empty() ? "the plan" : by) + " needs " + quoted(proposal.id.cpv);
  switch (proposal.kind) {
    case Kind::use:
      return who + " with " + quoted_list(proposal.values);
    case Kind::keywords:
      return who + ", which is only " + quoted_list(proposal.values);
    case Kind::unmask:
      return who + ", which is masked";
    case Kind::license:
      break;
  }
  return who + ": the licence " + quoted_list(proposal.values) + " is not accepted";
}

// Of one that is about an atom.
std::string sentence_of(const portage::Problem& problem) {
  using Kind = portage::Problem::Kind;
  const std::string by = problem.of.empty() ? "" : ", wanted by " + quoted_list(problem.of);
  switch (problem.kind) {
    case Kind::missing:
      return "no package " + quoted(problem.atom) + " in the repositories" + by;
    case Kind::circular:
    case Kind::slot_conflict:
    case Kind::blocked:
    case Kind::unsatisfied:
      break;
  }
  const std::string nothing = "nothing satisfies " + quoted(problem.atom) + by;
  if (problem.refused.empty()) return nothing;  // the helper's word is an image's
  const portage::Refused& refused = problem.refused.front();
  if (!refused.required_use.empty())
    return quoted(refused.id.cpv) + " with this USE breaks " + quoted(refused.required_use) + by;
  if (!refused.licenses.empty())
    return quoted(refused.id.cpv) + ": the licence " + quoted_list(refused.licenses) +
           " is not accepted" + by;
  if (!refused.masks.empty())
    return quoted(refused.id.cpv) + " is masked: " + quoted_list(refused.masks) + by;
  if (!refused.needs_use.empty())
    return quoted(refused.id.cpv) + " is wanted with " + quoted_list(refused.needs_use) + by;
  return nothing;
}

// What the spec would have to say for the newest version that an atom could have meant.
void add_for(const portage::Problem& problem, PlanWords& words) {
  if (problem.refused.empty()) return;
  const portage::Refused& refused = problem.refused.front();
  using Kind = portage::Proposal::Kind;
  const auto add = [&](Kind kind, std::vector<std::string> values) {
    words.additions.push_back(addition_of({kind, refused.id, std::move(values), {}}));
  };
  for (const std::string& mask : refused.masks) {
    const std::vector<std::string> parts = split_words(mask);
    if (mask == "package.mask") add(Kind::unmask, {});
    if (parts.size() == 2 && parts[1] == "keyword" && parts[0] != "missing")
      add(Kind::keywords, {parts[0]});
    if (mask == "missing keyword") add(Kind::keywords, {"**"});
  }
  if (!refused.licenses.empty()) add(Kind::license, refused.licenses);
  if (!refused.needs_use.empty()) add(Kind::use, refused.needs_use);
}

std::string package_of(const std::string& cpv) {
  portage::PackageId id;
  id.cpv = cpv;
  return std::string(id.package());
}

// The package and why it is there: "'a/b-1' (asked for as 'a/b')".
std::string named(const portage::Side& side) {
  std::vector<std::string> why;
  if (side.installed) why.emplace_back("installed before this phase");
  if (!side.asked_by.empty()) why.push_back("asked for as " + quoted_list(side.asked_by));
  if (!side.wanted_by.empty()) why.push_back("wanted by " + quoted_list(side.wanted_by));
  return quoted(side.cpv) + (why.empty() ? "" : " (" + join(why, ", ") + ')');
}

std::string named(const std::vector<portage::Side>& sides) {
  std::vector<std::string> names;
  for (const portage::Side& side : sides) names.push_back(named(side));
  return join(names, ", ");
}

void add_circle(const portage::Problem& circle, PlanWords& words) {
  words.sentences.push_back(quoted_list(circle.of) + " need each other to build");
  std::vector<std::string> changes;
  for (const portage::Refused& change : circle.refused)
    changes.push_back((changes.empty() ? "" : "or ") + std::string(kAdd) +
                      spec::to_toml(addition_of(
                          {portage::Proposal::Kind::use, change.id, change.needs_use, {}})));
  if (changes.empty())
    changes.emplace_back(
        "portage knows no USE flag that breaks the circle: a binary package of one "
        "of them does ([[binhost]])");
  words.remedies.insert(words.remedies.end(), changes.begin(), changes.end());
}

// One demand for each version says it: the others ask for the same.
void add_slot_conflict(const portage::Problem& conflict, PlanWords& words) {
  words.sentences.push_back(quoted_list(conflict.of) + " are wanted in one slot");
  std::set<std::string> told;
  std::vector<std::string> packages;
  for (const portage::Demand& demand : conflict.demands) {
    if (!told.insert(demand.package).second) continue;
    const bool asked = demand.by == demand.atom;  // an argument
    words.sentences.push_back((asked ? "the phase" : quoted(demand.by)) +
                              (demand.installed ? " (installed before this phase)" : "") +
                              " wants " + quoted(demand.atom));
    if (!asked) packages.push_back(demand.by);
  }
  if (packages.empty()) {
    words.remedies.emplace_back("ask for one of them only");
    return;
  }
  words.remedies.push_back((packages.size() == 1
                                ? "take a version of " + quoted(packages.front()) + " that agrees"
                                : "take versions of " + quoted_list(packages) + " that agree") +
                           ": pin one in 'emerge', accept a newer one by "
                           "'package_accept_keywords', or leave one out");
}

// Each of a pair may exclude the other: that is one matter.
void add_blocked(const portage::Problem& blocked, std::set<std::set<std::string>>& told,
                 PlanWords& words) {
  if (blocked.by.empty() || blocked.blocks.empty()) {
    words.sentences.push_back(quoted(blocked.atom) + " blocks, asked for by " +
                              quoted_list(blocked.of));
    return;
  }
  std::set<std::string> names;
  std::vector<std::string> there;
  for (const std::vector<portage::Side>* sides : {&blocked.by, &blocked.blocks})
    for (const portage::Side& side : *sides) {
      names.insert(side.cpv);
      if (side.installed) there.push_back('"' + printable(package_of(side.cpv)) + '"');
    }
  if (!told.insert(names).second) return;
  words.sentences.push_back(named(blocked.by) + " cannot be installed beside " +
                            named(blocked.blocks) + ": " + quoted(blocked.atom));
  words.remedies.emplace_back("leave one of them out, or what wants it");
  if (!there.empty())
    words.remedies.push_back("what is there goes by a phase before this one: unmerge = [" +
                             join(there, ", ") + ']');
}

}  // namespace

PlanWords plan_words(const portage::EmergePlan& plan) {
  PlanWords words;
  for (const portage::Proposal& proposal : plan.proposals) {
    words.sentences.push_back(sentence_of(proposal));
    words.additions.push_back(addition_of(proposal));
  }
  // With proposals there are no other problems worth a word: Portage has a way.
  if (!plan.proposals.empty()) return words;
  std::set<std::set<std::string>> told;
  using Kind = portage::Problem::Kind;
  for (const portage::Problem& problem : plan.problems) {
    if (problem.kind == Kind::circular) {
      add_circle(problem, words);
    } else if (problem.kind == Kind::slot_conflict) {
      add_slot_conflict(problem, words);
    } else if (problem.kind == Kind::blocked) {
      add_blocked(problem, told, words);
    } else {
      words.sentences.push_back(sentence_of(problem));
      add_for(problem, words);
    }
  }
  return words;
}

}  // namespace gbox::build
