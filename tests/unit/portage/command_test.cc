// The command lines and environments that emerge gets.
#include "gbox/portage/command.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "gbox/base/text.h"

using namespace gbox;
using namespace gbox::portage;

namespace {

spec::Phase phase_of(const std::string& text) {
  return spec::read_spec("s", "name='a'\nbase.tarball='t'\n[[phase]]\nname='p'\n" + text)
      .phases.front();
}

std::string value_of(const Environment& environment, std::string_view name) {
  for (const auto& [key, value] : environment)
    if (key == name) return value;
  return "absent";
}

}  // namespace

TEST_CASE("an emerge phase is one command a pass, its options before its atoms") {
  const auto commands = emerge_commands(phase_of(
      "root='/destination'\nemerge=['@world','dev-lang/php:8.3']\noptions=['--with-bdeps=y','-u']\n"
      "oneshot=true\nempty_tree=true\ndeep=true\nchanged_use=true\npasses=2"));
  REQUIRE(commands.size() == 2);
  CHECK(join(commands[0], " ") ==
        "emerge --ask=n --color=n --nospinner --quiet-build=n --root=/destination --oneshot "
        "--emptytree --deep --changed-use --with-bdeps=y -u -- @world dev-lang/php:8.3");
  CHECK(commands[0] == commands[1]);
}

TEST_CASE("a phase takes packages from binary package hosts unless it says otherwise") {
  const auto takes = [](const std::string& options) {
    const auto command = emerge_commands(phase_of("emerge=['a/b']\n" + options), true).at(0);
    return std::count(command.begin(), command.end(), "--getbinpkg");
  };
  CHECK(takes("") == 1);
  CHECK(takes("options=['--verbose','-u']") == 1);
  CHECK(takes("options=['--getbinpkg']") == 1);
  for (const char* other : {"--getbinpkgonly", "--getbinpkg=n", "--usepkg=n", "-G", "-vg"})
    CHECK(takes("options=['" + std::string(other) + "']") == 0);
  const auto none = emerge_commands(phase_of("emerge=['a/b']")).at(0);
  CHECK(std::count(none.begin(), none.end(), "--getbinpkg") == 0);
}

TEST_CASE("a phase that merges or unmerges nothing has no command for it") {
  const spec::Phase phase = phase_of("run='true'");
  CHECK(emerge_commands(phase).empty());
  CHECK(unmerge_commands(phase).empty());
}

TEST_CASE("unmerging names its root and its atoms, without a wait") {
  const auto commands = unmerge_commands(phase_of("root='/d'\nunmerge=['a/b','=a/c-1']"));
  REQUIRE(commands.size() == 1);
  CHECK(join(commands[0], " ") ==
        "emerge --ask=n --color=n --nospinner --quiet-build=n --root=/d --quiet-unmerge-warn "
        "--unmerge -- a/b =a/c-1");
  CHECK(value_of(base_environment(), "CLEAN_DELAY") == "0");
}

TEST_CASE("depclean takes what was only needed for building, in the phase's root") {
  CHECK(depclean_commands(phase_of("run='true'")).empty());
  const auto commands = depclean_commands(phase_of("root='/d'\ndepclean=true"));
  REQUIRE(commands.size() == 1);
  CHECK(join(commands[0], " ") ==
        "emerge --ask=n --color=n --nospinner --quiet-build=n --root=/d --quiet-unmerge-warn "
        "--depclean --with-bdeps=n --exclude=sys-apps/baselayout --exclude=virtual/libc "
        "--exclude=sys-libs/glibc --exclude=sys-libs/musl --exclude=sys-devel/gcc "
        "--exclude=llvm-runtimes/*");
  CHECK(depclean_commands(phase_of("depclean=true"))[0].back() == "--with-bdeps=n");
  // Where something was unmerged: every package by name, and the world file as it is.
  const Command named = depclean_despite_missing(commands[0], {"a/b-1", "c/d-2"});
  CHECK(join(named, " ").ends_with("--exclude=llvm-runtimes/* --deselect=n -- =a/b-1 =c/d-2"));
}

