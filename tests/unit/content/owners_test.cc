#include "gbox/content/owners.h"

#include <doctest/doctest.h>

#include "../tree.h"

using namespace gbox;
using namespace gbox::content;

namespace {

class Root : public test::Tree {
 public:
  Root() {
    directory("usr/lib64").link("lib64", "usr/lib64");
    file("var/db/pkg/sys-libs/zlib-1.3-r4/CONTENTS",
         "dir /lib64\nobj /lib64/libz.so.1.3 00 1\nsym /usr/lib64/libz.so.1 -> libz.so.1.3 1\n"
         "obj /usr/share/a b 00 1\n");
    field("sys-libs/zlib-1.3-r4", "SLOT", "0/1\n");
    field("sys-libs/zlib-1.3-r4", "COUNTER", "7\n");
    field("sys-libs/zlib-1.3-r4", "PROVIDES", "x86_64: libz.so.1 x86_32: libz.so.1\n");
    field("sys-libs/zlib-1.3-r4", "NEEDED.ELF.2",
          "X86_64;/lib64/libz.so.1.3;libz.so.1;;libc.so.6,ld-linux-x86-64.so.2;x86_64\nbroken\n");
    file("var/db/pkg/app-misc/thief-2/CONTENTS", "obj /usr/share/a b 00 1\n");
    field("app-misc/thief-2", "COUNTER", "12\n");
  }
  void field(const std::string& cpv, const std::string& name, const std::string& text) {
    file("var/db/pkg/" + cpv + '/' + name, text);
  }
};

}  // namespace

TEST_CASE("packages are read with what says something about them") {
  const Root root;
  const Owners owners = Owners::read(root.fd());
  REQUIRE(owners.packages().size() == 2);
  const InstalledPackage& zlib = owners.packages()[1];
  CHECK(zlib.cpv() == "sys-libs/zlib-1.3-r4");
  CHECK(zlib.package() == "sys-libs/zlib");
  CHECK(zlib.field("SLOT") == "0/1");
  CHECK(zlib.field("HOMEPAGE").empty());
  CHECK(owners.find("sys-libs/zlib") == &zlib);
  CHECK(owners.find("sys-libs/zlib-1.3-r4") == &zlib);
  CHECK(owners.find("sys-libs/zlib-1") == nullptr);
  CHECK(sonames(zlib, "PROVIDES") ==
        std::vector<std::string>{"x86_64/libz.so.1", "x86_32/libz.so.1"});
  const auto objects = needed_objects(zlib);
  REQUIRE(objects.size() == 1);
  CHECK(objects[0].soname == "libz.so.1");
  CHECK(objects[0].needed == std::vector<std::string>{"libc.so.6", "ld-linux-x86-64.so.2"});
  CHECK(objects[0].abi == "x86_64");
}

TEST_CASE("a file has the owner that installed it, whatever name of a merged /usr was used") {
  const Root root;
  const Owners owners = Owners::read(root.fd());
  REQUIRE(owners.owner("/usr/lib64/libz.so.1.3") != nullptr);
  CHECK(owners.owner("/usr/lib64/libz.so.1.3")->name == "zlib");
  CHECK(owners.owner("/usr/lib64/libz.so.1")->name == "zlib");
  CHECK(owners.owner("/lib64/libz.so.1.3") == nullptr);  // not a resolved path
  CHECK(owners.owner("/lib64") == nullptr);              // directories belong to many
  CHECK(owners.owner("/usr/bin/none") == nullptr);
}

TEST_CASE("of two that claim a file, the one installed last has it") {
  Root root;
  CHECK(Owners::read(root.fd()).owner("/usr/share/a b")->name == "thief");
  root.field("sys-libs/zlib-1.3-r4", "COUNTER", "20\n");
  CHECK(Owners::read(root.fd()).owner("/usr/share/a b")->name == "zlib");
}

TEST_CASE("a root without a database has no owners") {
  const test::Tree root;
  CHECK(Owners::read(root.fd()).packages().empty());
  CHECK_FALSE(has_database(root.fd()));
  CHECK(has_database(Root().fd()));
}

TEST_CASE("a database that means no good is passed over, and never followed out of the root") {
  test::Tree outside;
  outside.file("app-x/y-1/CONTENTS", "obj /usr/y 00 1\n").file("SLOT", "9");
  Root root;
  root.link("var/db/pkg/app-x", outside.path("app-x"));
  root.link("var/db/pkg/app-misc/linked-1", outside.path("app-x/y-1"));
  root.directory("var/db/pkg/app-misc/-MERGING-new-1");
  root.directory("var/db/pkg/app-misc/nonsense");
  root.directory("var/db/pkg/app-misc/thief-2/DEPEND");  // a directory where a file should be
  root.link("var/db/pkg/app-misc/thief-2/SLOT", outside.path("SLOT"));
  REQUIRE(::mkfifoat(root.fd(), "var/db/pkg/app-misc/thief-2/USE", 0644) == 0);
  const Owners owners = Owners::read(root.fd());
  REQUIRE(owners.packages().size() == 2);
  CHECK(owners.packages()[0].cpv() == "app-misc/thief-2");
  CHECK(owners.packages()[0].field("SLOT").empty());
  CHECK(owners.packages()[0].field("USE").empty());
}
