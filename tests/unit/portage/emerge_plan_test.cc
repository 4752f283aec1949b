// The plan of emerge as data: what the helper answers is read whole, what a hostile image answers
// is refused with its place, and the text of emerge gives what it can.
#include "gbox/portage/emerge_plan.h"

#include <doctest/doctest.h>

#include <string>

#include "gbox/base/error.h"
#include "gbox/base/json.h"

using namespace gbox;
using namespace gbox::portage;

namespace {

constexpr char kHex[] =
    "e74b7f0fd6113d9f10c1c19ac29dd974aab086adbe611d28ff858f644ca64f1e"
    "620d4e35f643a0ca7bb4768f3fdeb89736653c91a3bc6cbcbe55efc83aeefe58";

Json distfile() {
  return {{"name", "hello-1.0.tar"},
          {"uris", {"mirror://demo/hello-1.0.tar"}},
          {"urls", {"https://one.invalid/hello-1.0.tar", "ftp://two.invalid/hello-1.0.tar"}},
          {"closed_urls", Json::array()},
          {"mirror", true},
          {"primary", false},
          {"size", 20480},
          {"digests", {{"BLAKE2B", kHex}, {"SHA512", kHex}, {"WHIRLPOOL", "x"}}}};
}

Json id(const char* cpv, const char* root = "/") {
  return {
      {"cpv", cpv}, {"slot", "0"}, {"sub_slot", "1"}, {"repository", "standin"}, {"root", root}};
}

Json package() {
  Json result = id("app-demo/hello-1.0-r2", "/destination/");
  result.update(
      {{"operation", "merge"},
       {"type", "ebuild"},
       {"eapi", "8"},
       {"keywords", {"amd64", "~arm64"}},
       {"license", {"standin"}},
       {"use_enabled", {"python_targets_python3_12", "shout"}},
       {"use_disabled", {"test"}},
       {"restrict", {"test"}},
       {"properties", Json::array()},
       {"inherited", {"standin-make"}},
       {"masks", Json::array()},
       {"replaces", {"app-demo/hello-0.9"}},
       {"asked_by", {"@world"}},
       {"ebuild", "/var/db/repos/standin/app-demo/hello/hello-1.0-r2.ebuild"},
       {"distfiles", Json::array({distfile()})},
       {"needs", Json::array({Json::array({1, {"build", "run-slot"}})})},
       {"variables", {{"CFLAGS", "-O2 -pipe"}, {"CHOST_amd64", "x86_64-pc-linux-gnu"}}},
       {"eclasses", {{"standin-make", "/var/db/repos/standin/eclass/standin-make.eclass"}}},
       {"bashrcs", {"/etc/portage/bashrc"}},
       {"patches", {"/etc/portage/patches/app-demo/hello:0/a.patch"}},
       {"builds_with", {1}}});
  return result;
}

Json document() {
  return {{"format", "gbox-emerge-plan"},
          {"version", 1},
          {"portage", "3.0.82.2"},
          {"tested", true},
          {"status", "ok"},
          {"exit", 0},
          {"packages", Json::array({package()})},
          {"installed", Json::array({id("sys-libs/glibc-2.36")})},
          {"blockers", Json::array()},
          {"proposals", Json::array()},
          {"problems", Json::array()},
          {"use_expand", {"PYTHON_TARGETS"}},
          {"mirrors", {"https://mirror.invalid"}},
          {"local_mirrors", Json::array()},
          {"profile_bashrcs", {"/var/db/repos/standin/profiles/standin/profile.bashrc"}}};
}

std::string refusal(const Json& value) {
  try {
    (void)parse_emerge_plan(value.dump());
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::plan);
    CHECK(!error.hint().empty());
    return error.message();
  }
  return "accepted";
}

Json side(const char* cpv, bool installed) {
  return {
      {"cpv", cpv}, {"installed", installed}, {"asked_by", {"x/asked"}}, {"wanted_by", {"x/y-1"}}};
}

}  // namespace

