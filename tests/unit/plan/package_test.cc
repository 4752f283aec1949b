#include "gbox/plan/package.h"

#include <doctest/doctest.h>

#include <functional>

#include "gbox/base/text.h"
#include "gbox/plan/explain.h"
#include "gbox/plan/plan.h"

using namespace gbox;
using namespace gbox::plan;

namespace {

PackageInputs icu() {
  PackageInputs inputs;
  inputs.cpv = "dev-libs/icu-74.2";
  inputs.repository = "gentoo";
  inputs.ebuild = "sha256:01";
  inputs.eclasses = {{"toolchain-funcs", "sha256:02"}, {"multilib", "sha256:03"}};
  inputs.files = "sha256:04";
  inputs.distfiles = {{"icu-74.2.tgz", "blake2b:05"}};
  inputs.use = {{"ssl", false}, {"doc", false}};
  inputs.variables = {{"CFLAGS", "-O2"}, {"CHOST", "x86_64-pc-linux-gnu"}};
  inputs.hooks = {{"/etc/portage/patches/dev-libs/icu/a.patch", "sha256:06"}};
  inputs.policy = {{"emerge", "sha256:07"}};
  inputs.environment = {{"LANG", "C.UTF-8"}};
  inputs.network = "none";
  inputs.dependencies = {{"sys-devel/gcc-14", "files 08"}, {"dev-libs/y-1", "key 09"}};
  inputs.strays = "sha256:10";
  return inputs;
}

using PackageChange = std::function<void(PackageInputs&)>;

std::string package_reason(const PackageChange& change) {
  PackageInputs after = icu();
  change(after);
  CHECK(key_of(package_parts(after)) != key_of(package_parts(icu())));
  return join(explain(package_parts(icu()), package_parts(after), ""), ", ");
}

}  // namespace

TEST_CASE("equal inputs give one key, whatever was merged before") {
  CHECK(key_of(package_parts(icu())) == key_of(package_parts(icu())));
  const Json one = merge_parts("aa", package_parts(icu()), "/");
  CHECK(key_of(one) != key_of(merge_parts("bb", package_parts(icu()), "/")));
  CHECK(key_of(one) != key_of(merge_parts("aa", package_parts(icu()), "/destination")));
}

TEST_CASE("what the environment says is not told twice, for the root that Portage tells it of") {
  PackageInputs other = icu();
  other.variables["LANG"] = "C.UTF-8";
  CHECK(key_of(package_parts(other)) == key_of(package_parts(icu())));
}

TEST_CASE("each thing that decides a package changes its key, and is told in words") {
  CHECK(package_reason([](auto& i) { i.cpv = "dev-libs/icu-75.1"; }) ==
        "version: 'dev-libs/icu-74.2' → 'dev-libs/icu-75.1'");
  CHECK(package_reason([](auto& i) { i.use["ssl"] = true; }) ==
        "USE of dev-libs/icu-74.2: -ssl → ssl");
  CHECK(package_reason([](auto& i) {
          i.use.erase("doc");
          i.use["new"] = true;
        }) == "USE of dev-libs/icu-74.2: new is new, doc is gone");
  CHECK(package_reason([](auto& i) { i.ebuild = "x"; }) == "ebuild changed");
  CHECK(package_reason([](auto& i) { i.eclasses["toolchain-funcs"] = "x"; }) ==
        "eclass 'toolchain-funcs' changed");
  CHECK(package_reason([](auto& i) { i.files = "x"; }) == "its files/ changed");
  CHECK(package_reason([](auto& i) { i.distfiles["icu-74.2.tgz"] = "x"; }) ==
        "source archive 'icu-74.2.tgz' changed");
  CHECK(package_reason([](auto& i) { i.variables["CFLAGS"] = "-O3"; }) == "CFLAGS: '-O2' → '-O3'");
  CHECK(package_reason([](auto& i) { i.variables["MY_SWITCH"] = "1"; }) == "MY_SWITCH is '1' now");
  CHECK(package_reason([](auto& i) { i.variables.erase("CHOST"); }) == "CHOST is no longer set");
  CHECK(package_reason([](auto& i) { i.hooks.clear(); }) ==
        "configuration '/etc/portage/patches/dev-libs/icu/a.patch' removed");
  CHECK(package_reason([](auto& i) { i.policy["emerge"] = "x"; }) == "policy 'emerge' changed");
  CHECK(package_reason([](auto& i) { i.environment[0].second = "C"; }) ==
        "environment variable 'LANG' changed");
  CHECK(package_reason([](auto& i) { i.network = "host"; }) == "its network changed");
  CHECK(package_reason([](auto& i) { i.dependencies["sys-devel/gcc-14"] = "files x"; }) ==
        "dependency 'sys-devel/gcc-14' changed");
  CHECK(package_reason([](auto& i) { i.strays = "x"; }) ==
        "files that earlier phases put where builds look changed");
  CHECK(package_reason([](auto& i) { i.once = "phase 1"; }) == "its ebuild fetches what is newest");
  CHECK(package_reason([](auto& i) { i.repository = "overlay"; }) ==
        "repository: 'gentoo' → 'overlay'");
}

TEST_CASE("parts of a record that are no package's are no error") {
  for (const Json& strange : {Json(), Json::array({1, 2}), Json::array({Json::array({"use", 3})}),
                              Json::array({Json::array({"package", "x"})})})
    CHECK_NOTHROW((void)explain(strange, package_parts(icu()), ""));
}
