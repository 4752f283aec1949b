// The command line's grammar: every command and option, and what was given for it. declare.cc says
// what there is, options.cc turns what was given into a Command.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "options.h"

namespace gbox::cli {

// Options as text; what they mean is decided after parsing, in words of ours.
struct Raw {
  std::string spec = "stage4.toml";
  std::string store;
  std::string progress;
  std::string id_map;
  std::string require_level;
  std::string storage;
  std::string jobs;
  std::string emerge_jobs;
  std::string memory;
  std::string retry;
  bool keep_going = false;
  bool trace_policy = false;
  std::vector<std::string> limits;
  std::string policy;                     // --policy
  std::vector<std::string> policy_words;  // what `policy show|explain|check` is about
  std::string phase;
  std::string keep;
  std::string store_limit;
  std::string unused_for;
  std::vector<std::string> set;
  std::vector<std::string> outputs;
  std::vector<std::string> repos_outputs;
  std::string from;
  std::string until;
  std::vector<std::string> cache_from;
  std::vector<std::string> secrets;
  std::vector<std::string> cache_to;
  std::string cache_snapshots;
  bool append = false;
  std::string image;
  std::string image_root;
  std::vector<std::string> keep_locales;
  std::string with_repos;
  std::string network;
  std::vector<std::string> spec_and_step;
  std::string step;
  std::string help_topic;
  std::vector<std::string> directory_and_steps;
  std::string format;
  std::string scratch;
  bool rebuild = false;
  bool verbose = false;
  bool dry_run = false;
  bool json = false;
  bool apparmor = false;
  bool seccomp = false;
  bool tree = false;
  bool write = false;
  bool path_only = false;
  bool locked = false;
  bool offline = false;
  std::string ca;
  bool plain_http = false;
  std::vector<std::string> images;  // what `push`, `pull` and `image …` are about
  std::string platform;
  bool all_platforms = false;
  std::string keyring;
  std::vector<std::string> servers;  // of certificates
  std::vector<std::string> update;   // names after --update
};

class Parser {
 public:
  Parser();

  Invocation parse(std::vector<std::string> arguments);
  [[nodiscard]] std::vector<OptionNames> names() const;

 private:
  void add_spec(CLI::App& command);
  void add_set(CLI::App& command);
  void add_common(CLI::App& command);
  void add_inputs(CLI::App& command);
  void add_sandbox(CLI::App& command);
  void add_step(CLI::App& command);
  void add_trace(CLI::App& command);
  void add_registry(CLI::App& command);
  void add_secrets(CLI::App& command);
  void add_cache(CLI::App& command, const std::string& option, std::vector<std::string>& places,
                 const std::string& text);
  void add_append(CLI::App& command);
  void add_cache_snapshots(CLI::App& command);

  void declare_build();
  void declare_plan();
  void declare_inputs();
  void declare_run();
  void declare_shell_and_log();
  void declare_cache();
  void declare_registry();
  void declare_verify();
  void declare_keys();
  void declare_policy();
  void declare_image();
  void declare_doctor();

  [[noreturn]] void refuse_extras(const CLI::App& command, const std::vector<std::string>& extras);
  [[nodiscard]] Command command_of(const CLI::App& parsed) const;
  [[nodiscard]] SpecArgs spec_args() const;
  [[nodiscard]] InputArgs input_args() const;
  [[nodiscard]] SandboxArgs sandbox_args() const;
  [[nodiscard]] std::optional<std::uint64_t> store_limit() const;
  [[nodiscard]] build::EffortOptions effort_options() const;
  [[nodiscard]] LockArgs lock_args(const CLI::App& parsed) const;
  [[nodiscard]] std::pair<SpecArgs, std::string> spec_and_step(const std::string& command) const;
  [[nodiscard]] Command image_command(const std::string& name) const;
  [[nodiscard]] Command verify_command() const;
  [[nodiscard]] Command policy_command(const std::string& name) const;
  [[nodiscard]] Command push_command() const;
  [[nodiscard]] Command pull_command() const;
  [[nodiscard]] std::string help_of(const std::string& topic) const;

  CLI::App app_{"build Gentoo images from a spec, as an ordinary user", "gbox"};
  Raw raw_;
  std::optional<std::vector<std::string>> after_dashes_;  // of `run`, behind the first "--"
};

}  // namespace gbox::cli
