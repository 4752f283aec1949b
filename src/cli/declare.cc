// Every command and option of gbox, with the words of its help.
#include "gbox/base/error.h"
#include "help.h"
#include "parser.h"

namespace gbox::cli {

namespace {

constexpr char kSpecText[] = "the spec (default: stage4.toml)";
constexpr char kStepText[] = "the spec (default: stage4.toml), then the step, such as 'php'";

CLI::App* add(CLI::App& parent, const std::string& name, const std::string& text) {
  CLI::App* command = parent.add_subcommand(name, text);
  command->allow_extras();  // told apart and explained by refuse_extras()
  command->get_help_ptr()->description("print this help");
  return command;
}

// Given any number of times, each with one value.
void repeatable(CLI::Option* option, const std::string& type_name) {
  option->type_name(type_name)->expected(1)->allow_extra_args(false)->multi_option_policy(
      CLI::MultiOptionPolicy::TakeAll);
}

}  // namespace

Parser::Parser() {
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
  declare_inputs();
  declare_run();
  declare_shell_and_log();
  declare_registry();
  declare_image();
  declare_verify();
  declare_cache();
  declare_keys();
  declare_policy();
  declare_doctor();
  CLI::App* help = add(app_, "help", "print the help of a command");
  help->add_option("COMMAND", raw_.help_topic, "the command")->option_text("[COMMAND]");
  help->group("");  // --help says the same; listed once is enough
}

void Parser::add_spec(CLI::App& command) {
  command.add_option("SPEC", raw_.spec, kSpecText)->option_text("[SPEC]");
  add_set(command);
}

void Parser::add_set(CLI::App& command) {
  repeatable(command.add_option("--set", raw_.set,
                                "give a value to a key of the spec's [args]; repeatable"),
             "NAME=VALUE");
}

void Parser::add_common(CLI::App& command) {
  command
      .add_option("--store", raw_.store,
                  "the directory of snapshots and blobs (default: $GBOX_STORE, else "
                  "$XDG_DATA_HOME/gbox)")
      ->type_name("DIR");
  command
      .add_option("--progress", raw_.progress,
                  "auto, tty, plain, json or none (default: auto, or $GBOX_PROGRESS)")
      ->type_name("MODE");
  command
      .add_option("--id-map", raw_.id_map,
                  "auto or single: map subordinate ids where there are any, or one id always "
                  "(default: auto, or $GBOX_ID_MAP)")
      ->type_name("MAP");
  command.add_flag("-v,--verbose", raw_.verbose, "show all output of the steps");
}

void Parser::add_inputs(CLI::App& command) {
  command.add_flag("--offline", raw_.offline, "fetch nothing: take inputs from the store alone");
  command.add_option("--ca", raw_.ca, "a PEM file of certificates to trust besides the system's")
      ->type_name("FILE");
  command
      .add_option("--keyring", raw_.keyring,
                  "OpenPGP certificates to trust where the spec names no 'keyring'")
      ->type_name("FILE");
  command.add_flag("--plain-http", raw_.plain_http,
                   "speak to registries without TLS (to this machine itself, where it has none)");
}

void Parser::add_sandbox(CLI::App& command) {
  command
      .add_option("--require-level", raw_.require_level,
                  "refuse a host below this level (default: $GBOX_REQUIRE_LEVEL, else any; see "
                  "'gbox doctor')")
      ->type_name("LEVEL");
  command
      .add_option("--storage", raw_.storage,
                  "how roots are put together: kernel, fuse or copy (default: $GBOX_STORAGE, else "
                  "the best that works here)")
      ->type_name("WAY");
}

void Parser::add_step(CLI::App& command) {
  command.add_option("SPEC STEP", raw_.spec_and_step, kStepText)
      ->option_text("[SPEC] STEP")
      ->expected(1, -1);  // a third is refused in our words
  add_set(command);
}

void Parser::add_trace(CLI::App& command) {
  command.add_flag("--trace-policy", raw_.trace_policy,
                   "tell each call that the sandbox's policy refuses, and by which rule");
}

void Parser::add_secrets(CLI::App& command) {
  repeatable(command.add_option(
                 "--secret", raw_.secrets,
                 "what phases that mount the secret NAME see of it: the bytes of a file, or of a "
                 "variable; repeatable"),
             "id=NAME,src=FILE");
}

void Parser::add_append(CLI::App& command) {
  command.add_flag("--append", raw_.append,
                   "keep images of other names in a layout that is written to");
}

void Parser::add_cache(CLI::App& command, const std::string& option,
                       std::vector<std::string>& places, const std::string& text) {
  repeatable(command.add_option(option, places, text), "dir=DIR|registry=REPOSITORY");
}

void Parser::add_cache_snapshots(CLI::App& command) {
  command
      .add_option("--cache-snapshots", raw_.cache_snapshots,
                  "whether snapshots of phases are shared, too: always or never (default: always)")
      ->type_name("WHEN");
}

void Parser::declare_build() {
  CLI::App* command = add(app_, "build", "build an image from a spec");
  add_spec(*command);
  repeatable(command->add_option("-o,--output", raw_.outputs,
                                 "write the image to oci:DIR[:REF], oci-archive:FILE or "
                                 "docker-archive:FILE; repeatable (default: "
                                 "oci:NAME, after the spec's name)"),
             "TARGET");
  repeatable(command->add_option(
                 "--repos-output", raw_.repos_outputs,
                 "also write the spec's ebuild repositories, as an image of their own; repeatable"),
             "TARGET");
  add_append(*command);
  add_cache(*command, "--cache-from", raw_.cache_from,
            "take what the store lacks (snapshots of phases, packages, caches) from this directory "
            "or registry; repeatable");
  add_cache(*command, "--cache-to", raw_.cache_to,
            "write what the build made or used to this directory or registry; repeatable");
  add_cache_snapshots(*command);
  add_secrets(*command);
  command
      ->add_option("--store-limit", raw_.store_limit,
                   "remove what was used least recently while the store takes more than this, but "
                   "nothing that is in use")
      ->type_name("SIZE");
  command->add_option("--from", raw_.from, "run this phase and all after it anew")
      ->type_name("PHASE");
  command->add_option("--until", raw_.until, "stop after this phase, write no image")
      ->type_name("PHASE");
  command->add_flag("-n,--dry-run", raw_.dry_run, "say what would run and why, run nothing");
  command->add_flag("--locked", raw_.locked,
                    "refuse to change the lock: an input that it lacks is an error");
  add_inputs(*command);
  command->add_option("-j,--jobs", raw_.jobs, "make jobs, shared by all packages that are built")
      ->type_name("N");
  command->add_option("--emerge-jobs", raw_.emerge_jobs, "packages that are built at once")
      ->type_name("N");
  command->add_option("--memory", raw_.memory, "memory that building may take, such as 8G")
      ->type_name("SIZE");
  command->add_flag("--keep-going", raw_.keep_going,
                    "when a package fails, build all that does not depend on it");
  command->add_option("--retry", raw_.retry, "build a package that fails so many times more")
      ->type_name("N");
  repeatable(command->add_option(
                 "--limit", raw_.limits,
                 "end a step that takes more: time=2h, memory=8G, processes=N, file_size=SIZE or "
                 "disk=SIZE; repeatable"),
             "WHAT=MOST");
  add_trace(*command);
  add_sandbox(*command);
  add_common(*command);
}

void Parser::declare_verify() {
  CLI::App* command = add(app_, "verify", "build an image again, and say what differs");
  add_spec(*command);
  command->add_flag("--rebuild", raw_.rebuild,
                    "build with another, empty store, other jobs and another host name");
  command
      ->add_option("--image", raw_.image,
                   "the image that is to come out (default: what the spec gives with this store)")
      ->type_name("IMAGE");
  command
      ->add_option("--scratch", raw_.scratch,
                   "where the other store is made for a while (default: beside the store)")
      ->type_name("DIR");
  command->add_flag("--json", raw_.json, "print JSON");
  add_secrets(*command);
  add_inputs(*command);
  command->add_option("-j,--jobs", raw_.jobs, "make jobs of the first build")->type_name("N");
  command->add_option("--emerge-jobs", raw_.emerge_jobs, "packages at once in the first build")
      ->type_name("N");
  add_sandbox(*command);
  add_common(*command);
}

void Parser::declare_plan() {
  CLI::App* command = add(app_, "plan", "say which steps a build would run, and why");
  add_spec(*command);
  add_cache(*command, "--cache-from", raw_.cache_from,
            "count what is in this directory or registry as built; repeatable");
  add_cache_snapshots(*command);
  command->add_flag("--json", raw_.json, "print JSON");
  command->add_flag("--tree", raw_.tree, "print the packages as a tree of who needs whom");
  command->add_flag(
      "--write", raw_.write,
      "write into the spec what Portage asks for: flags, keywords, licences, unmasks");
  command->add_flag("--locked", raw_.locked,
                    "refuse to change the lock: an input that it lacks is an error");
  add_inputs(*command);
  add_sandbox(*command);
  add_common(*command);
}

void Parser::declare_inputs() {
  CLI::App* lock = add(app_, "lock", "write down what the spec's inputs are");
  add_spec(*lock);
  lock->add_option("--update", raw_.update,
                   "look again what these names mean now ('base', a repository, 'cpu'; none: all)")
      ->type_name("NAME")
      ->expected(0, -1)
      ->trigger_on_parse();
  lock->add_flag("-n,--dry-run", raw_.dry_run, "say what would change, write nothing");
  add_inputs(*lock);
  add_sandbox(*lock);
  add_common(*lock);
  CLI::App* fetch = add(app_, "fetch", "bring all that a build needs into the store");
  add_spec(*fetch);
  fetch->add_flag("--locked", raw_.locked,
                  "refuse to change the lock: an input that it lacks is an error");
  add_inputs(*fetch);
  add_sandbox(*fetch);
  add_common(*fetch);
}

void Parser::declare_run() {
  CLI::App* command = add(app_, "run", "run a command in a built image or a snapshot");
  command
      ->add_option("IMAGE", raw_.image,
                   "oci:DIR[:REF], oci-archive:FILE, docker://HOST/REPOSITORY[:TAG][@DIGEST], or a "
                   "finished step by name or by key")
      ->option_text("IMAGE [--] [COMMAND...]");
  command
      ->add_option("--with-repos", raw_.with_repos,
                   "show the ebuild repositories of this image (oci:DIR[:REF] or "
                   "oci-archive:FILE) inside, read-only")
      ->type_name("IMAGE");
  command
      ->add_option("--network", raw_.network,
                   "none (the default), fetch: what you can reach but for this machine itself, or "
                   "host: all that this machine can")
      ->type_name("NETWORK");
  add_registry(*command);
  add_trace(*command);
  // What stands behind the image belongs to the command, options included.
  command->prefix_command();
  add_sandbox(*command);
  add_common(*command);
}

void Parser::declare_shell_and_log() {
  CLI::App* shell = add(app_, "shell", "open a shell in what a step left behind");
  add_step(*shell);
  add_sandbox(*shell);
  add_trace(*shell);
  add_secrets(*shell);
  add_common(*shell);
  CLI::App* log = add(app_, "log", "print the output of a step");
  log->add_option("STEP", raw_.step, "the step, such as 'php' or 'php/dev-libs/icu'");
  log->add_flag("--path", raw_.path_only, "print where the log is, not what it says");
  add_common(*log);
  CLI::App* why = add(app_, "why", "tell why a step or package was built again");
  why->add_option("STEP", raw_.step, "the step, such as 'php' or 'php/dev-libs/icu'");
  add_common(*why);
}

void Parser::declare_image() {
  CLI::App* image = add(app_, "image", "look into images");
  image->require_subcommand(0, 1);
  CLI::App* list = add(*image, "ls", "list the images of a layout, and their layers");
  list->add_option("IMAGE", raw_.image, "oci:DIR or oci-archive:FILE")->option_text("IMAGE");
  list->add_flag("--json", raw_.json, "print JSON");
  add_common(*list);
  CLI::App* usage = add(*image, "du", "tell what takes the space, and what trimming would save");
  usage
      ->add_option("IMAGE", raw_.image,
                   "oci:DIR[:REF], oci-archive:FILE, or a finished phase by name or by key")
      ->option_text("IMAGE");
  usage
      ->add_option("--root", raw_.image_root,
                   "look at this directory of it (default: the root that the phase worked on)")
      ->type_name("DIR");
  usage
      ->add_option("--keep-locale", raw_.keep_locales,
                   "count as if 'keep_locales' had this locale; repeatable")
      ->type_name("LOCALE")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  usage->add_flag("--json", raw_.json, "print JSON");
  add_sandbox(*usage);
  add_common(*usage);
  CLI::App* diff = add(*image, "diff", "say what differs between two images");
  diff->add_option("IMAGES", raw_.images, "two of oci:DIR[:REF] and oci-archive:FILE[:REF]")
      ->option_text("BEFORE AFTER")
      ->expected(1, -1);
  diff->add_flag("--json", raw_.json, "print JSON");
  add_common(*diff);
  CLI::App* verify = add(*image, "verify", "find all that is wrong with an image");
  verify
      ->add_option("IMAGE", raw_.images,
                   "oci:DIR, oci-archive:FILE or docker://HOST/REPOSITORY:TAG")
      ->option_text("IMAGE")
      ->expected(1, -1);
  verify->add_flag("--json", raw_.json, "print JSON");
  add_registry(*verify);
  add_common(*verify);
  CLI::App* sbom = add(*image, "sbom", "print the bill of materials attached to an image");
  sbom->add_option("IMAGE", raw_.images, "oci:DIR[:REF] or oci-archive:FILE[:REF]")
      ->option_text("IMAGE")
      ->expected(1, -1);
  sbom->add_option("--format", raw_.format, "spdx or cyclonedx (default: spdx)")
      ->type_name("FORMAT");
  add_common(*sbom);
}

void Parser::declare_cache() {
  CLI::App* cache = add(app_, "cache", "look after the store");
  cache->require_subcommand(0, 1);
  CLI::App* list = add(*cache, "ls", "list the finished steps and packages in the store");
  list->add_flag("--json", raw_.json, "print JSON");
  add_common(*list);
  CLI::App* usage = add(*cache, "du", "tell what takes how much space in the store");
  usage->add_flag("--json", raw_.json, "print JSON");
  add_common(*usage);
  CLI::App* verify = add(*cache, "verify", "read all that has a digest, drop what is damaged");
  verify->add_flag("--json", raw_.json, "print JSON");
  add_common(*verify);
  CLI::App* give = add(*cache, "export", "write packages to a directory, as Portage can use it");
  give->add_option("DIR STEP", raw_.directory_and_steps,
                   "the directory, then phases or packages, such as 'php' (default: all)")
      ->option_text("DIR [STEP...]")
      ->expected(1, -1);
  add_common(*give);
  CLI::App* take = add(*cache, "import", "take the packages of an exported directory");
  take->add_option("DIR", raw_.directory_and_steps, "the directory")
      ->option_text("DIR")
      ->expected(1, -1);  // a second is refused in our words
  add_common(*take);
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

void Parser::add_registry(CLI::App& command) {
  command.add_option("--ca", raw_.ca, "a PEM file of certificates to trust besides the system's")
      ->type_name("FILE");
  command.add_flag("--plain-http", raw_.plain_http,
                   "speak to the registry without TLS (to this machine itself, where it has none)");
}

void Parser::declare_registry() {
  CLI::App* push = add(app_, "push", "send an image to a registry");
  push->add_option("SOURCE TARGET", raw_.images,
                   "oci:DIR[:REF] or oci-archive:FILE, several for several platforms; then "
                   "docker://HOST/REPOSITORY:TAG, once or more")
      ->option_text("SOURCE... TARGET...")
      ->expected(1, -1);
  add_registry(*push);
  add_common(*push);
  CLI::App* pull = add(app_, "pull", "fetch an image from a registry");
  pull->add_option("SOURCE TARGET", raw_.images,
                   "docker://HOST/REPOSITORY[:TAG][@DIGEST], then oci:DIR[:REF] or "
                   "oci-archive:FILE (default: oci:NAME, after the repository)")
      ->option_text("SOURCE [TARGET]")
      ->expected(1, -1);
  pull->add_option("--platform", raw_.platform,
                   "such as linux/arm64 (default: what this machine is)")
      ->type_name("PLATFORM");
  add_append(*pull);
  pull->add_flag("--all", raw_.all_platforms, "fetch the images of all platforms");
  add_registry(*pull);
  add_common(*pull);
}

void Parser::declare_keys() {
  CLI::App* keys = add(app_, "keys", "look after the keys that sign Gentoo's files");
  keys->require_subcommand(0, 1);
  CLI::App* list = add(*keys, "ls", "list the keys that count, and when they expire");
  list->add_flag("--json", raw_.json, "print JSON");
  add_common(*list);
  CLI::App* update = add(*keys, "update", "fetch the certificates of these keys");
  repeatable(update->add_option(
                 "--from", raw_.servers,
                 "a key server (https://HOST), or a file of certificates; repeatable (default: "
                 "https://keys.gentoo.org, then https://keys.openpgp.org)"),
             "URL");
  update->add_option("--ca", raw_.ca, "a PEM file of certificates to trust besides the system's")
      ->type_name("FILE");
  add_common(*update);
}

void Parser::declare_policy() {
  CLI::App* policy = add(app_, "policy", "tell what sandboxes may do, and why");
  policy->require_subcommand(0, 1);
  CLI::App* list = add(*policy, "ls", "list gbox's own policies");
  list->add_flag("--json", raw_.json, "print JSON");
  add_common(*list);
  CLI::App* show = add(*policy, "show", "print a policy: capabilities, system calls, reasons");
  show->add_option("POLICY", raw_.policy_words, "a name, or a file")
      ->option_text("POLICY")
      ->expected(1, -1);  // a second is refused in our words
  show->add_flag("--json", raw_.json, "print JSON");
  add_common(*show);
  CLI::App* explain =
      add(*policy, "explain", "tell what becomes of a system call, and by which rule");
  explain
      ->add_option("SYSCALL SPEC", raw_.policy_words,
                   "the call, such as 'unshare'; then the spec that --phase is of")
      ->option_text("SYSCALL [SPEC]")
      ->expected(1, -1);
  explain->add_option("--policy", raw_.policy, "under this policy, a name or a file (default: all)")
      ->type_name("POLICY");
  explain
      ->add_option("--phase", raw_.phase, "under the policy of this phase, as the spec changes it")
      ->type_name("PHASE");
  add_set(*explain);
  explain->add_flag("--json", raw_.json, "print JSON");
  add_common(*explain);
  CLI::App* check = add(*policy, "check", "find what is wrong with a policy file");
  check->add_option("FILE", raw_.policy_words, "the file")->option_text("FILE")->expected(1, -1);
  add_common(*check);
}

void Parser::declare_doctor() {
  CLI::App* command =
      add(app_, "doctor", "say what this host can do, what it lacks, and the remedy");
  command->add_flag("--json", raw_.json, "print JSON");
  command->add_flag("--apparmor", raw_.apparmor,
                    "print an AppArmor profile that lets this program make user namespaces");
  command->add_flag("--seccomp", raw_.seccomp,
                    "print a seccomp profile for a docker, podman or kubernetes container to run "
                    "gbox in");
  command
      ->add_option("--require-level", raw_.require_level,
                   "exit 3 below this level (default: $GBOX_REQUIRE_LEVEL, else below any that "
                   "gbox builds at)")
      ->type_name("LEVEL");
  add_common(*command);
}

}  // namespace gbox::cli
