#include "gbox/plan/explain.h"

#include <algorithm>
#include <set>

#include "gbox/base/text.h"
#include "parts.h"

namespace gbox::plan {

namespace {

constexpr std::size_t kMaxNamed = 3;  // of each kind of change; a person reads no more
constexpr const char* kFirstBuild = "first build";
constexpr const char* kGone = "its snapshot is no longer in the store";

using Reasons = std::vector<std::string>;

// The value of a part; null when there is none, or when the parts are not of our making.
Json part_of(const Json& parts, std::string_view name) {
  if (!parts.is_array()) return nullptr;
  for (const Json& entry : parts)
    if (entry.is_array() && entry.size() == 2 && entry[0].is_string() &&
        entry[0].get_ref<const std::string&>() == name)
      return entry[1];
  return nullptr;
}

std::string shown(const Json& value) {
  return quoted(value.is_string() ? value.get<std::string>() : canonical_json(value));
}

// "'a', 'b' and 2 more added"
void add_named(Reasons& reasons, std::string_view before, const std::vector<std::string>& names,
               std::string_view after) {
  if (names.empty()) return;
  std::vector<std::string> first(
      names.begin(),
      names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), kMaxNamed)));
  std::string text = names.size() > kMaxNamed ? "" : quoted_list(first);
  if (text.empty()) {
    for (std::string& name : first) name = quoted(name);
    text = join(first, ", ") + " and " + std::to_string(names.size() - kMaxNamed) + " more";
  }
  reasons.push_back(std::string(before) + text + ' ' + std::string(after));
}

// Maps of names to digests or values: which came, went and changed.
void compare_maps(Reasons& reasons, std::string_view what, const Json& before, const Json& after) {
  const Json none = Json::object();
  const Json& was = before.is_object() ? before : none;
  const Json& is = after.is_object() ? after : none;
  std::vector<std::string> changed, added, removed;
  for (const auto& [name, value] : is.items()) {
    const auto old = was.find(name);
    if (old == was.end())
      added.push_back(name);
    else if (*old != value)
      changed.push_back(name);
  }
  for (const auto& [name, value] : was.items())
    if (!is.contains(name)) removed.push_back(name);
  const std::string subject = std::string(what) + ' ';
  const std::size_t known = reasons.size();
  add_named(reasons, subject, changed, "changed");
  add_named(reasons, subject, added, "added");
  add_named(reasons, subject, removed, "removed");
  // Something that is no map, or none on one side.
  if (reasons.size() == known && before != after) reasons.push_back(subject + "changed");
}

// Lists such as atoms: which came and went; else only their order changed.
void compare_lists(Reasons& reasons, const std::string& field, const Json& before,
                   const Json& after) {
  const auto members = [](const Json& list) {
    std::vector<std::string> texts;
    if (list.is_array())
      for (const Json& value : list)
        texts.push_back(value.is_string() ? value.get<std::string>() : canonical_json(value));
    return texts;
  };
  const std::vector<std::string> was = members(before);
  const std::vector<std::string> is = members(after);
  const auto without = [](const std::vector<std::string>& all,
                          const std::vector<std::string>& others) {
    std::multiset<std::string> rest(others.begin(), others.end());
    std::vector<std::string> left;
    for (const std::string& one : all) {
      const auto found = rest.find(one);
      if (found == rest.end())
        left.push_back(one);
      else
        rest.erase(found);
    }
    return left;
  };
  const std::vector<std::string> added = without(is, was);
  const std::vector<std::string> removed = without(was, is);
  add_named(reasons, field + ": ", added, "added");
  add_named(reasons, field + ": ", removed, "removed");
  if (added.empty() && removed.empty()) reasons.push_back(field + ": order changed");
}

// Targets name an entry of `copy` best.
void compare_copies(Reasons& reasons, const Json& before, const Json& after) {
  const auto by_target = [](const Json& copies) {
    Json map = Json::object();
    if (copies.is_array())
      for (const Json& copy : copies)
        if (copy.is_object() && copy.contains("to") && copy["to"].is_string())
          map[copy["to"].get<std::string>()].push_back(copy);
    return map;
  };
  compare_maps(reasons, "copy to", by_target(before), by_target(after));
}

void compare_definitions(Reasons& reasons, const Json& before, const Json& after) {
  const Json none = Json::object();
  const Json& was = before.is_object() ? before : none;
  const Json& is = after.is_object() ? after : none;
  std::set<std::string> fields;
  for (const auto& [field, value] : was.items()) fields.insert(field);
  for (const auto& [field, value] : is.items()) fields.insert(field);
  for (const std::string& field : fields) {
    const Json old_value = was.contains(field) ? was[field] : Json();
    const Json new_value = is.contains(field) ? is[field] : Json();
    if (old_value == new_value) continue;
    if (field == "ground") {
      // It comes and goes with a root and what is merged there, which are fields of their own.
      if (!old_value.is_null() && !new_value.is_null())
        reasons.emplace_back("gbox brings other things along to a root of its own");
    } else if (field == "copy") {
      compare_copies(reasons, old_value, new_value);
    } else if (field == "run") {
      const char* change = old_value.is_null()   ? "added"
                           : new_value.is_null() ? "removed"
                                                 : "changed";
      reasons.push_back(std::string("run script ") + change);
    } else if (field == "env") {
      compare_maps(reasons, "variable", old_value, new_value);
    } else if (old_value.is_array() || new_value.is_array()) {
      compare_lists(reasons, field, old_value, new_value);
    } else if (old_value.is_null() || new_value.is_null()) {
      reasons.push_back(quoted(field) + (old_value.is_null() ? " set" : " no longer set"));
    } else {
      reasons.push_back(quoted(field) + " changed from " + shown(old_value) + " to " +
                        shown(new_value));
    }
  }
}

