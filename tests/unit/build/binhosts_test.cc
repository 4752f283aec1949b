// A binary package host as a local mirror, on a host that is a directory.
#include "binhosts.h"

#include <doctest/doctest.h>

#include <string>

#include "gbox/base/error.h"
#include "gbox/sys/file.h"

using namespace gbox;
using namespace gbox::build;

namespace {

constexpr char kPath[] = "app-demo/hello/hello-1.0-1.gpkg.tar";

struct Host {
  sys::TempDir top{"/tmp", "gbox-binhost."};
  net::Settings settings;

  Host() {
    sys::ensure_directories(top.fd(), "host/app-demo/hello");
    settings.attempts = 1;
    settings.check_interrupt = [] {};
    write(kPath, "abc");
    // SHA-1 of "abc", FIPS 180-4's example.
    write("Packages",
          "TIMESTAMP: 5\nVERSION: 0\nURI: https://x.invalid\n\nCPV: app-demo/hello-1.0\n"
          "MTIME: 86400\nPATH: app-demo/hello/hello-1.0-1.gpkg.tar\n"
          "SHA1: a9993e364706816aba3e25717850c26c9cd0d89d\nSIZE: 3\n");
  }
  void write(const std::string& path, const std::string& text) {
    sys::write_file_atomically(top.fd(), "host/" + path, text, 0644, sys::Durable::no);
  }
  [[nodiscard]] std::string mirror() const { return top.path() + "/mirror"; }
  [[nodiscard]] BinaryHostMirror open() const {
    return {"demo",
            {"/nowhere", top.path() + "/host"},
            mirror(),
            portage::parse_index(sys::read_file(top.path() + "/host/Packages"))};
  }
  static portage::EmergePlan plan_of(const std::string& path) {
    portage::EmergePlan plan;
    plan.packages.resize(1);
    plan.packages[0].id.cpv = "app-demo/hello-1.0";
    plan.packages[0].kind = portage::PlannedPackage::Kind::binary;
    plan.packages[0].binary = portage::BinaryPackage{};
    plan.packages[0].binary->path = path;
    plan.packages[0].binary->remote = true;
    plan.packages[0].binary->base_uri = "file:///var/db/binhosts/demo";
    return plan;
  }
};

}  // namespace

TEST_CASE("what a plan takes from a host lies in the mirror, with the index's time") {
  Host here;
  BinaryHostMirror mirror = here.open();
  const portage::EmergePlan plan = Host::plan_of(kPath);
  mirror.fetch_packages({&plan, 1}, here.settings);
  CHECK(sys::read_file(here.mirror() + '/' + kPath) == "abc");
  CHECK(sys::fstatat(AT_FDCWD, here.mirror() + '/' + kPath, 0).st_mtime == 86400);

  // Later, without the host: the mirror has all.
  BinaryHostMirror offline = here.open();
  sys::remove_tree(here.top.fd(), "host");
  CHECK(offline.missing({&plan, 1}).empty());
  CHECK_NOTHROW(offline.fetch_packages({&plan, 1}, here.settings));

  // And a step sees the index and just those.
  sys::ensure_directories(here.top.fd(), "step");
  offline.show(here.top.path() + "/step", {&plan, 1});
  CHECK(sys::read_file(here.top.path() + "/step/Packages").find("URI") == std::string::npos);
  CHECK(sys::read_file(here.top.path() + "/step/" + kPath) == "abc");
}

TEST_CASE("a package that is not what the index says is not kept") {
  Host here;
  here.write(kPath, "abd");
  BinaryHostMirror mirror = here.open();
  const portage::EmergePlan plan = Host::plan_of(kPath);
  CHECK_THROWS_WITH_AS(mirror.fetch_packages({&plan, 1}, here.settings),
                       doctest::Contains("'hello-1.0-1.gpkg.tar' are other files than its index"),
                       Error);
  CHECK_FALSE(sys::try_read_file(AT_FDCWD, here.mirror() + '/' + kPath).has_value());
}

TEST_CASE("a package that the index does not name is not asked for") {
  Host here;
  BinaryHostMirror mirror = here.open();
  const portage::EmergePlan plan = Host::plan_of("app-demo/hello/../../../secret");
  CHECK_THROWS_WITH_AS(mirror.fetch_packages({&plan, 1}, here.settings),
                       doctest::Contains("its index has no"), Error);
}
