// Profiles with their parents, and what Portage would then say of an ebuild.
#include "settings.h"

#include <doctest/doctest.h>

#include "gbox/base/text.h"
#include "sample_tree.h"

using namespace gbox;
using namespace gbox::portage;
using test::Tree;

namespace {

// A spec and repositories held together for one question.
struct World {
  explicit World(const Tree& gentoo, const std::string& profile = "default/linux/amd64",
                 const Tree* guru = nullptr, int config_dirfd = -1)
      : config(config_dirfd) {
    repositories.push_back(test::checked(gentoo, "gentoo"));
    std::vector<TreeIndex::Source> sources;
    if (guru != nullptr) repositories.push_back(test::checked(*guru, "guru"));
    for (const CheckedRepository& repository : repositories) sources.push_back({&repository, 0});
    tree.emplace(sources, "gentoo");
    if (!profile.empty()) loaded = load_profile(*tree, "gentoo", profile, config);
  }
  Settings settings() { return {spec, *tree, loaded, config, "amd64"}; }
  const Ebuild& ebuild(const std::string& atom) {
    return *tree->matching(*parse_atom(atom)).back();
  }

  std::vector<CheckedRepository> repositories;
  std::optional<TreeIndex> tree;
  Profile loaded;
  spec::BuildSpec spec;
  int config;
};

std::string words(const std::set<std::string>& set) {
  return join({set.begin(), set.end()}, " ");
}

std::string best(World& world, const std::string& atom) {
  const Settings settings = world.settings();
  const Ebuild* ebuild = settings.best_visible(*parse_atom(atom));
  return ebuild == nullptr ? "none" : ebuild->cpv();
}

std::string enabled(World& world, const std::string& atom) {
  return words(world.settings().enabled_flags(world.ebuild(atom)));
}

}  // namespace

TEST_CASE("a profile joins what its parents say") {
  const Tree gentoo = test::sample_gentoo();
  World world(gentoo);
  CHECK(world.loaded.layers.size() == 2);
  CHECK(world.loaded.variables.at("ARCH") == "amd64");
  CHECK(join(world.loaded.words("ACCEPT_KEYWORDS"), " ") == "amd64");
  CHECK(join(world.loaded.groups, " ") == "PYTHON_TARGETS CPU_FLAGS_X86");
  CHECK(join(world.loaded.layers[0].use, " ") == "python_targets_python3_13 ssl");
}

TEST_CASE("parents that are missing, outside or their own are errors") {
  Tree gentoo = test::sample_gentoo();
  gentoo.file("profiles/bad/parent", "../nowhere\n")
      .file("profiles/out/parent", "../../../etc\n")
      .file("profiles/absolute/parent", "/etc\n")
      .file("profiles/one/parent", "../two\n")
      .file("profiles/two/parent", "../one\n")
      .file("profiles/far/parent", "guru:base\n")
      .file("profiles/colon/parent", "gentoo:base\n");
  const auto error = [&](const std::string& profile) -> std::string {
    try {
      World world(gentoo, profile);
    } catch (const Error& thrown) {
      CHECK(thrown.code() == ExitCode::input);
      CHECK_FALSE(thrown.hint().empty());
      return thrown.message();
    }
    return "";
  };
  CHECK(error("bad") == "profile 'bad': 'gentoo:profiles/bad' has no parent '../nowhere'");
  CHECK(error("out") == "profile 'out': 'gentoo:profiles/out' has no parent '../../../etc'");
  CHECK(error("absolute") == "profile 'absolute': 'gentoo:profiles/absolute' has no parent '/etc'");
  CHECK(error("one") == "profile 'one': 'gentoo:profiles/one' is its own parent");
  CHECK(error("far") ==
        "profile 'far': 'gentoo:profiles/far' has the parent 'guru:base' of a repository that the "
        "spec does not have");
  CHECK(error("colon") == "");
}

TEST_CASE("a chain of parents may not be endless") {
  Tree gentoo = test::sample_gentoo();
  for (int i = 0; i < 70; ++i)
    gentoo.file("profiles/p" + std::to_string(i) + "/parent",
                "../p" + std::to_string(i + 1) + '\n');
  gentoo.directory("profiles/p70");
  CHECK_THROWS_WITH_AS(World(gentoo, "p0"),
                       "profile 'p0': 'gentoo:profiles/p64' has too many parents", Error);
  CHECK_NOTHROW(World(gentoo, "p20"));
}

