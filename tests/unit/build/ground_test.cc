#include "ground.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/file.h"
#include "runtime_libraries.h"
#include "take_over.h"

using namespace gbox;
using namespace gbox::build;
using sys::TempDir;

namespace {

// A root with packages, as an ordinary user can make one.
class Builder {
 public:
  void file(const std::string& path, const std::string& text, mode_t mode = 0644) {
    make_parent(path);
    sys::write_file_atomically(root_.fd(), path, text, mode);
    REQUIRE(::fchmodat(root_.fd(), path.c_str(), mode, 0) == 0);
  }
  void link(const std::string& path, const std::string& target) {
    make_parent(path);
    sys::symlinkat(target, root_.fd(), path);
  }
  void package(const std::string& cpv, const std::string& contents,
               const std::string& needed = {}) {
    file("var/db/pkg/" + cpv + "/CONTENTS", contents);
    file("var/db/pkg/" + cpv + "/SLOT", "0/1\n");
    if (!needed.empty()) file("var/db/pkg/" + cpv + "/NEEDED.ELF.2", needed);
  }
  // With what every system has.
  void system() {
    for (const char* path : {"dev", "etc", "proc", "root", "run", "sys", "tmp", "usr/bin",
                             "usr/lib64", "var/lib", "var/tmp"})
      sys::ensure_directories(root_.fd(), path);
    REQUIRE(::fchmodat(root_.fd(), "tmp", 01777, 0) == 0);
    link("bin", "usr/bin");
    link("lib64", "usr/lib64");
    link("usr/sbin", "bin");
    file("etc/passwd", "root:x:0:0:root:/root:/bin/bash\nme:x:1000:1000::/home/me:/bin/sh\n");
    file("etc/group", "root:x:0:me\nme:x:1000:\n");
    file("etc/shadow", "root:$6$secret:19000:0:::::\nme:$6$mine:1::::::\n", 0640);
    file("etc/env.d/50layout", "LDPATH='/usr/lib64'\n");
    package("sys-apps/baselayout-2.17", "dir /etc\nobj /etc/env.d/50layout 0 1\n");
    file("usr/lib64/libc.so.6", "libc", 0755);
    file("usr/include/stdio.h", "header");
    file("usr/lib64/libc.a", "archive");
    package("sys-libs/glibc-2.41",
            "dir /usr\ndir /usr/include\nobj /usr/include/stdio.h 0 1\ndir /usr/lib64\n"
            "obj /usr/lib64/libc.a 0 1\nobj /lib64/libc.so.6 0 1\n",
            "X86_64;/lib64/libc.so.6;libc.so.6;;ld-linux-x86-64.so.2;x86_64\n");
    package("virtual/libc-1-r1", "");
  }

  [[nodiscard]] std::string text(const std::string& path) const {
    return sys::read_file(root_.fd(), path);
  }
  [[nodiscard]] struct stat status(const std::string& path) const {
    return sys::fstatat(root_.fd(), path, AT_SYMLINK_NOFOLLOW);
  }
  [[nodiscard]] bool has(const std::string& path) const {
    return sys::try_fstatat(root_.fd(), path, AT_SYMLINK_NOFOLLOW).has_value();
  }
  [[nodiscard]] int fd() const { return root_.fd(); }

 private:
  void make_parent(const std::string& path) {
    const std::string parent = sys::split_last(path).first;
    if (!parent.empty()) sys::ensure_directories(root_.fd(), parent);
  }