TEST_CASE("a plan is read with its packages, files and needs") {
  const auto plan = parse_emerge_plan(document().dump());
  REQUIRE(plan.has_value());
  CHECK(plan->ok());
  CHECK(plan->source == EmergePlan::Source::data);
  CHECK(plan->portage == "3.0.82.2");
  REQUIRE(plan->packages.size() == 1);
  const PlannedPackage& package = plan->packages.front();
  CHECK(package.id.cpv == "app-demo/hello-1.0-r2");
  CHECK(package.id.package() == "app-demo/hello");
  CHECK(package.id.category() == "app-demo");
  CHECK(package.id.root == "/destination");
  CHECK(package.kind == PlannedPackage::Kind::ebuild);
  CHECK(package.use_enabled == std::vector<std::string>{"python_targets_python3_12", "shout"});
  CHECK_FALSE(package.live());
  REQUIRE(package.needs.size() == 1);
  CHECK(package.needs[0].build);
  CHECK(package.needs[0].run_slot);
  CHECK_FALSE(package.needs[0].run);
  CHECK(plan->node(package.needs[0].node).cpv == "sys-libs/glibc-2.36");
}

TEST_CASE("a plan tells what decides the build of a package") {
  const auto plan = parse_emerge_plan(document().dump());
  const PlannedPackage& package = plan->packages.front();
  CHECK(package.variables.at("CFLAGS") == "-O2 -pipe");
  CHECK(package.variables.size() == 2);
  CHECK(package.eclasses.at("standin-make") == "/var/db/repos/standin/eclass/standin-make.eclass");
  CHECK(package.bashrcs == std::vector<std::string>{"/etc/portage/bashrc"});
  CHECK(package.patches ==
        std::vector<std::string>{"/etc/portage/patches/app-demo/hello:0/a.patch"});
  CHECK(package.builds_with == std::vector<std::size_t>{1});
  CHECK(plan->profile_bashrcs ==
        std::vector<std::string>{"/var/db/repos/standin/profiles/standin/profile.bashrc"});
}

TEST_CASE("a package that is not built has nothing that decides a build") {
  for (const char* change : {R"({"type": "binary"})", R"({"operation": "uninstall"})"}) {
    Json value = document();
    value["packages"][0].update(parse_json(change, "change"));
    const auto plan = parse_emerge_plan(value.dump());
    REQUIRE(plan.has_value());
    CHECK(plan->packages[0].variables.empty());
    CHECK(plan->packages[0].eclasses.empty());
    CHECK(plan->packages[0].builds_with.empty());
  }
}

TEST_CASE("an ebuild without what decides its build is refused") {
  for (const char* key : {"variables", "eclasses", "bashrcs", "patches", "builds_with"}) {
    Json value = document();
    value["packages"][0].erase(key);
    CHECK(refusal(value).find("'" + std::string(key) + "': it is missing") != std::string::npos);
  }
}

TEST_CASE("packages are built with earlier packages and installed ones only") {
  Json value = document();
  Json other = package();
  other["cpv"] = "app-demo/other-1.0";
  value["packages"].push_back(other);
  value["packages"][0]["builds_with"] = {2};
  value["packages"][1]["builds_with"] = {0, 2};
  CHECK(parse_emerge_plan(value.dump())->packages[1].builds_with == std::vector<std::size_t>{0, 2});
  for (const Json& numbers : {Json{1}, Json{2, 0}, Json{0, 0}, Json{3}}) {
    value["packages"][1]["builds_with"] = numbers;
    CHECK(refusal(value).find("packages 2, builds_with") != std::string::npos);
  }
  value["packages"][1]["builds_with"] = {0};
  value["packages"][0]["builds_with"] = {1};
  CHECK(refusal(value).find("package 1 is not there by then") != std::string::npos);
}

