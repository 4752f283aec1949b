// What a person reads about a spec's Portage configuration before anything is built.
#include "gbox/portage/config_check.h"

#include <doctest/doctest.h>

#include "gbox/base/text.h"
#include "sample_tree.h"

using namespace gbox;
using namespace gbox::portage;
using test::Tree;

namespace {

std::string text_of(const std::vector<SpecFault>& faults) {
  std::string text;
  for (const SpecFault& fault : faults)
    text += to_string(fault.where) + ": " + fault.message + "\n  " + fault.hint + '\n';
  return text;
}

struct Case {
  Tree gentoo = test::sample_gentoo();
  std::string base = "stage3 = \"openrc\"";
  std::string profile = "profile = \"default/linux/amd64\"";
  std::string arch = "amd64";
  int config_dirfd = -1;

  // Lines 1 to 6 are the head; `portage` begins at line 7, the phase's keys follow it.
  ConfigFindings check(const std::string& portage, const std::string& phase = "run = \"true\"") {
    const std::string head =
        "name = \"x\"\n[base]\n" + base + "\n[repos]\n[portage]\n" + profile + '\n';
    spec::BuildSpec spec =
        spec::read_spec("s.toml", head + portage + "\n[[phase]]\nname = \"p\"\n" + phase + '\n');
    spec::Repository repository;
    repository.name = "gentoo";
    spec.repositories.push_back(repository);
    std::vector<CheckedRepository> repositories;
    repositories.push_back(test::checked(gentoo, "gentoo"));
    return check_config(spec, {repositories, arch, config_dirfd});
  }
  std::string faults(const std::string& portage, const std::string& phase = "run = \"true\"") {
    const ConfigFindings found = check(portage, phase);
    CHECK(text_of(found.warnings) == "");
    return text_of(found.faults);
  }
  std::string warnings(const std::string& portage, const std::string& phase = "run = \"true\"") {
    const ConfigFindings found = check(portage, phase);
    CHECK(text_of(found.faults) == "");
    return text_of(found.warnings);
  }
};

}  // namespace

TEST_CASE("a sound configuration has nothing to find") {
  Case test;
  CHECK(test.faults(
            "use = [\"ssl\", \"-fpm\", \"-*\"]\ncpu_flags = [\"avx\"]\n"
            "make_conf = { PYTHON_TARGETS = \"python3_12 -python3_13\", LINGUAS = \"de\" }\n"
            "license = [\"-*\", \"@FREE\", \"linux-fw\"]\naccept_keywords = [\"~amd64\"]\n"
            "package_use = { \"dev-lang/php\" = [\"sqlite\", \"-apache2\", \"*\"] }",
            "emerge = [\"nginx\", \"dev-lang/php\", \"@world\", \"=dev-lang/php-8.3*\"]") == "");
  CHECK(test.check("").notes.empty());
}

TEST_CASE("a package that is nowhere is an error where it is asked for") {
  Case test;
  CHECK(test.faults("", "emerge = [\"www-servers/ngnix\"]") ==
        "s.toml:10:11: no package 'www-servers/ngnix' in repository 'gentoo'\n"
        "  did you mean 'www-servers/nginx'?\n");
  CHECK(test.faults("", "emerge = [\"www-server/nginx\"]") ==
        "s.toml:10:11: no package 'www-server/nginx' in repository 'gentoo'\n"
        "  did you mean 'acct-user/nginx' or 'www-servers/nginx'?\n");
  CHECK(test.faults("", "emerge = [\"qqqqqqqq\"]") ==
        "s.toml:10:11: no package 'qqqqqqqq' in repository 'gentoo'\n"
        "  add the repository that has it to [repos], or correct the name\n");
  CHECK(test.faults("", "emerge = [\">=dev-lang/php-9\"]") ==
        "s.toml:10:11: no version of 'dev-lang/php' matches '>=dev-lang/php-9'\n"
        "  it has '8.4.0' and '8.3.1'\n");
  CHECK(test.faults("", "emerge = [\"dev-lang/php::guru\"]") ==
        "s.toml:10:11: 'dev-lang/php::guru' asks for repository 'guru', which the spec does not "
        "have\n  add [repos.guru], or leave '::guru' out\n");
  test::add_ebuild(test.gentoo, "dev-lang", "nginx", "1");
  CHECK(test.faults("", "emerge = [\"nginx\"]") ==
        "s.toml:10:11: 'nginx' is ambiguous: 'acct-user/nginx', 'dev-lang/nginx' and "
        "'www-servers/nginx'\n  write one of them with its category\n");
}

