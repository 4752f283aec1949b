#include "gbox/content/trim.h"

#include <doctest/doctest.h>

#include "../tree.h"
#include "gbox/content/dependents.h"
#include "gbox/content/sizes.h"

using namespace gbox;
namespace content = gbox::content;
using Paths = std::vector<std::string>;

namespace {

content::Matched match(const test::Tree& root, const char* preset, const Paths& keep = {}) {
  const spec::TrimPreset* found = spec::find_trim_preset(preset);
  REQUIRE(found != nullptr);
  return content::match(content::Tree::scan(root.fd()), *found, keep);
}

}  // namespace

TEST_CASE("a preset matches whole directories, and says what is in them") {
  test::Tree root;
  root.file("usr/share/man/man1/a.1", "12345")
      .file("usr/share/man-db/x")
      .file("usr/share/doc/d", "1");
  root.file("usr/bin/man", "stays");
  sys::linkat(root.fd(), "usr/share/doc/d", root.fd(), "usr/share/doc/e");
  const content::Matched matched = match(root, "docs");
  CHECK(matched.paths == Paths{"/usr/share/doc", "/usr/share/man"});
  CHECK(matched.bytes == 6);
  CHECK(matched.files == 3);
}

TEST_CASE("files are matched at any depth where a preset says so") {
  test::Tree root;
  root.file("usr/lib/python3.12/x/__pycache__/x.cpython-312.pyc", "1");
  root.file("usr/lib/python3.12/loose.pyc").file("usr/lib/python3.12/x/x.py");
  root.file("usr/lib64/deep/er/liba.a").file("usr/lib64/libb.la").file("usr/lib64/libb.so");
  root.file("srv/own.a");
  CHECK(match(root, "python-cache").paths ==
        Paths{"/usr/lib/python3.12/loose.pyc", "/usr/lib/python3.12/x/__pycache__"});
  CHECK(match(root, "static-libs").paths ==
        Paths{"/usr/lib64/deep/er/liba.a", "/usr/lib64/libb.la"});
}

TEST_CASE("locales that are wanted stay, with what they are read with") {
  test::Tree root;
  for (const char* name : {"de", "de_AT", "de_DE@euro", "den", "fr", "pt", "pt_BR", "locale.alias"})
    root.file(std::string("usr/share/locale/") + name + "/x");
  root.file("usr/lib/locale/C.utf8/x").file("usr/lib/locale/locale-archive");
  root.file("usr/lib/locale/de_DE.utf8/x").file("usr/lib/locale/fr_FR/x");
  CHECK(match(root, "locales", {"de", "pt_BR.UTF-8"}).paths ==
        Paths{"/usr/lib/locale/fr_FR", "/usr/share/locale/den", "/usr/share/locale/fr"});
  CHECK(match(root, "locales").paths.size() == 10);
  CHECK(match(root, "locales").paths.front() == "/usr/lib/locale/de_DE.utf8");
}

TEST_CASE("a link is taken itself, and nothing is matched behind it") {
  test::Tree root;
  root.file("srv/manuals/precious");
  root.directory("usr/share").link("usr/share/man", "/srv/manuals");
  root.directory("var").link("var/db", "/srv");
  CHECK(match(root, "docs").paths == Paths{"/usr/share/man"});
  CHECK(match(root, "vdb").paths.empty());
}

TEST_CASE("each preset has a name of its own, in order, and rules that begin at the root") {
  std::string last;
  for (const spec::TrimPreset& preset : spec::trim_presets()) {
    CHECK(std::string(preset.name) > last);
    last = preset.name;
    CHECK_FALSE(preset.what.empty());
    for (const spec::TrimRule& rule : preset.rules) {
      CHECK(rule.glob.starts_with('/'));
      CHECK(rule.glob.find_first_of("*?[") > 1);
    }
  }
}

TEST_CASE("sizes are told by package, directory and preset, a file of two names once") {
  test::Tree root;
  root.file("usr/bin/a", "1234567890").file("usr/share/man/m", "123").file("etc/own", "1");
  sys::linkat(root.fd(), "usr/bin/a", root.fd(), "usr/bin/b");
  content::InstalledPackage package;
  package.category = "app-x";
  package.name = "a";
  package.version = "1";
  for (const char* path : {"/usr/bin/a", "/usr/bin/b", "/usr/share/man/m"})
    package.entries.push_back({portage::InstalledEntry::Kind::file, path, {}});
  const content::Owners owners({package});
  const content::Sizes sizes = content::sizes_of(content::Tree::scan(root.fd()), owners);
  CHECK(sizes.bytes == 14);
  CHECK(sizes.files == 4);
  REQUIRE(sizes.packages.size() == 2);
  CHECK(sizes.packages[0].name == "app-x/a-1");
  CHECK(sizes.packages[0].bytes == 13);
  CHECK(sizes.packages[1].name.empty());
  REQUIRE(sizes.directories.size() == 3);
  CHECK(sizes.directories[0].name == "/usr/bin");
  CHECK(sizes.directories[1].name == "/usr/share/man");
  REQUIRE(sizes.presets.size() == 1);
  CHECK(sizes.presets[0].name == "docs");
  CHECK(content::directory_of("/x") == "/");
  CHECK(content::directory_of("/usr/lib64/python3.12/a/b") == "/usr/lib64/python3.12");
  CHECK(content::directory_of("/etc/ssl/certs/x") == "/etc/ssl");
}

TEST_CASE("what an unmerge breaks is known by libraries and by dependencies") {
  const auto package = [](const char* name,
                          std::map<std::string, std::string, std::less<>> fields) {
    content::InstalledPackage made;
    made.category = "c";
    made.name = name;
    made.version = "1";
    made.fields = std::move(fields);
    return made;
  };
  const auto lib = package("lib", {{"PROVIDES", "x86_64: liba.so.1"}, {"SLOT", "0/1"}});
  const auto tool = package("tool", {{"SLOT", "0"}});
  const auto other = package("other", {{"SLOT", "0"}});
  const auto linked = package(
      "linked", {{"REQUIRES", "x86_64: liba.so.1 libc.so.6"}, {"RDEPEND", "c/lib:0/1= !c/none"}});
  const auto named = package("named", {{"RDEPEND", ">=c/tool-1 || ( c/tool c/other )"}});
  const auto choice = package("choice", {{"RDEPEND", "|| ( c/tool ( c/other c/lib ) )"}});
  // Of what was taken over of this one, nothing is linked to the library.
  const auto part = package("part", {{"REQUIRES", "x86_64: liba.so.1 libc.so.6"},
                                     {"NEEDED.ELF.2", "X86_64;/p.so;p.so;;libc.so.6;x86_64"}});
  const content::Owners before({lib, tool, other, linked, named, choice, part});
  const content::Owners after({other, linked, named, choice, part});
  const auto broken = content::broken_by_removal(before, after);
  REQUIRE(broken.size() == 2);
  CHECK(broken[0].package == "c/linked-1");
  CHECK(broken[0].needs == "liba.so.1");
  CHECK(broken[0].removed == "c/lib-1");
  CHECK(broken[1].package == "c/named-1");
  CHECK(broken[1].needs == ">=c/tool-1");
  CHECK(content::broken_by_removal(before, before).empty());
}
