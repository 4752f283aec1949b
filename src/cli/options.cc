#include "options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <optional>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "help.h"
#include "values.h"

namespace gbox::cli {

namespace {

// Options as text; what they mean is decided after parsing, in words of ours.
struct Raw {
  std::string spec = "stage4.toml";
  std::string store;
  std::string progress;
  std::string require_level;
  std::string keep;
  std::string unused_for;
  std::vector<std::string> set;
  std::vector<std::string> outputs;
  std::string from;
  std::string until;
  std::string image;
  std::vector<std::string> spec_and_step;
  std::string step;
  std::string help_topic;
  bool verbose = false;
  bool dry_run = false;
  bool json = false;
  bool path_only = false;
};

constexpr char kSpecText[] = "the spec (default: stage4.toml)";
constexpr char kStepText[] = "the spec (default: stage4.toml), then the step, such as 'php'";

class Parser {
 public:
  Parser() {
    app_.set_version_flag("--version", "gbox " GBOX_VERSION)->description("print the version");
    app_.get_help_ptr()->description("print this help");
    app_.formatter(std::make_shared<HelpFormatter>());
    app_.require_subcommand(0, 1);
    app_.allow_extras();
    app_.footer(
        "'gbox COMMAND --help' tells more of a command. The manuals are gbox(1)\nand "
        "gbox-stage4.toml(5).");
    declare_build();
    declare_plan();
    declare_run();
    declare_shell_and_log();
    declare_cache();
    declare_doctor();
    CLI::App* help = add(app_, "help", "print the help of a command");
    help->add_option("COMMAND", raw_.help_topic, "the command")->option_text("[COMMAND]");
    help->group("");  // --help says the same; listed once is enough
  }

  Invocation parse(std::vector<std::string> arguments);
  [[nodiscard]] std::vector<OptionNames> names() const;

 private:
  static CLI::App* add(CLI::App& parent, const std::string& name, const std::string& text) {
    CLI::App* command = parent.add_subcommand(name, text);
    command->allow_extras();  // told apart and explained by refuse_extras()
    command->get_help_ptr()->description("print this help");
    return command;
  }
  void add_spec(CLI::App& command) {
    command.add_option("SPEC", raw_.spec, kSpecText)->option_text("[SPEC]");
    add_set(command);
  }
  void add_set(CLI::App& command) {
    command.add_option("--set", raw_.set, "give a value to a key of the spec's [args]; repeatable")
        ->type_name("NAME=VALUE")
        ->expected(1)
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }
  void add_common(CLI::App& command) {
    command
        .add_option("--store", raw_.store,
                    "the directory of snapshots and blobs (default: $GBOX_STORE, else "
                    "$XDG_DATA_HOME/gbox)")
        ->type_name("DIR");
    command
        .add_option("--progress", raw_.progress,
                    "auto, tty, plain, json or none (default: auto, or $GBOX_PROGRESS)")
        ->type_name("MODE");
    command.add_flag("-v,--verbose", raw_.verbose, "show all output of the steps");
  }
  void add_step(CLI::App& command) {
    command.add_option("SPEC STEP", raw_.spec_and_step, kStepText)
        ->option_text("[SPEC] STEP")
        ->expected(1, -1);  // a third is refused in our words
    add_set(command);
  }

  void declare_build();
  void declare_plan();
  void declare_run();
  void declare_shell_and_log();
  void declare_cache();
  void declare_doctor();

  [[noreturn]] void refuse_extras(const CLI::App& command, const std::vector<std::string>& extras);
  [[nodiscard]] Command command_of(const CLI::App& parsed) const;
  [[nodiscard]] SpecArgs spec_args() const;
  [[nodiscard]] std::pair<SpecArgs, std::string> spec_and_step(const std::string& command) const;
  [[nodiscard]] std::string help_of(const std::string& topic) const;