TEST_CASE("a rule for a package that is nowhere is a warning") {
  Case test;
  CHECK(
      test.warnings("package_mask = [\">=www-servers/ngnix-1\"]", "unmerge = [\"dev-lang/phq\"]") ==
      "s.toml:7:17: package_mask: no package 'www-servers/ngnix' in repository 'gentoo'\n"
      "  did you mean 'www-servers/nginx'?\n"
      "s.toml:10:12: unmerge: no package 'dev-lang/phq' in repository 'gentoo'\n"
      "  did you mean 'dev-lang/php'?\n");
  CHECK(test.warnings("package_use = { \"dev-lang/phq\" = [\"x\"] }") ==
        "s.toml:7:34: package_use: no package 'dev-lang/phq' in repository 'gentoo'\n"
        "  did you mean 'dev-lang/php'?\n");
}

TEST_CASE("nothing is called missing when a repository may be in the base") {
  Case test;
  test.gentoo.file("metadata/layout.conf", "masters = other\n");
  CHECK(test.warnings("", "emerge = [\"www-servers/ngnix\"]") ==
        "s.toml:10:11: no package 'www-servers/ngnix' in repository 'gentoo'\n"
        "  did you mean 'www-servers/nginx'?\n");
}

TEST_CASE("sets are Portage's, the spec's, the repositories' and config_dir's") {
  Case test;
  Tree config;
  config.file("sets/mine", "x\n");
  test.gentoo.file("sets.conf", "[theirs]\nclass = x\n");
  test.config_dirfd = config.fd();
  CHECK(test.faults("sets = { own = [\"dev-lang/php\"] }",
                    "emerge = [\"@own\", \"@mine\", \"@theirs\", \"@preserved-rebuild\"]") == "");
  CHECK(test.faults("", "emerge = [\"@wrold\", \"@nothing-like-it\"]") ==
        "s.toml:10:11: there is no set '@wrold'\n  did you mean '@world'?\n"
        "s.toml:10:21: there is no set '@nothing-like-it'\n"
        "  define it in 'sets' of [portage]\n");
  CHECK(test.faults("sets = { own = [\"dev-lang/phq\"] }", "emerge = [\"@own\"]") ==
        "s.toml:7:17: no package 'dev-lang/phq' in repository 'gentoo'\n"
        "  did you mean 'dev-lang/php'?\n");
}

TEST_CASE("a flag of package_use that no version has is an error") {
  Case test;
  CHECK(test.faults("package_use = { \"dev-lang/php\" = [\"fpm\", \"sqlit\"] }") ==
        "s.toml:7:42: 'dev-lang/php' has no USE flag 'sqlit'\n  did you mean 'sqlite'?\n");
  CHECK(test.faults("package_use = { \"dev-lang/php\" = [\"-qqqqqqqq\"] }") ==
        "s.toml:7:35: 'dev-lang/php' has no USE flag 'qqqqqqqq'\n"
        "  its flags are 'apache2', 'cli', 'fpm', 'jit', 'sqlite', 'systemd' and 'threads'\n");
  CHECK(test.faults("package_use = { \"www-servers/nginx\" = [\"ssl\"] }") ==
        "s.toml:7:40: 'www-servers/nginx' has no USE flag 'ssl'\n  it has no USE flags\n");
  CHECK(test.faults("package_use = { \"dev-lang/php\" = [\"PYTHON_TARGETS:\", \"python3_13\"] }") ==
        "s.toml:7:54: 'dev-lang/php' has no USE flag 'python_targets_python3_13'\n"
        "  its flags are 'apache2', 'cli', 'fpm', 'jit', 'sqlite', 'systemd' and 'threads'\n");
}

