#include <array>

#include "answer.h"
#include "gbox/base/error.h"
#include "gbox/base/json.h"
#include "gbox/base/text.h"
#include "gbox/portage/emerge_plan.h"

namespace gbox::portage {

namespace {

using ask::Entry;

constexpr std::string_view kWhat = "the plan of emerge";
constexpr std::string_view kPlanFormat = "gbox-emerge-plan";
constexpr std::uint64_t kVersion = 1;

std::string normalized_root(std::string root) {
  while (root.size() > 1 && root.ends_with('/')) root.pop_back();
  return root;
}

PackageId read_id(const Entry& entry) {
  PackageId id;
  id.cpv = entry.text("cpv", ask::is_cpv);
  id.slot = entry.text("slot", ask::is_slot_or_empty);
  id.sub_slot = entry.text("sub_slot", ask::is_slot_or_empty);
  id.repository = entry.text("repository", ask::is_repository_or_empty);
  id.root = normalized_root(entry.text("root", ask::is_root));
  return id;
}

// Of the Manifest: the algorithms gbox knows, in the order in which they are checked. Others
// (WHIRLPOOL, of old Manifests) are passed over; a wrong length is refused.
std::vector<Digest> read_digests(const Entry& entry) {
  static constexpr std::array<std::pair<const char*, HashAlgorithm>, 3> kKnown = {
      {{"BLAKE2B", HashAlgorithm::blake2b},
       {"SHA512", HashAlgorithm::sha512},
       {"SHA256", HashAlgorithm::sha256}}};
  const Entry digests(entry.object("digests"), entry.what() + ", digests");
  std::vector<Digest> result;
  for (const auto& [name, algorithm] : kKnown) {
    if (!digests.has(name)) continue;
    const std::string hex = digests.text(name, ask::is_text);
    try {
      result.emplace_back(algorithm, hex);
    } catch (const Error& error) {
      digests.refuse(name, error.message());
    }
  }
  return result;
}

Distfile read_distfile(const Json& value, const std::string& what) {
  const Entry entry(value, what);
  Distfile file;
  file.name = entry.text("name", ask::is_distfile_name);
  file.size = entry.size("size", kMaxDistfileBytes);
  file.digests = read_digests(entry);
  file.uris = entry.texts("uris", ask::is_text);
  file.closed_urls = entry.texts("closed_urls", ask::is_text);
  for (std::string& url : entry.texts("urls", ask::is_text))
    (ask::is_fetchable(url) ? file.urls : file.closed_urls).push_back(std::move(url));
  file.mirrors = entry.flag("mirror");
  file.urls_first = entry.flag("primary");
  return file;
}

BinaryPackage read_binary(const Json& value, const std::string& what) {
  const Entry entry(value, what);
  BinaryPackage binary;
  binary.path = entry.text("path", ask::is_relative_path_or_empty);
  binary.build_id = entry.text("build_id", ask::is_number_or_empty);
  binary.build_time = entry.text("build_time", ask::is_number_or_empty);
  binary.size = entry.size("size", kMaxDistfileBytes);
  binary.remote = entry.flag("remote");
  binary.base_uri = entry.text("base_uri", ask::is_text_or_empty);
  binary.index_uri = entry.text("index_uri", ask::is_text_or_empty);
  const Json& digests = entry.object("digests");
  const Entry checked(digests, what + ", digests");
  for (const auto& [name, hex] : digests.items()) {
    if (!ask::is_variable_name(name)) checked.refuse(name, "no name of a digest");
    const std::string text = checked.text(name, ask::is_text);
    if (text.find_first_not_of("0123456789abcdef") != std::string::npos)
      checked.refuse(name, "lower-case hex is expected");
    binary.digests.emplace_back(name, text);
  }
  return binary;
}

// [number, [kind…]]
Need read_need(const Json& value, const std::string& what, std::size_t nodes) {
  if (!value.is_array() || value.size() != 2 || !value[0].is_number_unsigned() ||
      !value[1].is_array() || value[1].size() > 5)
    throw Error("read " + what + ": a number and kinds are expected", ExitCode::plan);
  Need need;
  need.node = value[0].get<std::size_t>();
  if (need.node >= nodes)
    throw Error("read " + what + ": there is no package " + std::to_string(need.node),
                ExitCode::plan);
  for (const Json& kind : value[1]) {
    if (kind == "build") need.build = true;
    if (kind == "build-slot") need.build_slot = true;
    if (kind == "run") need.run = true;
    if (kind == "run-slot") need.run_slot = true;
    if (kind == "post") need.post = true;
  }
  return need;
}

std::vector<std::string> read_paths(const Entry& entry, std::string_view key) {
  std::vector<std::string> paths = entry.texts(key, ask::is_file_path);
  if (paths.size() > ask::kMaxFiles)
    entry.refuse(key, std::to_string(paths.size()) + " entries, more than " +
                          std::to_string(ask::kMaxFiles));
  return paths;
}

// Where a package stands in the answer.
struct Place {
  std::size_t self;      // its number
  std::size_t packages;  // numbers below are the plan's, in merge order
  std::size_t nodes;     // and below this one what is installed
};

// What decides the build.
void read_build(const Entry& entry, const Place& place, PlannedPackage& package) {
  package.variables = entry.map("variables", ask::kMaxVariables, ask::is_environment_name,
                                ask::is_environment_value);
  package.eclasses = entry.map("eclasses", ask::kMaxFiles, ask::is_eclass_name, ask::is_file_path);
  package.bashrcs = read_paths(entry, "bashrcs");
  package.patches = read_paths(entry, "patches");
  for (const std::string& name : package.inherited)
    if (!package.eclasses.contains(name)) entry.refuse("eclasses", quoted(name) + " is missing");
  entry.each("builds_with", ask::kMaxNeeds, [&](const Json& value, const std::string& what) {
    if (!value.is_number_unsigned())
      throw Error("read " + what + ": a number is expected", ExitCode::plan);
    const auto node = value.get<std::size_t>();
    // Of the plan's own packages only those before it: keys made of these numbers never wait for
    // one another.
    if (node >= place.nodes || (node >= place.self && node < place.packages))
      throw Error("read " + what + ": package " + std::to_string(node) + " is not there by then",
                  ExitCode::plan);
    if (!package.builds_with.empty() && package.builds_with.back() >= node)
      throw Error("read " + what + ": numbers in ascending order are expected", ExitCode::plan);
    package.builds_with.push_back(node);
  });
}

PlannedPackage read_package(const Json& value, const std::string& what, const Place& place) {
  using Operation = PlannedPackage::Operation;
  using Kind = PlannedPackage::Kind;
  const Entry entry(value, what);
  PlannedPackage package;
  package.id = read_id(entry);
  package.operation = static_cast<Operation>(entry.one_of("operation", {"merge", "uninstall"}));
  package.kind = static_cast<Kind>(entry.one_of("type", {"ebuild", "binary", "installed"}));
  package.eapi = entry.text("eapi", ask::is_text);
  package.keywords = entry.texts("keywords", ask::is_text);
  package.licenses = entry.texts("license", ask::is_text);
  package.use_enabled = entry.texts("use_enabled", ask::is_use_flag);
  package.use_disabled = entry.texts("use_disabled", ask::is_use_flag);
  package.restricts = entry.texts("restrict", ask::is_text);
  package.properties = entry.texts("properties", ask::is_text);
  package.inherited = entry.texts("inherited", ask::is_text);
  package.masks = entry.texts("masks", ask::is_text);
  package.replaces = entry.texts("replaces", ask::is_cpv);
  package.asked_by = entry.texts("asked_by", ask::is_text);
  if (entry.has("ebuild")) package.ebuild = entry.text("ebuild", ask::is_root);
  if (entry.has("distfiles"))
    entry.each("distfiles", kMaxDistfilesOfPackage, [&](const Json& file, const std::string& name) {
      package.distfiles.push_back(read_distfile(file, name));
    });
  if (entry.has("binary")) package.binary = read_binary(entry.object("binary"), what + ", binary");
  entry.each("needs", ask::kMaxNeeds, [&](const Json& need, const std::string& name) {
    package.needs.push_back(read_need(need, name, place.nodes));
  });
  if (package.kind == Kind::ebuild && package.operation == Operation::merge)
    read_build(entry, place, package);
  return package;
}

std::vector<Side> read_sides(const Entry& entry, std::string_view key) {
  std::vector<Side> sides;
  entry.each(key, ask::kMaxWords, [&](const Json& value, const std::string& what) {
    const Entry side(value, what);
    sides.push_back({side.text("cpv", ask::is_cpv), side.flag("installed"),
                     side.texts("asked_by", ask::is_text), side.texts("wanted_by", ask::is_cpv)});
  });
  return sides;
}

Blocker read_blocker(const Json& value, const std::string& what) {
  const Entry entry(value, what);
  return {entry.text("atom", ask::is_text), normalized_root(entry.text("root", ask::is_root)),
          entry.flag("satisfied"),          entry.texts("of", ask::is_cpv),
          read_sides(entry, "by"),          read_sides(entry, "blocks")};
}

Proposal read_proposal(const Json& value, const std::string& what) {
  const Entry entry(value, what);
  Proposal proposal;
  proposal.kind =
      static_cast<Proposal::Kind>(entry.one_of("kind", {"use", "keywords", "unmask", "license"}));
  proposal.id = read_id(entry);
  proposal.values = entry.texts("values", ask::is_text);
  proposal.wanted_by = entry.texts("wanted_by", ask::is_text);
  return proposal;
}

Problem read_problem(const Json& value, const std::string& what) {
  const Entry entry(value, what);
  Problem problem;
  problem.kind = static_cast<Problem::Kind>(
      entry.one_of("kind", {"missing", "unsatisfied", "circular", "slot-conflict", "blocked"}));
  problem.atom = entry.text("atom", ask::is_text_or_empty);
  problem.of = entry.texts("of", ask::is_text);
  entry.each("candidates", ask::kMaxWords, [&](const Json& candidate, const std::string& name) {
    const Entry refused(candidate, name);
    problem.refused.push_back({read_id(refused), refused.texts("masks", ask::is_text),
                               refused.texts("license", ask::is_text),
                               refused.texts("needs_use", ask::is_text),
                               refused.text("required_use", ask::is_text_or_empty)});
  });
  if (problem.kind == Problem::Kind::slot_conflict)
    entry.each("demands", ask::kMaxWords, [&](const Json& item, const std::string& name) {
      const Entry demand(item, name);
      problem.demands.push_back({demand.text("package", ask::is_cpv),
                                 demand.text("by", ask::is_text), demand.text("atom", ask::is_text),
                                 demand.flag("installed")});
    });
  return problem;
}

// The blockers that nothing resolves, as problems beside the helper's own.
void add_blocked(EmergePlan& plan) {
  for (const Blocker& blocker : plan.blockers)
    if (!blocker.satisfied)
      plan.problems.push_back(
          {Problem::Kind::blocked, blocker.atom, blocker.of, {}, {}, blocker.by, blocker.blocks});
}

void read_plan(const Entry& entry, EmergePlan& plan) {
  const auto list = [&](std::string_view key, const auto& action) {
    if (entry.has(key)) entry.each(key, kMaxPlannedPackages, action);
  };
  const auto words = [&](std::string_view key, ask::Rule rule) {
    return entry.has(key) ? entry.texts(key, rule) : std::vector<std::string>();
  };
  list("installed", [&](const Json& value, const std::string& what) {
    plan.installed.push_back(read_id(Entry(value, what)));
  });
  if (entry.has("packages")) {
    const std::size_t count = entry.object("packages").size();
    list("packages", [&](const Json& value, const std::string& what) {
      const Place place{plan.packages.size(), count, count + plan.installed.size()};
      plan.packages.push_back(read_package(value, what, place));
    });
  }
  list("blockers", [&](const Json& value, const std::string& what) {
    plan.blockers.push_back(read_blocker(value, what));
  });
  list("proposals", [&](const Json& value, const std::string& what) {
    plan.proposals.push_back(read_proposal(value, what));
  });
  list("problems", [&](const Json& value, const std::string& what) {
    plan.problems.push_back(read_problem(value, what));
  });
  if (!plan.ok()) add_blocked(plan);
  plan.use_expand = words("use_expand", ask::is_variable_name);
  plan.mirrors = words("mirrors", ask::is_text);
  plan.local_mirrors = words("local_mirrors", ask::is_text);
  plan.profile_bashrcs = words("profile_bashrcs", ask::is_file_path);
}

}  // namespace

std::optional<EmergePlan> parse_emerge_plan(std::string_view json, std::string* why) {
  try {
    if (json.size() > kMaxPlanBytes)
      throw Error("read " + std::string(kWhat) + ": larger than " + human_size(kMaxPlanBytes),
                  ExitCode::plan);
    const Json document = parse_json(json, kWhat);
    const Entry entry(document, std::string(kWhat));
    if (entry.text("format", ask::is_text) != kPlanFormat)
      entry.refuse("format", "not the helper's");
    if (entry.size("version", kVersion) != kVersion) entry.refuse("version", "not this helper's");
    EmergePlan plan;
    plan.portage = entry.text("portage", ask::is_text_or_empty);
    plan.tested = entry.flag("tested");
    const std::size_t status = entry.one_of("status", {"ok", "failed", "unsupported"});
    if (status == 2) {
      if (why != nullptr) *why = printable(entry.text("why", ask::is_text_or_empty));
      return std::nullopt;
    }
    // Any failure is one: what else a hostile image may claim is no matter.
    plan.exit_status = status == 0 ? 0 : 1;
    read_plan(entry, plan);
    return plan;
  } catch (Error& error) {
    throw Error(error.message(), ExitCode::plan)
        .set_hint("the image's Portage answered this: 'gbox shell' lets you look into the image");
  }
}

}  // namespace gbox::portage
