// What a passed check is remembered by.
#include "image_facts.h"

#include "../store/fixture.h"
#include "image_config.h"

using namespace gbox;
using namespace gbox::build;

namespace {

Inputs inputs_of(const std::string& text) {
  Inputs inputs;
  inputs.spec = spec::read_spec("s", "name='x'\nbase.tarball='t'\n" + text);
  inputs.base_digest = "sha256:00";
  return inputs;
}

std::string state_of(const std::string& text, const std::string& snapshot = "one") {
  const Inputs inputs = inputs_of(text);
  Built built;
  built.record.phase = "p";
  built.record.snapshot = snapshot;
  return check_state(inputs, {built}, image_config(inputs));
}

}  // namespace

TEST_CASE("whatever the check of an image depends on is part of what it is remembered by") {
  const std::string plain = state_of("");
  CHECK(state_of("") == plain);
  CHECK(state_of("", "two") != plain);
  for (const char* text :
       {"output.root='/x'", "output.check.closure=true", "output.check.allow=['/a']",
        "output.check.answer=['/a']", "output.config.entrypoint=['/a']", "output.config.cmd=['/a']",
        "output.config.cmd=[]", "output.config.user='a'", "output.config.env.A='b'",
        "output.config.working_dir='/a'"})
    CHECK_MESSAGE(state_of(text) != plain, text);
  // Nothing of how it is packed.
  CHECK(state_of("output.compression='zstd'\noutput.config.labels.a='b'") == plain);
}

TEST_CASE("a check that passed is remembered whole, for its own state alone") {
  store::test::Fixture fixture;
  ImageFacts facts;
  facts.platform = {"linux", "arm", "v7"};
  facts.user = "33:44";
  facts.licenses = "MIT";
  facts.told = {{"check", "closure complete"}};
  facts.warnings = {{"message", "hint"}, {"other", ""}};
  CHECK_FALSE(recall_facts(fixture.store, "x", "state"));
  remember_facts(fixture.store, "x", "state", facts);
  const auto known = recall_facts(fixture.store, "x", "state");
  REQUIRE(known);
  CHECK(*known == facts);
  CHECK_FALSE(recall_facts(fixture.store, "x", "another"));
  CHECK_FALSE(recall_facts(fixture.store, "y", "state"));
  fixture.store.put_memo("image check x", "state", "{\"os\": 1}");
  CHECK_FALSE(recall_facts(fixture.store, "x", "state"));
}
