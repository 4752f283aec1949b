#include "gbox/plan/plan.h"

#include <algorithm>

#include "gbox/base/digest.h"
#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/spec/trim_presets.h"
#include "parts.h"

namespace gbox::plan {

namespace {

constexpr const char* kBaseStep = "base";
constexpr const char* kConfigStep = "config";
// Changes with what a ROOT of its own gets without anybody asking for it.
constexpr int kGroundFormat = 1;

// What presets mean is part of it: a later gbox may have other rules for the same word.
Json trim_of(const spec::Trim& trim) {
  Json definition = Json::object();
  for (const spec::Text& preset : trim.presets) {
    const spec::TrimPreset* found = spec::find_trim_preset(preset.value);
    if (found == nullptr) throw Error("internal error: no preset " + quoted(preset.value));
    Json rules = Json::array();
    for (const spec::TrimRule& rule : found->rules)
      rules.push_back({rule.glob, rule.reach == spec::TrimRule::Reach::anywhere,
                       rule.keeps == spec::TrimRule::Keeps::locales});
    definition["presets"][preset.value] = std::move(rules);
  }
  if (!trim.keep_locales.empty()) definition["keep_locales"] = spec::values_of(trim.keep_locales);
  return definition;
}

// What a phase does, without what it is called. Fields that do nothing are left out, so that a
// field a later gbox adds does not change the keys of phases that do not use it.
Json definition_of(const spec::Phase& phase) {
  Json definition = {{"root", phase.root}};
  for (const spec::Copy& copy : phase.copy) {
    Json entry = {{"from", copy.from}, {"to", copy.to}, {"owner", copy.owner}};
    if (copy.mode) entry["mode"] = *copy.mode;
    definition["copy"].push_back(std::move(entry));
  }
  if (!phase.copy_package.empty()) definition["copy_package"] = spec::values_of(phase.copy_package);
  // What is done besides, unsaid, to build up a ROOT.
  if (phase.root != "/" && (!phase.emerge.atoms.empty() || !phase.copy_package.empty()))
    definition["ground"] = kGroundFormat;
  if (!phase.emerge.atoms.empty()) {
    const spec::Emerge& emerge = phase.emerge;
    definition["emerge"] = spec::values_of(emerge.atoms);
    if (!emerge.options.empty()) definition["options"] = emerge.options;
    if (emerge.oneshot) definition["oneshot"] = true;
    if (emerge.empty_tree) definition["empty_tree"] = true;
    if (emerge.deep) definition["deep"] = true;
    if (emerge.changed_use) definition["changed_use"] = true;
    if (emerge.passes != 1) definition["passes"] = emerge.passes;
  }
  if (!phase.unmerge.empty()) definition["unmerge"] = spec::values_of(phase.unmerge);
  if (phase.depclean) definition["depclean"] = true;
  if (phase.trim) definition["trim"] = trim_of(*phase.trim);
  if (!phase.run.empty()) {
    definition["run"] = phase.run;
    definition["shell"] = spec::to_string(phase.shell);
    if (!phase.env.empty()) definition["env"] = phase.env;
  }
  if (!phase.remove.empty()) definition["remove"] = phase.remove;
  for (const spec::PhaseMount& mount : phase.mounts) {
    // What is in a cache or a secret decides nothing, or it must not be used as one.
    Json entry = {{"kind", spec::to_string(mount.kind)}, {"target", mount.target}};
    if (!mount.from.empty()) entry["from"] = mount.from;
    if (!mount.id.empty()) entry["id"] = mount.id;
    definition["mount"].push_back(std::move(entry));
  }
  if (phase.network != spec::Network::none) definition["network"] = spec::to_string(phase.network);
  return definition;
}

// Whether something of the image runs, and so sees the environment and the repositories.
bool runs_programs(const spec::Phase& phase) {
  return !phase.emerge.atoms.empty() || !phase.copy_package.empty() || !phase.unmerge.empty() ||
         phase.depclean || !phase.run.empty();
}

class Planner {
 public:
  Planner(const spec::BuildSpec& spec, const PlanInputs& inputs) : spec_(spec), inputs_(inputs) {}

  Plan plan() {
    refuse_taken_names();
    add_base();
    if (spec_.portage.where.line != 0 || !spec_.repositories.empty() || !inputs_.config.empty())
      add_config();
    for (const spec::Phase& phase : spec_.phases) add_phase(phase);
    return std::move(plan_);
  }

 private:
  [[noreturn]] static void missing(const std::string& what) {
    throw Error("internal error: plan: no digest of " + what, ExitCode::plan);
  }

  void refuse_taken_names() const {
    std::vector<SpecFault> faults;
    for (const spec::Phase& phase : spec_.phases)
      if (phase.name == kBaseStep || phase.name == kConfigStep)
        faults.push_back({phase.where,
                          "phase " + quoted(phase.name) + ": the name is taken by a step of gbox",
                          "give the phase another name"});
    if (!faults.empty()) throw SpecError(std::move(faults));
  }

