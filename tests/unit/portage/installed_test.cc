#include "gbox/portage/installed.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "../tree.h"
#include "gbox/sys/file.h"

using namespace gbox;
using namespace gbox::portage;

TEST_CASE("CONTENTS is read as Portage writes it, blanks in names included") {
  const auto entries = parse_contents(
      "dir /usr/share/a b\n"
      "obj /usr/share/a b/c d 0123456789abcdef0123456789abcdef 1700000000\n"
      "sym /usr/lib/libx.so -> libx.so.1 1700000000\n"
      "fif /run/pipe\n"
      "dev /dev/null\n"
      "nonsense\nobj relative 00 1\nobj /\n");
  REQUIRE(entries.size() == 5);
  CHECK(entries[0].path == "/usr/share/a b");
  CHECK(entries[0].kind == InstalledEntry::Kind::directory);
  CHECK(entries[1].path == "/usr/share/a b/c d");
  CHECK(entries[1].kind == InstalledEntry::Kind::file);
  CHECK(entries[2].path == "/usr/lib/libx.so");
  CHECK(entries[2].target == "libx.so.1");
  CHECK(entries[3].path == "/run/pipe");
}

namespace {

class Root {
 public:
  Root() : directory_("/tmp", "gbox-installed-") {
    write("var/db/pkg/app/x-1/CONTENTS",
          "dir /usr\nobj /usr/x 00 1\nsym /usr/y -> x 1\nobj /usr/gone 00 1\n");
    write("var/db/pkg/app/x-1/SLOT", "0\n");
    write("var/db/pkg/app/x-1/USE", "ssl\n");
    write("usr/x", "content");
    REQUIRE(::symlinkat("x", fd(), "usr/y") == 0);
  }
  void write(const std::string& path, std::string_view text) {
    sys::ensure_directories(fd(), path.substr(0, path.rfind('/')));
    sys::write_file_atomically(fd(), path, text);
  }
  int fd() const { return directory_.fd(); }
  std::string digest() const { return installed_digest(fd(), "app/x-1").hex(); }

 private:
  sys::TempDir directory_;
};

}  // namespace

TEST_CASE("an installed package is what a build can see of it") {
  Root root;
  const std::string before = root.digest();
  CHECK(root.digest() == before);

  SUBCASE("times, counters and the build's own notes do not count") {
    const timespec times[2] = {{1, 0}, {1, 0}};
    REQUIRE(::utimensat(root.fd(), "usr/x", times, 0) == 0);
    root.write("var/db/pkg/app/x-1/COUNTER", "77");
    root.write("var/db/pkg/app/x-1/BUILD_TIME", "77");
    root.write("var/db/pkg/app/x-1/CONTENTS",
               "dir /usr\nsym /usr/y -> x 2\nobj /usr/gone 01 2\nobj /usr/x 02 2\n");
    CHECK(root.digest() == before);
  }
  SUBCASE("configuration and documentation do not count") {
    root.write("var/db/pkg/app/x-1/CONTENTS",
               "obj /usr/gone 00 1\nobj /usr/x 00 1\nsym /usr/y -> x 1\ndir /usr\n"
               "obj /etc/x.conf 00 1\nobj /usr/share/man/man1/x.1 00 1\n");
    root.write("etc/x.conf", "1");
    CHECK(root.digest() == before);
  }
  SUBCASE("content counts, whatever CONTENTS claims") {
    root.write("usr/x", "Content");
    CHECK(root.digest() != before);
  }
  SUBCASE("modes count") {
    REQUIRE(::fchmodat(root.fd(), "usr/x", 0755, 0) == 0);
    CHECK(root.digest() != before);
  }
  SUBCASE("links count") {
    REQUIRE(::unlinkat(root.fd(), "usr/y", 0) == 0);
    REQUIRE(::symlinkat("z", root.fd(), "usr/y") == 0);
    CHECK(root.digest() != before);
  }
  SUBCASE("what is missing counts") {
    root.write("usr/gone", "");
    CHECK(root.digest() != before);
  }
  SUBCASE("USE counts") {
    root.write("var/db/pkg/app/x-1/USE", "-ssl\n");
    CHECK(root.digest() != before);
  }
}

TEST_CASE("a hostile root is never left and never waited for") {
  Root root;
  root.write("var/db/pkg/app/x-1/CONTENTS",
             "obj /usr/escape 00 1\nobj /usr/pipe 00 1\nobj /usr/circle 00 1\n");
  REQUIRE(::symlinkat("/etc", root.fd(), "usr/escape") == 0);
  REQUIRE(::mkfifoat(root.fd(), "usr/pipe", 0644) == 0);
  REQUIRE(::symlinkat("circle", root.fd(), "usr/circle") == 0);
  CHECK_FALSE(root.digest().empty());
  CHECK_THROWS((void)installed_digest(root.fd(), "../../x"));
}