TEST_CASE("variables and scripts of one package are counted and measured") {
  Json value = document();
  Json& package = value["packages"][0];
  for (int i = 0; i < 4000; ++i) package["variables"]["V" + std::to_string(i)] = "";
  CHECK(refusal(value).find("4002 entries, more than 4000") != std::string::npos);
  package["variables"] = {{"LONG", std::string((128u << 10) + 1, 'x')}};
  CHECK(refusal(value).find("cannot be 'LONG'") != std::string::npos);
  package["variables"] = {{"LINES_OF", "one\ntwo"}};
  package["patches"] = Json(std::vector<std::string>(4001, "/etc/portage/patches/a.patch"));
  CHECK(refusal(value).find("4001 entries, more than 4000") != std::string::npos);
}

TEST_CASE("a file keeps the digests that gbox knows and the URLs that it fetches from") {
  const auto plan = parse_emerge_plan(document().dump());
  const Distfile& file = plan->packages.front().distfiles.front();
  CHECK(file.name == "hello-1.0.tar");
  CHECK(file.size == 20480);
  REQUIRE(file.digests.size() == 2);
  CHECK(file.digests[0] == Digest(HashAlgorithm::blake2b, kHex));
  CHECK(file.digests[1] == Digest(HashAlgorithm::sha512, kHex));
  CHECK(file.urls == std::vector<std::string>{"https://one.invalid/hello-1.0.tar"});
  CHECK(file.closed_urls == std::vector<std::string>{"ftp://two.invalid/hello-1.0.tar"});
  CHECK_FALSE(file.manual());
}

TEST_CASE("a file of an ebuild with RESTRICT=fetch is one that a person places") {
  Json value = document();
  value["packages"][0]["distfiles"][0].update(
      {{"urls", Json::array()}, {"closed_urls", {"https://shop.invalid/x"}}, {"mirror", false}});
  CHECK(parse_emerge_plan(value.dump())->packages[0].distfiles[0].manual());
}

