// Whether a base can be built on, by the head of its shell.
#include "gbox/portage/base.h"

#include <doctest/doctest.h>

#include "../tree.h"

using namespace gbox;
using namespace gbox::portage;
using test::Tree;

namespace {

// The first 64 bytes of an ELF program.
std::string elf(unsigned machine, bool wide, bool little, unsigned flags = 0) {
  std::string head(64, '\0');
  head.replace(0, 4,
               "\x7f"
               "ELF");
  head[4] = wide ? 2 : 1;
  head[5] = little ? 1 : 2;
  const auto put = [&](std::size_t offset, unsigned value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i)
      head[little ? offset + i : offset + size - 1 - i] = static_cast<char>(value >> (8 * i));
  };
  put(18, machine, 2);
  put(wide ? 48 : 36, flags, 4);
  return head;
}

Tree base(const std::string& shell = elf(62, true, true)) {
  Tree tree;
  tree.file("usr/bin/bash", shell, 0755).link("bin", "usr/bin");
  return tree;
}

spec::BuildSpec spec_of(const std::string& phases) {
  return spec::read_spec("s", "name='a'\nbase.tarball='t'\n" + phases);
}

std::string said(const Tree& tree, const std::string& phases, const std::string& host = "x86_64") {
  try {
    (void)check_base(tree.fd(), spec_of(phases), host);
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::input);
    return error.message() + (error.hint().empty() ? "" : " | " + error.hint());
  }
  return "fine";
}

constexpr const char* kEmerge = "[[phase]]\nname='world'\nemerge=['@world']\n";

}  // namespace

TEST_CASE("the architecture is read from the base's own shell") {
  struct Case {
    std::string head;
    std::string host;
    std::string machine;
    std::string architecture;
    std::string variant;
  };
  const std::vector<Case> cases = {
      {elf(62, true, true), "x86_64", "x86_64", "amd64", ""},
      {elf(62, false, true), "x86_64", "x86_64", "amd64", ""},  // x32
      {elf(3, false, true), "x86_64", "i686", "386", ""},
      {elf(3, false, true), "i586", "i686", "386", ""},
      {elf(183, true, true), "aarch64", "aarch64", "arm64", ""},
      {elf(40, false, true, 0x5000400), "aarch64", "armv7l", "arm", "v7"},
      {elf(40, false, true, 0x5000200), "armv6l", "armv5tel", "arm", "v5"},
      {elf(243, true, true), "riscv64", "riscv64", "riscv64", ""},
      {elf(21, true, true), "ppc64le", "ppc64le", "ppc64le", ""},
      {elf(21, true, false), "ppc64", "ppc64", "ppc64", ""},
      {elf(22, true, false), "s390x", "s390x", "s390x", ""},
      {elf(258, true, true), "loongarch64", "loongarch64", "loong64", ""},
  };
  for (const Case& test : cases) {
    CAPTURE(test.machine);
    const Tree tree = base(test.head);
    const auto info = check_base(tree.fd(), spec_of(""), test.host);
    REQUIRE(info);
    CHECK(info->architecture == test.machine);
    CHECK(info->oci_architecture == test.architecture);
    CHECK(info->oci_variant == test.variant);
  }
}

TEST_CASE("a base for another machine is refused before anything of it is run") {
  CHECK(said(base(elf(22, true, false)), "") ==
        "base: its programs are for 's390x', this machine is 'x86_64' and has no 'qemu-s390x' in "
        "binfmt_misc | use a base for 'x86_64', or install qemu-user with binfmt flag F");
  CHECK(said(base(elf(62, true, true)), "", "i686")
            .starts_with("base: its programs are for 'x86_64', this machine is 'i686'"));
  CHECK(said(base(elf(9999, true, true)), "") ==
        "base: its programs are for an architecture that gbox does not know (ELF machine 9999)");
}

TEST_CASE("a base without Portage is refused when a phase needs it, and by that phase's name") {
  Tree tree = base();
  CHECK(said(tree, "") == "fine");
  CHECK(said(tree, "[[phase]]\nname='p'\nrun='true'\n") == "fine");
  const std::string wanted =
      "base: it has no '/usr/bin/emerge', which phase 'world' needs | begin with a Gentoo stage3, "
      "or install Portage in it";
  CHECK(said(tree, kEmerge) == wanted);
  tree.file("usr/bin/emerge", "#!/usr/bin/python\n", 0644);
  CHECK(said(tree, kEmerge) == wanted);  // not executable
  tree.file("usr/bin/emerge", "#!/usr/bin/python\n", 0755);
  CHECK(said(tree, kEmerge) == "fine");
  sys::unlinkat(tree.fd(), "usr/bin/emerge", 0);
  tree.file("usr/lib/exec", "", 0755)
      .link("usr/bin/emerge", "/usr/lib/exec");  // as python-exec does
  CHECK(said(tree, kEmerge) == "fine");
}

TEST_CASE("a base without a shell says so to the phase that runs a script") {
  Tree tree;
  tree.file("bin/sh", elf(62, true, true), 0755);
  CHECK(said(tree, "[[phase]]\nname='p'\nrun='true'\nshell='sh'\n") == "fine");
  CHECK(said(tree, "[[phase]]\nname='p'\nrun='true'\n") ==
        "base: it has no '/bin/bash', which phase 'p' runs | write shell = \"sh\" in that phase");
}

TEST_CASE("a tarball that is no root file system is told from one") {
  Tree tree;
  tree.file("bin/bash", "#!/bin/sh\n", 0755).file("README", "");
  const std::string wanted =
      "base: it holds no program to tell its architecture by (looked for '/bin/bash' and "
      "'/bin/sh') | the tarball must hold a root file system, with 'bin' and 'usr' at its top";
  CHECK(said(tree, "") == wanted);
  tree.file("bin/bash",
            "\x7f"
            "ELF",
            0755);  // cut short
  CHECK(said(tree, "") == wanted);
}

TEST_CASE("an image of few files may be a base: its configuration tells what it is for") {
  Tree tree;
  tree.file("app", elf(62, true, true), 0755);
  const auto of_image = [](const std::string& phases) {
    return spec::read_spec("s", "name='a'\nbase.image='oci:b'\n" + phases);
  };
  CHECK_FALSE(machine_of_root(tree.fd()));
  CHECK_FALSE(check_base(tree.fd(), of_image(""), "x86_64"));
  CHECK_THROWS_WITH_AS((void)check_base(tree.fd(), of_image(kEmerge), "x86_64"),
                       "base: it has no '/usr/bin/emerge', which phase 'world' needs", Error);
  tree.file("bin/sh", elf(22, true, false), 0755);
  CHECK_THROWS_AS((void)check_base(tree.fd(), of_image(""), "x86_64"), Error);
}

TEST_CASE("links of the base are followed within it, and pipes are not waited for") {
  Tree tree;
  tree.directory("bin").link("bin/bash", "/../../../../../../bin/bash").link("bin/sh", "sh");
  CHECK(said(tree, "").starts_with("base: "));
  Tree pipe;
  pipe.directory("bin");
  REQUIRE(::mkfifoat(pipe.fd(), "bin/bash", 0755) == 0);
  CHECK(said(pipe, "").starts_with("base: it holds no program"));
}
