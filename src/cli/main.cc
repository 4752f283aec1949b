// The program: command line → command → exit status. Everything that fails arrives here once, as
// an Error, and is said once.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <new>

#include "commands.h"
#include "console.h"
#include "error_text.h"
#include "gbox/portage/trust.h"
#include "gbox/sys/fd.h"
#include "gbox/sys/host_facts.h"
#include "gbox/sys/interrupt.h"
#include "gbox/sys/probe.h"
#include "gbox/sys/userns.h"
#include "options.h"
#include "store_path.h"

namespace gbox::cli {

namespace {

extern "C" void ignore_signal(int) {}

// Before anything is opened. A descriptor 0, 1 or 2 that the caller closed would be taken by the
// first file we open, and progress written into it. What stands in refuses to be written, so that
// results nobody can read are an error, as on a full disk.
void hold_standard_descriptors() {
  for (int fd = 0; fd <= 2; ++fd)
    if (::fcntl(fd, F_GETFD) < 0) (void)::open("/dev/null", fd == 2 ? O_RDWR : O_RDONLY);
}

// A reader that went away gives EPIPE to who writes, not death to a build of hours. A handler
// and not SIG_IGN, as only handlers are reset by exec: programs in a sandbox expect the default.
void install_pipe_handler() {
  struct sigaction action {};
  action.sa_handler = ignore_signal;
  action.sa_flags = SA_RESTART;
  (void)::sigemptyset(&action.sa_mask);
  (void)::sigaction(SIGPIPE, &action, nullptr);  // cannot fail for this signal
}

template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};

// Re-executes this program inside the namespace. The first lack of the host in the order of causes
// says more than the one call that failed.
void enter_namespace(char** argv, const std::string& store, sys::IdMapChoice id_map) {
  const sys::HostFacts facts = sys::read_host_facts();
  const std::string before = sys::readlinkat(AT_FDCWD, "/proc/self/ns/user");
  try {
    sys::enter_namespace(argv, id_map, sys::why_single_id(facts));
  } catch (const Error& error) {
    if (error.code() != ExitCode::host) throw;
    if (sys::readlinkat(AT_FDCWD, "/proc/self/ns/user") != before)
      sys::explain_failed_entry(facts, error);
    sys::require_host(store);
    throw;
  }
}

// What runs steps, or asks Portage in a sandbox, needs to know how; a list or a log needs none.
const SandboxArgs* sandbox_of(const Command& command) {
  return std::visit(
      [](const auto& args) -> const SandboxArgs* {
        if constexpr (requires { args.sandbox; }) return &args.sandbox;
        return nullptr;
      },
      command);
}

// Those that may well go without: what a plan says is often known already.
bool may_need_no_sandbox(const Command& command) {
  const auto* build = std::get_if<BuildArgs>(&command);
  return (build != nullptr && build->dry_run) || std::holds_alternative<PlanArgs>(command) ||
         std::holds_alternative<LockArgs>(command) || std::holds_alternative<FetchArgs>(command);
}

// Decides once what all of this run is made with, and says so where it is less than everything.
void choose_means(const Command& command, const std::string& store, Console& console) {
  const SandboxArgs* args = sandbox_of(command);
  if (args == nullptr) return;
  const sys::Decision decision = sys::decide(store, args->storage);
  if (args->require_level || !may_need_no_sandbox(command))
    sys::require(decision, args->require_level.value_or(sys::kLowestLevel));
  sys::use(decision.means);
  if (decision.level >= sys::kLowestLevel) console.progress().level(decision);
}

// What neither opens a store nor runs a step, and writes as the caller.
bool works_outside(const Command& command) {
  return std::holds_alternative<DoctorArgs>(command) ||
         std::holds_alternative<ImageListArgs>(command) ||
         std::holds_alternative<ImageSbomArgs>(command) ||
         std::holds_alternative<ImageVerifyArgs>(command) ||
         std::holds_alternative<KeysListArgs>(command) ||
         std::holds_alternative<KeysUpdateArgs>(command) ||
         std::holds_alternative<PolicyListArgs>(command) ||
         std::holds_alternative<PolicyShowArgs>(command) ||
         std::holds_alternative<PolicyExplainArgs>(command) ||
         std::holds_alternative<PolicyCheckArgs>(command) ||
         std::holds_alternative<PushArgs>(command) || std::holds_alternative<PullArgs>(command);
}

int run(Invocation& invocation, Console& console, char** argv) {
  StoreArgs& store =
      std::visit([](auto& args) -> StoreArgs& { return args.store; }, invocation.command);
  store.directory = store_directory(store.directory);
  if (!works_outside(invocation.command)) {
    // What is made has the mode that it is made with: an image does not tell of its maker's habits.
    (void)::umask(022);
    // Inside, the caller's home directory is no longer to be found by uid.
    if (const std::string keys = portage::user_key_directory(); !keys.empty())
      if (::setenv("GBOX_KEYS", keys.c_str(), 1) != 0) throw std::bad_alloc();
    if (::setenv("GBOX_STORE", store.directory.c_str(), 1) != 0) throw std::bad_alloc();
    enter_namespace(argv, store.directory, invocation.id_map);
    choose_means(invocation.command, store.directory, console);
  }
  sys::install_interrupt_handlers();
  return std::visit(
      Overloaded{
          [&](const BuildArgs& args) { return cmd_build(args, console); },
          [&](const PlanArgs& args) { return cmd_plan(args, console); },
          [&](const LockArgs& args) { return cmd_lock(args, console); },
          [&](const FetchArgs& args) { return cmd_fetch(args, console); },
          [&](const RunArgs& args) { return cmd_run(args, console); },
          [&](const ShellArgs& args) { return cmd_shell(args, console); },
          [&](const LogArgs& args) { return cmd_log(args, console); },
          [&](const WhyArgs& args) { return cmd_why(args, console); },
          [&](const CacheListArgs& args) { return cmd_cache_ls(args, console); },
          [&](const CacheGcArgs& args) { return cmd_cache_gc(args, console); },
          [&](const CacheUsageArgs& args) { return cmd_cache_du(args, console); },
          [&](const CacheVerifyArgs& args) { return cmd_cache_verify(args, console); },
          [&](const CacheExportArgs& args) { return cmd_cache_export(args, console); },
          [&](const CacheImportArgs& args) { return cmd_cache_import(args, console); },
          [&](const KeysListArgs& args) { return cmd_keys_ls(args, console); },
          [&](const KeysUpdateArgs& args) { return cmd_keys_update(args, console); },
          [&](const PolicyListArgs& args) { return cmd_policy_ls(args, console); },
          [&](const PolicyShowArgs& args) { return cmd_policy_show(args, console); },
          [&](const PolicyExplainArgs& args) { return cmd_policy_explain(args, console); },
          [&](const PolicyCheckArgs& args) { return cmd_policy_check(args, console); },
          [&](const ImageListArgs& args) { return cmd_image_ls(args, console); },
          [&](const ImageUsageArgs& args) { return cmd_image_du(args, console); },
          [&](const DoctorArgs& args) { return cmd_doctor(args, console); },
          [&](const ImageVerifyArgs& args) { return cmd_image_verify(args, console); },
          [&](const PushArgs& args) { return cmd_push(args, console); },
          [&](const PullArgs& args) { return cmd_pull(args, console); },
          [&](const ImageDiffArgs& args) { return cmd_image_diff(args, console); },
          [&](const ImageSbomArgs& args) { return cmd_image_sbom(args, console); },
          [&](const VerifyArgs& args) { return cmd_verify(args, console); },
      },
      invocation.command);
}

int report(Console& console, const Error& error) {
  const auto* stop = dynamic_cast<const Interrupted*>(&error);
  // As with any program whose reader went away: the status says it, nobody is told.
  if (stop == nullptr || stop->signal_number() != SIGPIPE) console.progress().error(error);
  console.progress().suspend();
  return exit_status(error);
}

// Turns whatever an action throws into words and a status. `console` is made anew by the caller
// once the options are known.
template <class Action>
int guarded(Console& console, Action&& action) {
  try {
    return action();
  } catch (const Error& error) {
    return report(console, error);
  } catch (const std::bad_alloc&) {
    return report(console, Error("out of memory"));
  } catch (const std::exception& error) {
    Error internal("internal error: " + std::string(error.what()));
    internal.set_hint("this is a fault of gbox; please report it with the spec and this line");
    return report(console, internal);
  }
}

int main(int argc, char** argv) {
  hold_standard_descriptors();
  install_pipe_handler();
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  Console early(progress_asked_for(arguments), Verbose::no);
  Invocation invocation;
  const int parsed = guarded(early, [&] {
    invocation = parse_command_line(arguments);
    early.result(invocation.text);
    return 0;
  });
  if (parsed != 0 || !invocation.text.empty()) return parsed;
  Console console(invocation.progress, invocation.verbose);
  return guarded(console, [&] { return run(invocation, console, argv); });
}

}  // namespace

}  // namespace gbox::cli

int main(int argc, char** argv) {
  return gbox::cli::main(argc, argv);
}
