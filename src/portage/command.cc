#include "gbox/portage/command.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace gbox::portage {

namespace {

// Portage answers for itself: nobody is there to be asked, and the log is read as plain text.
Command emerge_command(const std::string& root) {
  Command command = {"emerge", "--ask=n", "--color=n", "--nospinner",
                     // The compiler's output goes to standard output, which is the step's log.
                     "--quiet-build=n"};
  if (root != "/") command.push_back("--root=" + root);
  return command;
}

void append(Command& command, const std::vector<std::string>& words) {
  command.insert(command.end(), words.begin(), words.end());
}

// "-vg" and "-G" are --getbinpkg and --getbinpkgonly, too.
bool decides_on_hosts(const std::string& option) {
  if (option.starts_with("--getbinpkg") || option == "--usepkg=n") return true;
  return option.size() > 1 && option[0] == '-' && option[1] != '-' &&
         option.find_first_of("gG") != std::string::npos;
}

}  // namespace

std::vector<Command> emerge_commands(const spec::Phase& phase, bool binary_hosts) {
  const spec::Emerge& emerge = phase.emerge;
  if (emerge.atoms.empty()) return {};
  Command command = emerge_command(phase.root);
  if (emerge.oneshot) command.emplace_back("--oneshot");
  if (emerge.empty_tree) command.emplace_back("--emptytree");
  if (emerge.deep) command.emplace_back("--deep");
  if (emerge.changed_use) command.emplace_back("--changed-use");
  if (binary_hosts && std::none_of(emerge.options.begin(), emerge.options.end(), &decides_on_hosts))
    command.emplace_back("--getbinpkg");
  append(command, emerge.options);
  command.emplace_back("--");  // an atom is never an option, whatever it looks like
  append(command, spec::values_of(emerge.atoms));
  return std::vector<Command>(emerge.passes, command);
}

bool only_merges(const std::vector<std::string>& options) {
  constexpr std::array kOtherwise = {
      "--buildpkg", "--fetchonly",  "--fetch-all-uri", "--buildpkgonly", "--pretend",
      "--depclean", "--unmerge",    "--prune",         "--clean",        "--deselect",
      "--config",   "--resume",     "--sync",          "--search",       "--searchdesc",
      "--info",     "--regen",      "--metadata",      "--list-sets",    "--version",
      "--help",     "--check-news", "--rage-clean"};
  return std::none_of(options.begin(), options.end(), [&](const std::string& option) {
    if (option.size() > 1 && option[0] == '-' && option[1] != '-')
      return option.find_first_of("bfFBpcCPrsSVhiW") != std::string::npos;
    const std::string name = option.substr(0, option.find('='));
    return !option.ends_with("=n") &&
           std::find(kOtherwise.begin(), kOtherwise.end(), name) != kOtherwise.end();
  });
}

Command compile_command(const std::string& atom, const std::string& root, bool merges) {
  Command command = emerge_command(root);
  append(command, {"--nodeps", "--oneshot", "--usepkg=n",
                   merges ? "--buildpkg=y" : "--buildpkgonly", "--", atom});
  return command;
}

Command merge_command(const std::vector<std::string>& cpvs, const std::string& root) {
  Command command = emerge_command(root);
  // What decides has been compared already, in the package's key; Portage's own doubts about other
  // USE or dependencies would only make it look for an ebuild.
  append(command, {"--nodeps", "--oneshot", "--usepkgonly", "--binpkg-respect-use=n",
                   "--binpkg-changed-deps=n", "--"});
  for (const std::string& cpv : cpvs) command.push_back('=' + cpv);
  return command;
}

Command uninstall_command(const std::string& cpv, const std::string& root) {
  Command command = emerge_command(root);
  append(command, {"--quiet-unmerge-warn", "--unmerge", "--", '=' + cpv});
  return command;
}

