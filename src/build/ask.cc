#include "ask.h"

#include <map>

#include "capture.h"
#include "files.h"
#include "gbox/base/text.h"
#include "gbox/portage/command.h"
#include "gbox/portage/manifest.h"
#include "gbox/sys/beneath.h"
#include "root.h"
#include "supplies.h"

namespace gbox::build {

namespace {

// One question's sandbox: made afresh each time, because an overlay is mounted once at a time.
class Asker {
 public:
  Asker(const StepContext& context, const spec::Phase& phase,
        const std::vector<std::string>& parents)
      : context_(context),
        phase_(phase),
        work_(context.store.begin_step("ask", parents.empty() ? "" : parents.back())),
        root_(context.store, work_, parents, step_targets(context.inputs)) {
    if (context.supplies != nullptr) hosts_ = context.supplies->show_hosts({}, hosts_directory());
    if (phase.copy.empty()) return;
    const sys::Fd mount = root_.mount();  // configuration among them changes the plan
    for (const spec::Copy& copy : phase.copy)
      copy_into(mount.get(), phase.root, copy, resolve_path(context.inputs, copy.from));
  }

  Captured run(const portage::Command& command, const portage::Environment& more,
               std::string_view input) {
    sandbox::Settings settings;
    settings.root = root_.mount();
    settings.mounts =
        step_mounts(context_.inputs, root_.scratch("tmp"), root_.scratch("var-tmp"), {});
    if (hosts_)
      for (sandbox::Mount& mount : host_mounts(hosts_directory()))
        settings.mounts.push_back(std::move(mount));
    settings.command.argv = command;
    settings.command.environment = environment(more);
    (void)sandbox::ensure_targets(settings);  // nothing of this root is kept
    CaptureLimits limits;
    limits.output_bytes = portage::kMaxPlanBytes;
    limits.messages_bytes = portage::kMaxPlanTextBytes;
    return run_captured(std::move(settings), sandbox::load_policy(phase_.policy), input, limits,
                        [&] { context_.observer.tick(); });
  }

 private:
  std::string hosts_directory() const { return root_.scratch("hosts"); }

  portage::Environment environment(const portage::Environment& more) const {
    std::map<std::string, std::string> all;
    for (const portage::Environment& part :
         {portage::base_environment(),
          portage::emerge_environment(context_.inputs.spec.options, phase_.root), more})
      for (const auto& [name, value] : part) all[name] = value;
    return {all.begin(), all.end()};
  }

