#include "plan_report.h"

#include <algorithm>

#include "cells.h"
#include "gbox/base/text.h"

namespace gbox::cli {

namespace {

using Planned = portage::PlannedPackage;

std::string count_of(std::size_t count, const std::string& one, const std::string& many) {
  return std::to_string(count) + ' ' + (count == 1 ? one : many);
}

// "12 min", as exact as an estimate can be.
std::string rough_time(double seconds) {
  const auto whole = static_cast<std::uint64_t>(seconds + 0.5);
  if (whole < 60) return std::to_string(std::max<std::uint64_t>(whole, 1)) + " s";
  const std::uint64_t minutes = (whole + 30) / 60;
  if (minutes < 60) return std::to_string(minutes) + " min";
  const std::string hours = std::to_string(minutes / 60) + " h";
  return minutes % 60 == 0 ? hours : hours + ' ' + std::to_string(minutes % 60) + " min";
}

bool is_compiled(const Planned& package, const build::PackageOutlook& outlook) {
  return package.operation == Planned::Operation::merge && package.kind == Planned::Kind::ebuild &&
         !outlook.in_store;
}

// Where a binary package comes from; empty: it is compiled, or goes.
std::string binary_source(const Planned& package, const build::PackageOutlook& outlook) {
  if (package.operation != Planned::Operation::merge) return "";
  if (outlook.in_store) return outlook.place.empty() ? "store" : outlook.place;
  if (!package.binary) return "";
  return package.binary->remote ? package.binary->base_uri : "image";
}

// "fetch 20.0 KiB, about 12 s".
std::string cost_of(const Planned& package, const build::PackageOutlook& outlook) {
  std::vector<std::string> parts;
  if (outlook.fetch_files != 0)
    parts.push_back("fetch " + (outlook.fetch_bytes == 0
                                    ? count_of(outlook.fetch_files, "file", "files")
                                    : human_size(outlook.fetch_bytes)));
  if (is_compiled(package, outlook) && outlook.seconds)
    parts.push_back("about " + rough_time(*outlook.seconds));
  for (const std::string& mask : package.masks) parts.push_back("masked by " + mask);
  return join(parts, ", ");
}

// What happens to a package of a phase that is run as one.
std::string deed_of(const Planned& package, const build::PackageOutlook& outlook) {
  if (package.operation == Planned::Operation::uninstall) return "uninstalled";
  const std::string source = binary_source(package, outlook);
  return source.empty() ? "from its ebuild" : "from " + source;
}

std::string sums(const build::BuildPlan& plan) {
  if (plan.phase.empty()) return "";
  std::size_t kept = 0;
  std::size_t elsewhere = 0;
  std::size_t compiled = 0;
  for (std::size_t i = 0; i < plan.packages.size(); ++i) {
    if (plan.packages[i].in_store) ++(plan.packages[i].place.empty() ? kept : elsewhere);
    if (is_compiled(plan.emerge.packages[i], plan.packages[i])) ++compiled;
  }
  std::string text = plan.phase + ": " + count_of(plan.packages.size(), "package", "packages") +
                     ", " + std::to_string(kept) + " in the store, " +
                     (elsewhere == 0 ? "" : std::to_string(elsewhere) + " from elsewhere, ") +
                     std::to_string(compiled) + " to build";
  if (compiled != 0) {
    const std::string never = " never built here";
    if (plan.estimate.unknown == compiled) {
      text +=
          ", for an unknown time: " + std::string(compiled == 1 ? "it was" : "they were") + never;
    } else {
      text += ", about " + rough_time(plan.estimate.seconds);
      if (plan.jobs > 1) text += " with " + std::to_string(plan.jobs) + " at once";
      if (plan.estimate.unknown != 0)
        text += ", without " + count_of(plan.estimate.unknown, "package", "packages") + never;
    }
  }
  text += '\n';
  if (plan.fetch_files == 0) {
    text += plan.phase + ": nothing to fetch\n";
  } else {
    text += plan.phase + ": " + count_of(plan.fetch_files, "file", "files") + " to fetch, " +
            human_size(plan.fetch_bytes);
    if (plan.fetch_unsized != 0)
      text += " and " + std::to_string(plan.fetch_unsized) + " of unknown size";
    text += '\n';
  }
  for (const portage::Blocker& blocker : plan.emerge.blockers)
    text += plan.phase + ": " + quoted_list(blocker.of) + " excludes " + quoted(blocker.atom) +
            (blocker.satisfied ? ", which goes before" : "") + '\n';
  if (!plan.later.empty())
    text +=
        quoted_list(plan.later) + ": packages are known when " + quoted(plan.phase) + " has run\n";
  return text;
}

void add_line(std::string& text, const std::string& action, const std::string& line) {
  std::string clean = clean_line(line);
  clean.erase(clean.find_last_not_of(' ') + 1);
  text += padded(action, 8) + clean + '\n';
}

std::string use_text(const Planned& package) {
  std::vector<std::string> flags = package.use_enabled;
  for (const std::string& flag : package.use_disabled) flags.push_back('-' + flag);
  return flags.empty() ? "" : "USE=\"" + join(flags, " ") + '"';
}

std::string version_text(const portage::PackageId& id) {
  std::string text = id.cpv;
  if (!id.slot.empty()) text += ':' + id.slot;
  if (!id.sub_slot.empty() && id.sub_slot != id.slot) text += '/' + id.sub_slot;
  if (!id.repository.empty()) text += "::" + id.repository;
  return text;
}

// "to build and run": what a need is for, when it is not for running alone.
std::string purpose(const portage::Need& need) {
  const bool build = need.build || need.build_slot;
  const bool run = need.run || need.run_slot;
  if (build && run) return "to build and run";
  if (build) return "to build";
  return need.post && !run ? "afterwards" : "";
}

OrderedJson strings(const std::vector<std::string>& texts) {
  OrderedJson list = OrderedJson::array();
  for (const std::string& text : texts) list.push_back(printable(text));
  return list;
}

OrderedJson depends_json(const build::BuildPlan& plan, const Planned& package) {
  OrderedJson build = OrderedJson::array();
  OrderedJson run = OrderedJson::array();
  OrderedJson post = OrderedJson::array();
  for (const portage::Need& need : package.needs) {
    const portage::PackageId& id = plan.emerge.node(need.node);
    OrderedJson entry;
    entry["package"] = id.cpv;
    entry["root"] = printable(id.root);
    entry["installed"] = need.node >= plan.emerge.packages.size();
    if (need.build || need.build_slot) build.push_back(entry);
    if (need.run || need.run_slot) run.push_back(entry);
    if (need.post) post.push_back(entry);
  }
  OrderedJson json;
  json["build"] = std::move(build);
  json["run"] = std::move(run);
  json["post"] = std::move(post);
  return json;
}

OrderedJson binary_json(const Planned& package, const build::PackageOutlook& outlook) {
  const std::string source = binary_source(package, outlook);
  if (source.empty()) return {};
  OrderedJson json;
  json["from"] = printable(source);
  if (!outlook.in_store && package.binary) {
    json["path"] = printable(package.binary->path);
    json["bytes"] = package.binary->size ? OrderedJson(*package.binary->size) : OrderedJson();
  }
  return json;
}

OrderedJson package_json(const build::BuildPlan& plan, std::size_t index) {
  const Planned& package = plan.emerge.packages[index];
  const build::PackageOutlook& outlook = plan.packages[index];
  std::vector<std::string> use = package.use_enabled;
  for (const std::string& flag : package.use_disabled) use.push_back('-' + flag);
  OrderedJson json;
  json["package"] = package.id.cpv;
  json["phase"] = plan.phase;
  json["step"] = outlook.step ? OrderedJson(plan.steps[*outlook.step].step.name) : OrderedJson();
  json["operation"] = package.operation == Planned::Operation::uninstall ? "uninstall" : "merge";
  json["slot"] = package.id.slot;
  json["sub_slot"] = package.id.sub_slot;
  json["repository"] = package.id.repository;
  json["root"] = printable(package.id.root);
  json["use"] = strings(use);
  json["keywords"] = strings(package.keywords);
  json["masks"] = strings(package.masks);
  json["replaces"] = strings(package.replaces);
  json["asked_by"] = strings(package.asked_by);
  json["depends"] = depends_json(plan, package);
  json["binary"] = binary_json(package, outlook);
  json["fetch_files"] = outlook.fetch_files;
  json["fetch_bytes"] = outlook.fetch_bytes;
  json["seconds"] = outlook.seconds ? OrderedJson(*outlook.seconds) : OrderedJson();
  return json;
}

OrderedJson blockers_json(const std::vector<portage::Blocker>& blockers) {
  OrderedJson list = OrderedJson::array();
  for (const portage::Blocker& blocker : blockers) {
    std::vector<std::string> blocked;
    for (const portage::Side& side : blocker.blocks) blocked.push_back(side.cpv);
    OrderedJson json;
    json["atom"] = printable(blocker.atom);
    json["root"] = printable(blocker.root);
    json["of"] = strings(blocker.of);
    json["blocks"] = strings(blocked);
    json["satisfied"] = blocker.satisfied;
    list.push_back(std::move(json));
  }
  return list;
}

// What a spec allows beyond gbox's own policies is told whenever a plan is.
std::string policy_lines(const build::BuildPlan& plan) {
  std::string text;
  for (const auto& [phase, policy] : plan.policies)
    if (const std::string widened = build::widening_text(policy); !widened.empty())
      text += phase + ": " + printable(widened) + '\n';
  return text;
}

OrderedJson policies_json(const build::BuildPlan& plan) {
  OrderedJson list = OrderedJson::array();
  for (const auto& [phase, policy] : plan.policies) {
    OrderedJson json;
    json["phase"] = phase;
    json["policy"] = printable(policy.policy.name);
    json["digest"] = policy.policy.digest.to_string();
    json["narrowed"] = strings(policy.narrowed);
    json["widened"] = strings(policy.widened);
    json["why"] = printable(policy.why);
    list.push_back(std::move(json));
  }
  return list;
}

}  // namespace

std::string plan_list(const build::BuildPlan& plan) {
  std::vector<std::string> costs(plan.steps.size());
  for (std::size_t i = 0; i < plan.packages.size(); ++i)
    if (const auto step = plan.packages[i].step; step)
      costs[*step] = cost_of(plan.emerge.packages[i], plan.packages[i]);
  std::size_t width = 0;
  for (const plan::PlannedStep& step : plan.steps) width = std::max(width, step.step.name.size());
  std::string text;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const plan::PlannedStep& step = plan.steps[i];
    // What is merged by the phase itself stands in front of it, as steps would.
    if (step.step.phase == plan.phase && !step.step.package && !plan.phase.empty())
      for (std::size_t j = 0; j < plan.packages.size(); ++j) {
        if (plan.packages[j].step) continue;
        const std::string cost = cost_of(plan.emerge.packages[j], plan.packages[j]);
        add_line(text, "merge",
                 version_text(plan.emerge.packages[j].id) + "  " +
                     deed_of(plan.emerge.packages[j], plan.packages[j]) +
                     (cost.empty() ? "" : ", " + cost));
      }
    std::string what = step.step.name + std::string(width - step.step.name.size(), ' ') + "  " +
                       padded(step.step.key.substr(0, 12), 12) + "  ";
    std::vector<std::string> words;
    if (step.step.package)
      what += step.step.package->substr(step.step.package->find('/') + 1) + "  ";
    if (!step.reason.empty()) words.push_back(step.reason);
    if (!costs[i].empty()) words.push_back(costs[i]);
    add_line(text, step.cached ? "cached" : "run", what + join(words, "; "));
  }
  return text + policy_lines(plan) + sums(plan);
}

