#include "ask.h"

#include <algorithm>
#include <map>

#include "capture.h"
#include "files.h"
#include "gbox/base/text.h"
#include "gbox/build/plan.h"
#include "gbox/portage/command.h"
#include "gbox/portage/manifest.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/file.h"
#include "lesser_proc.h"
#include "plan_words.h"
#include "root.h"
#include "root_phase.h"
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
    if (phase.copy.empty() && !builds_root(phase)) return;
    const sys::Fd mount = root_.mount();
    if (builds_root(phase)) lay_skeleton(mount.get(), phase);
    // Configuration among them changes the plan, as what is taken over does.
    for (const spec::Copy& copy : phase.copy)
      copy_into(mount.get(), phase.root, copy, resolve_path(context.inputs, copy.from));
    if (builds_root(phase)) prepare_for_plan(mount.get(), phase);
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
    add_lesser_proc(settings, root_);
    settings.command.argv = command;
    settings.command.environment = environment(more);
    (void)sandbox::ensure_targets(settings);  // nothing of this root is kept
    CaptureLimits limits;
    limits.output_bytes = portage::kMaxPlanBytes;
    limits.messages_bytes = portage::kMaxPlanTextBytes;
    return run_captured(std::move(settings), policy_of(context_.inputs, phase_), input, limits,
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

// Something is there, but masked, or without the flag that is asked for.
bool wants_proposals(const portage::EmergePlan& plan) {
  using Kind = portage::Problem::Kind;
  return !plan.ok() && std::any_of(plan.problems.begin(), plan.problems.end(),
                                   [](const portage::Problem& problem) {
                                     return problem.kind == Kind::unsatisfied;
                                   });
}

// The same command, to find out what a plan would need: autounmask goes as far as it can, unless
// the phase's own options, which follow, say how far.
portage::Command proposing(portage::Command emerge) {
  emerge.insert(emerge.begin() + 1, {"--autounmask=y", "--autounmask-license=y"});
  return emerge;
}

// All changes at once: by itself, emerge names the first that it stumbles upon.
std::vector<portage::Proposal> ask_proposals(Asker& asker, const portage::Command& emerge,
                                             const portage::EmergePlan& plan) {
  const Captured answer =
      asker.run(portage::helper_command(proposing(emerge)), {}, portage::plan_helper());
  if (answer.status.code == 0)
    if (auto more = portage::parse_emerge_plan(answer.output); more && !more->proposals.empty())
      return std::move(more->proposals);
  return plan.proposals;
}

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
      if (wants_proposals(*plan)) plan->proposals = ask_proposals(asker, emerge, *plan);
    } else {
      plan = ask_text(asker, emerge, std::move(why));
    }
    check_digests(*plan, context.inputs);
    return std::move(*plan);
  });
}

namespace {

// The additions as they would stand in the spec.
std::vector<std::string> addition_lines(const std::vector<spec::PortageAddition>& additions,
                                        const std::string& file) {
  std::vector<std::string> lines;
  try {
    const spec::EditedSpec edited =
        spec::add_to_portage(file, sys::read_file(file, spec::kMaxSpecBytes), additions);
    if (edited.changed.empty())
      return {quoted(file) +
              " says this already; a rule of 'config_dir' or a later one of the "
              "spec may say otherwise"};
    lines.push_back("'gbox plan --write " + file + "' makes of the spec:");
    for (const spec::EditedSpec::Line& line : edited.changed)
      lines.push_back(file + ':' + std::to_string(line.number) + ": " + line.text);
  } catch (const Error&) {
    // As a person would write them.
    lines.emplace_back("add to [portage]:");
    for (const spec::PortageAddition& addition : additions)
      lines.push_back(spec::to_toml(addition));
  }
  return lines;
}

}  // namespace

void require_plan(const portage::EmergePlan& plan, const spec::Phase& phase,
                  const std::string& file) {
  if (plan.ok()) return;
  const std::string start = to_string(phase.where) + ": plan of phase " + quoted(phase.name) + ": ";
  const PlanWords words = plan_words(plan);
  if (words.sentences.empty()) {
    const std::string text = portage::plan_failure(plan);
    Error error(start + "portage has none" + (text.empty() ? "" : ":\n" + text), ExitCode::plan);
    throw error.set_hint("this is all that portage says about it");
  }
  NoPlan error(start + join(words.sentences, "\n"), words.additions);
  std::vector<std::string> hints;
  if (!words.additions.empty()) hints = addition_lines(words.additions, file);
  hints.insert(hints.end(), words.remedies.begin(), words.remedies.end());
  error.set_hint(hints.empty() ? "'gbox shell' lets you ask the image's emerge yourself"
                               : join(hints, "\n"));
  throw error;
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
                        "use a released version, or set 'network = \"fetch\"' in the phase: what "
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
