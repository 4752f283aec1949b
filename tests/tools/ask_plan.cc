// Asks for the plan of a phase whose steps before it are built, and prints it for tests; with a
// mirror, fetches what the plan needs. Runs in gbox's namespace, as gbox itself does.
//   ask_plan SPEC STORE PHASE [MIRROR…]
// Standard output: a line for each package, 'P CPV ROOT KIND OPERATION', behind it its needs
// 'N CPV ROOT KIND…', USE 'U FLAG -FLAG…', files 'F NAME SIZE DIGESTS' and what decides its build:
// 'V NAME=VALUE', 'E ECLASS PATH', 'H PATH' (scripts), 'A PATH' (patches), 'B CPV' or
// 'B CPV installed' (packages that are there). Before all packages 'S data|text PORTAGE' and
// 'H PATH' of the profiles; 'W TEXT' for warnings; with mirrors 'D NAME' for each file that is in
// the store then.
#include <cstdio>
#include <string>
#include <vector>

#include "ask.h"
#include "distfiles.h"
#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/store/store.h"
#include "gbox/sys/idmap.h"
#include "gbox/sys/interrupt.h"
#include "gbox/sys/userns.h"
#include "inputs.h"
#include "settle.h"
#include "sources.h"

namespace {

using namespace gbox;

class Quiet : public build::Observer {
 public:
  void warn(const Warning& warning) override {
    std::fprintf(stderr, "warning: %s\n", warning.message.c_str());
  }
  void fact(std::string_view, std::string_view) override {}
  void plan(const std::vector<build::StepInfo>&, unsigned) override {}
  void step_started(const build::StepInfo&) override {}
  void step_output(const build::StepInfo&, std::string_view) override {}
  void step_cached(const build::StepInfo&) override {}
  void step_done(const build::StepInfo&, double) override {}
  void step_failed(const build::StepInfo&, double, std::string_view) override {}
  void tick() override {}
  void progress(std::string_view, std::uint64_t, std::uint64_t) override {}
  void waiting(std::string_view) override {}
  void build_done(const std::vector<build::OutputInfo>&, double) override {}
};

void say(const std::string& line) {
  std::printf("%s\n", printable(line).c_str());
}

void show(const portage::EmergePlan& plan) {
  using Kind = portage::PlannedPackage::Kind;
  say(std::string("S ") + (plan.source == portage::EmergePlan::Source::data ? "data " : "text ") +
      (plan.portage.empty() ? plan.fallback_why : plan.portage));
  for (const std::string& path : plan.profile_bashrcs) say("H " + path);
  for (const portage::PlannedPackage& package : plan.packages) {
    const char* const kind = package.kind == Kind::binary ? "binary" : "ebuild";
    const bool merged = package.operation == portage::PlannedPackage::Operation::merge;
    say("P " + package.id.cpv + ' ' + package.id.root + ' ' + kind + ' ' +
        (merged ? "merge" : "uninstall"));
    for (const portage::Need& need : package.needs) {
      const portage::PackageId& other = plan.node(need.node);
      say("N " + other.cpv + ' ' + other.root + (need.build ? " build" : "") +
          (need.build_slot ? " build-slot" : "") + (need.run ? " run" : "") +
          (need.run_slot ? " run-slot" : "") + (need.post ? " post" : ""));
    }
    std::string use = "U";
    for (const std::string& flag : package.use_enabled) use += ' ' + flag;
    for (const std::string& flag : package.use_disabled) use += " -" + flag;
    say(use);
    for (const portage::Distfile& file : package.distfiles)
      say("F " + file.name + ' ' + std::to_string(file.size.value_or(0)) + ' ' +
          std::to_string(file.digests.size()) + (file.manual() ? " manual" : ""));
    for (const auto& [name, value] : package.variables) say("V " + name + '=' + value);
    for (const auto& [name, path] : package.eclasses) say("E " + name + ' ' + path);
    for (const std::string& path : package.bashrcs) say("H " + path);
    for (const std::string& path : package.patches) say("A " + path);
    for (const std::size_t node : package.builds_with)
      say("B " + plan.node(node).cpv + (node < plan.packages.size() ? "" : " installed"));
  }
}

void ask(const std::vector<std::string>& arguments) {
  Quiet observer;
  const build::SpecSource source{arguments[0], {}};
  build::Inputs inputs = build::read_inputs(source, observer);
  store::Store store =
      store::Store::open(arguments[1], sys::describe(sys::current_uid_map()), observer);
  const build::SourceOptions options;
  build::Sources sources(options, inputs, store, observer);
  (void)build::settle(inputs, source, sources);
  build::open_repositories(inputs, sources);
  const spec::Phase* phase = nullptr;
  for (const spec::Phase& known : inputs.spec.phases)
    if (known.name == arguments[2]) phase = &known;
  if (phase == nullptr) throw Error("no phase " + quoted(arguments[2]), ExitCode::usage);
  std::vector<std::string> parents;
  for (const plan::Step& step : inputs.plan.steps) {
    if (step.phase == phase->name) break;
    const auto record = store.find_record(step.key, parents);
    if (!record) throw Error("step " + quoted(step.name) + " is not built", ExitCode::usage);
    parents.push_back(record->snapshot);
  }
  const portage::EmergePlan plan = build::ask_emerge({inputs, store, observer}, *phase, parents);
  build::require_plan(plan, *phase, inputs.spec.file);
  for (const Warning& warning : build::plan_warnings(plan, *phase)) say("W " + warning.message);
  show(plan);
  if (arguments.size() == 3) return;
  build::DistfilePlaces places;
  places.directory = store.distfiles_path();
  places.mirrors.assign(arguments.begin() + 3, arguments.end());
  const auto files = build::needed_distfiles({&plan, 1});
  net::Settings settings = net::Settings::from_environment();
  settings.warnings = &observer;
  build::require_distfiles(build::fetch_distfiles(files, places, settings), files.size(), places);
  for (const build::NeededFile& needed : files) say("D " + needed.file.name);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    sys::enter_namespace(argv);
    sys::install_interrupt_handlers();
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    if (arguments.size() < 3) throw Error("ask_plan SPEC STORE PHASE [MIRROR…]", ExitCode::usage);
    ask(arguments);
    return 0;
  } catch (const Error& error) {
    std::fprintf(stderr, "error: %s\n", error.message().c_str());
    for (const std::string& hint : split(error.hint(), '\n'))
      std::fprintf(stderr, "hint: %s\n", hint.c_str());
    return static_cast<int>(error.code());
  }
}