TEST_CASE("many ways to one parent may not multiply") {
  Tree gentoo = test::sample_gentoo();
  for (int i = 0; i < 30; ++i) {
    const std::string next = "../p" + std::to_string(i + 1) + '\n';
    gentoo.file("profiles/p" + std::to_string(i) + "/parent", next + next);
  }
  gentoo.directory("profiles/p30");
  CHECK_THROWS_AS(World(gentoo, "p0"), Error);
}

TEST_CASE("the newest version whose keyword is accepted is chosen") {
  const Tree gentoo = test::sample_gentoo();
  World world(gentoo);
  CHECK(best(world, "dev-lang/php") == "dev-lang/php-8.3.1");
  CHECK(best(world, ">=dev-lang/php-8.4") == "none");
  CHECK(best(world, "app-editors/young") == "none");
  world.spec.portage.package_accept_keywords = {{{}, ">=dev-lang/php-8.4", {}}};
  CHECK(best(world, "dev-lang/php") == "dev-lang/php-8.4.0");
  world.spec.portage.package_accept_keywords = {{{}, "dev-lang/*", {"**"}},
                                                {{}, "dev-lang/php", {"-**"}}};
  CHECK(best(world, "dev-lang/php") == "dev-lang/php-8.3.1");
  world.spec.portage.package_accept_keywords.clear();
  world.spec.portage.accept_keywords = {"~amd64"};
  CHECK(best(world, "app-editors/young") == "app-editors/young-1");
  world.spec.portage.accept_keywords = {"-amd64", "arm64"};
  CHECK(best(world, "app-editors/young") == "app-editors/young-1");
  CHECK(best(world, "dev-lang/php") == "none");
}

TEST_CASE("without a profile the base's architecture is what is accepted") {
  const Tree gentoo = test::sample_gentoo();
  World world(gentoo, "");
  CHECK(best(world, "dev-lang/php") == "dev-lang/php-8.3.1");
  CHECK(best(world, "app-editors/young") == "none");
}

TEST_CASE("licences are accepted by name, group and package") {
  const Tree gentoo = test::sample_gentoo();
  World world(gentoo);
  const auto missing = [&] {
    return join(world.settings().missing_licenses(world.ebuild("sys-kernel/firmware")), " ");
  };
  CHECK(missing() == "linux-fw");
  world.spec.portage.package_license = {{{}, "sys-kernel/firmware", {"linux-fw"}}};
  CHECK(missing() == "");
  world.spec.portage.package_license = {{{}, "sys-kernel/*", {"@EULA"}},
                                        {{}, "sys-kernel/firmware", {"-@EULA"}}};
  CHECK(missing() == "linux-fw");
  world.spec.portage.package_license.clear();
  world.spec.portage.license = {"*", "-@EULA"};
  CHECK(missing() == "linux-fw");
  world.spec.portage.license = {"*"};
  CHECK(missing() == "");
}

TEST_CASE("masks of repositories reach their own packages, those of the profile all") {
  Tree gentoo = test::sample_gentoo();
  gentoo.file("profiles/package.mask", "# why\ndev-lang/php\nwww-servers/nginx\n")
      .file("profiles/base/package.mask", "app-editors/young\n")
      .file("profiles/default/linux/amd64/package.mask",
            "-app-editors/young\n-www-servers/nginx\n");
  Tree guru;
  test::make_repository(guru, "guru", "");
  test::add_ebuild(guru, "dev-lang", "php", "8.0");
  guru.file("profiles/package.mask", "-www-servers/nginx\n");
  World world(gentoo, "default/linux/amd64", &guru);
  CHECK(best(world, "dev-lang/php") == "dev-lang/php-8.0");
  CHECK(best(world, "www-servers/nginx") == "none");
  const Settings settings = world.settings();
  CHECK(settings.mask_of(world.ebuild("dev-lang/php::gentoo"))->source ==
        "'profiles/package.mask' of repository 'gentoo'");
  CHECK(settings.mask_of(world.ebuild("app-editors/young")) == nullptr);
  world.spec.portage.package_unmask = {"dev-lang/php"};
  world.spec.portage.package_mask = {{"<dev-lang/php-8.4", {"s.toml", 3, 4}}};
  CHECK(best(world, "dev-lang/php") == "dev-lang/php-8.3.1");  // unmasking wins in Portage too
  world.spec.portage.package_unmask.clear();
  CHECK(world.settings().mask_of(world.ebuild("dev-lang/php::guru"))->source ==
        "'package_mask' (s.toml:3:4)");
}

