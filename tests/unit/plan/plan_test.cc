#include "gbox/plan/plan.h"

#include <algorithm>
#include <set>

#include "fixture.h"
#include "gbox/base/error.h"

using namespace gbox;
using namespace gbox::plan;
using namespace gbox::plan::test;

namespace {

// Names of the steps of the sample plan that have another key after the change.
std::string touched(const std::function<void(spec::BuildSpec&, PlanInputs&)>& change) {
  const Plan before = sample_plan();
  const Plan after = changed(change);
  REQUIRE(before.steps.size() == after.steps.size());
  std::string names;
  for (std::size_t i = 0; i < before.steps.size(); ++i)
    if (before.steps[i].key != after.steps[i].key) names += before.steps[i].name + ' ';
  return names;
}

constexpr const char* kAll = "base config world files check ";
constexpr const char* kPhases = "world files check ";

}  // namespace

TEST_CASE("a spec becomes base, config and a step for each phase, each upon the one before") {
  const Plan plan = sample_plan();
  REQUIRE(plan.steps.size() == 5);
  const char* names[] = {"base", "config", "world", "files", "check"};
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(plan.steps[i].name == names[i]);
    CHECK(plan.steps[i].phase == (i < 2 ? "" : names[i]));
    CHECK_FALSE(plan.steps[i].package);
    CHECK(plan.steps[i].parent == (i == 0 ? std::nullopt : std::optional(i - 1)));
    CHECK(plan.steps[i].key == key_of(plan.steps[i].parts));
    CHECK(plan.steps[i].key.size() == 64);
  }
  CHECK(plan.find("files") == 3);
  CHECK_FALSE(plan.find("none"));
  CHECK(plan.chain(2) == std::vector<std::size_t>{0, 1, 2});
}

TEST_CASE("a spec without portage and repositories has no config step") {
  spec::BuildSpec spec;
  spec.phases.push_back(emerge_phase("p", {}));
  spec.phases[0].run = "true";
  PlanInputs inputs = sample_inputs();
  inputs.config.clear();
  const Plan plan = make_plan(spec, inputs);
  REQUIRE(plan.steps.size() == 2);
  CHECK(plan.steps[1].name == "p");
  CHECK(plan.steps[1].parent == 0);
}

// The keys of the sample plan, written down. If this fails, every store in the world loses its
// cache: raise kKeyFormat if that is meant, and write the new keys here.
TEST_CASE("keys are what they have always been") {
  const Plan plan = sample_plan();
  CHECK(canonical_json(plan.steps[0].parts) ==
        R"([["key-format",1],["kind","base"],["base",{"archive":"sha256:base","format":"1"}]])");
  CHECK(plan.steps[0].key == "0b7755fbe0147129cc6d54e96d89feb22a137081cd5a422ee113c36771368c5c");
  CHECK(plan.steps[1].key == "da977fadd0071ade8f5f61494c4328432cc099513d963646a1c5c1e7d973130f");
  CHECK(plan.steps[2].key == "42af479ef1d73e5bb3b7d6f98c4f287d9b96e0d8f35b41768a47ef6419c6623a");
  CHECK(plan.steps[3].key == "09df0e892423afedddd90dba1f6b8be3d6c7dd7136630fdc7367d122e31c4da9");
  CHECK(plan.steps[4].key == "e69e4ba454989f05322ab5725b156e2723b6b86bb85e1d03ea14742af117f5f7");
}