  // Starts a step upon the last one.
  Step begin(std::string name, StepKind kind) const {
    Step step;
    step.name = std::move(name);
    step.kind = kind;
    step.parts = Json::array();
    add(step.parts, part::kKeyFormat, kKeyFormat);
    add(step.parts, part::kKind, to_string(kind));
    if (!plan_.steps.empty()) {
      step.parent = plan_.steps.size() - 1;
      add(step.parts, part::kParent, plan_.steps.back().key);
    }
    return step;
  }

  void finish(Step step) {
    step.key = key_of(step.parts);
    plan_.steps.push_back(std::move(step));
  }

  void add_base() {
    if (inputs_.base_digest.empty()) missing("the base");
    Step step = begin(kBaseStep, StepKind::base);
    step.definition =
        !spec_.base.image.empty() ? Json{{"image", spec_.base.image}}
        : spec_.base.stage3.empty()
            ? Json{{"tarball", spec_.base.tarball}}
            : Json{{"stage3", spec_.base.stage3}};  // its name decides nothing, its bytes do
    add(step.parts, part::kBase,
        {{"archive", inputs_.base_digest}, {"format", inputs_.base_format}});
    finish(std::move(step));
  }

  void add_config() {
    Step step = begin(kConfigStep, StepKind::config);
    step.definition = Json::object();
    add(step.parts, part::kConfig, inputs_.config);
    finish(std::move(step));
  }

  void add_phase(const spec::Phase& phase) {
    Step step = begin(phase.name, StepKind::phase);
    step.phase = phase.name;
    step.definition = definition_of(phase);
    if (!phase.run.empty() && inputs_.epoch) step.definition["source_date_epoch"] = *inputs_.epoch;
    add(step.parts, part::kDefinition, step.definition);
    if (!phase.copy.empty()) add(step.parts, part::kSources, sources_of(phase));
    if (const auto mounts = inputs_.mount_sources.find(phase.name);
        mounts != inputs_.mount_sources.end())
      add(step.parts, part::kMounts, mounts->second);
    if (runs_programs(phase)) {
      add(step.parts, part::kPolicy, policy_of(phase));
      add(step.parts, part::kRepositories, repositories());
      if (!phase.emerge.atoms.empty() && !spec_.binary_hosts.empty())
        add(step.parts, part::kBinaryHosts, binary_hosts());
      add(step.parts, part::kEnvironment, environment());
    }
    add(step.parts, part::kHelpers, inputs_.helpers);
    finish(std::move(step));
  }

  Json sources_of(const spec::Phase& phase) const {
    const auto found = inputs_.copy_sources.find(phase.name);
    if (found == inputs_.copy_sources.end() || found->second.size() != phase.copy.size())
      missing("what phase " + quoted(phase.name) + " copies");
    return found->second;
  }

  Json policy_of(const spec::Phase& phase) const {
    const std::string& name = phase.policy.empty() ? inputs_.default_policy : phase.policy;
    const auto own = inputs_.phase_policies.find(phase.name);
    if (own != inputs_.phase_policies.end()) return {{name, own->second}};
    const auto found = inputs_.policies.find(name);
    if (found == inputs_.policies.end()) missing("policy " + quoted(name));
    return {{name, found->second}};
  }

  Json repositories() const {
    Json digests = Json::object();
    for (const spec::Repository& repository : spec_.repositories) {
      const auto found = inputs_.repositories.find(repository.name);
      if (found == inputs_.repositories.end()) missing("repository " + quoted(repository.name));
      digests[repository.name] = found->second;
    }
    return digests;
  }

  Json binary_hosts() const {
    Json digests = Json::object();
    for (const spec::BinaryHost& host : spec_.binary_hosts) {
      const auto found = inputs_.binary_hosts.find(host.name);
      if (found == inputs_.binary_hosts.end()) missing("binary package host " + quoted(host.name));
      digests[host.name] = found->second;
    }
    return digests;
  }

  Json environment() const {
    Json variables = Json::object();
    for (const auto& [name, value] : inputs_.environment) variables[name] = value;
    return variables;
  }

  const spec::BuildSpec& spec_;
  const PlanInputs& inputs_;
  Plan plan_;
};

}  // namespace

std::string_view to_string(StepKind kind) {
  switch (kind) {
    case StepKind::base:
      return "base";
    case StepKind::config:
      return "config";
    case StepKind::phase:
      return "phase";
  }
  return "unknown";
}

std::optional<std::size_t> Plan::find(std::string_view name) const {
  const auto found =
      std::find_if(steps.begin(), steps.end(), [&](const Step& step) { return step.name == name; });
  if (found == steps.end()) return std::nullopt;
  return static_cast<std::size_t>(found - steps.begin());
}

std::vector<std::size_t> Plan::chain(std::size_t index) const {
  std::vector<std::size_t> indices;
  for (std::optional<std::size_t> at = index; at; at = steps.at(*at).parent) indices.push_back(*at);
  std::reverse(indices.begin(), indices.end());
  return indices;
}

std::string key_of(const Json& parts) {
  return sha256(canonical_json(parts)).hex();
}

Plan make_plan(const spec::BuildSpec& spec, const PlanInputs& inputs) {
  return Planner(spec, inputs).plan();
}

}  // namespace gbox::plan
