// Which files a spec becomes, and what is in them.
#include "gbox/portage/config.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace gbox;
using namespace gbox::portage;

namespace {

constexpr std::string_view kConfigHeader =
    "# Written by gbox from the spec. Edit the spec: each build writes this anew.\n";

std::vector<ConfigFile> files_of(const std::string& text) {
  return config_files(spec::read_spec("s", "name='a'\nbase.tarball='t'\n" + text),
                      [](const spec::Text& file) { return "content of " + file.value; });
}

std::string content_of(const std::vector<ConfigFile>& files, std::string_view path) {
  const auto found = std::find_if(files.begin(), files.end(),
                                  [&](const ConfigFile& file) { return file.path == path; });
  return found == files.end() ? "absent" : found->content;
}

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("the smallest spec sets only what every image build needs") {
  const auto files = files_of("");
  REQUIRE(files.size() == 1);
  CHECK(files[0].path == "etc/portage/make.conf/50-gbox");
  CHECK(files[0].content == std::string(kConfigHeader) +
                                "CONFIG_PROTECT='-* /dev/null'\n"
                                "DISTDIR='/var/cache/distfiles'\n"
                                "FEATURES='-merge-sync -news notitles xattr'\n"
                                "GNUMAKEFLAGS=''\n"
                                "PKGDIR='/var/cache/binpkgs'\n"
                                "PORTAGE_TMPDIR='/var/tmp'\n");
}

TEST_CASE("[portage] becomes the files of /etc/portage, each a line a rule") {
  const auto files = files_of(R"(
[repos.gentoo]
path = "g"
priority = 5
[repos.mine]
path = "m"
[portage]
profile = "default/linux/amd64/23.0"
common_flags = "-O2 -pipe"
use = ["-ipv6", "ssl"]
make_conf = { FEATURES = "-xattr", CXXFLAGS = "$${COMMON_FLAGS} -g", L10N = "de en" }
package_use = { "dev-lang/php" = ["fpm", "-cgi"], "*/*" = ["a"] }
package_accept_keywords = { "a/b" = [], "a/c" = ["**"] }
package_license = { "a/b" = ["x"] }
package_env = { "a/b" = ["y.conf"] }
package_mask = [">=a/b-2", "a/c"]
package_unmask = ["a/d"]
)");
  const std::string head(kConfigHeader);
  CHECK(content_of(files, "etc/portage/package.use/50-gbox") ==
        head + "*/* a\ndev-lang/php fpm -cgi\n");
  CHECK(content_of(files, "etc/portage/package.accept_keywords/50-gbox") == head + "a/b\na/c **\n");
  CHECK(content_of(files, "etc/portage/package.license/50-gbox") == head + "a/b x\n");
  CHECK(content_of(files, "etc/portage/package.env/50-gbox") == head + "a/b y.conf\n");
  CHECK(content_of(files, "etc/portage/package.mask/50-gbox") == head + ">=a/b-2\na/c\n");
  CHECK(content_of(files, "etc/portage/package.unmask/50-gbox") == head + "a/d\n");
  CHECK(content_of(files, "etc/portage/make.profile") ==
        "../../var/db/repos/gentoo/profiles/default/linux/amd64/23.0");
  CHECK(content_of(files, "etc/portage/repos.conf/50-gbox") ==
        head +
            "[DEFAULT]\nmain-repo = gentoo\n"
            "\n[gentoo]\nlocation = /var/db/repos/gentoo\n"
            "sync-type =\nsync-uri =\nauto-sync = no\npriority = 5\n"
            "\n[mine]\nlocation = /var/db/repos/mine\n"
            "sync-type =\nsync-uri =\nauto-sync = no\n");
  const std::string make_conf = content_of(files, "etc/portage/make.conf/50-gbox");
  CHECK(has_line(make_conf, "CFLAGS='-O2 -pipe'"));
  CHECK(has_line(make_conf, "FFLAGS='-O2 -pipe'"));
  CHECK(has_line(make_conf, "CXXFLAGS=\"\\$\"'{COMMON_FLAGS} -g'"));
  CHECK(has_line(make_conf, "FEATURES='-merge-sync -news notitles xattr -xattr'"));
  CHECK(has_line(make_conf, "L10N='de en'"));
  CHECK(has_line(make_conf, "USE='-ipv6 ssl'"));
  CHECK(std::is_sorted(files.begin(), files.end(),
                       [](const auto& a, const auto& b) { return a.path < b.path; }));
}

TEST_CASE("env files, sets, patches, licences and keywords go where Portage reads them") {
  const auto files = files_of(R"(
[portage]
accept_keywords = ["~amd64"]
license = ["-*", "@FREE"]
env = { disk = { PORTAGE_TMPDIR = "/var/tmp/disk", MAKEOPTS = "-j1" } }
sets = { web = ["dev-lang/php", "@more"] }
patches = { "dev-lang/php" = ["fix/a.patch", "b"] }
)");
  const std::string head(kConfigHeader);
  CHECK(content_of(files, "etc/portage/env/disk") ==
        head + "MAKEOPTS='-j1'\nPORTAGE_TMPDIR='/var/tmp/disk'\n");
  CHECK(content_of(files, "etc/portage/sets/web") == head + "dev-lang/php\n@more\n");
  CHECK(content_of(files, "etc/portage/patches/dev-lang/php/001-a.patch") ==
        "content of fix/a.patch");
  CHECK(content_of(files, "etc/portage/patches/dev-lang/php/002-b.patch") == "content of b");
  const std::string make_conf = content_of(files, "etc/portage/make.conf/50-gbox");
  CHECK(has_line(make_conf, "ACCEPT_KEYWORDS='~amd64'"));
  CHECK(has_line(make_conf, "ACCEPT_LICENSE='-* @FREE'"));
}

TEST_CASE("binary package hosts are written down as the image is to have them") {
  const auto files = files_of(
      "[[binhost]]\nname = 'demo'\nuri = 'https://b.example/x'\npriority = 3\n"
      "verify_signature = false\n");
  CHECK(content_of(files, "etc/portage/binrepos.conf/50-gbox") ==
        std::string(kConfigHeader) +
            "\n[demo]\npriority = 3\nsync-uri = https://b.example/x\n"
            "verify-signature = false\n");
  CHECK(content_of(files_of(""), "etc/portage/binrepos.conf/50-gbox") == "absent");
}

TEST_CASE("a profile of another repository is named with it") {
  const std::string repos = "repos.gentoo.path='g'\nrepos.mine.path='m'\n";
  CHECK(content_of(files_of(repos + "portage.profile='mine:x/y'"), "etc/portage/make.profile") ==
        "../../var/db/repos/mine/profiles/x/y");
  CHECK_THROWS_WITH((void)files_of(repos + "portage.profile='mien:x'"),
                    "s:5:17: 'profile': the spec has no repository 'mien'");
}

TEST_CASE("jobs and their like are in no file, so that they change no key") {
  const auto with = files_of("[build]\njobs=7\nload_average=3\nemerge_jobs=2\ntmpfs='1G'\n");
  const auto without = files_of("");
  REQUIRE(with.size() == without.size());
  CHECK(with[0].content == without[0].content);
}

TEST_CASE("the main repository is gentoo, else the one of the highest priority") {
  const auto main_of = [](const std::string& repos) {
    const spec::BuildSpec spec = spec::read_spec("s", "name='a'\nbase.tarball='t'\n" + repos);
    const spec::Repository* main = main_repository(spec);
    return main == nullptr ? std::string("none") : main->name;
  };
  CHECK(main_of("") == "none");
  CHECK(main_of("repos.z.path='z'") == "z");
  CHECK(main_of("repos.z.path='z'\nrepos.b.path='b'") == "b");
  CHECK(main_of("repos.z={path='z',priority=1}\nrepos.b.path='b'") == "z");
  CHECK(main_of("repos.z={path='z',priority=-1}\nrepos.b={path='b',priority=-2}") == "z");
  CHECK(main_of("repos.z={path='z',priority=9}\nrepos.gentoo.path='g'") == "gentoo");
}

TEST_CASE("a profile without a repository is an error at its place") {
  spec::BuildSpec spec =
      spec::read_spec("s", "name='a'\nbase.tarball='t'\nportage.profile='p'\nrepos.x.path='x'\n");
  spec.repositories.clear();
  CHECK_THROWS_WITH((void)config_files(spec, {}),
                    "s:3:17: 'profile' needs a repository that holds it");
}