TEST_CASE("a flag that only a version emerge would not choose has is a warning") {
  Case test;
  CHECK(test.warnings("package_use = { \"dev-lang/php\" = [\"jit\"] }") ==
        "s.toml:7:35: 'dev-lang/php-8.3.1', which emerge would choose, has no USE flag 'jit'\n"
        "  'dev-lang/php-8.4.0' has it\n");
  CHECK(test.faults("package_use = { \"dev-lang/php\" = [\"jit\"] }\n"
                    "accept_keywords = [\"~amd64\"]") == "");
}

TEST_CASE("a flag that the profile masks or forces is an error") {
  Case test;
  CHECK(test.faults("package_use = { \"dev-lang/php\" = [\"systemd\", \"-cli\"] }") ==
        "s.toml:7:35: USE flag 'systemd' of 'dev-lang/php-8.3.1' is masked by profile "
        "'default/linux/amd64'\n"
        "  leave it out: Portage ignores it; or unmask it in 'profile/use.mask' of 'config_dir'\n"
        "s.toml:7:46: USE flag 'cli' of 'dev-lang/php-8.3.1' is forced by profile "
        "'default/linux/amd64'\n"
        "  leave it out: Portage ignores it; or write '-cli' into 'profile/use.force' of "
        "'config_dir'\n");
  CHECK(test.faults("package_use = { \"dev-lang/php\" = [\"-systemd\", \"cli\"] }") == "");
  // The base's own profile is not known before it is unpacked.
  test.profile = "";
  CHECK(test.faults("package_use = { \"dev-lang/php\" = [\"systemd\"] }") == "");
}

TEST_CASE("a global flag that nobody knows, or that has no effect, is a warning") {
  Case test;
  CHECK(test.warnings("use = [\"sll\", \"-qqqqqqqq\", \"arm-only\"]") ==
        "s.toml:7:8: no package is known to have the USE flag 'sll'\n  did you mean 'ssl'?\n"
        "s.toml:7:15: no package is known to have the USE flag 'qqqqqqqq'\n"
        "  leave it out: it has no effect\n"
        "s.toml:7:28: no package is known to have the USE flag 'arm-only'\n"
        "  leave it out: it has no effect\n");
  test.gentoo.file("profiles/use.desc", "systemd - x\n");
  CHECK(test.warnings("use = [\"systemd\", \"-systemd\"]") ==
        "s.toml:7:8: USE flag 'systemd' is masked by profile 'default/linux/amd64'\n"
        "  it has no effect with this profile\n");
  CHECK(test.warnings("package_use = { \"dev-lang/*\" = [\"fpn\"] }") ==
        "s.toml:7:33: no package is known to have the USE flag 'fpn'\n  did you mean 'fpm'?\n");
}

TEST_CASE("values of USE_EXPAND variables come from the repository's lists") {
  Case test;
  CHECK(test.faults("make_conf = { PYTHON_TARGETS = \"python3_12 python3_99\", OTHER = \"x\" }\n"
                    "cpu_flags = [\"avx\", \"see2\"]") ==
        "s.toml:7:32: 'PYTHON_TARGETS' has no value 'python3_99'\n"
        "  did you mean 'python3_12'?\n"
        "s.toml:8:21: 'CPU_FLAGS_X86' has no value 'see2'\n  did you mean 'sse2'?\n");
  CHECK(test.faults("make_conf = { PYTHON_TARGETS = \"qqqqqq\" }") ==
        "s.toml:7:32: 'PYTHON_TARGETS' has no value 'qqqqqq'\n"
        "  its values are 'python3_12' and 'python3_13'\n");
  CHECK(test.faults("cpu_flags = [\"native\"]") == "");
}

