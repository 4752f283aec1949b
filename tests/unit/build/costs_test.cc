#include "costs.h"

#include <doctest/doctest.h>

using namespace gbox;
using namespace gbox::build;

namespace {

store::Package built(const std::string& cpv, double seconds, std::int64_t created, Json use = {}) {
  store::Package package;
  package.cpv = cpv;
  package.seconds = seconds;
  package.created = created;
  package.parts = Json::array({Json::array({"use", std::move(use)})});
  return package;
}

portage::PlannedPackage planned(const std::string& cpv, std::vector<std::string> on = {}) {
  portage::PlannedPackage package;
  package.id.cpv = cpv;
  package.use_enabled = std::move(on);
  return package;
}

}  // namespace

TEST_CASE("a cost is that of the build most like it") {
  const Costs costs({built("a/b-1", 10, 1), built("a/b-2", 20, 2),
                     built("a/b-2", 30, 3, {{"doc", true}}), built("a/b-2", 40, 4, {{"doc", true}}),
                     built("a/b-c-1", 99, 9)});
  CHECK(costs.of(planned("a/b-1"))->seconds == 10);
  CHECK(costs.of(planned("a/b-2"))->seconds == 20);
  CHECK(costs.of(planned("a/b-2", {"doc"}))->seconds == 40);  // the newest of two
  CHECK(costs.of(planned("a/b-3", {"doc"}))->seconds == 40);  // of another version
  CHECK_FALSE(costs.of(planned("a/x-1")).has_value());
}

TEST_CASE("the memory of that build is told with its time, where it is known") {
  store::Package measured = built("a/b-2", 20, 2);
  measured.peak_bytes = 1u << 30;
  const Costs costs({built("a/b-1", 10, 1), measured});
  CHECK(costs.of(planned("a/b-1"))->peak_bytes == 0);
  CHECK(costs.of(planned("a/b-2"))->peak_bytes == 1u << 30);
}

TEST_CASE("what was recorded without a cost, or in another form, tells nothing") {
  store::Package odd = built("a/b-1", 5, 1);
  odd.parts = Json::object();
  CHECK_FALSE(Costs({built("a/b-1", 0, 1)}).of(planned("a/b-1")).has_value());
  CHECK(Costs({odd}).of(planned("a/b-1"))->seconds == 5);
}