TEST_CASE("what cannot change a result changes no key") {
  CHECK(touched([](spec::BuildSpec& spec, PlanInputs&) {
          spec.options.jobs = 64;
          spec.options.emerge_jobs = 4;
          spec.options.load_average = 3.5;
          spec.options.tmpfs_bytes = 1u << 30;
        }).empty());
  CHECK(touched([](spec::BuildSpec& spec, PlanInputs&) {
          spec.output.root = "/destination";
          spec.output.layers = spec::Layers::single;
          spec.output.compression = spec::Compression::zstd;
          spec.output.level = 19;
          spec.output.config.cmd = {"/bin/sh"};
          spec.name = "other";
          spec.tag = "2";
        }).empty());
  CHECK(touched([](spec::BuildSpec& spec, PlanInputs& inputs) {
          for (spec::Phase& phase : spec.phases) {
            phase.name += "-renamed";
            phase.where.line += 7;
          }
          inputs.copy_sources["files-renamed"] = inputs.copy_sources["files"];
          spec.args["suffix"] = "x";
          spec.base.tarball = "/elsewhere/stage3.tar.xz";
          spec.repositories[0].path = "/elsewhere/repo";
        }).empty());
  CHECK(touched([](spec::BuildSpec&, PlanInputs& inputs) {
          std::reverse(inputs.environment.begin(), inputs.environment.end());
          inputs.policies["emerge"] = "sha256:unused";
          inputs.repositories["unused"] = "sha256:x";
        }).empty());
}

TEST_CASE("each input changes the steps it decides, and those built upon them") {
  CHECK(touched([](auto&, PlanInputs& i) { i.base_digest = "sha256:x"; }) == kAll);
  CHECK(touched([](auto&, PlanInputs& i) { i.base_format = "2"; }) == kAll);
  CHECK(touched([](auto&, PlanInputs& i) { i.config.begin()->second = "x"; }) ==
        "config world files check ");
  CHECK(touched([](auto&, PlanInputs& i) { i.config["etc/portage/new"] = "x"; }) ==
        "config world files check ");
  CHECK(touched([](auto&, PlanInputs& i) { i.repositories["standin"] = "x"; }) == kPhases);
  CHECK(touched([](auto&, PlanInputs& i) { i.policies["default"] = "x"; }) == kPhases);
  CHECK(touched([](auto&, PlanInputs& i) { i.environment.emplace_back("TZ", "UTC"); }) == kPhases);
  CHECK(touched([](auto&, PlanInputs& i) { i.helpers["init"] = "2"; }) == kPhases);
  CHECK(touched([](auto&, PlanInputs& i) { i.copy_sources["files"][1] = "x"; }) == "files check ");
  CHECK(touched([](spec::BuildSpec& s, PlanInputs& i) {
          i.default_policy = "emerge";
          (void)s;
        }) == kPhases);
}

TEST_CASE("a phase that only copies and removes does not see repositories, policy or environment") {
  const auto last_two = [](const std::function<void(PlanInputs&)>& change) {
    spec::BuildSpec spec = sample_spec();
    spec.phases.erase(spec.phases.begin());  // 'files' directly upon config
    PlanInputs inputs = sample_inputs();
    const Plan before = make_plan(spec, inputs);
    change(inputs);
    const Plan after = make_plan(spec, inputs);
    return std::pair(before.steps[2].key == after.steps[2].key,
                     before.steps[3].key == after.steps[3].key);
  };
  const auto only_check = std::pair(true, false);
  CHECK(last_two([](PlanInputs& i) { i.repositories["standin"] = "x"; }) == only_check);
  CHECK(last_two([](PlanInputs& i) { i.policies["default"] = "x"; }) == only_check);
  CHECK(last_two([](PlanInputs& i) { i.environment[0].second = "x"; }) == only_check);
}

