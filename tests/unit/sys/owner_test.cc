#include "gbox/sys/owner.h"

#include <doctest/doctest.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "gbox/sys/file.h"

using namespace gbox;
using namespace gbox::sys;

TEST_CASE("an owner's record reads as it was written, on every kind of inode") {
  const Owner owner{250, 65534};
  for (const mode_t type : {S_IFREG, S_IFDIR, S_IFLNK, S_IFIFO, S_IFSOCK}) {
    CAPTURE(type);
    CHECK(decode_owner(type, encode_owner(type, owner)) == owner);
  }
  CHECK(encode_owner(S_IFDIR, owner) == "250:65534");
  const Owner node{1, 2, S_IFBLK, makedev(259, 70000)};
  CHECK(encode_owner(S_IFREG, node) == "1:2:b:259:70000");
  CHECK(decode_owner(S_IFREG, encode_owner(S_IFREG, node)) == node);
}

TEST_CASE("what no gbox wrote is no record") {
  for (const char* text :
       {"", "250", "250:", ":250", "250:250:", "250:250:c:1", "-1:0", "0x1:2", "4294967295:0",
        "1:4294967295", "1:2:d:1:3", "1:2:c:1:3:4", " 1:2", "1:2\n", "99999999999:1", "1:2:c:0:0"})
    CHECK_MESSAGE(!decode_owner(S_IFREG, text), text);
  std::string capability = encode_owner(S_IFLNK, {1, 2});
  CHECK(!decode_owner(S_IFLNK, capability.substr(1)));
  CHECK(!decode_owner(S_IFLNK, ""));
  capability[8] ^= 1;
  CHECK(!decode_owner(S_IFLNK, capability));
  // A real capability, of a file of that kind or not.
  CHECK(!decode_owner(S_IFLNK, std::string("\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00"
                                           "\x00\x00\x00\x00\x00\x00\x00",
                                           20)));
}

TEST_CASE("a record stands on the inode, and goes when it says nothing") {
  const TempDir dir("/var/tmp", "gbox-test-");
  const Fd file = sys::openat(dir.fd(), "f", O_WRONLY | O_CREAT, 0644);
  give(Owners::recorded, file.get(), 33, 44, "f");
  CHECK(owned_status(Owners::recorded, file.get()).st_uid == 33);
  CHECK(owned_status(Owners::recorded, file.get()).st_gid == 44);
  CHECK(owned_status(Owners::real, file.get()).st_uid == ::geteuid());
  sys::linkat(dir.fd(), "f", dir.fd(), "g");
  const Fd other = sys::openat(dir.fd(), "g", O_PATH);
  CHECK(owned_status(Owners::recorded, other.get()).st_uid == 33);
  give_at(Owners::recorded, dir.fd(), "g", 0, 0, "g");
  CHECK(::fgetxattr(file.get(), "user.gbox.owner", nullptr, 0) == -1);
}

TEST_CASE("a device node is a file that says so") {
  struct stat status {};
  status.st_mode = S_IFREG | 0640;
  status.st_size = 5;
  const struct stat shown = with_owner(status, {0, 6, S_IFBLK, makedev(8, 1)});
  CHECK(shown.st_mode == (S_IFBLK | 0640));
  CHECK(shown.st_rdev == makedev(8, 1));
  CHECK(shown.st_size == 0);
  CHECK(shown.st_gid == 6);
  // Not what is a directory.
  status.st_mode = S_IFDIR | 0755;
  CHECK(with_owner(status, {0, 6, S_IFBLK, makedev(8, 1)}).st_mode == (S_IFDIR | 0755));
}
