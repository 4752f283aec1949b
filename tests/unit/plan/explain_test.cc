#include "gbox/plan/explain.h"

#include "fixture.h"
#include "gbox/base/text.h"

using namespace gbox;
using namespace gbox::plan;
using namespace gbox::plan::test;

namespace {

using Change = std::function<void(spec::BuildSpec&, PlanInputs&)>;

std::string why(const std::string& step, const Change& change) {
  const Plan before = sample_plan();
  const Plan after = changed(change);
  const Step& now = after.steps.at(after.find(step).value());
  const std::string parent = now.parent ? after.steps[*now.parent].name : "";
  return join(explain(before.steps.at(before.find(step).value()).parts, now.parts, parent), ", ");
}

std::string why_phase(std::size_t index, const std::function<void(spec::Phase&)>& change) {
  return why(sample_spec().phases[index].name,
             [&](spec::BuildSpec& spec, PlanInputs&) { change(spec.phases[index]); });
}

}  // namespace

TEST_CASE("equal parts need no reason") {
  CHECK(why("world", [](auto&, auto&) {}).empty());
}

TEST_CASE("each change is said in words") {
  CHECK(why("base", [](auto&, PlanInputs& i) { i.base_digest = "x"; }) == "base archive changed");
  CHECK(why("base", [](auto&, PlanInputs& i) { i.base_format = "2"; }) ==
        "the way gbox unpacks changed");
  CHECK(why("config", [](auto&, PlanInputs& i) {
          i.config["etc/portage/make.conf/50-gbox"] = "x";
        }) == "configuration 'etc/portage/make.conf/50-gbox' changed");
  CHECK(why("config", [](auto&, PlanInputs& i) { i.config["config_dir"] = "x"; }) ==
        "configuration 'config_dir' added");
  CHECK(why("world", [](auto&, PlanInputs& i) { i.repositories["standin"] = "x"; }) ==
        "repository 'standin' changed");
  CHECK(why("world", [](spec::BuildSpec& s, PlanInputs& i) {
          s.binary_hosts.emplace_back().name = "demo";
          i.binary_hosts["demo"] = "x";
        }) == "binary package host 'demo' added");
  CHECK(why("world", [](auto&, PlanInputs& i) { i.policies["default"] = "x"; }) ==
        "policy 'default' changed");
  CHECK(why("world", [](auto&, PlanInputs& i) { i.environment[1].second = "de"; }) ==
        "environment variable 'LANG' changed");
  CHECK(why("world", [](auto&, PlanInputs& i) { i.helpers["init"] = "2"; }) ==
        "gbox helper 'init' changed");
  CHECK(why("files", [](auto&, PlanInputs& i) { i.copy_sources["files"][1] = "x"; }) ==
        "copied file 'etc/issue' changed");
  CHECK(why("check", [](auto&, PlanInputs& i) { i.copy_sources["files"][1] = "x"; }) ==
        "parent 'files' changed");
}

TEST_CASE("a changed phase says which field, and what in it") {
  CHECK(why_phase(0, [](spec::Phase& p) { p.emerge.atoms.push_back("app/x"); }) ==
        "emerge: 'app/x' added");
  CHECK(why_phase(0, [](spec::Phase& p) {
          p.emerge.atoms = {"@world", "app/y"};
        }) == "emerge: 'app/y' added, emerge: 'app/hello' removed");
  CHECK(why_phase(0, [](spec::Phase& p) { std::swap(p.emerge.atoms[0], p.emerge.atoms[1]); }) ==
        "emerge: order changed");
  CHECK(why_phase(0, [](spec::Phase& p) {
          for (const char* atom : {"a/1", "a/2", "a/3", "a/4", "a/5"})
            p.emerge.atoms.emplace_back(atom);
        }) == "emerge: 'a/1', 'a/2', 'a/3' and 2 more added");
  CHECK(why_phase(0, [](spec::Phase& p) { p.emerge.passes = 2; }) == "'passes' set");
  CHECK(why_phase(0, [](spec::Phase& p) { p.root = "/d"; }) == "'root' changed from '/' to '/d'");
  CHECK(why_phase(0, [](spec::Phase& p) { p.copy_package = {"app/z"}; }) ==
        "copy_package: 'app/z' added");
  CHECK(why_phase(0, [](spec::Phase& p) { p.unmerge = {"app/z"}; }) == "unmerge: 'app/z' added");
  CHECK(why_phase(0, [](spec::Phase& p) { p.policy = "emerge"; }) ==
        "policy 'emerge' added, policy 'default' removed");
  CHECK(why_phase(0, [](spec::Phase& p) { p.run = "true"; }) == "run script added, 'shell' set");
  CHECK(why_phase(2, [](spec::Phase& p) { p.run = "true"; }) == "run script changed");
  CHECK(why_phase(2, [](spec::Phase& p) { p.env["LANG"] = "de"; }) == "variable 'LANG' changed");
  CHECK(why_phase(1, [](spec::Phase& p) { p.remove.clear(); }) ==
        "remove: '/usr/share/man' removed");
  CHECK(why_phase(1, [](spec::Phase& p) { p.copy[0].owner = "portage"; }) ==
        "copy to '/etc/motd' changed");
  CHECK(why_phase(1, [](spec::Phase& p) { p.run = "true"; }) == "run script added, 'shell' set");
}