  const StepContext& context_;
  const spec::Phase& phase_;
  store::Work work_;
  StepRoot root_;
  bool hosts_ = false;
};

// What emerge prints, when its internals are not as the helper knows them.
portage::EmergePlan ask_text(Asker& asker, const portage::Command& emerge, std::string why) {
  const portage::TextQuestion question = portage::text_question(emerge);
  const Captured packages = asker.run(question.packages, {}, {});
  std::string uris;
  if (packages.status.code == 0) uris = asker.run(question.uris, question.environment, {}).output;
  portage::EmergePlan plan = portage::parse_emerge_text(packages.output, uris);
  plan.fallback_why = std::move(why);
  plan.exit_status = packages.status.code;
  // Portage says what is the matter on either stream.
  plan.text = packages.messages + (plan.ok() ? "" : packages.output);
  return plan;
}

std::string ending(const Captured& answer) {
  const std::vector<std::string> lines = split(trim(answer.messages), '\n');
  return "python3 ended with " + std::to_string(answer.status.code) +
         (lines.back().empty() ? "" : " (" + printable(lines.back()).substr(0, 200) + ")");
}

// The Manifests of the spec's repositories as this host has them: the sandbox's word about a
// digest is not taken where the repository's own can be.
void check_digests(portage::EmergePlan& plan, const Inputs& inputs) {
  for (portage::PlannedPackage& package : plan.packages) {
    if (package.kind != portage::PlannedPackage::Kind::ebuild) continue;
    for (const portage::CheckedRepository& repository : inputs.repositories) {
      if (!package.id.repository.empty() && package.id.repository != repository.name) continue;
      const std::string path = std::string(package.id.package()) + "/Manifest";
      const auto file =
          sys::try_open_beneath(repository.directory.get(), path, O_RDONLY, sys::Resolve::beneath);
      if (!file) continue;
      with_context("read " + quoted(repository.path + '/' + path), [&] {
        portage::apply_manifest(plan, package, portage::read_manifest(file->get()));
      });
    }
  }
}

// "package_use = { "dev-lang/php" = ["intl"] }", as stage4.toml has it.
std::string toml_of(const portage::Proposal& proposal) {
  using Kind = portage::Proposal::Kind;
  std::vector<std::string> values;
  for (const std::string& value : proposal.values) values.push_back('"' + printable(value) + '"');
  const std::string list = '[' + join(values, ", ") + ']';
  switch (proposal.kind) {
    case Kind::use:
      return "package_use = { \"" + std::string(proposal.id.package()) + "\" = " + list + " }";
    case Kind::keywords:
      return "package_accept_keywords = { \"=" + proposal.id.cpv + "\" = " + list + " }";
    case Kind::unmask:
      return "package_unmask = [\"=" + proposal.id.cpv + "\"]";
    case Kind::license:
      break;
  }
  return "package_license = { \"" + std::string(proposal.id.package()) + "\" = " + list + " }";
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

std::string sentence_of(const portage::Problem& problem) {
  using Kind = portage::Problem::Kind;
  const std::string by = problem.of.empty() ? "" : ", wanted by " + quoted_list(problem.of);
  switch (problem.kind) {
    case Kind::missing:
      return "no package " + quoted(problem.atom) + " in the repositories" + by;
    case Kind::circular:
      return quoted_list(problem.of) + " need each other to build";
    case Kind::slot_conflict:
      return quoted_list(problem.of) + " are wanted in one slot";
    case Kind::blocked:
      return quoted(problem.atom) + " blocks, asked for by " + quoted_list(problem.of);
    case Kind::unsatisfied:
      break;
  }
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
  return "nothing satisfies " + quoted(problem.atom) + by;
}

// What the spec would have to say for the newest version that an atom could have meant.
std::vector<std::string> remedies_of(const portage::Problem& problem) {
  std::vector<std::string> lines;
  if (problem.refused.empty()) return lines;
  const portage::Refused& refused = problem.refused.front();
  using Kind = portage::Proposal::Kind;
  for (const std::string& mask : refused.masks) {
    const std::vector<std::string> words = split_words(mask);
    if (mask == "package.mask") lines.push_back(toml_of({Kind::unmask, refused.id, {}, {}}));
    if (words.size() == 2 && words[1] == "keyword" && words[0] != "missing")
      lines.push_back(toml_of({Kind::keywords, refused.id, {words[0]}, {}}));
    if (mask == "missing keyword")
      lines.push_back(toml_of({Kind::keywords, refused.id, {"**"}, {}}));
  }
  if (!refused.licenses.empty())
    lines.push_back(toml_of({Kind::license, refused.id, refused.licenses, {}}));
  if (!refused.needs_use.empty())
    lines.push_back(toml_of({Kind::use, refused.id, refused.needs_use, {}}));
  return lines;
}

}  // namespace

portage::EmergePlan ask_emerge(const StepContext& context, const spec::Phase& phase,
                               const std::vector<std::string>& parents) {
  const bool hosts = !context.inputs.spec.binary_hosts.empty();
  const portage::Command emerge = portage::emerge_commands(phase, hosts).at(0);
  return with_context("ask portage for the plan of phase " + quoted(phase.name), [&] {
    std::string why;
    std::optional<portage::EmergePlan> plan;
    Asker asker(context, phase, parents);
    Captured answer = asker.run(portage::helper_command(emerge), {}, portage::plan_helper());
    if (answer.status.code == 0) {
      plan = portage::parse_emerge_plan(answer.output, &why);
    } else {
      why = ending(answer);
    }
    if (plan) {
      plan->text = std::move(answer.messages);
    } else {
      plan = ask_text(asker, emerge, std::move(why));
    }
    check_digests(*plan, context.inputs);
    return std::move(*plan);
  });
}

void require_plan(const portage::EmergePlan& plan, const spec::Phase& phase) {
  if (plan.ok()) return;
  const std::string start = to_string(phase.where) + ": plan of phase " + quoted(phase.name) + ": ";
  std::vector<std::string> sentences;
  std::vector<std::string> lines;
  for (const portage::Proposal& proposal : plan.proposals) {
    sentences.push_back(sentence_of(proposal));
    lines.push_back(toml_of(proposal));
  }
  // With proposals there are no other problems worth a word: Portage has a way.
  if (plan.proposals.empty())
    for (const portage::Problem& problem : plan.problems) {
      sentences.push_back(sentence_of(problem));
      for (std::string& line : remedies_of(problem)) lines.push_back(std::move(line));
    }
  if (sentences.empty()) {
    const std::string text = portage::plan_failure(plan);
    Error error(start + "portage has none" + (text.empty() ? "" : ":\n" + text), ExitCode::plan);
    throw error.set_hint("this is all that portage says about it");
  }
  Error error(start + join(sentences, "\n"), ExitCode::plan);
  for (std::string& line : lines) line.insert(0, "add to [portage]: ");
  if (lines.empty()) lines.push_back("'gbox shell' lets you ask the image's emerge yourself");
  throw error.set_hint(join(lines, "\n"));
}

std::vector<Warning> plan_warnings(const portage::EmergePlan& plan, const spec::Phase& phase) {
  std::vector<Warning> warnings;
  const std::string start = to_string(phase.where) + ": phase " + quoted(phase.name) + ": ";
  std::vector<std::string> live;
  for (const portage::PlannedPackage& package : plan.packages)
    if (package.live() && package.kind == portage::PlannedPackage::Kind::ebuild)
      live.push_back(package.id.cpv);
  if (!live.empty() && phase.network == spec::Network::none)
    warnings.push_back({start + quoted_list(live) +
                            " fetch while they are built, and the phase "
                            "has no network",
                        "use a released version, or set 'network = \"host\"' in the phase: what "
                        "is fetched then is not verified, and another build may get other files"});
  if (plan.source == portage::EmergePlan::Source::text)
    warnings.push_back({start +
                            "the plan is read from what emerge prints, because the image's "
                            "Portage is not as gbox knows it: " +
                            plan.fallback_why,
                        "files that an ebuild fetches may be missed; the build then says which"});
  return warnings;
}

}  // namespace gbox::build