TEST_CASE("the environment is fixed, sorted and holds nothing that Portage would take for USE") {
  const Environment environment = base_environment();
  CHECK(std::is_sorted(environment.begin(), environment.end()));
  CHECK(value_of(environment, "LANG") == "C.UTF-8");
  CHECK(value_of(environment, "TZ") == "UTC");
  for (const char* name : {"USE", "FEATURES", "MAKEOPTS", "LC_ALL", "ROOT"})
    CHECK(value_of(environment, name) == "absent");
  ::setenv("LANG", "de_DE.UTF-8", 1);
  ::setenv("USE", "evil", 1);
  CHECK(base_environment() == environment);
}

TEST_CASE("jobs travel by environment, by the name that reaches both roots") {
  spec::BuildOptions options;
  CHECK(emerge_environment(options) == Environment{{"EMERGE_DEFAULT_OPTS", ""}});
  options.jobs = 8;
  options.load_average = 7.5;
  options.emerge_jobs = 2;
  CHECK(emerge_environment(options) ==
        Environment{{"EMERGE_DEFAULT_OPTS", "--jobs=2 --load-average=7.5"},
                    {"MAKEOPTS", "-j8 -l7.5"}});
  CHECK(emerge_environment(options, "/destination") ==
        Environment{{"EMERGE_DEFAULT_OPTS", "--jobs=2 --load-average=7.5"},
                    {"MAKEFLAGS", "-j8 -l7.5"}});
  options = {};
  options.load_average = 4;
  CHECK(emerge_environment(options) ==
        Environment{{"EMERGE_DEFAULT_OPTS", "--load-average=4"}, {"MAKEOPTS", "-l4"}});
}

TEST_CASE("packages of a plan are merged one by one, whatever Portage would add to them") {
  const Command compile = compile_command("=dev-libs/a-1::gentoo", "/destination", true);
  CHECK(std::find(compile.begin(), compile.end(), "--root=/destination") != compile.end());
  CHECK(std::find(compile.begin(), compile.end(), "--nodeps") != compile.end());
  CHECK(std::find(compile.begin(), compile.end(), "--oneshot") != compile.end());
  CHECK(compile.back() == "=dev-libs/a-1::gentoo");
  const Command merge = merge_command({"dev-libs/a-1", "dev-libs/b-2"}, "/");
  CHECK(std::find(merge.begin(), merge.end(), "--usepkgonly") != merge.end());
  CHECK(std::vector(merge.end() - 3, merge.end()) ==
        Command{"--", "=dev-libs/a-1", "=dev-libs/b-2"});
}

TEST_CASE("the end of a phase merges nothing again, whatever the phase's options forced") {
  spec::Phase phase;
  phase.emerge.atoms = {"@world"};
  phase.emerge.empty_tree = true;
  phase.emerge.deep = true;
  phase.emerge.options = {"-ve", "-e", "--emptytree", "--with-bdeps=y", "--newuse"};
  const Command command = end_command(phase);
  CHECK(std::vector(command.end() - 7, command.end()) ==
        Command{"--noreplace", "--deep", "-v", "--with-bdeps=y", "--newuse", "--", "@world"});
}

TEST_CASE("options that make emerge do something else than merge are known") {
  CHECK(only_merges({}));
  CHECK(only_merges({"-uDN", "--with-bdeps=y", "--keep-going", "--pretend=n", "-ve", "-1"}));
  for (const char* option : {"--fetchonly", "-f", "-vp", "--depclean", "-c", "--buildpkgonly",
                             "--pretend", "--pretend=y", "-C", "--deselect=y", "--buildpkg", "-vb"})
    CHECK_FALSE(only_merges({"--verbose", option}));
}
