#include "gbox/spec/lock.h"

#include <doctest/doctest.h>

#include "gbox/base/text.h"

using namespace gbox;
using namespace gbox::spec;

namespace {

LockedFile file_named(const std::string& name) {
  LockedFile file;
  file.name = name;
  file.urls = {"https://a.example/x/" + name, "/srv/mirror/" + name};
  file.size = 12345678901;
  file.digests = {sha256(name), Digest(HashAlgorithm::blake2b, std::string(128, 'b'))};
  file.signer = "13EBBDBEDE7A12775DFDB1BABB572E0E2D182910";
  return file;
}

Lock full_lock() {
  Lock lock;
  lock.base = LockedBase{"stage3 openrc, arch amd64, date latest", "20261115T170312Z",
                         file_named("stage3.tar.xz")};
  lock.repositories["gentoo"] = {"snapshot latest, format tar", "20261120",
                                 file_named("gentoo-20261120.tar.xz"), "", ""};
  lock.repositories["mine"] = {
      "git https://g.example/m, rev v1", "", {}, "https://g.example/m", std::string(40, 'c')};
  lock.binary_hosts["gentoo"] = {"official x86-64-v3, arch amd64", "20261119T040506Z",
                                 file_named("gentoo-Packages")};
  lock.cpu = LockedCpu{"x86_64", "-march=native", "-march=znver3 --param \"x\\y\"", {"aes", "avx"}};
  return lock;
}

std::string fault_of(const std::string& text) {
  try {
    (void)read_lock("l", text);
  } catch (const SpecError& error) {
    const SpecFault& fault = error.faults().front();
    return to_string(fault.where) + ": " + fault.message;
  }
  return "";
}

}  // namespace

TEST_CASE("a lock reads back as what was written, and writes the same bytes again") {
  Lock lock = full_lock();
  lock.cpu->march = "-march=znver3 -mtune=znver3";
  const std::string text = write_lock(lock);
  CHECK(read_lock("l", text) == lock);
  CHECK(write_lock(read_lock("l", text)) == text);
  CHECK(read_lock("l", write_lock({})).empty());
}

TEST_CASE("a lock that was edited or damaged is refused with its place") {
  const std::string good = write_lock(full_lock());
  CHECK(fault_of("") == "l:1:1: missing key 'version' at the top level");
  CHECK(fault_of("version=2") == "l:1:9: the lock has version 2, this gbox reads 1");
  CHECK(fault_of("version=1\nbase={}") == "l:2:6: missing key 'file' in [base]");
  CHECK(fault_of("version=1\n[base]\nwish='w'\nfile='../x'\nurls=['/x']\nsize=1\nsha256='" +
                 std::string(64, 'a') + "'") == "l:4:6: 'file': '../x' is not a file's name");
  CHECK(fault_of("version=1\n[base]\nwish='w'\nfile='x'\nurls=['ext::x']\nsize=1\nsha256='" +
                 std::string(64, 'a') + "'") ==
        "l:5:7: 'urls': 'ext::x' is neither a URL nor an absolute path");
  CHECK(fault_of("version=1\n[repos.x]\nwish='w'\ngit='https://x/y'\ncommit='--all'") ==
        "l:5:8: 'commit': '--all' is not a commit's id");
  CHECK(fault_of("version=1\nmore=1") == "l:2:1: unknown key 'more' at the top level");
}

TEST_CASE("what two locks differ in is said field by field") {
  const Lock from = full_lock();
  Lock to = from;
  to.base->stamp = "20261122T170312Z";
  to.repositories.erase("mine");
  CHECK(lock_changes(from, from).empty());
  CHECK(lock_changes(from, to) ==
        std::vector<std::string>{"base.stamp: \"20261115T170312Z\" → \"20261122T170312Z\"",
                                 "repos.mine.commit: \"" + std::string(40, 'c') + "\" → nothing",
                                 "repos.mine.git: \"https://g.example/m\" → nothing",
                                 "repos.mine.wish: \"git https://g.example/m, rev v1\" → nothing"});
}

TEST_CASE("a lock lies beside its spec") {
  CHECK(lock_path("stage4.toml") == "stage4.lock");
  CHECK(lock_path("/a.b/spec") == "/a.b/spec.lock");
  CHECK(lock_path("dir/php.v2.toml") == "dir/php.v2.lock");
}
