#include "options.h"

#include <algorithm>
#include <cstdlib>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "parser.h"
#include "values.h"

namespace gbox::cli {

namespace {

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

[[noreturn]] void throw_no_step(const std::string& command) {
  throw Error(command + ": no step given", ExitCode::usage)
      .set_hint("'gbox plan' lists the steps of the spec");
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

void collect_names(const CLI::App& app, std::vector<OptionNames>& out) {
  out.push_back({spaced_name(app), option_names(app)});
  for (const CLI::App* command : app.get_subcommands(std::function<bool(const CLI::App*)>()))
    collect_names(*command, out);
}

}  // namespace

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

SpecArgs Parser::spec_args() const {
  SpecArgs args;
  args.path = raw_.spec;
  for (const std::string& text : raw_.set) args.set.push_back(parse_setting(text));
  return args;
}

InputArgs Parser::input_args() const {
  return {raw_.locked, raw_.offline, raw_.ca, raw_.keyring, raw_.plain_http};
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

std::optional<std::uint64_t> Parser::store_limit() const {
  if (!raw_.store_limit.empty()) return parse_size("--store-limit", raw_.store_limit);
  const char* wish = std::getenv("GBOX_STORE_LIMIT");
  if (wish == nullptr || *wish == '\0') return std::nullopt;
  return parse_size("GBOX_STORE_LIMIT", wish);
}

build::EffortOptions Parser::effort_options() const {
  build::EffortOptions effort;
  if (!raw_.jobs.empty()) effort.jobs = parse_count("--jobs", raw_.jobs, 1);
  if (!raw_.emerge_jobs.empty())
    effort.packages = parse_count("--emerge-jobs", raw_.emerge_jobs, 1);
  if (!raw_.memory.empty()) effort.memory_bytes = parse_size("--memory", raw_.memory);
  if (!raw_.retry.empty()) effort.retries = parse_count("--retry", raw_.retry, 0);
  effort.keep_going = raw_.keep_going;
  effort.trace_policy = raw_.trace_policy;
  for (const std::string& text : raw_.limits) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos)
      throw Error("option '--limit': " + gbox::quoted(text) + " has no '='", ExitCode::usage)
          .set_hint("such as '--limit time=2h'");
    with_context("option '--limit'", [&] {
      spec::set_limit(effort.limits, text.substr(0, equals), text.substr(equals + 1),
                      {"--limit", 0, 0});
    });
  }
  return effort;
}

SandboxArgs Parser::sandbox_args() const {
  SandboxArgs args;
  const auto given = [](const std::string& option, const char* variable) {
    if (!option.empty()) return option;
    const char* wish = std::getenv(variable);
    return std::string(wish == nullptr ? "" : wish);
  };
  const std::string level = given(raw_.require_level, "GBOX_REQUIRE_LEVEL");
  if (!level.empty()) args.require_level = parse_level(level);
  const std::string storage = given(raw_.storage, "GBOX_STORAGE");
  if (!storage.empty()) args.storage = parse_storage(storage);
  return args;
}

LockArgs Parser::lock_args(const CLI::App& parsed) const {
  LockArgs args{spec_args(), {raw_.store}, input_args(),  raw_.update,
                false,       raw_.dry_run, sandbox_args()};
  std::erase(args.update, "");  // what CLI11 gives for an option without a value
  args.update_all = parsed.count("--update") > 0 && args.update.empty();
  return args;
}

Command Parser::policy_command(const std::string& name) const {
  const StoreArgs store{raw_.store};
  if (name == "ls") return PolicyListArgs{store, raw_.json};
  std::vector<std::string> words = raw_.policy_words;
  const std::string what = name == "explain" ? "system call" : name == "show" ? "policy" : "file";
  if (words.empty() || words.front().empty())
    throw Error("policy " + name + ": no " + what + " given", ExitCode::usage)
        .set_hint("'gbox policy " + name + " --help' lists what it takes");
  const std::string first = words.front();
  words.erase(words.begin());
  PolicyExplainArgs explain{store, first, raw_.policy, spec_args(), raw_.phase, raw_.json};
  if (name == "explain" && !words.empty()) {
    explain.spec.path = words.front();
    words.erase(words.begin());
  }
  if (!words.empty())
    throw Error("policy " + name + ": one argument too many: " + gbox::quoted(words.front()),
                ExitCode::usage)
        .set_hint("'gbox policy " + name + " --help' lists what it takes");
  if (name == "show") return PolicyShowArgs{store, first, raw_.json};
  if (name == "check") return PolicyCheckArgs{store, first};
  if (!raw_.phase.empty() && !raw_.policy.empty())
    throw Error("policy explain: '--phase' and '--policy' exclude each other", ExitCode::usage)
        .set_hint("a phase has one policy");
  return explain;
}

// Sources and targets are told apart by what they begin with, so that neither order nor an option
// has to be remembered.
Command Parser::push_command() const {
  PushArgs args;
  args.store = {raw_.store};
  args.registry = {raw_.ca, raw_.plain_http};
  for (const std::string& image : raw_.images)
    (image.starts_with("docker://") ? args.targets : args.sources).push_back(image);
  constexpr char kHint[] = "such as 'gbox push oci:out docker://registry.example.org/team/php:8.3'";
  std::erase(args.sources, "");
  if (args.sources.empty()) throw Error("push: no image given", ExitCode::usage).set_hint(kHint);
  if (args.targets.empty())
    throw Error("push: no place in a registry given", ExitCode::usage).set_hint(kHint);
  return args;
}

Command Parser::pull_command() const {
  constexpr char kHint[] = "such as 'gbox pull docker://registry.example.org/team/php:8.3 oci:php'";
  if (raw_.images.empty() || raw_.images.front().empty())
    throw Error("pull: no image given", ExitCode::usage).set_hint(kHint);
  if (raw_.images.size() > 2)
    throw Error("pull: one argument too many: " + gbox::quoted(raw_.images[2]), ExitCode::usage)
        .set_hint("'gbox pull --help' lists what it takes");
  if (raw_.all_platforms && !raw_.platform.empty())
    throw Error("pull: '--all' and '--platform' exclude each other", ExitCode::usage);
  return PullArgs{{raw_.store},
                  raw_.images.front(),
                  raw_.images.size() > 1 ? raw_.images[1] : "",
                  raw_.platform,
                  raw_.all_platforms,
                  raw_.append,
                  {raw_.ca, raw_.plain_http}};
}

Command Parser::image_command(const std::string& name) const {
  const StoreArgs store{raw_.store};
  if (name == "ls" || name == "du") {
    if (raw_.image.empty())
      throw Error("image " + name + ": no image given", ExitCode::usage)
          .set_hint(name == "ls" ? "such as 'gbox image ls oci:out'"
                                 : "such as 'gbox image du oci:out', or the name of a phase");
    if (name == "ls") return ImageListArgs{store, raw_.image, raw_.json};
    return ImageUsageArgs{store,     raw_.image,    raw_.image_root, raw_.keep_locales,
                          raw_.json, sandbox_args()};
  }
  const std::size_t wanted = name == "diff" ? 2 : 1;
  std::vector<std::string> images = raw_.images;
  std::erase(images, "");
  if (images.size() < wanted)
    throw Error("image " + name + ": " + (wanted == 2 ? "two images are needed" : "no image given"),
                ExitCode::usage)
        .set_hint(wanted == 2 ? "such as 'gbox image diff oci:old oci:new'"
                              : "such as 'gbox image " + name + " oci:out'");
  if (images.size() > wanted)
    throw Error("image " + name + ": one argument too many: " + gbox::quoted(images[wanted]),
                ExitCode::usage)
        .set_hint("'gbox image " + name + " --help' lists what it takes");
  if (name == "verify")
    return ImageVerifyArgs{store, images[0], raw_.json, {raw_.ca, raw_.plain_http}};
  if (name == "diff") return ImageDiffArgs{store, images[0], images[1], raw_.json};
  if (raw_.format.empty() || raw_.format == "spdx")
    return ImageSbomArgs{store, images[0], build::BillFormat::spdx};
  if (raw_.format == "cyclonedx")
    return ImageSbomArgs{store, images[0], build::BillFormat::cyclonedx};
  throw Error("option '--format' cannot be " + gbox::quoted(raw_.format), ExitCode::usage)
      .set_hint("allowed: 'spdx' and 'cyclonedx'");
}

Command Parser::verify_command() const {
  if (!raw_.rebuild)
    throw Error("verify: nothing to do", ExitCode::usage)
        .set_hint(
            "'gbox verify --rebuild' builds the image again and compares; 'gbox cache verify' "
            "looks at the store");
  return VerifyArgs{spec_args(),    {raw_.store},     input_args(),
                    sandbox_args(), raw_.image,       raw_.scratch,
                    raw_.json,      effort_options(), parse_secrets(raw_.secrets)};
}

Command Parser::command_of(const CLI::App& parsed) const {
  const std::string& name = parsed.get_name();
  const StoreArgs store{raw_.store};
  if (parsed.get_parent()->get_name() == "policy") return policy_command(name);
  if (parsed.get_parent()->get_name() == "image") return image_command(name);
  if (name == "verify" && parsed.get_parent()->get_name() != "cache") return verify_command();
  if (name == "build")
    return BuildArgs{spec_args(),
                     store,
                     raw_.outputs,
                     raw_.repos_outputs,
                     raw_.append ? build::Append::yes : build::Append::no,
                     raw_.from,
                     raw_.until,
                     raw_.dry_run,
                     input_args(),
                     sandbox_args(),
                     parse_caches("--cache-from", raw_.cache_from),
                     parse_caches("--cache-to", raw_.cache_to),
                     parse_share_snapshots(raw_.cache_snapshots),
                     store_limit(),
                     effort_options(),
                     parse_secrets(raw_.secrets)};
  if (name == "plan")
    return PlanArgs{spec_args(),
                    store,
                    input_args(),
                    raw_.json,
                    raw_.tree,
                    raw_.write,
                    parse_caches("--cache-from", raw_.cache_from),
                    parse_share_snapshots(raw_.cache_snapshots),
                    sandbox_args()};
  if (name == "push") return push_command();
  if (name == "pull") return pull_command();
  if (name == "lock") return lock_args(parsed);
  if (name == "fetch") return FetchArgs{spec_args(), store, input_args(), sandbox_args()};
  if (name == "run") {
    if (raw_.image.empty())
      throw Error("run: no image given", ExitCode::usage)
          .set_hint("such as 'gbox run oci:out -- /bin/sh'");
    std::vector<std::string> command = parsed.remaining();
    if (!command.empty() && after_dashes_) command.push_back("--");  // the command's own
    if (after_dashes_) command.insert(command.end(), after_dashes_->begin(), after_dashes_->end());
    return RunArgs{store,
                   raw_.image,
                   raw_.with_repos,
                   std::move(command),
                   parse_network(raw_.network),
                   sandbox_args(),
                   raw_.trace_policy ? build::Trace::yes : build::Trace::no,
                   {raw_.ca, raw_.plain_http}};
  }
  if (name == "shell") {
    auto [spec, step] = spec_and_step(name);
    return ShellArgs{std::move(spec),
                     store,
                     std::move(step),
                     sandbox_args(),
                     raw_.trace_policy ? build::Trace::yes : build::Trace::no,
                     parse_secrets(raw_.secrets)};
  }
  if (name == "log") {
    if (raw_.step.empty()) throw_no_step(name);
    return LogArgs{store, raw_.step, raw_.path_only};
  }
  if (name == "why") {
    if (raw_.step.empty()) throw_no_step(name);
    return WhyArgs{store, raw_.step};
  }
  if (name == "ls" && parsed.get_parent()->get_name() == "keys")
    return KeysListArgs{store, raw_.json};
  if (name == "update") return KeysUpdateArgs{store, raw_.servers, raw_.ca};
  if (name == "ls") return CacheListArgs{store, raw_.json};
  if (name == "du") return CacheUsageArgs{store, raw_.json};
  if (name == "verify") return CacheVerifyArgs{store, raw_.json};
  if (name == "export" || name == "import") {
    std::vector<std::string> steps = raw_.directory_and_steps;
    if (steps.empty() || steps.front().empty())
      throw Error("cache " + name + ": no directory given", ExitCode::usage)
          .set_hint("such as 'gbox cache " + name + " packages'");
    const std::string directory = steps.front();
    steps.erase(steps.begin());
    if (name == "export") return CacheExportArgs{store, directory, std::move(steps)};
    if (!steps.empty())
      throw Error("cache import: one argument too many: " + gbox::quoted(steps.front()),
                  ExitCode::usage)
          .set_hint("'gbox cache import --help' lists what it takes");
    return CacheImportArgs{store, directory};
  }
  if (name == "gc") {
    CacheGcArgs args{store, {}, {}};
    if (!raw_.keep.empty()) args.keep_bytes = parse_size("--keep", raw_.keep);
    if (!raw_.unused_for.empty())
      args.unused_seconds = parse_duration("--unused-for", raw_.unused_for);
    return args;
  }
  if (raw_.apparmor + raw_.seccomp + raw_.json > 1)
    throw Error("doctor: '--json', '--apparmor' and '--seccomp' exclude each other",
                ExitCode::usage);
  return DoctorArgs{store, raw_.json, sandbox_args().require_level, raw_.apparmor, raw_.seccomp};
}

std::string Parser::help_of(const std::string& topic) const {
  if (topic.empty()) return app_.help();
  for (const CLI::App* command : app_.get_subcommands(std::function<bool(const CLI::App*)>()))
    if (command->get_name() == topic) return command->help();
  throw Error("help: unknown command " + gbox::quoted(topic), ExitCode::usage)
      .set_hint("'gbox --help' lists the commands");
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
  if (!raw_.id_map.empty()) {
    result.id_map = parse_id_map("option '--id-map'", raw_.id_map);
  } else if (const char* wish = std::getenv("GBOX_ID_MAP"); wish != nullptr && *wish != '\0') {
    result.id_map = parse_id_map("GBOX_ID_MAP", wish);
  }
  result.verbose = raw_.verbose ? Verbose::yes : Verbose::no;
  result.command = command_of(*parsed);
  return result;
}

std::vector<OptionNames> Parser::names() const {
  std::vector<OptionNames> all;
  collect_names(app_, all);
  return all;
}

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