// Sources have no names of their own: the definition's copies, in the same order, lend theirs.
void compare_sources(Reasons& reasons, const Json& old_parts, const Json& new_parts) {
  const Json before = part_of(old_parts, part::kSources);
  const Json after = part_of(new_parts, part::kSources);
  const Json was_definition = part_of(old_parts, part::kDefinition);
  const Json is_definition = part_of(new_parts, part::kDefinition);
  const auto copies = [](const Json& definition) {
    return definition.is_object() && definition.contains("copy") ? definition["copy"] : Json();
  };
  // Other entries already say why; without the same entries the digests cannot be paired.
  if (copies(was_definition) != copies(is_definition)) return;
  std::vector<std::string> changed;
  const Json entries = copies(is_definition);
  for (std::size_t i = 0; after.is_array() && entries.is_array() && i < after.size(); ++i)
    if (!before.is_array() || i >= before.size() || before[i] != after[i])
      if (i < entries.size() && entries[i].is_object() && entries[i].contains("from") &&
          entries[i]["from"].is_string())
        changed.push_back(entries[i]["from"].get<std::string>());
  const std::size_t known = reasons.size();
  add_named(reasons, "copied file ", changed, "changed");
  if (reasons.size() == known && before != after) reasons.push_back("copied files changed");
}

void compare_base(Reasons& reasons, const Json& before, const Json& after) {
  const auto field = [](const Json& part, const char* name) {
    return part.is_object() && part.contains(name) ? part[name] : Json();
  };
  if (field(before, "archive") != field(after, "archive"))
    reasons.emplace_back("base archive changed");
  if (field(before, "format") != field(after, "format"))
    reasons.emplace_back("the way gbox unpacks changed");
}

// "USE of dev-libs/x: -ssl → ssl, doc added"
void compare_use(Reasons& reasons, const std::string& package, const Json& before,
                 const Json& after) {
  const Json none = Json::object();
  const Json& was = before.is_object() ? before : none;
  const Json& is = after.is_object() ? after : none;
  const auto shown_flag = [](const std::string& name, const Json& on) {
    return (on == Json(true) ? "" : "-") + name;
  };
  std::vector<std::string> changes;
  for (const auto& [name, on] : is.items()) {
    if (!was.contains(name))
      changes.push_back(shown_flag(name, on) + " is new");
    else if (was[name] != on)
      changes.push_back(shown_flag(name, was[name]) + " → " + shown_flag(name, on));
  }
  for (const auto& [name, on] : was.items())
    if (!is.contains(name)) changes.push_back(name + " is gone");
  if (changes.empty()) return;
  std::string text = "USE of " + package + ": ";
  for (std::size_t i = 0; i < std::min(changes.size(), kMaxNamed); ++i)
    text += (i == 0 ? "" : ", ") + changes[i];
  if (changes.size() > kMaxNamed)
    text += " and " + std::to_string(changes.size() - kMaxNamed) + " more";
  reasons.push_back(text);
}

// Values of variables are short enough to be told: flags of compilers, mostly.
void compare_variables(Reasons& reasons, const Json& before, const Json& after) {
  if (!before.is_object() || !after.is_object()) return;
  for (const auto& [name, value] : after.items()) {
    const auto old = before.find(name);
    if (old == before.end())
      reasons.push_back(name + " is " + shown(value) + " now");
    else if (*old != value)
      reasons.push_back(name + ": " + shown(*old) + " → " + shown(value));
  }
  for (const auto& [name, value] : before.items())
    if (!after.contains(name)) reasons.push_back(name + " is no longer set");
}

