#include "../../../src/store/probe.h"

#include <cerrno>

#include "fixture.h"
#include "gbox/sys/level.h"

using namespace gbox;
using namespace gbox::store;
using namespace gbox::store::test;

namespace {

std::string verdict(const ProbeFacts& facts, Purpose purpose = Purpose::build) {
  try {
    refuse_unfit("/s", facts, purpose);
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::host);
    CHECK_FALSE(error.hint().empty());
    return error.message();
  }
  return "fit";
}

ProbeFacts on(std::string type, std::string source = "none") {
  ProbeFacts facts;
  facts.mounted = {std::move(type), std::move(source), "/"};
  return facts;
}

}  // namespace

TEST_CASE("a file system that cannot hold a store is refused with its cause") {
  CHECK(verdict(on("ext4")) == "fit");
  CHECK(verdict({}) == "fit");
  CHECK(verdict(on("overlay")) ==
        "open store '/s': it lies on overlay, which cannot hold an overlay");
  CHECK(verdict(on("nfs4", "filer:/home")) ==
        "open store '/s': it lies on nfs ('filer:/home'), whose server does not know mapped ids");
  ProbeFacts facts = on("ecryptfs");
  facts.user_xattr = ENOTSUP;
  CHECK(verdict(facts) == "open store '/s': 'ecryptfs' has no user extended attributes");
  facts = on("fuse.sshfs");
  facts.chown = EPERM;
  CHECK(verdict(facts) ==
        "open store '/s': 'fuse.sshfs' does not keep owners: a file cannot be given to id 1");
  facts = on("9p");
  facts.case_sensitive = false;
  CHECK(verdict(facts) == "open store '/s': the file system does not tell 'a' from 'A'");
  facts = on("xfs");
  facts.entry_types = false;
  CHECK(verdict(facts).starts_with("open store '/s': 'xfs' does not tell directories from files"));
}

TEST_CASE("where roots are copies, what only overlays need is not asked for") {
  const sys::Means before = sys::means();
  sys::use({sys::Ids::subordinate, sys::Proc::own, sys::Storage::copy});
  ProbeFacts facts = on("overlay");
  facts.entry_types = false;
  CHECK(verdict(facts) == "fit");
  facts.user_xattr = ENOTSUP;
  CHECK(verdict(facts) == "open store '/s': 'overlay' has no user extended attributes");
  sys::use(before);
}

TEST_CASE("looking at a store asks less of its file system than building in it") {
  CHECK(verdict(on("overlay"), Purpose::inspect) == "fit");
  ProbeFacts facts = on("9p");
  facts.user_xattr = ENOTSUP;
  CHECK(verdict(facts, Purpose::inspect) == "fit");
  facts.case_sensitive = false;
  CHECK(verdict(facts, Purpose::inspect) != "fit");
}

TEST_CASE("probing leaves nothing behind and finds this machine's temporary directory usable") {
  const sys::TempDir dir("/tmp", "gbox-test-");
  const ProbeFacts facts = probe_file_system(dir.fd());
  CHECK(facts.case_sensitive);
  CHECK(facts.entry_types);
  CHECK(facts.chown == 0);
  CHECK(sys::list_directory(dir.fd(), "d").empty());
}

TEST_CASE("the mount of a directory is found by its id, blanks and all") {
  const std::string text =
      "20 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
      "36 20 0:33 / /home/a\\040b rw,nosuid shared:7 master:2 - nfs4 filer:/x\\134y rw,vers=4.2\n"
      "37 20 0:34 / /run rw - tmpfs tmpfs rw\n";
  const auto mounted = find_mount(text, 36);
  REQUIRE(mounted);
  CHECK(mounted->type == "nfs4");
  CHECK(mounted->source == "filer:/x\\y");
  CHECK(mounted->point == "/home/a b");
  CHECK(find_mount(text, 37)->type == "tmpfs");
  CHECK_FALSE(find_mount(text, 3));
  CHECK_FALSE(find_mount("36 20 0:33 / / rw - ext4", 36));
  CHECK_FALSE(find_mount("", 1));
}