TEST_CASE("what comes first in the key is said first") {
  CHECK(why("check", [](spec::BuildSpec& s, PlanInputs& i) {
          s.phases[2].run = "true";
          i.repositories["standin"] = "x";
        }) == "parent 'files' changed, run script changed, repository 'standin' changed");
}

TEST_CASE("parts of another key format are not compared further") {
  Json old_parts = sample_plan().steps[2].parts;
  old_parts[0][1] = 0;
  old_parts[3][1]["root"] = "/elsewhere";
  CHECK(explain(old_parts, sample_plan().steps[2].parts, "config") ==
        std::vector<std::string>{"key format changed"});
}

TEST_CASE("old parts of any shape give text, never an error") {
  const Json parts = sample_plan().steps[3].parts;
  Json odd = parts;
  for (Json& entry : odd)
    if (entry[0] != "key-format" && entry[0] != "kind") entry[1] = Json::array({1, nullptr, {}});
  Json numbers = parts;
  for (Json& entry : numbers)
    if (entry[0] != "key-format" && entry[0] != "kind") entry[1] = 7;
  Json hostile = parts;
  hostile[3][1]["remove"] = {"\x1b[2J\nforged", "\xff"};
  hostile[3][1]["copy"] = {1, {{"to", 5}}, {{"to", "x\ny"}}};
  for (const Json& old_parts : {Json(), Json(7), Json("text"), Json::object({{"a", 1}}),
                                Json::array({1, {1}, {1, 2, 3}}), odd, numbers, hostile}) {
    const std::vector<std::string> reasons = explain(old_parts, parts, "world");
    CHECK_FALSE(reasons.empty());
    for (const std::string& reason : reasons) {
      CHECK(reason.find('\x1b') == std::string::npos);
      CHECK(reason.find('\n') == std::string::npos);
    }
  }
}

TEST_CASE("steps are cached, new, changed, or run because their parent does") {
  const Plan before = sample_plan();
  const Plan after = changed([](spec::BuildSpec& s, PlanInputs&) { s.phases[1].remove.clear(); });
  const auto recorded = [&](const Step& step) -> Known {
    const Step& old = before.steps.at(before.find(step.name).value());
    return {old.key == step.key, old.parts};
  };
  std::vector<PlannedStep> planned = annotate(after, recorded);
  REQUIRE(planned.size() == 5);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(planned[i].cached);
    CHECK(planned[i].reason.empty());
  }
  CHECK_FALSE(planned[3].cached);
  CHECK(planned[3].reason == "remove: '/usr/share/man' removed");
  CHECK(planned[4].reason == "parent 'files' changed");

  planned = annotate(after, [](const Step&) { return Known{}; });
  for (const PlannedStep& step : planned) CHECK(step.reason == "first build");

  // The record of 'world' is gone, those upon it are still there.
  planned = annotate(before, [&](const Step& step) {
    return Known{step.name != "world", recorded(step).last_parts};
  });
  CHECK(planned[1].cached);
  CHECK(planned[2].reason == "its snapshot is no longer in the store");
  CHECK_FALSE(planned[3].cached);
  CHECK(planned[3].reason == "parent 'world' runs again");
  CHECK_FALSE(planned[4].cached);
}

TEST_CASE("the plan as json has the promised fields, in order") {
  Plan plan = sample_plan();
  plan.steps.resize(3);
  plan.steps[2].package = "app/hello-1";
  const OrderedJson json = to_json(annotate(plan, [](const Step& step) {
    return Known{step.name == "base", {}};
  }));
  const std::string expected =
      R"({"steps":[{"name":"base","phase":null,"package":null,"key":")" + plan.steps[0].key +
      R"(","cached":true,"reason":""},{"name":"config","phase":null,"package":null,"key":")" +
      plan.steps[1].key +
      R"(","cached":false,"reason":"first build"},{"name":"world","phase":"world",)" +
      R"("package":"app/hello-1","key":")" + plan.steps[2].key +
      R"(","cached":false,"reason":"first build"}]})";
  CHECK(json.dump() == expected);
}