  CLI::App app_{"build Gentoo images from a spec, as an ordinary user", "gbox"};
  Raw raw_;
  std::optional<std::vector<std::string>> after_dashes_;  // of `run`, behind the first "--"
};

void Parser::declare_build() {
  CLI::App* command = add(app_, "build", "build an image from a spec");
  add_spec(*command);
  command
      ->add_option("-o,--output", raw_.outputs,
                   "write the image to oci:DIR[:REF] or oci-archive:FILE; repeatable (default: "
                   "oci:NAME, after the spec's name)")
      ->type_name("TARGET")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_option("--from", raw_.from, "run this phase and all after it anew")
      ->type_name("PHASE");
  command->add_option("--until", raw_.until, "stop after this phase, write no image")
      ->type_name("PHASE");
  command->add_flag("-n,--dry-run", raw_.dry_run, "say what would run and why, run nothing");
  command
      ->add_option("--require-level", raw_.require_level,
                   "refuse a host below this level (default: full; see 'gbox doctor')")
      ->type_name("LEVEL");
  add_common(*command);
}

void Parser::declare_plan() {
  CLI::App* command = add(app_, "plan", "say which steps a build would run, and why");
  add_spec(*command);
  command->add_flag("--json", raw_.json, "print JSON");
  add_common(*command);
}

void Parser::declare_run() {
  CLI::App* command = add(app_, "run", "run a command in a built image or a snapshot");
  command
      ->add_option("IMAGE", raw_.image,
                   "oci:DIR[:REF], oci-archive:FILE, or a finished step by name or by key")
      ->option_text("IMAGE [--] [COMMAND...]");
  // What stands behind the image belongs to the command, options included.
  command->prefix_command();
  add_common(*command);
}

void Parser::declare_shell_and_log() {
  CLI::App* shell = add(app_, "shell", "open a shell in what a step left behind");
  add_step(*shell);
  add_common(*shell);
  CLI::App* log = add(app_, "log", "print the output of a step");
  log->add_option("STEP", raw_.step, "the step, such as 'php'");
  log->add_flag("--path", raw_.path_only, "print where the log is, not what it says");
  add_common(*log);
}

void Parser::declare_cache() {
  CLI::App* cache = add(app_, "cache", "look after the store");
  cache->require_subcommand(0, 1);
  CLI::App* list = add(*cache, "ls", "list the finished steps in the store");
  list->add_flag("--json", raw_.json, "print JSON");
  add_common(*list);
  CLI::App* collect = add(*cache, "gc", "remove from the store what nothing needs");
  collect
      ->add_option("--keep", raw_.keep,
                   "also remove finished steps, least recently used first, until the store is no "
                   "larger than this")
      ->type_name("SIZE");
  collect
      ->add_option("--unused-for", raw_.unused_for,
                   "also remove finished steps not used for so long, such as 30d")
      ->type_name("DURATION");
  add_common(*collect);
}

void Parser::declare_doctor() {
  CLI::App* command =
      add(app_, "doctor", "say what this host can do, what it lacks, and the remedy");
  command->add_flag("--json", raw_.json, "print JSON");
  add_common(*command);
}

std::string spaced_name(const CLI::App& app) {
  if (app.get_parent() == nullptr) return app.get_name();
  return spaced_name(*app.get_parent()) + ' ' + app.get_name();
}

// "cache gc: ", or nothing for the program itself, whose name stands before every error.
std::string error_prefix(const CLI::App& app) {
  if (app.get_parent() == nullptr) return {};
  return spaced_name(app).substr(std::string_view("gbox ").size()) + ": ";
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands(std::function<bool(const CLI::App*)>()))
    names.push_back(command->get_name());
  return names;
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    if (option->nonpositional())
      for (const std::string& name : split(option->get_name(false, true), ','))
        names.push_back(name);
  return names;
}

void Parser::refuse_extras(const CLI::App& command, const std::vector<std::string>& extras) {
  const std::string who = error_prefix(command);
  const std::string& first = extras.front();
  const std::string help = '\'' + spaced_name(command) + " --help' lists ";
  if (first.size() > 1 && first.front() == '-') {
    const std::string option = first.substr(0, first.find('='));
    const std::string near = nearest(option, option_names(command));
    throw Error(who + "unknown option " + gbox::quoted(option), ExitCode::usage)
        .set_hint(near.empty() ? help + "its options" : "did you mean " + gbox::quoted(near) + '?');
  }
  const std::vector<std::string> commands = command_names(command);
  if (commands.empty())
    throw Error(who + "one argument too many: " + gbox::quoted(first), ExitCode::usage)
        .set_hint(help + "what it takes");
  const std::string near = nearest(first, commands);
  throw Error(who + "unknown command " + gbox::quoted(first), ExitCode::usage)
      .set_hint(near.empty() ? help + "the commands" : "did you mean " + gbox::quoted(near) + '?');
}

[[noreturn]] void throw_no_step(const std::string& command) {
  throw Error(command + ": no step given", ExitCode::usage)
      .set_hint("'gbox plan' lists the steps of the spec");
}

SpecArgs Parser::spec_args() const {
  SpecArgs args;
  args.path = raw_.spec;
  for (const std::string& text : raw_.set) args.set.push_back(parse_setting(text));
  return args;
}

std::pair<SpecArgs, std::string> Parser::spec_and_step(const std::string& command) const {
  if (raw_.spec_and_step.empty()) throw_no_step(command);
  if (raw_.spec_and_step.size() > 2)
    throw Error(command + ": one argument too many: " + gbox::quoted(raw_.spec_and_step[2]),
                ExitCode::usage)
        .set_hint("'gbox " + command + " --help' lists what it takes");
  SpecArgs args = spec_args();
  if (raw_.spec_and_step.size() == 2) args.path = raw_.spec_and_step.front();
  return {std::move(args), raw_.spec_and_step.back()};
}

Command Parser::command_of(const CLI::App& parsed) const {
  const std::string& name = parsed.get_name();
  const StoreArgs store{raw_.store};
  if (name == "build")
    return BuildArgs{
        spec_args(),
        store,
        raw_.outputs,
        raw_.from,
        raw_.until,
        raw_.dry_run,
        raw_.require_level.empty() ? sys::Level::full : parse_level(raw_.require_level)};
  if (name == "plan") return PlanArgs{spec_args(), store, raw_.json};
  if (name == "run") {
    if (raw_.image.empty())
      throw Error("run: no image given", ExitCode::usage)
          .set_hint("such as 'gbox run oci:out -- /bin/sh'");
    std::vector<std::string> command = parsed.remaining();
    if (!command.empty() && after_dashes_) command.push_back("--");  // the command's own
    if (after_dashes_) command.insert(command.end(), after_dashes_->begin(), after_dashes_->end());
    return RunArgs{store, raw_.image, std::move(command)};
  }
  if (name == "shell") {
    auto [spec, step] = spec_and_step(name);
    return ShellArgs{std::move(spec), store, std::move(step)};
  }
  if (name == "log") {
    if (raw_.step.empty()) throw_no_step(name);
    return LogArgs{store, raw_.step, raw_.path_only};
  }
  if (name == "ls") return CacheListArgs{store, raw_.json};
  if (name == "gc") {
    CacheGcArgs args{store, {}, {}};
    if (!raw_.keep.empty()) args.keep_bytes = parse_size("--keep", raw_.keep);
    if (!raw_.unused_for.empty())
      args.unused_seconds = parse_duration("--unused-for", raw_.unused_for);
    return args;
  }
  return DoctorArgs{store, raw_.json};
}

std::string Parser::help_of(const std::string& topic) const {
  if (topic.empty()) return app_.help();
  for (const CLI::App* command : app_.get_subcommands(std::function<bool(const CLI::App*)>()))
    if (command->get_name() == topic) return command->help();
  throw Error("help: unknown command " + gbox::quoted(topic), ExitCode::usage)
      .set_hint("'gbox --help' lists the commands");
}

// CLI11's own words for the few things it refuses by itself, in ours.
[[noreturn]] void throw_parse_error(const CLI::ParseError& error) {
  if (const auto* mismatch = dynamic_cast<const CLI::ArgumentMismatch*>(&error)) {
    const std::string said = mismatch->what();
    const std::string option = said.substr(0, said.find_first_of(": "));
    if (!option.empty() && option.front() == '-')
      throw Error("option " + gbox::quoted(option) + " needs a value", ExitCode::usage)
          .set_hint("'gbox COMMAND --help' tells which");
  }
  throw Error("command line: " + std::string(error.what()), ExitCode::usage)
      .set_hint("'gbox --help' lists commands, 'gbox COMMAND --help' their options");
}

Invocation Parser::parse(std::vector<std::string> arguments) {
  // CLI11 would go on to look for options of ours behind '--' once the image has been read.
  const auto dashes = std::find(arguments.begin(), arguments.end(), "--");
  if (!arguments.empty() && arguments.front() == "run" && dashes != arguments.end()) {
    after_dashes_.emplace(dashes + 1, arguments.end());
    arguments.erase(dashes, arguments.end());
  }
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  Invocation result;
  try {
    app_.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    const CLI::App* at = &app_;
    while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
    result.text = at->help();
    return result;
  } catch (const CLI::CallForVersion&) {
    result.text = std::string("gbox ") + GBOX_VERSION + '\n';
    return result;
  } catch (const CLI::ParseError& error) {
    throw_parse_error(error);
  }
  const CLI::App* parsed = &app_;
  while (!parsed->get_subcommands().empty()) parsed = parsed->get_subcommands().front();
  if (parsed->get_name() != "run" && !parsed->remaining().empty())
    refuse_extras(*parsed, parsed->remaining());
  if (!app_.remaining().empty()) refuse_extras(app_, app_.remaining());
  if (parsed == &app_ || !command_names(*parsed).empty())
    throw Error(error_prefix(*parsed) + "no command given", ExitCode::usage)
        .set_hint('\'' + spaced_name(*parsed) + " --help' lists the commands");
  if (parsed->get_name() == "help") {
    result.text = help_of(raw_.help_topic);
    return result;
  }
  if (!raw_.progress.empty()) {
    result.progress = parse_progress(raw_.progress);
  } else if (const char* wish = std::getenv("GBOX_PROGRESS"); wish != nullptr && *wish != '\0') {
    result.progress = parse_progress(wish);
  }
  result.verbose = raw_.verbose ? Verbose::yes : Verbose::no;
  result.command = command_of(*parsed);
  return result;
}

void collect_names(const CLI::App& app, std::vector<OptionNames>& out) {
  out.push_back({spaced_name(app), option_names(app)});
  for (const CLI::App* command : app.get_subcommands(std::function<bool(const CLI::App*)>()))
    collect_names(*command, out);
}

std::vector<OptionNames> Parser::names() const {
  std::vector<OptionNames> all;
  collect_names(app_, all);
  return all;
}

}  // namespace

Invocation parse_command_line(const std::vector<std::string>& arguments) {
  return Parser().parse(arguments);
}

ProgressMode progress_asked_for(const std::vector<std::string>& arguments) noexcept {
  for (std::size_t i = 0; i < arguments.size(); ++i)
    if (arguments[i] == "--progress=json" ||
        (arguments[i] == "--progress" && i + 1 < arguments.size() && arguments[i + 1] == "json"))
      return ProgressMode::json;
  return ProgressMode::automatic;
}

std::vector<OptionNames> all_options() {
  return Parser().names();
}

}  // namespace gbox::cli