TEST_CASE("keywords and licences that do not exist are errors") {
  Case test;
  CHECK(
      test.faults("accept_keywords = [\"~amd46\", \"**\"]\nlicense = [\"@FERE\", \"MTI\", \"-*\"]\n"
                  "package_license = { \"dev-lang/php\" = [\"qqqqqqqq\"] }\n"
                  "make_conf = { FOO = \"1\" }") ==
      "s.toml:7:20: keyword '~amd46': there is no architecture 'amd46'\n"
      "  did you mean 'amd64'?\n"
      "s.toml:8:12: there is no licence group '@FERE'\n  did you mean '@FREE'?\n"
      "s.toml:8:21: there is no licence 'MTI' in repository 'gentoo'\n  did you mean 'MIT'?\n"
      "s.toml:9:39: there is no licence 'qqqqqqqq' in repository 'gentoo'\n"
      "  see 'licenses' of the repository\n");
}

TEST_CASE("an environment file that nobody wrote is an error") {
  Case test;
  CHECK(test.faults("env = { \"big.conf\" = { A = \"1\" } }\n"
                    "package_env = { \"dev-lang/php\" = [\"bg.conf\", \"big.conf\"] }") ==
        "s.toml:8:35: package_env: there is no file 'bg.conf' in 'env'\n"
        "  did you mean 'big.conf'?\n");
  Tree config;
  config.file("env/small.conf", "A=1\n");
  test.config_dirfd = config.fd();
  CHECK(test.faults("package_env = { \"dev-lang/php\" = [\"small.conf\"] }") == "");
  CHECK(test.faults("package_env = { \"dev-lang/php\" = [\"other\"] }") ==
        "s.toml:7:35: package_env: there is no file 'other' in 'env' or in 'config_dir'\n"
        "  define it in 'env' of [portage], or as 'env/other' in 'config_dir'\n");
}

TEST_CASE("a testing version that nobody accepts is an error with the line that accepts it") {
  Case test;
  const std::string phase = "emerge = [\"app-editors/young\"]";
  CHECK(test.faults("", phase) ==
        "s.toml:10:11: 'app-editors/young-1' is only '~amd64'\n"
        "  add \"app-editors/young\" = [\"~amd64\"] to 'package_accept_keywords' (no version is "
        "stable on 'amd64')\n");
  CHECK(test.faults("package_accept_keywords = { \"app-editors/young\" = [] }", phase) == "");
  CHECK(test.faults("make_conf = { ACCEPT_KEYWORDS = \"~amd64\" }", phase) == "");
  CHECK(test.faults("", "emerge = [\">=dev-lang/php-8.4\"]") ==
        "s.toml:10:11: 'dev-lang/php-8.4.0' is only '~amd64'\n"
        "  add \"dev-lang/php\" = [\"~amd64\"] to 'package_accept_keywords'\n");
  test::add_ebuild(test.gentoo, "app-editors", "foreign", "1", {{"KEYWORDS", "arm64"}});
  test::add_ebuild(test.gentoo, "app-editors", "live", "9999", {{"KEYWORDS", ""}});
  test::add_ebuild(test.gentoo, "app-editors", "never", "1", {{"KEYWORDS", "-* arm64"}});
  CHECK(test.faults("", "emerge = [\"foreign\", \"live\", \"never\"]") ==
        "s.toml:10:11: 'app-editors/foreign-1' has no keyword for 'amd64': it is not known to work "
        "there\n  to try it, add \"app-editors/foreign\" = [\"**\"] to 'package_accept_keywords'\n"
        "s.toml:10:22: 'app-editors/live-9999' has no keywords: nobody vouches for it\n"
        "  to try it, add \"app-editors/live\" = [\"**\"] to 'package_accept_keywords'\n"
        "s.toml:10:30: 'app-editors/never-1' does not work on 'amd64', say its keywords\n"
        "  choose another package or version\n");
}