  TempDir root_{"/tmp", "gbox-test-"};
};

spec::Phase phase(const std::vector<std::string>& atoms,
                  const std::vector<std::string>& copied = {}) {
  spec::Phase result;
  result.name = "app";
  result.root = "/new";
  for (const std::string& atom : atoms) result.emerge.atoms.push_back({atom, {}});
  for (const std::string& atom : copied) result.copy_package.push_back({atom, {"s", 7, 3}});
  return result;
}

std::vector<std::string> cpvs(const std::vector<TakenOver>& taken) {
  std::vector<std::string> result;
  for (const TakenOver& one : taken) result.push_back(one.cpv);
  return result;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a package is taken over with its files as they are, and its entry") {
  Builder builder;
  builder.file("opt/app/run", "program", 04755);
  REQUIRE(::linkat(builder.fd(), "opt/app/run", builder.fd(), "opt/app/same", 0) == 0);
  builder.link("opt/app/link", "../nowhere");
  REQUIRE(::fchmodat(builder.fd(), "opt/app", 0750, 0) == 0);
  builder.package("app/tool-1.2-r3",
                  "dir /opt\ndir /opt/app\nobj /opt/app/run 0 1\nobj /opt/app/same 0 1\n"
                  "sym /opt/app/link -> ../nowhere 1\nobj /opt/app/gone 0 1\n");
  const TakenOver taken = take_over(builder.fd(), "/new", "app/tool-1.2-r3");
  CHECK(taken.files == 3);
  CHECK(builder.text("new/opt/app/run") == "program");
  CHECK((builder.status("new/opt/app/run").st_mode & 07777) == 04755);
  CHECK((builder.status("new/opt/app").st_mode & 07777) == 0750);
  CHECK(builder.status("new/opt/app/run").st_ino == builder.status("new/opt/app/same").st_ino);
  CHECK(builder.status("new/opt/app/run").st_ino != builder.status("opt/app/run").st_ino);
  CHECK(sys::readlinkat(builder.fd(), "new/opt/app/link") == "../nowhere");
  CHECK(builder.text("new/var/db/pkg/app/tool-1.2-r3/SLOT") == "0/1\n");
  // What is not there is not said to be.
  CHECK(builder.text("new/var/db/pkg/app/tool-1.2-r3/CONTENTS") ==
        "dir /opt\ndir /opt/app\nobj /opt/app/run 0 1\nobj /opt/app/same 0 1\n"
        "sym /opt/app/link -> ../nowhere 1\n");
}

TEST_CASE("what is left out of a package is out of its entry, and may follow later") {
  Builder builder;
  builder.file("usr/lib/liba.so", "a");
  builder.file("usr/lib/libb.so", "b");
  builder.package(
      "app/libs-1",
      "dir /usr\ndir /usr/lib\ndir /usr/share\nobj /usr/lib/liba.so 0 1\n"
      "obj /usr/lib/libb.so 0 1\n",
      "X86_64;/usr/lib/liba.so;liba.so;;;x86_64\nX86_64;/usr/lib/libb.so;libb.so;;;x86_64\n");
  const std::string entry = "new/var/db/pkg/app/libs-1/";
  (void)take_over(builder.fd(), "/new", "app/libs-1",
                  [](std::string_view path) { return path.ends_with("a.so"); });
  CHECK_FALSE(builder.has("new/usr/lib/libb.so"));
  CHECK(builder.text(entry + "CONTENTS") == "dir /usr\ndir /usr/lib\nobj /usr/lib/liba.so 0 1\n");
  CHECK(builder.text(entry + "NEEDED.ELF.2") == "X86_64;/usr/lib/liba.so;liba.so;;;x86_64\n");
  const TakenOver more = take_over(builder.fd(), "/new", "app/libs-1",
                                   [](std::string_view path) { return path.ends_with("b.so"); });
  CHECK(more.files == 1);
  CHECK(builder.text(entry + "CONTENTS") ==
        "dir /usr\ndir /usr/lib\nobj /usr/lib/liba.so 0 1\nobj /usr/lib/libb.so 0 1\n");
}

TEST_CASE("configuration that is in the root already stays") {
  Builder builder;
  builder.file("etc/locale.gen", "# none");
  builder.file("new/etc/locale.gen", "de_DE.UTF-8 UTF-8");
  builder.package("sys-libs/glibc-2.41", "dir /etc\nobj /etc/locale.gen 0 1\n");
  (void)take_over(builder.fd(), "/new", "sys-libs/glibc-2.41");
  CHECK(builder.text("new/etc/locale.gen") == "de_DE.UTF-8 UTF-8");
}

TEST_CASE("an entry that is a link out of the root is none") {
  Builder builder;
  const TempDir outside("/tmp", "gbox-test-");
  sys::write_file_atomically(outside.fd(), "CONTENTS", "obj /etc/passwd 0 1\n");
  sys::ensure_directories(builder.fd(), "var/db/pkg/app/tool-1");
  sys::symlinkat(outside.path() + "/CONTENTS", builder.fd(), "var/db/pkg/app/tool-1/CONTENTS");
  CHECK(take_over(builder.fd(), "/new", "app/tool-1").files == 0);
  CHECK_FALSE(builder.has("new/etc/passwd"));
}

TEST_CASE("a root gets the links and directories of '/', before anything is put into it") {
  Builder builder;
  builder.system();
  builder.link("vmlinuz", "boot/kernel");
  lay_skeleton(builder.fd(), phase({"app/tool"}));
  CHECK(sys::readlinkat(builder.fd(), "new/bin") == "usr/bin");
  CHECK(sys::readlinkat(builder.fd(), "new/usr/sbin") == "bin");
  CHECK(builder.has("new/usr/lib64"));  // or the link would lead nowhere
  CHECK((builder.status("new/tmp").st_mode & 07777) == 01777);
  CHECK_FALSE(builder.has("new/vmlinuz"));
  CHECK_FALSE(builder.has("new/etc/passwd"));
  lay_skeleton(builder.fd(), phase({"app/tool"}));
}

TEST_CASE("layout and C library are there unsaid, the latter as far as programs need it") {
  Builder builder;
  builder.system();
  const spec::Phase app = phase({"app/tool"});
  lay_skeleton(builder.fd(), app);
  const auto taken = take_over_packages(builder.fd(), app, Absent::refuse);
  CHECK(cpvs(taken) ==
        Names{"sys-apps/baselayout-2.17", "sys-libs/glibc-2.41", "virtual/libc-1-r1"});
  CHECK(taken_over_text("/new", taken) ==
        "/new: sys-apps/baselayout-2.17, sys-libs/glibc-2.41, virtual/libc-1-r1 taken over from "
        "'/' (2 files)");
  CHECK(builder.text("new/usr/lib64/libc.so.6") == "libc");
  CHECK_FALSE(builder.has("new/usr/include"));
  CHECK_FALSE(builder.has("new/usr/lib64/libc.a"));
  // Nobody's password or account comes along.
  CHECK(builder.text("new/etc/passwd") == "root:x:0:0:root:/root:/bin/bash\n");
  CHECK(builder.text("new/etc/group") == "root:x:0:\n");
  CHECK(builder.text("new/etc/shadow") == "root:*:19000:0:::::\n");
  CHECK((builder.status("new/etc/shadow").st_mode & 07777) == 0640);
  // Once is enough.
  CHECK(take_over_packages(builder.fd(), app, Absent::refuse).empty());
}

TEST_CASE("the accounts that baselayout keeps for a new root are taken") {
  Builder builder;
  builder.system();
  builder.file("usr/share/baselayout/passwd", "root:x:0:0::/root:/bin/sh\n");
  builder.package("sys-apps/baselayout-2.17", "obj /usr/share/baselayout/passwd 0 1\n");
  (void)take_over_packages(builder.fd(), phase({"app/tool"}), Absent::refuse);
  CHECK(builder.text("new/etc/passwd") == "root:x:0:0::/root:/bin/sh\n");
}

TEST_CASE("what a phase merges by name, or may merge, is not taken over") {
  const auto taken = [](const Names& atoms) {
    Builder builder;
    builder.system();
    return cpvs(take_over_packages(builder.fd(), phase(atoms), Absent::refuse));
  };
  CHECK(taken({"sys-libs/glibc", "app/tool"}) == Names{"sys-apps/baselayout-2.17"});
  CHECK(taken({"virtual/libc", "app/tool"}) == Names{"sys-apps/baselayout-2.17"});
  CHECK(taken({">=sys-apps/baselayout-2.17:0"}) == Names{});  // and nothing else, so far
  CHECK(taken({">=sys-apps/baselayout-2.17:0", "app/tool"}) ==
        Names{"sys-libs/glibc-2.41", "virtual/libc-1-r1"});
  CHECK(taken({"@system"}) == Names{});
}

TEST_CASE("packages are taken over whole by name") {
  Builder builder;
  builder.system();
  const auto taken =
      take_over_packages(builder.fd(), phase({}, {"sys-libs/glibc:0"}), Absent::refuse);
  CHECK(cpvs(taken) == Names{"sys-libs/glibc-2.41"});
  CHECK(builder.text("new/usr/include/stdio.h") == "header");
  std::string message;
  try {
    (void)take_over_packages(builder.fd(), phase({}, {"app/none"}), Absent::refuse);
  } catch (const Error& error) {
    message = std::string(error.what()) + " | " + std::string(error.hint());
    CHECK(error.code() == ExitCode::plan);
  }
  CHECK(message ==
        "s:7:3: phase 'app': 'app/none' is not installed in '/', to be taken over | let an earlier "
        "phase without a root emerge it, or emerge it in this one");
  CHECK(take_over_packages(builder.fd(), phase({}, {"app/none"}), Absent::pass_over).empty());
}

TEST_CASE("the compiler's libraries come for those who need them, and nothing else of it") {
  Builder builder;
  builder.system();
  const std::string place = "usr/lib/gcc/x/14/";
  builder.file(place + "libstdc++.so.6.0.33", "stdc++");
  builder.link(place + "libstdc++.so.6", "libstdc++.so.6.0.33");
  builder.link(place + "libstdc++.so", "libstdc++.so.6.0.33");
  builder.file(place + "libgcc_s.so.1", "gcc_s");
  builder.file(place + "libgomp.so.1", "gomp");
  builder.file("usr/bin/gcc", "compiler");
  builder.file("etc/env.d/04gcc-x",
               "GCC_SPECS=\"\"\nLDPATH=\"/usr/lib/gcc/x/14:/usr/lib/gcc/x/14/32\"\n");
  builder.package(
      "sys-devel/gcc-14.2.1",
      "dir /usr\ndir /usr/bin\nobj /usr/bin/gcc 0 1\ndir /usr/lib\n"
      "obj /usr/lib/gcc/x/14/libgcc_s.so.1 0 1\nobj /usr/lib/gcc/x/14/libgomp.so.1 0 1\n"
      "sym /usr/lib/gcc/x/14/libstdc++.so -> libstdc++.so.6.0.33 1\n"
      "sym /usr/lib/gcc/x/14/libstdc++.so.6 -> libstdc++.so.6.0.33 1\n"
      "obj /usr/lib/gcc/x/14/libstdc++.so.6.0.33 0 1\n",
      "X86_64;/usr/lib/gcc/x/14/libgcc_s.so.1;libgcc_s.so.1;;libc.so.6;x86_64\n"
      "X86_64;/usr/lib/gcc/x/14/libgomp.so.1;libgomp.so.1;;libc.so.6;x86_64\n"
      "X86_64;/usr/lib/gcc/x/14/libstdc++.so.6.0.33;libstdc++.so.6;;libgcc_s.so.1;x86_64\n");
  // Nothing is there that needs anything.
  CHECK(add_runtime_libraries(builder.fd(), "/new").packages.empty());
  sys::ensure_directories(builder.fd(), "new");
  CHECK(add_runtime_libraries(builder.fd(), "/new").packages.empty());

  Builder* const all = &builder;
  const auto needs = [all](const std::string& sonames) {
    all->file("new/var/db/pkg/app/tool-1/CONTENTS", "");
    all->file("new/var/db/pkg/app/tool-1/SLOT", "0\n");
    all->file("new/var/db/pkg/app/tool-1/NEEDED.ELF.2",
              "X86_64;/usr/bin/tool;;;" + sonames + ";x86_64\n");
  };
  // For threads that are cancelled.
  needs("libc.so.6");
  CHECK(add_runtime_libraries(builder.fd(), "/new").sonames == Names{"libgcc_s.so.1"});
  CHECK_FALSE(builder.has("new/" + place + "libstdc++.so.6"));
  needs("libstdc++.so.6,libc.so.6");
  const RuntimeLibraries found = add_runtime_libraries(builder.fd(), "/new");
  CHECK(runtime_text("/new", found) ==
        "/new: libgcc_s.so.1, libstdc++.so.6 taken over from sys-devel/gcc-14.2.1 in '/'");
  CHECK(builder.text("new/" + place + "libstdc++.so.6") == "stdc++");
  CHECK(builder.has("new/" + place + "libgcc_s.so.1"));
  for (const char* not_wanted : {"libstdc++.so", "libgomp.so.1"})
    CHECK_FALSE(builder.has("new/" + place + not_wanted));
  CHECK_FALSE(builder.has("new/usr/bin/gcc"));
  CHECK(builder.text("new/etc/env.d/04gcc-x") == "LDPATH=\"/usr/lib/gcc/x/14\"\n");
  CHECK(builder.text("new/var/db/pkg/sys-devel/gcc-14.2.1/CONTENTS") ==
        "dir /usr\ndir /usr/lib\nobj /usr/lib/gcc/x/14/libgcc_s.so.1 0 1\n"
        "sym /usr/lib/gcc/x/14/libstdc++.so.6 -> libstdc++.so.6.0.33 1\n"
        "obj /usr/lib/gcc/x/14/libstdc++.so.6.0.33 0 1\n");
  CHECK(add_runtime_libraries(builder.fd(), "/new").packages.empty());
}