TEST_CASE("USE is what the ebuild, the profile, make.conf and package.use say, in this order") {
  Tree gentoo = test::sample_gentoo();
  test::add_ebuild(gentoo, "app-editors", "ed", "1",
                   {{"IUSE", "+a b c ssl python_targets_python3_12 python_targets_python3_13"}});
  gentoo.file("profiles/default/linux/amd64/package.use", "app-editors/ed b\n");
  World world(gentoo);
  CHECK(enabled(world, "app-editors/ed") == "a amd64 b python_targets_python3_13 ssl");
  world.spec.portage.use = {"-a", "-b", "c"};
  CHECK(enabled(world, "app-editors/ed") == "amd64 c python_targets_python3_13 ssl");
  world.spec.portage.package_use = {{{}, "app-editors/*", {"-*", "a"}},
                                    {{}, "app-editors/ed", {"b", "PYTHON_TARGETS:", "python3_12"}}};
  CHECK(enabled(world, "app-editors/ed") == "a b python_targets_python3_12");
  world.spec.portage.package_use.clear();
  world.spec.portage.make_conf = {{"PYTHON_TARGETS", "python3_12"}};
  CHECK(enabled(world, "app-editors/ed") == "amd64 c python_targets_python3_12 ssl");
}

TEST_CASE("what is said for every package is a part of make.conf") {
  const Tree gentoo = test::sample_gentoo();
  World world(gentoo);
  world.spec.portage.use = {"sqlite"};
  world.spec.portage.package_use = {{{}, "dev-lang/*", {"apache2"}},
                                    {{}, "*/*", {"-apache2", "-sqlite", "threads"}}};
  CHECK(enabled(world, "=dev-lang/php-8.3.1") == "amd64 apache2 cli threads");
  world.spec.portage.package_license = {{{}, "sys-kernel/*", {"-linux-fw"}}, {{}, "*/*", {"*"}}};
  CHECK(world.settings().missing_licenses(world.ebuild("sys-kernel/firmware")).size() == 1);
}

TEST_CASE("what the profile forces and masks has the last word") {
  Tree gentoo = test::sample_gentoo();
  gentoo.file("profiles/default/linux/amd64/package.use.stable.mask", "dev-lang/php fpm\n");
  World world(gentoo);
  world.spec.portage.package_use = {{{}, "dev-lang/php", {"-cli", "systemd", "fpm", "sqlite"}}};
  CHECK(enabled(world, "=dev-lang/php-8.3.1") == "amd64 cli sqlite");
  CHECK(words(world.settings().masked_flags(world.ebuild("=dev-lang/php-8.3.1"))) ==
        "arm-only fpm systemd");
  // A testing version is not what 'stable' masks are for.
  CHECK(words(world.settings().masked_flags(world.ebuild("=dev-lang/php-8.4.0"))) ==
        "arm-only systemd");
}

TEST_CASE("config_dir says its part behind the spec") {
  const Tree gentoo = test::sample_gentoo();
  Tree config;
  config.file("package.accept_keywords/mine", "app-editors/young\n")
      .file("package.license", "sys-kernel/firmware linux-fw\n")
      .file("package.use/php", "dev-lang/php sqlite\n")
      .file("package.mask", "www-servers/nginx\n")
      .file("make.conf", "USE=\"${USE} threads\"\n")
      .file("profile/use.mask", "-systemd\n");
  World world(gentoo, "default/linux/amd64", nullptr, config.fd());
  world.spec.portage.use = {"apache2"};
  world.spec.portage.package_use = {{{}, "dev-lang/php", {"systemd"}}};
  CHECK(best(world, "app-editors/young") == "app-editors/young-1");
  CHECK(best(world, "sys-kernel/firmware") == "sys-kernel/firmware-20260101");
  CHECK(best(world, "www-servers/nginx") == "none");
  CHECK(enabled(world, "=dev-lang/php-8.3.1") == "amd64 apache2 cli sqlite systemd threads");
}