std::string plan_tree(const build::BuildPlan& plan, Lines lines) {
  if (plan.phase.empty()) return plan_list(plan);
  std::vector<TreeNode> nodes;
  std::vector<std::size_t> roots;
  for (std::size_t i = 0; i < plan.packages.size(); ++i) {
    const Planned& package = plan.emerge.packages[i];
    const build::PackageOutlook& outlook = plan.packages[i];
    TreeNode node;
    node.name = version_text(package.id);
    if (package.id.root != plan.root) node.name += " to " + package.id.root;
    std::vector<std::string> details = {use_text(package)};
    if (outlook.in_store && outlook.place.empty())
      details.emplace_back("in the store");
    else if (outlook.step)
      details.push_back(plan.steps[*outlook.step].reason);
    else
      details.push_back(deed_of(package, outlook));
    details.push_back(cost_of(package, outlook));
    std::erase(details, "");
    node.detail = join(details, "  ");
    for (const portage::Need& need : package.needs)
      if (need.node < plan.packages.size() && need.node != i)
        node.below.push_back({need.node, purpose(need)});
    nodes.push_back(std::move(node));
    if (!package.asked_by.empty()) roots.push_back(i);
  }
  return draw_tree(nodes, roots, lines) + policy_lines(plan) + sums(plan);
}

OrderedJson plan_json(const build::BuildPlan& plan) {
  OrderedJson document = plan::to_json(plan.steps);
  document["policies"] = policies_json(plan);
  if (plan.phase.empty()) return document;
  OrderedJson packages = OrderedJson::array();
  for (std::size_t i = 0; i < plan.packages.size(); ++i) packages.push_back(package_json(plan, i));
  document["packages"] = std::move(packages);
  document["blockers"] = blockers_json(plan.emerge.blockers);
  document["fetch"] = {
      {"files", plan.fetch_files}, {"bytes", plan.fetch_bytes}, {"unsized", plan.fetch_unsized}};
  document["estimate"] = {
      {"seconds", plan.estimate.seconds}, {"unknown", plan.estimate.unknown}, {"jobs", plan.jobs}};
  document["later"] = strings(plan.later);
  return document;
}

}  // namespace gbox::cli
