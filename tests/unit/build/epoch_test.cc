#include "epoch.h"

#include <doctest/doctest.h>

#include <cstdlib>

using namespace gbox;
using namespace gbox::build;

namespace {

spec::LockedRepository repository(const std::string& date) {
  spec::LockedRepository locked;
  locked.date = date;
  return locked;
}

}  // namespace

TEST_CASE("stamps of stage3s and snapshots are times, anything else is none") {
  CHECK(time_of_stamp("20261115T170312Z") == 1794762192);
  CHECK(time_of_stamp("20261115") == 1794700800);
  for (const char* text :
       {"", "latest", "2026111", "20261115T170312", "2026x115", "20261115T17031Z"})
    CHECK_MESSAGE(!time_of_stamp(text), text);
}

TEST_CASE("an image's time is the spec's, else the newest of what is locked") {
  Inputs inputs;
  CHECK(!input_epoch(inputs));
  inputs.lock.base.emplace();
  inputs.lock.base->stamp = "20261115T170312Z";
  inputs.lock.repositories["git"] = repository("");
  CHECK(input_epoch(inputs) == 1794762192);
  inputs.lock.repositories["old"] = repository("20261114");
  CHECK(input_epoch(inputs) == 1794762192);
  inputs.lock.repositories["gentoo"] = repository("20261116");
  CHECK(input_epoch(inputs) == 1794787200);
  inputs.spec.output.source_date_epoch = 5;
  CHECK(input_epoch(inputs) == 5);
}

TEST_CASE("SOURCE_DATE_EPOCH is a number of seconds or an error") {
  const auto with = [](const char* value) {
    REQUIRE(::setenv("SOURCE_DATE_EPOCH", value, 1) == 0);
    return environment_epoch();
  };
  CHECK(with("1700000000") == 1'700'000'000);
  CHECK(!with(""));
  CHECK_THROWS_WITH_AS((void)with("-1"), "'SOURCE_DATE_EPOCH' is '-1', not a number of seconds",
                       Error);
  CHECK_THROWS_AS((void)with("12h"), Error);
  ::unsetenv("SOURCE_DATE_EPOCH");
}