Command end_command(const spec::Phase& phase) {
  const spec::Emerge& emerge = phase.emerge;
  Command command = emerge_command(phase.root);
  command.emplace_back("--noreplace");
  if (emerge.oneshot) command.emplace_back("--oneshot");
  if (emerge.deep) command.emplace_back("--deep");
  if (emerge.changed_use) command.emplace_back("--changed-use");
  for (std::string option : emerge.options) {
    // What makes emerge merge what is there already has had its way.
    if (option == "--emptytree" || option.starts_with("--emptytree=")) continue;
    if (option.size() > 1 && option[0] == '-' && option[1] != '-') {
      std::erase(option, 'e');
      if (option.size() == 1) continue;
    }
    command.push_back(std::move(option));
  }
  command.emplace_back("--");
  append(command, spec::values_of(emerge.atoms));
  return command;
}

std::vector<Command> unmerge_commands(const spec::Phase& phase) {
  if (phase.unmerge.empty()) return {};
  Command command = emerge_command(phase.root);
  // The warning before unmerging is for those who type it.
  append(command, {"--quiet-unmerge-warn", "--unmerge", "--"});
  append(command, spec::values_of(phase.unmerge));
  return {command};
}

std::vector<Command> depclean_commands(const spec::Phase& phase) {
  if (!phase.depclean) return {};
  Command command = emerge_command(phase.root);
  // What was only needed for building goes as well: an image builds nothing.
  append(command, {"--quiet-unmerge-warn", "--depclean", "--with-bdeps=n"});
  // What a ROOT of its own was given unsaid, no dependency names: without the compiler's run-time
  // libraries nothing of it would start.
  if (phase.root != "/")
    append(command,
           {"--exclude=sys-apps/baselayout", "--exclude=virtual/libc", "--exclude=sys-libs/glibc",
            "--exclude=sys-libs/musl", "--exclude=sys-devel/gcc", "--exclude=llvm-runtimes/*"});
  return {command};
}

Command depclean_despite_missing(Command depclean, const std::vector<std::string>& installed) {
  // Else packages that are named leave the world file, and nothing keeps them.
  append(depclean, {"--deselect=n", "--"});
  for (const std::string& cpv : installed) depclean.push_back('=' + cpv);
  return depclean;
}

Environment base_environment() {
  return {
      {"CLEAN_DELAY", "0"},           // seconds to press Ctrl-C in before unmerging
      {"EMERGE_WARNING_DELAY", "0"},  // likewise, for packages of the system set
      {"HOME", "/root"},
      {"LANG", "C.UTF-8"},  // in every glibc since 2.35 and in musl; ASCII breaks file names
      {"LOGNAME", "root"},
      {"NOCOLOR", "true"},  // Portage's own word; its Python half asks for nothing else
      {"NO_COLOR", "1"},    // everybody's
      {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
      {"SHELL", "/bin/bash"},
      {"SOURCE_DATE_EPOCH", std::to_string(kPackageEpoch)},
      {"TERM", "dumb"},
      {"TZ", "UTC"},
      {"USER", "root"},
  };
}

Environment emerge_environment(const spec::BuildOptions& options, std::string_view root) {
  std::string make;
  std::string emerge;
  if (options.jobs) make += fmt::format("-j{}", *options.jobs);
  if (options.load_average) {
    make += fmt::format("{}-l{}", make.empty() ? "" : " ", *options.load_average);
    emerge += fmt::format("--load-average={}", *options.load_average);
  }
  if (options.emerge_jobs)
    emerge = fmt::format("--jobs={}{}{}", *options.emerge_jobs, emerge.empty() ? "" : " ", emerge);
  Environment environment;
  // Set even when empty: whatever a base's make.conf says here is for its user's terminal.
  environment.emplace_back("EMERGE_DEFAULT_OPTS", emerge);
  if (make.empty()) return environment;
  // With a ROOT, Portage keeps a second configuration for '/' and gives it next to nothing of the
  // environment: recent ones MAKEFLAGS, none MAKEOPTS. Not so without a ROOT, because
  // MAKEFLAGS also reaches a 'make' that an ebuild calls by itself to have it serial.
  environment.emplace_back(root == "/" ? "MAKEOPTS" : "MAKEFLAGS", make);
  return environment;
}

}  // namespace gbox::portage
