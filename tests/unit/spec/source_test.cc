#include <doctest/doctest.h>

#include "gbox/base/text.h"
#include "gbox/spec/spec.h"

using namespace gbox;
using namespace gbox::spec;

namespace {

using Strings = std::vector<std::string>;

BuildSpec read_sources(const std::string& text) {
  return read_spec("s", "name='a'\n" + text);
}

// All faults, a line each.
std::string source_faults(const std::string& text) {
  try {
    (void)read_sources(text);
  } catch (const SpecError& error) {
    std::string lines;
    for (const SpecFault& fault : error.faults())
      lines += to_string(fault.where) + ": " + fault.message +
               (fault.hint.empty() ? "" : " | " + fault.hint) + '\n';
    return lines;
  }
  return "";
}

}  // namespace

TEST_CASE("a base is a stage3 of a mirror, with everything but the variant by default") {
  const Base base = read_sources("base.stage3='nomultilib-openrc'").base;
  CHECK(base.stage3 == "nomultilib-openrc");
  CHECK(base.arch.empty());
  CHECK(base.date == "latest");
  CHECK(base.origin.mirrors == Strings{std::string(kDefaultMirror)});
  CHECK(base.origin.verify);
  const Base full = read_sources(R"([base]
stage3 = "musl"
arch = "arm64"
date = "20261115T170312Z"
mirror = ["https://a.example/gentoo/", "/srv/mirror"]
keyring = "keys.asc"
verify = false
)")
                        .base;
  CHECK(full.arch == "arm64");
  CHECK(full.date == "20261115T170312Z");
  CHECK(full.origin.mirrors == Strings{"https://a.example/gentoo", "/srv/mirror"});
  CHECK(full.origin.keyring == "keys.asc");
  CHECK(!full.origin.verify);
}

TEST_CASE("a repository is a directory, a snapshot or a commit") {
  const auto repositories = read_sources(R"(base.tarball='t'
[repos.gentoo]
snapshot = "20261120"
format = "squashfs"
[repos.mine]
git = "https://git.example/mine.git"
rev = "v1.2"
priority = 5
[repos.near]
path = "near"
)")
                                .repositories;
  REQUIRE(repositories.size() == 3);
  CHECK(repositories[0].snapshot == "20261120");
  CHECK(repositories[0].format == SnapshotFormat::squashfs);
  CHECK(repositories[1].git == "https://git.example/mine.git");
  CHECK(repositories[1].rev == "v1.2");
  CHECK(repositories[1].priority == 5);
  CHECK(repositories[2].path == "near");
}

TEST_CASE("binary package hosts come sorted by name") {
  const auto hosts = read_sources(R"(base.tarball='t'
[[binhost]]
name = "ours"
uri = "https://bin.example/amd64"
verify_signature = false
[[binhost]]
name = "gentoo"
official = "x86-64-v3"
mirror = ["https://m.example/gentoo/", "/media/mirror"]
priority = 10
)")
                         .binary_hosts;
  REQUIRE(hosts.size() == 2);
  CHECK(hosts[0].official == "x86-64-v3");
  CHECK(hosts[0].mirrors == std::vector<std::string>{"https://m.example/gentoo", "/media/mirror"});
  CHECK(hosts[1].mirrors.empty());
  CHECK(hosts[0].priority == 10);
  CHECK(hosts[0].verify_signature);
  CHECK(hosts[1].uri == "https://bin.example/amd64");
  CHECK(!hosts[1].verify_signature);
}

TEST_CASE("the rest of [portage] is read with places") {
  const PortageConfig config = read_sources(R"(base.tarball='t'
[portage]
accept_keywords = ["~amd64"]
license = ["*", "-@EULA"]
cpu_flags = ["native"]
[portage.env.disk]
PORTAGE_TMPDIR = "/var/tmp/disk"
MAKEOPTS = "-j1"
[portage.sets]
web = ["dev-lang/php", "@more"]
more = ["app-misc/jq"]
[portage.patches]
"dev-lang/php" = ["a.patch", "b.patch"]
)")
                                   .portage;
  CHECK(values_of(config.accept_keywords) == Strings{"~amd64"});
  CHECK(config.accept_keywords[0].where.line == 4);
  CHECK(values_of(config.license) == Strings{"*", "-@EULA"});
  CHECK(values_of(config.cpu_flags) == Strings{"native"});
  REQUIRE(config.env.size() == 1);
  CHECK(config.env[0].name == "disk");
  CHECK(config.env[0].variables.at("PORTAGE_TMPDIR") == "/var/tmp/disk");
  REQUIRE(config.sets.size() == 2);
  CHECK(config.sets[1].name == "web");
  CHECK(values_of(config.sets[1].atoms) == Strings{"dev-lang/php", "@more"});
  REQUIRE(config.patches.size() == 1);
  CHECK(values_of(config.patches[0].files) == Strings{"a.patch", "b.patch"});
}

