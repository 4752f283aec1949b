// Users of images: names become numbers, and what is lacking is told.
#include "image_user.h"

#include <doctest/doctest.h>

#include "accounts.h"
#include "gbox/sys/file.h"

using namespace gbox;
using namespace gbox::build;

namespace {

struct UserRoot {
  sys::TempDir dir{"/tmp", "gbox-test-"};
  explicit UserRoot(bool accounts = true) {
    sys::mkdirat(dir.fd(), "etc", 0755);
    sys::mkdirat(dir.fd(), "srv", 0755);
    if (!accounts) return;
    sys::write_file_atomically(dir.fd(), "etc/passwd",
                               "root:x:0:0:root:/root:/bin/sh\nwww:x:33:44::/srv:/bin/false\n"
                               "mail:x:8:12::/nonexistent:/bin/false\n");
    sys::write_file_atomically(dir.fd(), "etc/group",
                               "root:x:0:\nwww:x:44:www\nstaff:x:50:\nspool:x:60:mail,www2\n");
  }
  [[nodiscard]] ImageUser look(const std::string& user, const std::string& home = {}) const {
    std::vector<std::pair<std::string, std::string>> environment;
    if (!home.empty()) environment.emplace_back("HOME", home);
    return look_for_user(dir.fd(), user, environment, -1);
  }
};

std::string said(const ImageUser& user) {
  return user.fault ? user.fault->message() + " | " + user.fault->hint() : "fine";
}

}  // namespace

TEST_CASE("a user's name becomes numbers, numbers stay") {
  const UserRoot root;
  CHECK(root.look("www").numbers == "33:44");
  CHECK(root.look("www:staff").numbers == "33:50");
  CHECK(root.look("33:staff").numbers == "33:50");
  CHECK(root.look("www:7").numbers == "33:7");
  CHECK(root.look("33").numbers == "33");
  CHECK(root.look("4711:4712").numbers == "4711:4712");
  CHECK(UserRoot(false).look("1000").numbers == "1000");
}

TEST_CASE("a user of further groups keeps them: no group is written") {
  const UserRoot root;
  CHECK(root.look("mail").numbers == "8");
  CHECK(root.look("mail:staff").numbers == "8:50");
  CHECK(root.look("www").numbers == "33:44");
}

TEST_CASE("an account that the image lacks is told with its file and a remedy") {
  const UserRoot root;
  CHECK(said(root.look("daemon")) ==
        "'user' 'daemon' is not in '/etc/passwd' of the image | make the account in a phase, as "
        "packages like 'acct-user/daemon' do, or write the number");
  CHECK(
      said(root.look("www:audio")) ==
      "group 'audio' of 'user' 'www:audio' is not in '/etc/group' of the image | make the account "
      "in a phase, as packages like 'acct-group/audio' do, or write the number");
  CHECK(said(UserRoot(false).look("www"))
            .starts_with("'user' 'www': the image has no '/etc/passwd' | "));
  // Where another root has it, its numbers are told.
  CHECK(look_for_user(UserRoot(false).dir.fd(), "www:staff", {}, root.dir.fd())
            .fault->hint()
            .ends_with("or write the number: in '/' it is '33:50'"));
}

TEST_CASE("a home that is not there is told, but for accounts that are to have none") {
  const UserRoot root;
  CHECK(root.look("www").missing_home.empty());
  CHECK(root.look("root").missing_home == "/root");
  CHECK(root.look("root", "/srv").missing_home.empty());
  CHECK(root.look("www", "/etc/passwd").missing_home == "/etc/passwd");
  CHECK(root.look("mail").missing_home.empty());
  CHECK(root.look("4711").missing_home.empty());
}