TEST_CASE("every field of a phase that does something is part of its key") {
  using Change = std::function<void(spec::Phase&)>;
  const std::vector<Change> changes = {
      [](spec::Phase& p) { p.root = "/destination"; },
      [](spec::Phase& p) { p.emerge.atoms.push_back("app/x"); },
      [](spec::Phase& p) { std::swap(p.emerge.atoms[0], p.emerge.atoms[1]); },
      [](spec::Phase& p) { p.emerge.options = {"--with-bdeps=y"}; },
      [](spec::Phase& p) { p.emerge.oneshot = true; },
      [](spec::Phase& p) { p.emerge.empty_tree = true; },
      [](spec::Phase& p) { p.emerge.deep = true; },
      [](spec::Phase& p) { p.emerge.changed_use = true; },
      [](spec::Phase& p) { p.emerge.passes = 2; },
      [](spec::Phase& p) { p.copy_package = {"app/y"}; },
      [](spec::Phase& p) { p.unmerge = {"app/y"}; },
      [](spec::Phase& p) { p.depclean = true; },
      [](spec::Phase& p) { p.trim.emplace().presets = {"docs"}; },
      [](spec::Phase& p) {
        p.trim.emplace().presets = {"docs", "locales"};
      },
      [](spec::Phase& p) {
        p.trim.emplace().presets = {"docs", "locales"};
        p.trim->keep_locales = {"de"};
      },
      [](spec::Phase& p) { p.run = "true"; },
      [](spec::Phase& p) { p.remove = {"/usr/share/doc"}; },
      [](spec::Phase& p) { p.network = spec::Network::host; },
      [](spec::Phase& p) { p.policy = "emerge"; }};
  std::set<std::string> keys = {sample_plan().steps[2].key};
  for (const Change& change : changes)
    CHECK(
        keys.insert(
                changed([&](spec::BuildSpec& s, PlanInputs&) { change(s.phases[0]); }).steps[2].key)
            .second);
  const std::vector<Change> run_changes = {
      [](spec::Phase& p) { p.run += "\n"; }, [](spec::Phase& p) { p.shell = spec::Shell::sh; },
      [](spec::Phase& p) { p.env["LANG"] = "de"; }, [](spec::Phase& p) { p.env.clear(); }};
  keys = {sample_plan().steps[4].key};
  for (const Change& change : run_changes)
    CHECK(
        keys.insert(
                changed([&](spec::BuildSpec& s, PlanInputs&) { change(s.phases[2]); }).steps[4].key)
            .second);
  const std::vector<Change> copy_changes = {[](spec::Phase& p) { p.copy[0].to = "/etc/other"; },
                                            [](spec::Phase& p) { p.copy[0].owner = "portage"; },
                                            [](spec::Phase& p) { p.copy[0].mode = 0644; },
                                            [](spec::Phase& p) { p.copy[1].mode = 0644; },
                                            [](spec::Phase& p) { p.copy[1].mode.reset(); }};
  keys = {sample_plan().steps[3].key};
  for (const Change& change : copy_changes)
    CHECK(
        keys.insert(
                changed([&](spec::BuildSpec& s, PlanInputs&) { change(s.phases[1]); }).steps[3].key)
            .second);
}

TEST_CASE("names of gbox's own steps are refused as phase names, with their place") {
  try {
    changed([](spec::BuildSpec& s, PlanInputs&) { s.phases[0].name = "base"; });
    FAIL("planned");
  } catch (const SpecError& error) {
    REQUIRE(error.faults().size() == 1);
    CHECK(error.faults()[0].message == "phase 'base': the name is taken by a step of gbox");
    CHECK(to_string(error.faults()[0].where) == "stage4.toml:20:1");
    CHECK(error.code() == ExitCode::usage);
  }
}

TEST_CASE("an input nobody gave is an error of ours, never an empty digest") {
  using Change = std::function<void(spec::BuildSpec&, PlanInputs&)>;
  const std::vector<Change> changes = {
      [](auto&, PlanInputs& i) { i.base_digest.clear(); },
      [](auto&, PlanInputs& i) { i.repositories.clear(); },
      [](auto&, PlanInputs& i) { i.policies.erase("default"); },
      [](spec::BuildSpec& s, PlanInputs&) { s.phases[0].policy = "unknown"; },
      [](auto&, PlanInputs& i) { i.copy_sources.clear(); },
      [](auto&, PlanInputs& i) { i.copy_sources["files"].pop_back(); }};
  for (const Change& change : changes) CHECK_THROWS_AS(changed(change), Error);
}
