#include "accounts.h"

#include <doctest/doctest.h>

#include "gbox/base/error.h"
#include "gbox/sys/file.h"

using namespace gbox;
using namespace gbox::build;

namespace {

struct Root {
  sys::TempDir dir{"/tmp", "gbox-test-"};
  Root() {
    sys::mkdirat(dir.fd(), "etc", 0755);
    sys::write_file_atomically(dir.fd(), "etc/passwd",
                               "root:x:0:0:root:/root:/bin/sh\nwww:x:33:44::/srv:/bin/false\n");
    sys::write_file_atomically(dir.fd(), "etc/group", "root:x:0:\nstaff:x:50:\n");
  }
};

}  // namespace

TEST_CASE("names are those of the image, numbers need no account") {
  const Root root;
  CHECK(find_account(root.dir.fd(), "www").uid == 33);
  CHECK(find_account(root.dir.fd(), "www").gid == 44);
  CHECK(find_account(root.dir.fd(), "www").home == "/srv");
  CHECK(find_account(root.dir.fd(), "www:staff").gid == 50);
  CHECK(find_account(root.dir.fd(), "7:8").gid == 8);
  CHECK(find_account(root.dir.fd(), "7").gid == 7);
}

TEST_CASE("further groups of a user are those that list it, but for its own") {
  const Root root;
  sys::write_file_atomically(root.dir.fd(), "etc/group", "www:x:44:www\nstaff:x:50:root,www\n");
  CHECK(has_further_groups(root.dir.fd(), find_account(root.dir.fd(), "www")));
  CHECK_FALSE(has_further_groups(root.dir.fd(), find_account(root.dir.fd(), "root:staff")));
  CHECK_FALSE(has_further_groups(root.dir.fd(), find_account(root.dir.fd(), "7")));
}

TEST_CASE("an account the image lacks is named, never looked up on the host") {
  const Root root;
  CHECK_THROWS_WITH_AS(find_account(root.dir.fd(), "daemon"),
                       "no 'daemon' in '/etc/passwd' of the image", Error);
  CHECK_THROWS_WITH_AS(find_account(root.dir.fd(), "www:audio"),
                       "no 'audio' in '/etc/group' of the image", Error);
}

TEST_CASE("a passwd that is a link is read inside the image") {
  const sys::TempDir dir("/tmp", "gbox-test-");
  sys::mkdirat(dir.fd(), "etc", 0755);
  sys::symlinkat("../../../../etc/passwd", dir.fd(), "etc/passwd");  // a loop inside the root
  CHECK_THROWS_AS(find_account(dir.fd(), "root"), Error);
}
