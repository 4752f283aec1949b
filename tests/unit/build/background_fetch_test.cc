// Fetching beside other work, from a mirror that is a directory: no network is asked.
#include "background_fetch.h"

#include <doctest/doctest.h>

#include <chrono>
#include <thread>

#include "gbox/base/error.h"
#include "gbox/sys/file.h"
#include "silent_observer.h"

using namespace gbox;
using namespace gbox::build;

namespace {

NeededFile needed(const std::string& name, const std::string& content) {
  NeededFile file;
  file.file.name = name;
  file.file.size = content.size();
  Hasher hasher(HashAlgorithm::blake2b);
  hasher.update(content);
  file.file.digests.push_back(hasher.finish());
  file.owners = {"dev-libs/a-1"};
  return file;
}

struct FetchFixture {
  sys::TempDir top{"/tmp", "gbox-fetch."};
  DistfilePlaces places;
  test::SilentObserver observer;

  FetchFixture() {
    for (const char* name : {"store", "mirror/distfiles"}) sys::ensure_directories(top.fd(), name);
    places.directory = top.path() + "/store";
    places.mirrors = {top.path() + "/mirror"};
  }
  void offer(const std::string& name, const std::string& content) {
    sys::write_file_atomically(top.fd(), "mirror/distfiles/" + name, content, 0644,
                               sys::Durable::no);
  }
  net::Settings settings() const {
    net::Settings made;
    made.attempts = 1;
    return made;
  }
};

// True once it holds; false when it does not in ten seconds.
template <typename Test>
bool soon(Test test) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!test()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace

TEST_CASE("files arrive while nobody waits, and what nobody has is told") {
  FetchFixture fixture;
  fixture.offer("a.tar", "alpha");
  fixture.offer("b.tar", "beta");
  BackgroundFetch fetch(fixture.places, fixture.settings());
  CHECK(fetch.is_idle());
  const NeededFile a = needed("a.tar", "alpha");
  const NeededFile b = needed("b.tar", "beta");
  const NeededFile c = needed("c.tar", "gamma");
  CHECK_FALSE(fetch.has({a}));
  CHECK(fetch.add({a, c}) == 2);
  CHECK(soon([&] { return fetch.is_idle(); }));
  CHECK(fetch.has({a}));
  CHECK_FALSE(fetch.has({a, c}));
  REQUIRE(fetch.missing().size() == 1);
  CHECK(fetch.missing().front().file.name == "c.tar");
  // More, later; what was asked for before is not asked for again.
  CHECK(fetch.add({a, b, c}) == 1);
  CHECK(soon([&] { return fetch.has({a, b}); }));
  CHECK(soon([&] { return fetch.is_idle(); }));
  CHECK(fetch.missing().size() == 1);
  CHECK(fetch.asked_for() == 3);
  CHECK(sys::try_read_file(fixture.top.fd(), "store/b.tar") == "beta");
  fetch.tell(fixture.observer);
  CHECK_FALSE(fixture.observer.activities.empty());
}

TEST_CASE("two phases that mean different files by one name are an error") {
  FetchFixture fixture;
  BackgroundFetch fetch(fixture.places, fixture.settings());
  fetch.add({needed("a.tar", "alpha")});
  CHECK_THROWS_AS(fetch.add({needed("a.tar", "other")}), const Error&);
}

TEST_CASE("what ends the thread is thrown where it is asked about") {
  FetchFixture fixture;
  fixture.places.directory = fixture.top.path() + "/nowhere";
  BackgroundFetch fetch(fixture.places, fixture.settings());
  fetch.add({needed("a.tar", "alpha")});
  CHECK(soon([&] { return fetch.is_idle(); }));
  CHECK_THROWS_AS(fetch.tell(fixture.observer), const Error&);
}

TEST_CASE("it ends when nobody wants it any more") {
  FetchFixture fixture;
  BackgroundFetch fetch(fixture.places, fixture.settings());
}