void compare_packages(Reasons& reasons, const Json& old_parts, const Json& new_parts) {
  const Json package = part_of(new_parts, part::kPackage);
  if (!package.is_object() || !package.contains("cpv") || !package["cpv"].is_string()) return;
  const auto differing = [&](const char* name, Json& before, Json& after) {
    before = part_of(old_parts, name);
    after = part_of(new_parts, name);
    return before != after;
  };
  const Json old_package = part_of(old_parts, part::kPackage);
  const std::string cpv = package["cpv"].get<std::string>();
  Json before;
  Json after;
  for (const auto& [field, what] :
       {std::pair("cpv", "version"), std::pair("repository", "repository")})
    if (old_package.is_object() && old_package.contains(field) && package.contains(field) &&
        old_package[field] != package[field])
      reasons.push_back(std::string(what) + ": " + shown(old_package[field]) + " → " +
                        shown(package[field]));
  if (differing(part::kUse, before, after)) compare_use(reasons, cpv, before, after);
  if (differing(part::kEbuild, before, after)) reasons.emplace_back("ebuild changed");
  if (differing(part::kEclasses, before, after)) compare_maps(reasons, "eclass", before, after);
  if (differing(part::kFiles, before, after)) reasons.emplace_back("its files/ changed");
  if (differing(part::kDistfiles, before, after))
    compare_maps(reasons, "source archive", before, after);
  if (differing(part::kVariables, before, after)) compare_variables(reasons, before, after);
  if (differing(part::kHooks, before, after)) compare_maps(reasons, "configuration", before, after);
  if (differing(part::kNetwork, before, after)) reasons.emplace_back("its network changed");
  if (differing(part::kDependencies, before, after))
    compare_maps(reasons, "dependency", before, after);
  if (differing(part::kStrays, before, after))
    reasons.emplace_back("files that earlier phases put where builds look changed");
  if (differing(part::kOnce, before, after))
    reasons.emplace_back("its ebuild fetches what is newest");
}

}  // namespace

std::vector<std::string> explain(const Json& old_parts, const Json& new_parts,
                                 std::string_view parent_name) {
  Reasons reasons;
  const auto differing = [&](const char* name, Json& before, Json& after) {
    before = part_of(old_parts, name);
    after = part_of(new_parts, name);
    return before != after;
  };
  Json before;
  Json after;
  if (differing(part::kKeyFormat, before, after)) {
    // The parts of another format do not mean the same, so comparing them would mislead.
    return {"key format changed"};
  }
  if (differing(part::kKind, before, after)) return {"it is another kind of step now"};
  if (differing(part::kParent, before, after))
    reasons.push_back(parent_name.empty() ? "parent changed"
                                          : "parent " + quoted(parent_name) + " changed");
  if (differing(part::kBase, before, after)) compare_base(reasons, before, after);
  if (differing(part::kConfig, before, after))
    compare_maps(reasons, "configuration", before, after);
  if (differing(part::kDefinition, before, after)) compare_definitions(reasons, before, after);
  if (differing(part::kSources, before, after)) compare_sources(reasons, old_parts, new_parts);
  // What only comes or goes with the programs of a phase has been said with the definition.
  const auto compare_present = [&](const char* name, std::string_view what) {
    if (differing(name, before, after) && !before.is_null() && !after.is_null())
      compare_maps(reasons, what, before, after);
  };
  compare_present(part::kPolicy, "policy");
  compare_present(part::kRepositories, "repository");
  if (differing(part::kBinaryHosts, before, after))
    compare_maps(reasons, "binary package host", before, after);
  compare_present(part::kEnvironment, "environment variable");
  compare_present(part::kHelpers, "gbox helper");
  compare_packages(reasons, old_parts, new_parts);
  if (reasons.empty() && old_parts != new_parts) reasons.emplace_back("key parts changed");
  return reasons;
}

std::vector<PlannedStep> annotate(const Plan& plan, const Lookup& lookup) {
  std::vector<PlannedStep> planned;
  for (const Step& step : plan.steps) {
    PlannedStep entry{step, false, {}, 0};
    const Known known = lookup(step);
    const PlannedStep* parent = step.parent ? &planned.at(*step.parent) : nullptr;
    entry.cached = known.cached && (parent == nullptr || parent->cached);
    if (!entry.cached) {
      const std::string parent_name = parent != nullptr ? parent->step.name : "";
      // With a record of this very key nothing of the step's own has changed.
      if (!known.cached)
        entry.reason = known.last_parts
                           ? join(explain(*known.last_parts, step.parts, parent_name), ", ")
                           : kFirstBuild;
      if (entry.reason.empty())
        entry.reason = parent != nullptr && !parent->cached
                           ? "parent " + quoted(parent_name) + " runs again"
                           : kGone;
    }
    planned.push_back(std::move(entry));
  }
  return planned;
}

OrderedJson to_json(const std::vector<PlannedStep>& steps) {
  OrderedJson list = OrderedJson::array();
  for (const PlannedStep& planned : steps) {
    const Step& step = planned.step;
    OrderedJson entry = OrderedJson::object();
    entry["name"] = step.name;
    entry["phase"] = step.phase.empty() ? OrderedJson() : OrderedJson(step.phase);
    entry["package"] = step.package ? OrderedJson(*step.package) : OrderedJson();
    entry["key"] = step.key;
    entry["cached"] = planned.cached;
    entry["reason"] = planned.reason;
    if (planned.seconds > 0) entry["seconds"] = planned.seconds;
    list.push_back(std::move(entry));
  }
  OrderedJson document = OrderedJson::object();
  document["steps"] = std::move(list);
  return document;
}

}  // namespace gbox::plan
