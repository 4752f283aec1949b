#include "gbox/content/closure.h"

#include <doctest/doctest.h>

#include "../tree.h"
#include "make_elf.h"

using namespace gbox;
using namespace gbox::content;
using Kind = Finding::Kind;
using Weight = Finding::Weight;

namespace {

constexpr const char* kLoader = "/lib64/ld-linux-x86-64.so.2";

// A small image: a loader that looks in /lib64 and /usr/lib64, a libc, a program.
class Image : public test::Tree {
 public:
  Image() {
    directory("usr/lib64").directory("usr/bin").directory("etc");
    link("lib64", "usr/lib64").link("bin", "usr/bin");
    test::ElfSpec loader;
    loader.soname = "ld-linux-x86-64.so.2";
    loader.tail = std::string("\0/lib64/\0/usr/lib64/\0%s/lib/\0", 28);
    elf("usr/lib64/ld-linux-x86-64.so.2", loader, 0755);
    library("usr/lib64/libc.so.6", "libc.so.6");
    program("usr/bin/app", {"libc.so.6"});
  }
  void elf(const std::string& path, const test::ElfSpec& spec, mode_t mode = 0644) {
    file(path, test::make_elf(spec), mode);
  }
  void library(const std::string& path, const std::string& soname,
               const std::vector<std::string>& needed = {}, const std::string& runpath = {}) {
    test::ElfSpec spec;
    spec.soname = soname;
    spec.needed = needed;
    spec.runpath = runpath;
    elf(path, spec);
  }
  void program(const std::string& path, const std::vector<std::string>& needed,
               const std::string& rpath = {}, const std::string& runpath = {}) {
    test::ElfSpec spec;
    spec.interpreter = kLoader;
    spec.needed = needed;
    spec.rpath = rpath;
    spec.runpath = runpath;
    elf(path, spec, 0755);
  }
  ClosureReport check(const ClosureOptions& options = {}) const {
    return check_closure(fd(), content::Tree::scan(fd()), options);
  }
  // "NEEDS <- FILE FILE", a line each.
  std::vector<std::string> lacking(const ClosureOptions& options = {}) const {
    std::vector<std::string> lines;
    for (const Finding& finding : check(options).findings) {
      std::string line = finding.needs + " <-";
      for (const std::string& each : finding.files) line += ' ' + each;
      lines.push_back(line);
    }
    return lines;
  }
};
using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("an image in which everything is found lacks nothing") {
  const Image image;
  const ClosureReport report = image.check();
  CHECK(report.findings.empty());
  CHECK(report.objects == 3);
}

TEST_CASE("a library that is not there is told once, with all that ask for it") {
  Image image;
  image.program("usr/bin/one", {"libc.so.6", "libicuuc.so.76"});
  image.library("usr/lib64/libmid.so.1", "libmid.so.1", {"libicuuc.so.76"});
  image.program("usr/bin/two", {"libmid.so.1"});
  CHECK(image.lacking() == Lines{"libicuuc.so.76 <- /usr/bin/one /usr/lib64/libmid.so.1"});
}

TEST_CASE("libraries are looked for where the loader looks") {
  Image image;
  image.library("opt/app/lib/libown.so.1", "libown.so.1", {"libdeep.so.1"});
  image.library("opt/app/lib/libdeep.so.1", "libdeep.so.1");
  image.directory("opt/app/bin");
  SUBCASE("RPATH counts for what its libraries ask for, too") {
    image.program("opt/app/bin/run", {"libown.so.1"}, "$ORIGIN/../lib");
    CHECK(image.lacking().empty());
  }
  SUBCASE("RUNPATH counts for the object alone") {
    image.program("opt/app/bin/run", {"libown.so.1"}, "", "${ORIGIN}/../lib");
    CHECK(image.lacking() == Lines{"libdeep.so.1 <- /opt/app/lib/libown.so.1"});
    CHECK(image.check().findings[0].elsewhere == "/opt/app/lib/libdeep.so.1");
    CHECK(image.check().findings[0].elsewhere_why.empty());
  }
  SUBCASE("RPATH is passed over where there is a RUNPATH") {
    image.program("opt/app/bin/run", {"libown.so.1"}, "$ORIGIN/../lib", "/nowhere");
    CHECK(image.lacking() == Lines{"libown.so.1 <- /opt/app/bin/run"});
  }
  SUBCASE("an object with a RUNPATH inherits no RPATH") {
    image.library("opt/app/lib/libown.so.1", "libown.so.1", {"libdeep.so.1"}, "/nowhere");
    image.program("opt/app/bin/run", {"libown.so.1"}, "$ORIGIN/../lib");
    CHECK(image.lacking() == Lines{"libdeep.so.1 <- /opt/app/lib/libown.so.1"});
  }
  SUBCASE("LD_LIBRARY_PATH of the image counts") {
    image.program("opt/app/bin/run", {"libown.so.1"});
    ClosureOptions options;
    options.environment = {{"LD_LIBRARY_PATH", "/opt/app/lib"}};
    CHECK(image.lacking(options).empty());
    CHECK_FALSE(image.lacking().empty());
  }
  SUBCASE("a path is taken as it is") {
    image.program("opt/app/bin/run", {"/opt/app/lib/libdeep.so.1"});
    CHECK(image.lacking().empty());
  }
  SUBCASE("a configuration that ldconfig has not read does not count") {
    image.file("etc/ld.so.conf", "/opt/app/lib\n");
    image.program("opt/app/bin/run", {"libdeep.so.1"});
    CHECK(image.lacking() == Lines{"libdeep.so.1 <- /opt/app/bin/run"});
  }
}

TEST_CASE("a library of another machine does not serve") {
  Image image;
  test::ElfSpec other;
  other.soname = "libz.so.1";
  other.machine = EM_AARCH64;
  image.elf("usr/lib64/libz.so.1", other);
  image.program("usr/bin/z", {"libz.so.1"});
  CHECK(image.lacking() == Lines{"libz.so.1 <- /usr/bin/z"});
  CHECK(image.check().findings[0].elsewhere_why == "aarch64");
}

TEST_CASE("programs of other machines, relocatable files and debug files are data") {
  Image image;
  image.program("usr/bin/second", {"libc.so.6"});
  test::ElfSpec firmware;
  firmware.machine = EM_ARM + 100;
  firmware.interpreter = "/lib/ld-odd.so";
  firmware.needed = {"libodd.so"};
  image.elf("usr/lib/firmware/dsp.elf", firmware, 0755);
  image.directory("usr/lib/debug");
  image.program("usr/lib/debug/app.debug", {"libnone.so"});
  CHECK(image.lacking().empty());
}

TEST_CASE("a program for another machine is told where commands are looked for") {
  Image image;
  test::ElfSpec other;
  other.machine = EM_AARCH64;
  other.type = ET_EXEC;
  image.elf("usr/bin/stray", other, 0755);
  image.directory("opt/app");
  image.elf("opt/app/tool", other, 0755);
  image.program("usr/bin/second", {"libc.so.6"});
  ClosureReport report = image.check();
  REQUIRE(report.findings.size() == 1);
  CHECK(report.findings[0].kind == Kind::machine);
  CHECK(report.findings[0].files == Lines{"/usr/bin/stray"});
  CHECK(report.findings[0].needs == "aarch64");
  CHECK(report.findings[0].reason == "x86_64");
  REQUIRE(report.machine);
  CHECK(report.machine->machine == EM_X86_64);

  // What is started is told wherever it lies; a script is what reads it.
  image.file("opt/app/start", "#!/opt/app/tool\n", 0755);
  ClosureOptions options;
  options.starts = "/opt/app/start";
  CHECK(image.lacking(options) == Lines{"aarch64 <- /opt/app/tool /usr/bin/stray"});
  options.allow = {"/usr/bin/*", "/opt/app/tool"};
  CHECK(image.lacking(options).empty());
}

TEST_CASE("what is started tells for which of two machines that fit an image is") {
  Image image;
  test::ElfSpec narrow;
  narrow.machine = EM_386;
  narrow.type = ET_EXEC;
  for (const char* name : {"usr/bin/a", "usr/bin/b", "usr/bin/c"}) image.elf(name, narrow, 0755);
  ClosureOptions options;
  CHECK(image.check(options).machine->machine == EM_386);
  options.starts = "/usr/bin/app";
  CHECK(image.check(options).machine->machine == EM_X86_64);
  CHECK(image.lacking(options).empty());
  options.starts = "/usr/bin/a";
  CHECK(image.check(options).machine->machine == EM_386);

  // Nothing but a static program, linked like a library.
  test::Tree alone;
  test::ElfSpec fixed;
  fixed.machine = EM_AARCH64;
  fixed.pie = true;
  alone.file("app", test::make_elf(fixed), 0755);
  const ClosureReport report = check_closure(alone.fd(), content::Tree::scan(alone.fd()), {});
  REQUIRE(report.machine);
  CHECK(portage::architecture_of(*report.machine)->oci_architecture == "arm64");
  CHECK_FALSE(check_closure(alone.fd(), content::Tree(), {}).machine);
}

TEST_CASE("a plugin may need what its program has loaded, but not what is nowhere") {
  Image image;
  image.directory("usr/lib64/app");
  image.library("usr/lib64/app/plugin.so", "plugin.so", {"libprivate.so.1"});
  CHECK(image.lacking() == Lines{"libprivate.so.1 <- /usr/lib64/app/plugin.so"});
  image.library("usr/lib64/app/libprivate.so.1", "libprivate.so.1");
  CHECK(image.lacking().empty());
}

TEST_CASE("a library that nothing is linked to is warned of, as nobody will miss what it needs") {
  Image image;
  image.library("usr/lib64/libidle.so.1", "libidle.so.1", {"libgone.so.1"});
  REQUIRE(image.check().findings.size() == 1);
  CHECK(image.check().findings[0].weight == Weight::warning);
  image.program("usr/bin/user", {"libidle.so.1"});
  REQUIRE(image.check().findings.size() == 1);
  CHECK(image.check().findings[0].weight == Weight::error);
}

TEST_CASE("a program without its interpreter cannot start") {
  Image image;
  test::ElfSpec musl;
  musl.interpreter = "/lib/ld-musl-x86_64.so.1";
  musl.needed = {"libc.so"};
  image.elf("usr/bin/small", musl, 0755);
  const ClosureReport report = image.check();
  REQUIRE(report.findings.size() == 1);
  CHECK(report.findings[0].kind == Kind::loader);
  CHECK(report.findings[0].needs == "/lib/ld-musl-x86_64.so.1");
}

TEST_CASE("scripts need their interpreter, by path or through env") {
  Image image;
  image.file("usr/bin/env", "x", 0755).file("usr/bin/sh", "x", 0755);
  image.file("usr/bin/good", "#!/bin/sh\n", 0755);
  image.file("usr/bin/perl-one", "#!/usr/bin/perl -w\n", 0755);
  image.file("usr/bin/perl-two", "#!/usr/bin/perl\n", 0755);
  image.file("usr/bin/py", "#!/usr/bin/env python3\n", 0755);
  image.file("usr/share/not-run", "#!/usr/bin/ruby\n", 0644);
  image.file("usr/bin/ldd", "#!/bin/bash\n", 0755);  // every glibc brings it
  image.file("etc/init.d/net", "#!/sbin/openrc-run\n", 0755);
  image.directory("usr/share/doc/x").file("usr/share/doc/x/example", "#!/usr/bin/ruby\n", 0755);
  CHECK(image.lacking() ==
        Lines{"/usr/bin/perl <- /usr/bin/perl-one /usr/bin/perl-two", "python3 <- /usr/bin/py"});
}

TEST_CASE("links need what they lead to, unless a container brings it") {
  Image image;
  image.link("usr/lib64/libgone.so", "libgone.so.1");
  image.link("etc/mtab", "../proc/self/mounts").link("etc/socket", "/run/x/socket");
  image.directory("etc/portage").link("etc/portage/make.profile", "../../var/db/repos/gentoo/x");
  image.link("loop", "loop");
  image.link("usr/bin/here", "app");
  CHECK(image.lacking() ==
        Lines{"/loop <- /loop", "/usr/lib64/libgone.so.1 <- /usr/lib64/libgone.so"});
}

TEST_CASE("what glibc loads for a thread's end is a need, what a note suggests is none") {
  Image image;
  test::ElfSpec spec;
  spec.soname = "libthreads.so";
  spec.imports = {"pthread_exit"};
  spec.dlopen = R"([{"soname":["libmust.so.1","libmust.so.0"],"priority":"required"},)"
                R"({"soname":["libmay.so.1"],"priority":"suggested"},)"
                R"({"soname":["libnice.so.1"],"priority":"recommended"}])";
  image.elf("usr/lib64/libthreads.so", spec);
  const ClosureReport report = image.check();
  REQUIRE(report.findings.size() == 3);
  CHECK(report.findings[0].needs == "libgcc_s.so.1");
  CHECK(report.findings[0].weight == Weight::error);
  CHECK(report.findings[1].needs == "libmust.so.1");
  CHECK(report.findings[2].needs == "libnice.so.1");
  CHECK(report.findings[2].weight == Weight::warning);
  image.library("usr/lib64/libgcc_s.so.1", "libgcc_s.so.1");
  image.library("usr/lib64/libmust.so.0", "libmust.so.0");
  CHECK(image.lacking() == Lines{"libnice.so.1 <- /usr/lib64/libthreads.so"});
}

TEST_CASE("data that programs ask for while they run is warned of") {
  Image image;
  image.library("usr/lib64/libssl.so.3", "libssl.so.3");
  image.program("usr/bin/python3.12", {"libc.so.6"});
  image.file("etc/nsswitch.conf", "# x\nhosts: files dns [NOTFOUND=return] myhostname\n");
  ClosureOptions options;
  options.environment = {{"LANG", "de_DE.UTF-8"}};
  CHECK(image.lacking(options) == Lines{"libnss_myhostname.so.2 <- /etc/nsswitch.conf",
                                        "/etc/ssl/certs/ca-certificates.crt <-",
                                        "/usr/lib/locale/de_DE.utf8 <-", "/usr/share/zoneinfo <-"});
  for (const Finding& finding : image.check(options).findings)
    CHECK(finding.weight == Weight::warning);
  image.directory("usr/lib/locale/de_DE.utf8").directory("usr/share/zoneinfo");
  image.directory("etc/ssl/certs").file("etc/ssl/certs/ca-certificates.crt");
  image.library("usr/lib64/libnss_myhostname.so.2", "libnss_myhostname.so.2");
  CHECK(image.lacking(options).empty());
}

TEST_CASE("data that the image's own variables name is looked for where they say") {
  Image image;
  image.library("usr/lib64/libssl.so.3", "libssl.so.3");
  ClosureOptions options;
  options.environment = {{"SSL_CERT_FILE", "/etc/ca.pem"}, {"TZ", "Europe/Paris"}};
  CHECK(image.lacking(options) == Lines{"/etc/ca.pem <-", "/usr/share/zoneinfo/Europe/Paris <-"});
  image.file("etc/ca.pem").file("usr/share/zoneinfo/Europe/Paris");
  CHECK(image.lacking(options).empty());
  for (const char* zone :
       {"UTC", "CET-1CEST,M3.5.0,M10.5.0/3", "<+03>-3", "../../etc", "/nowhere"}) {
    options.environment[1].second = zone;
    CHECK(image.lacking(options) == (zone[0] == '/' ? Lines{"/nowhere <-"} : Lines{}));
  }
  options.environment = {{"SSL_CERT_DIR", "/etc/certs"}};
  CHECK(image.lacking(options) == Lines{"/etc/certs <-"});
  // What is merged, and not yet put together.
  options.environment.clear();
  CHECK(image.check(options).findings[0].made_by.empty());
  image.directory("usr/share/ca-certificates/mozilla");
  CHECK(image.check(options).findings[0].made_by == "update-ca-certificates");
  options.allow = {"/etc/ssl/certs/*"};
  CHECK(image.lacking(options).empty());
}

TEST_CASE("what is allowed is not told, and an entry that allows nothing is known") {
  Image image;
  image.program("usr/bin/one", {"libgone.so.1"});
  image.program("usr/bin/two", {"libgone.so.1"});
  image.link("usr/bin/dangling", "nothing");
  ClosureOptions options;
  options.allow = {"/usr/bin/o*", "/usr/*/dangling", "*.none"};
  const ClosureReport report = image.check(options);
  REQUIRE(report.findings.size() == 1);
  CHECK(report.findings[0].files == std::vector<std::string>{"/usr/bin/two"});
  CHECK(report.allow_used == std::vector<bool>{true, true, false});
  options.allow = {"libgone.so.1", "/usr/bin/nothing"};
  CHECK(image.check(options).findings.empty());
}

TEST_CASE("one program is checked alone, with its interpreter and libraries") {
  Image image;
  image.program("usr/bin/broken", {"libgone.so.1"});
  image.link("usr/bin/dangling", "nothing");
  image.file("usr/bin/script", "#!/usr/bin/broken\n", 0755);
  image.file("usr/bin/plain", "text", 0644);
  const auto lacking = [&](const std::string& program) {
    Lines lines;
    for (const Finding& finding : check_program(image.fd(), program, {}).findings)
      lines.push_back(finding.needs);
    return lines;
  };
  CHECK(lacking("/bin/app").empty());
  CHECK(lacking("/usr/bin/script") == Lines{"libgone.so.1"});
  CHECK(lacking("/usr/bin/dangling") == Lines{"/usr/bin/dangling"});
  CHECK(lacking("/usr/bin/plain") == Lines{"/usr/bin/plain"});
}

TEST_CASE("one program alone is held against what the others are for") {
  Image image;
  test::ElfSpec other;
  other.machine = EM_AARCH64;
  other.type = ET_EXEC;
  image.elf("usr/bin/other", other, 0755);
  ClosureOptions options;
  options.machine = portage::ElfHead{true, true, EM_X86_64, 0};
  CHECK(check_program(image.fd(), "/usr/bin/app", options).findings.empty());
  const ClosureReport report = check_program(image.fd(), "/usr/bin/other", options);
  REQUIRE(report.findings.size() == 1);
  CHECK(report.findings[0].kind == Kind::machine);
  CHECK(report.machine->machine == EM_X86_64);
  // A 64-bit program in a 32-bit system of the same family decides.
  options.machine = portage::ElfHead{false, true, EM_386, 0};
  CHECK(check_program(image.fd(), "/usr/bin/app", options).machine->machine == EM_X86_64);
}

TEST_CASE("a command is found as a container finds it") {
  const Image image;
  const content::Tree tree = content::Tree::scan(image.fd());
  CHECK(find_command(tree.look(), "app", {}) == "/usr/bin/app");
  CHECK(find_command(tree.look(), "app", {{"PATH", "/bin"}}) == "/bin/app");
  CHECK(find_command(tree.look(), "app", {{"PATH", "/sbin:bin"}}).empty());
  CHECK(find_command(tree.look(), "/bin/app", {}) == "/bin/app");
  CHECK(find_command(tree.look(), "./app", {}, "/usr/bin") == "/usr/bin/./app");
  CHECK(find_command(tree.look(), "/bin/none", {}).empty());
}