TEST_CASE("what a hostile image answers is refused with the place") {
  struct Row {
    const char* pointer;
    Json value;
    const char* message;
  };
  const std::string deep(kMaxPlanTextBytes, '[');
  const Row rows[] = {
      {"/format", "other", "'format'"},
      {"/version", 2, "'version'"},
      {"/status", "fine", "'fine' is none of its words"},
      {"/packages", 3, "'packages': a list is expected"},
      {"/packages/0", 3, "packages 1: an object is expected"},
      {"/packages/0/cpv", "../../etc/passwd-1", "'cpv'"},
      {"/packages/0/cpv", "app-demo/hello", "'cpv'"},
      {"/packages/0/cpv", "app-demo/hello-1.0\nforged", "'cpv'"},
      {"/packages/0/slot", "0 1", "'slot'"},
      {"/packages/0/repository", "../x", "'repository'"},
      {"/packages/0/root", "relative", "'root'"},
      {"/packages/0/root", "/a/../../b", "'root'"},
      {"/packages/0/operation", "erase", "'operation'"},
      {"/packages/0/use_enabled/0", "a b", "'use_enabled'"},
      {"/packages/0/distfiles/0/name", "../hello.tar", "distfiles 1: 'name'"},
      {"/packages/0/distfiles/0/name", "..", "'name'"},
      {"/packages/0/distfiles/0/name", ".hidden", "'name'"},
      {"/packages/0/distfiles/0/name", std::string(300, 'a'), "'name'"},
      {"/packages/0/distfiles/0/size", -1, "'size'"},
      {"/packages/0/distfiles/0/size", 1.5, "'size'"},
      {"/packages/0/distfiles/0/size", std::uint64_t{1} << 60, "is more than 64"},
      {"/packages/0/distfiles/0/digests/SHA512", "abc", "'SHA512'"},
      {"/packages/0/distfiles/0/urls/0", "https://x\x1b[2J", "'urls'"},
      {"/packages/0/needs/0/0", 2, "there is no package 2"},
      {"/packages/0/needs/0/0", -1, "a number and kinds are expected"},
      {"/packages/0/variables", Json::array({"CFLAGS"}), "'variables': an object is expected"},
      {"/packages/0/variables", {{"1ST", "x"}}, "'1ST' cannot be a name"},
      {"/packages/0/variables", {{"A B", "x"}}, "'A B' cannot be a name"},
      {"/packages/0/variables", {{"A=B\x1b", "x"}}, "cannot be a name"},
      {"/packages/0/variables", {{"", "x"}}, "'' cannot be a name"},
      {"/packages/0/variables/CFLAGS", 3, "strings are expected"},
      {"/packages/0/variables/CFLAGS", std::string("a\0b", 3), "cannot be 'CFLAGS'"},
      {"/packages/0/eclasses", {{"../x", "/x.eclass"}}, "'../x' cannot be a name"},
      {"/packages/0/eclasses/standin-make", "x.eclass", "cannot be 'standin-make'"},
      {"/packages/0/eclasses/standin-make", "/a/../x.eclass", "cannot be 'standin-make'"},
      {"/packages/0/inherited/0", "other", "'other' is missing"},
      {"/packages/0/bashrcs/0", "etc/portage/bashrc", "'bashrcs'"},
      {"/packages/0/bashrcs/0", "/etc//bashrc", "'bashrcs'"},
      {"/packages/0/patches/0", "/etc/../shadow", "'patches'"},
      {"/packages/0/patches/0", "/etc/a.patch/", "'patches'"},
      {"/packages/0/patches/0", "/", "'patches'"},
      {"/packages/0/patches/0", "/a\nb", "'patches'"},
      {"/packages/0/builds_with/0", 0, "package 0 is not there by then"},
      {"/packages/0/builds_with/0", 2, "package 2 is not there by then"},
      {"/packages/0/builds_with/0", -1, "a number is expected"},
      {"/packages/0/builds_with/0", "1", "a number is expected"},
      {"/profile_bashrcs/0", "../x", "'profile_bashrcs'"},
      {"/packages/0/binary", {{"path", "../../x"}}, "binary: 'path'"},
      {"/use_expand/0", "python targets", "'use_expand'"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.pointer);
    Json value = document();
    value[Json::json_pointer(row.pointer)] = row.value;
    const std::string message = refusal(value);
    CHECK_MESSAGE(message.find(row.message) != std::string::npos, message);
    CHECK(message.find('\n') == std::string::npos);
    CHECK(message.find('\x1b') == std::string::npos);
  }
  CHECK_THROWS_AS((void)parse_emerge_plan(deep), Error);
  CHECK_THROWS_AS((void)parse_emerge_plan("!!! Problem with sandbox binary"), Error);
  CHECK_THROWS_AS((void)parse_emerge_plan(""), Error);
}

TEST_CASE("a file or path of this host is never a place to fetch from") {
  for (const char* url : {"file:///etc/shadow", "/etc/shadow", "sftp://x.invalid/y", "http:/x"}) {
    Json value = document();
    value["packages"][0]["distfiles"][0]["urls"] = Json::array({url});
    const auto plan = parse_emerge_plan(value.dump());
    REQUIRE(plan.has_value());
    CHECK(plan->packages[0].distfiles[0].urls.empty());
  }
}

TEST_CASE("too many packages are refused before they are read") {
  Json value = document();
  value["packages"] = Json::array();
  for (std::size_t i = 0; i <= kMaxPlannedPackages; ++i) value["packages"].push_back(nullptr);
  CHECK(refusal(value).find("20001 entries, more than 20000") != std::string::npos);
}

TEST_CASE("a helper that does not know this Portage says what it misses") {
  std::string why;
  const Json value = {{"format", "gbox-emerge-plan"},
                      {"version", 1},
                      {"portage", "9.9"},
                      {"tested", false},
                      {"status", "unsupported"},
                      {"why", "'depgraph' has no 'altlist'"}};
  CHECK_FALSE(parse_emerge_plan(value.dump(), &why).has_value());
  CHECK(why == "'depgraph' has no 'altlist'");
}