TEST_CASE("what makes no sense together or is malformed is refused with its place") {
  struct Row {
    const char* text;
    const char* faults;
  };
  const Row rows[] = {
      {"base={}",
       "s:2:6: missing key 'stage3' in [base] | name a stage3 of the mirror (stage3 = \"openrc\"), "
       "a file of your own (tarball = \"stage3.tar.xz\") or an image (image = \"oci:DIR\")\n"},
      {"base={tarball='t',stage3='openrc'}",
       "s:2:15: 'stage3' and 'tarball' exclude each other | keep one of them\n"},
      {"base={tarball='t',date='latest'}",
       "s:2:24: 'date' means nothing without 'stage3' | add 'stage3', or leave 'date' out\n"},
      {"base={stage3='../x'}",
       "s:2:14: 'stage3': '../x' is not a stage3's variant | write such as 'openrc' or "
       "'nomultilib-openrc'\n"},
      {"base={stage3='openrc',date='20261301'}",
       "s:2:28: 'date': '20261301' is not a date of the mirror | write 'latest', '20261115' or "
       "'20261115T170312Z'\n"},
      {"base={stage3='openrc',mirror='ftp://x/y'}",
       "s:2:30: 'mirror': 'ftp://x/y' has the scheme 'ftp', which gbox does not fetch by | write "
       "https://…, or an absolute path\n"},
      {"base={stage3='openrc',mirror='https://me:secret@x/y'}",
       "s:2:30: 'mirror': 'https://me:secret@x/y' holds a name or password, which would end up in "
       "logs and the lock | put them into ~/.netrc\n"},
      {"base={tarball='https://x/t.tar'}",
       "s:2:15: 'tarball' is fetched, so its digest must be known | add sha512 = \"…\" as its "
       "publisher gives it\n"},
      {"base.tarball='t'\nrepos.gentoo={snapshot='20261120T000000Z'}",
       "s:3:24: 'snapshot': '20261120T000000Z' is not a date of the mirror | write 'latest' or "
       "'20261115'\n"},
      {"base.tarball='t'\nrepos.gentoo={path='p',rev='x'}",
       "s:3:28: 'rev' means nothing without 'git' | add 'git', or leave 'rev' out\n"},
      {"base.tarball='t'\nrepos.gentoo={git='ext::sh -c x'}",
       "s:3:19: 'git': 'ext::sh -c x' names a helper program of git's, which gbox does not run | "
       "write https://…, or a path\n"},
      {"base.tarball='t'\nrepos.gentoo={git='--upload-pack=x'}",
       "s:3:19: 'git': '--upload-pack=x' is an option, not a URL | write https://…, or a path\n"},
      {"base.tarball='t'\nrepos.gentoo={git='https://x/y',rev='--all'}",
       "s:3:37: 'rev': '--all' is not a branch, tag or commit | write such as 'master' or a commit "
       "id\n"},
      {"base.tarball='t'\n[[binhost]]\nname='x'\nuri='u'",
       "s:5:5: 'uri': 'u' is neither a URL nor an absolute path | write https://…, or an absolute "
       "path\n"},
      {"base.tarball='t'\n[[binhost]]\nname='x'\nuri='/u'\nmirror='/m'",
       "s:6:8: 'mirror' means nothing without 'official' | add 'official', or leave 'mirror' "
       "out\n"},
      {"base.tarball='t'\n[[binhost]]\nname='x'\nofficial='../x'",
       "s:5:10: 'official': '../x' is none of Gentoo's binary packages | write such as 'x86-64' or "
       "'x86-64-v3'\n"},
      {"base.tarball='t'\nportage.env.disk.PORTAGE_TMPDIR='/home'",
       "s:3:33: 'env.disk.PORTAGE_TMPDIR': '/home' is not beneath '/var/tmp', so it would end up "
       "in the image | write such as '/var/tmp/disk'\n"},
      {"base.tarball='t'\nportage.env.'../x'.A='1'",
       "s:3:13: 'env': '../x' is not a file's name | use letters, digits, '_', '.', '+' and '-', "
       "first a letter or digit\n"},
      {"base.tarball='t'\nportage.patches.'../../x'=['p']",
       "s:3:17: 'patches': '../../x' is not a package | write such as 'dev-lang/php' or "
       "'dev-lang/php-8.3.1'\n"},
      {"base.tarball='t'\nportage.cpu_flags=['native','avx']",
       "s:3:20: 'cpu_flags': 'native' stands alone | leave the others out, or name them all\n"},
      {"base.tarball='t'\nportage.license=['MIT']\nportage.make_conf={ACCEPT_LICENSE='*'}",
       "s:4:20: 'make_conf.ACCEPT_LICENSE' and 'license' set the same variable | keep 'license'\n"},
  };
  for (const Row& row : rows) CHECK(source_faults(row.text) == row.faults);
}

TEST_CASE("a base or repository without verification is warned of") {
  const BuildSpec spec = read_sources("[base]\nstage3='openrc'\nverify=false");
  REQUIRE(spec.warnings.size() == 1);
  CHECK(spec.warnings[0].where.line == 4);
}