TEST_CASE("a licence that is not accepted is an error") {
  Case test;
  const std::string phase = "emerge = [\"sys-kernel/firmware\"]";
  CHECK(test.faults("", phase) ==
        "s.toml:10:11: 'sys-kernel/firmware-20260101': licence 'linux-fw' is not accepted\n"
        "  read the text in 'licenses' of the repository, then add \"sys-kernel/firmware\" = "
        "[\"linux-fw\"] to 'package_license'\n");
  CHECK(test.faults("license = [\"*\"]", phase) == "");
  CHECK(test.faults("package_license = { \"sys-kernel/firmware\" = [\"linux-fw\"] }", phase) == "");
}

TEST_CASE("a masked package is an error that names the mask") {
  Case test;
  test.gentoo.file("profiles/package.mask", "www-servers/nginx\n");
  const std::string phase = "emerge = [\"www-servers/nginx\"]";
  CHECK(
      test.faults("", phase) ==
      "s.toml:10:11: 'www-servers/nginx-1.26' is masked by 'profiles/package.mask' of repository "
      "'gentoo'\n  the reason stands there; to merge it all the same, add \"www-servers/nginx\" to "
      "'package_unmask'\n");
  CHECK(test.faults("package_unmask = [\"www-servers/nginx\"]", phase) == "");
  CHECK(test.faults("package_mask = [\"dev-lang/php\"]", "emerge = [\"dev-lang/php\"]") ==
        "s.toml:10:11: 'dev-lang/php-8.4.0' is masked by 'package_mask' (s.toml:7:17)\n"
        "  leave out the mask or the package\n");
}

TEST_CASE("contradicting USE flags of a package that is asked for are an error") {
  Case test;
  const std::string portage = "package_use = { \"dev-lang/php\" = [\"apache2\"] }";
  const std::string phase = "emerge = [\"dev-lang/php\"]";
  const std::string message =
      "s.toml:10:11: 'dev-lang/php-8.3.1' does not get the USE flags it requires: 'apache2? ( "
      "threads )'\n  add '-apache2' or 'threads' in 'package_use' for 'dev-lang/php'\n";
  CHECK(test.faults(portage, phase) == message);
  CHECK(test.faults("package_use = { \"dev-lang/php\" = [\"apache2\", \"threads\"] }", phase) ==
        "");
  test.base = "tarball = \"x.tar\"";  // which may have USE flags of its own
  CHECK(test.warnings(portage, phase) == message);
}

TEST_CASE("what a phase writes below /etc/portage turns obstacles into warnings") {
  Case test;
  CHECK(test.warnings("",
                      "run = \"echo x > /etc/portage/package.license\"\n"
                      "emerge = [\"sys-kernel/firmware\"]") ==
        "s.toml:11:11: 'sys-kernel/firmware-20260101': licence 'linux-fw' is not accepted\n"
        "  read the text in 'licenses' of the repository, then add \"sys-kernel/firmware\" = "
        "[\"linux-fw\"] to 'package_license'\n");
  CHECK_FALSE(test.warnings("", "options = [\"--autounmask=y\"]\nemerge = [\"app-editors/young\"]")
                  .empty());
}

TEST_CASE("an EAPI that Portage may not know is a warning") {
  Case test;
  test::add_ebuild(test.gentoo, "dev-lang", "new", "1", {{"EAPI", "9"}});
  CHECK(test.warnings("", "emerge = [\"dev-lang/new\"]") ==
        "s.toml:10:11: 'dev-lang/new-1' has EAPI '9', which the base's Portage may be too old for\n"
        "  if emerge refuses it, use a newer base or an older tree\n");
}