TEST_CASE("a plan that failed tells what was refused and what would help") {
  Json value = document();
  value["status"] = "failed";
  value["proposals"] = Json::array({id("app-demo/hello-1.1")});
  value["proposals"][0].update(
      {{"kind", "keywords"}, {"values", {"~amd64"}}, {"wanted_by", {"=app-demo/hello-1.1"}}});
  Json refused = id("app-demo/restricted-1.0");
  refused.update({{"masks", {"package.mask"}},
                  {"license", {"standin-eula"}},
                  {"needs_use", {"-ssl"}},
                  {"required_use", ""}});
  value["problems"] = Json::array({{{"kind", "unsatisfied"},
                                    {"atom", "app-demo/restricted"},
                                    {"of", Json::array()},
                                    {"candidates", Json::array({refused})}}});
  value["blockers"] = Json::array({{{"atom", "!!a/b"},
                                    {"root", "/"},
                                    {"satisfied", false},
                                    {"of", {"c/d-1"}},
                                    {"by", Json::array({side("c/d-1", false)})},
                                    {"blocks", Json::array({side("a/b-2", true)})}}});
  const auto plan = parse_emerge_plan(value.dump());
  REQUIRE(plan.has_value());
  CHECK_FALSE(plan->ok());
  REQUIRE(plan->proposals.size() == 1);
  CHECK(plan->proposals[0].kind == Proposal::Kind::keywords);
  CHECK(plan->proposals[0].values == std::vector<std::string>{"~amd64"});
  REQUIRE(plan->problems.size() == 2);
  CHECK(plan->problems[0].kind == Problem::Kind::unsatisfied);
  CHECK(plan->problems[0].refused.at(0).licenses == std::vector<std::string>{"standin-eula"});
  CHECK(plan->problems[0].refused.at(0).needs_use == std::vector<std::string>{"-ssl"});
  CHECK(plan->problems[1].kind == Problem::Kind::blocked);
  CHECK(plan->problems[1].of == std::vector<std::string>{"c/d-1"});
  REQUIRE(plan->problems[1].by.size() == 1);
  CHECK(plan->problems[1].by[0].asked_by == std::vector<std::string>{"x/asked"});
  CHECK_FALSE(plan->problems[1].by[0].installed);
  REQUIRE(plan->problems[1].blocks.size() == 1);
  CHECK(plan->problems[1].blocks[0].cpv == "a/b-2");
  CHECK(plan->problems[1].blocks[0].installed);
  CHECK(plan->problems[1].blocks[0].wanted_by == std::vector<std::string>{"x/y-1"});

  value["blockers"][0]["blocks"][0]["cpv"] = "../b";
  CHECK_THROWS_AS((void)parse_emerge_plan(value.dump()), Error);
}

TEST_CASE("two versions of a slot come with who wants which") {
  Json value = document();
  value["status"] = "failed";
  value["problems"] = Json::array({{{"kind", "slot-conflict"},
                                    {"atom", ""},
                                    {"of", {"a/b-1", "a/b-2"}},
                                    {"candidates", Json::array()},
                                    {"demands", Json::array({{{"package", "a/b-1"},
                                                              {"by", "c/d-1"},
                                                              {"atom", "<a/b-2"},
                                                              {"installed", true}}})}}});
  const auto plan = parse_emerge_plan(value.dump());
  REQUIRE(plan.has_value());
  REQUIRE(plan->problems.at(0).demands.size() == 1);
  const Demand& demand = plan->problems[0].demands[0];
  CHECK(demand.package == "a/b-1");
  CHECK(demand.by == "c/d-1");
  CHECK(demand.atom == "<a/b-2");
  CHECK(demand.installed);

  value["problems"][0]["demands"][0]["by"] = "c/d\n-1";
  CHECK_THROWS_AS((void)parse_emerge_plan(value.dump()), Error);
}

TEST_CASE("a binary package is read with its host and digests") {
  Json value = document();
  Json& package = value["packages"][0];
  package["type"] = "binary";
  package.erase("ebuild");
  package.erase("distfiles");
  package["binary"] = {{"path", "app-demo/hello/hello-1.0-r2-3.gpkg.tar"},
                       {"build_id", "3"},
                       {"build_time", "1767225600"},
                       {"size", 4096},
                       {"digests", {{"SHA1", "aa"}}},
                       {"remote", true},
                       {"base_uri", "https://host.invalid/binpkgs"},
                       {"index_uri", "https://host.invalid/binpkgs/Packages"}};
  const auto plan = parse_emerge_plan(value.dump());
  REQUIRE(plan->packages[0].binary.has_value());
  CHECK(plan->packages[0].kind == PlannedPackage::Kind::binary);
  CHECK(plan->packages[0].binary->build_id == "3");
  CHECK(plan->packages[0].binary->remote);
}

TEST_CASE("the questions keep emerge's arguments behind their own") {
  const Command emerge = {"emerge", "--ask=n", "--", "app-demo/hello"};
  CHECK(helper_command(emerge) == Command{"python3", "-I", "-", "--ask=n", "--", "app-demo/hello"});
  CHECK(text_question(emerge).packages ==
        Command{"emerge", "--pretend", "--columns", "--quiet", "--ask=n", "--", "app-demo/hello"});
  CHECK(plan_helper().find("import portage") != std::string_view::npos);
}

TEST_CASE("the text of emerge gives packages, roots and files") {
  const char* packages =
      "\n"
      "Performing Global Updates\n"
      " N     dev-demo/greetgen 1.0 \n"
      "  R    sys-libs/glibc 2.36-r1 \n"
      "  U ~  dev-demo/libgreet 2.1 [2.0] \n"
      " N     app-demo/hello 1.0 to /destination/\n"
      " N     app-demo/slow 1.0-3 \n"
      "[uninstall    ] app-demo/old [0.1] \n"
      "!!! not/a-package 1.0 of the plan\n"
      " * about cat/pkg 1.0\n";
  const char* uris =
      "\n"
      "http://distfile-name.invalid/distfiles/hello-1.0.tar https://a.invalid/v1.0.tar \n"
      "https://b.invalid/greetgen-1.0.tar \n"
      "Resolving host ... failed\n";
  const EmergePlan plan = parse_emerge_text(packages, uris);
  CHECK(plan.source == EmergePlan::Source::text);
  std::string all;
  for (const PlannedPackage& package : plan.packages)
    all += package.id.cpv + '@' + package.id.root + ' ';
  CHECK(all ==
        "dev-demo/greetgen-1.0@/ sys-libs/glibc-2.36-r1@/ dev-demo/libgreet-2.1@/ "
        "app-demo/hello-1.0@/destination app-demo/slow-1.0@/ app-demo/old-0.1@/ ");
  CHECK(plan.packages[4].kind == PlannedPackage::Kind::binary);
  CHECK(plan.packages[5].operation == PlannedPackage::Operation::uninstall);
  REQUIRE(plan.packages[3].distfiles.size() == 1);
  CHECK(plan.packages[3].distfiles[0].name == "hello-1.0.tar");
  CHECK(plan.packages[3].distfiles[0].urls ==
        std::vector<std::string>{"https://a.invalid/v1.0.tar"});
  CHECK(plan.packages[3].distfiles[0].mirrors);
  REQUIRE(plan.packages[0].distfiles.size() == 1);
  CHECK_FALSE(plan.packages[0].distfiles[0].mirrors);
}

TEST_CASE("a failure keeps what matters of Portage's text") {
  EmergePlan plan;
  plan.text =
      "\nThese are the packages that would be merged, in order:\n\nCalculating dependencies ... "
      "done!\nDependency resolution took 1.34 s (backtrack: 0/20).\n\n\n"
      "!!! All ebuilds that could satisfy \"a/b\" have been masked.\n- a/b-1 (masked by: x)\n\n\n"
      "For more information, see the MASKED PACKAGES section in the emerge\nman page or refer to "
      "the Gentoo Handbook.\n";
  CHECK(plan_failure(plan) ==
        "!!! All ebuilds that could satisfy \"a/b\" have been masked.\n- a/b-1 (masked by: x)\n");
}