TEST_CASE("a profile that is not there, broken, deprecated or of another kind is said") {
  Case test;
  test.profile = "profile = \"default/linux/amd46\"";
  CHECK(test.faults("") ==
        "s.toml:6:11: repository 'gentoo' has no profile 'default/linux/amd46'\n"
        "  did you mean 'default/linux/amd64'?\n");
  test.gentoo.file("profiles/broken/parent", "../nowhere\n")
      .file("profiles/default/linux/amd64/odd/parent", "..\n")
      .file("profiles/default/linux/amd64/old/parent", "..\n")
      .file("profiles/default/linux/amd64/old/deprecated", "default/linux/amd64\n# text\n")
      .file("profiles/default/linux/amd64/musl/parent", "..\n")
      .file("profiles/default/linux/amd64/systemd/parent", "..\n");
  test.profile = "profile = \"broken\"";
  CHECK(test.faults("") ==
        "s.toml:6:11: profile 'broken': 'gentoo:profiles/broken' has no parent '../nowhere'\n"
        "  the repository is incomplete: get it anew, or choose another profile\n");
  test.profile = "profile = \"default/linux/amd64/odd\"";
  CHECK(test.warnings("") ==
        "s.toml:6:11: profile 'default/linux/amd64/odd' is experimental\n"
        "  'profiles/profiles.desc' lists those that are kept 'stable'\n");
  test.profile = "profile = \"default/linux/amd64/old\"";
  CHECK(test.warnings("") ==
        "s.toml:6:11: profile 'default/linux/amd64/old' is deprecated\n"
        "  use 'default/linux/amd64'\n");
  test.profile = "profile = \"default/linux/amd64/musl\"";
  CHECK(test.faults("") ==
        "s.toml:6:11: profile 'default/linux/amd64/musl' and stage3 'openrc' do not fit: only the "
        "profile is for musl\n"
        "  a libc cannot be switched: choose the profile and the stage3 of one kind\n");
  test.profile = "profile = \"default/linux/amd64/systemd\"";
  CHECK(
      test.warnings("") ==
      "s.toml:6:11: profile 'default/linux/amd64/systemd' and stage3 'openrc' do not fit: only the "
      "profile is for systemd\n"
      "  merge '@world' with changed USE flags first, or choose both of one kind\n");
  test.profile = "profile = \"default/linux/amd64\"";
  test.base = "stage3 = \"nomultilib-openrc\"";
  CHECK(test.faults("") ==
        "s.toml:6:11: profile 'default/linux/amd64' and stage3 'nomultilib-openrc' do not fit: the "
        "base has no 32-bit libraries to build on\n"
        "  choose the 'no-multilib' profile, or a stage3 without 'nomultilib'\n");
  test.base = "stage3 = \"openrc\"";
  test.arch = "arm64";
  CHECK(test.faults("") ==
        "s.toml:6:11: profile 'default/linux/amd64' is for 'amd64', the base is for 'arm64'\n"
        "  choose a profile of 'arm64': see 'profiles/profiles.desc' of the repository\n");
}

TEST_CASE("a profile may be another repository's") {
  Case test;
  test.gentoo.file("profiles/default/linux/amd64/exotic/parent", "gentoo:base\n");
  test.profile = "profile = \"gentoo:default/linux/amd64/exotic\"";
  CHECK(test.faults("") == "");
  test.profile = "profile = \"gnetoo:default/linux/amd64\"";
  CHECK(test.faults("") ==
        "s.toml:6:11: 'profile': the spec has no repository 'gnetoo'\n  did you mean 'gentoo'?\n");
}

TEST_CASE("packages without metadata are named once, and not held against the spec") {
  Case test;
  for (const char* name : {"one", "two", "three", "four"})
    test.gentoo.file("dev-lang/" + std::string(name) + '/' + name + "-1.ebuild", "EAPI=8\n");
  const ConfigFindings found =
      test.check("package_use = { \"dev-lang/one\" = [\"x\"] }",
                 "emerge = [\"one\", \"two\", \"three\", \"dev-lang/four\"]");
  CHECK(text_of(found.faults) == "");
  CHECK(text_of(found.warnings) == "");
  REQUIRE(found.notes.size() == 1);
  CHECK(found.notes[0].message ==
        "USE flags, keywords and licences are not checked for 'dev-lang/four', 'dev-lang/one', "
        "'dev-lang/three', 1 more: the repository has no 'metadata/md5-cache' for them, or an old "
        "one");
}
