// Images that try to lead the set-up astray: what gbox mounts on, and what it reads back, is named
// by the image. (Leaky Vessels' and runc's masked-path families; see the table.)
#include <doctest/doctest.h>

#include "box.h"
#include "gbox/base/text.h"

using namespace gbox;
using namespace gbox::tests;

namespace {

enum class As { missing, file, link };

struct Replacement {
  const char* path;  // in the image
  As as;
  const char* target;
};

void replace(const Box& box, const Replacement& r) {
  sys::remove_tree(box.lower(), r.path);
  if (r.as == As::file) sys::write_file_atomically(box.lower(), r.path, "a file");
  if (r.as == As::link) sys::symlinkat(r.target, box.lower(), r.path);
}

// A directory of the host that no step may change; its path is what hostile links name.
struct Canary {
  sys::TempDir dir{"/var/tmp", "gbox-canary-"};
  Canary() { sys::write_file_atomically(dir.fd(), "null", "alive"); }
  [[nodiscard]] bool untouched() const {
    return sys::read_file(dir.fd(), "null") == "alive" &&
           sys::list_directory(dir.fd(), "canary").size() == 1;
  }
};

sandbox::Settings with_tmpfs(const Box& box, const std::string& deeds, const std::string& target) {
  sandbox::Settings settings = box.settings(deeds);
  settings.mounts.push_back(sandbox::tmpfs_mount(target, "3M", "0755"));
  return settings;
}

}  // namespace

TEST_CASE("an image whose /proc, /dev or /sys is no directory is refused by name") {
  const Canary canary;
  const std::string host = canary.dir.path();
  for (const char* name : {"proc", "dev", "sys"})
    for (const Replacement& r : {Replacement{name, As::file, ""},
                                 {name, As::link, "/"},
                                 {name, As::link, "/etc"},
                                 {name, As::link, "."},
                                 {name, As::link, "/proc/self"},
                                 {name, As::link, "nowhere"},
                                 {name, As::link, "../../../../.."},
                                 {name, As::link, host.c_str()},
                                 {name, As::link, name},
                                 {name, As::link, "/proc/self/root"}}) {
      CAPTURE(name);
      CAPTURE(r.target);
      const Box box;
      replace(box, r);
      const std::string said = error_of([&] { (void)box.run("exit 0"); });
      CHECK(said == "enter sandbox: '/" + std::string(name) +
                        "' of the base is not a directory | use another base");
      CHECK(canary.untouched());
    }
}

TEST_CASE("an image without /proc, /dev and /sys gets them") {
  const Box box;
  for (const char* name : {"proc", "dev", "sys"}) replace(box, {name, As::missing, ""});
  CHECK(box.run("session ; write /dev/null x ; list /sys/class/net").out ==
        "pid=2 ppid=1 pgrp=2 sid=1\nok\nlo\n");
}

TEST_CASE("what an image keeps in its own /dev and /proc is covered") {
  const Canary canary;
  const std::string host = canary.dir.path() + "/null";
  const Box box;
  for (const char* name : {"null", "zero", "tty", "ptmx", "stdout"})
    sys::symlinkat(host, box.lower(), std::string("dev/") + name);
  sys::symlinkat(canary.dir.path(), box.lower(), "dev/pts");
  sys::symlinkat(canary.dir.path(), box.lower(), "dev/shm");
  sys::symlinkat("/", box.lower(), "proc/self");
  sys::write_file_atomically(box.lower(), "proc/sysrq-trigger", "");
  const Outcome outcome = box.run(
      "write /dev/null dead ; write /dev/tty dead ; write /dev/shm/a x ; status /dev/pts ; "
      "status /dev/null ; link-target /proc/self ; list /dev");
  CHECK(outcome.out.starts_with("ok\nENXIO\nok\ndirectory 0755 0:0\ndevice 0666 "));
  CHECK(outcome.out.find("\n2\nfd\nfull\n") != std::string::npos);
  CHECK(canary.untouched());
}

TEST_CASE("a mount point that leads through links stays inside the image") {
  const Canary canary;
  const std::string host = canary.dir.path();
  const std::string deep = "../../../../../../.." + host;
  for (const std::string& link :
       {std::string("/"), std::string(".."), host, deep, "/proc/1/root" + host,
        "/proc/self/cwd" + host, std::string("/proc/self/fd/3"), std::string("/dev")}) {
    CAPTURE(link);
    const Box box;
    sys::symlinkat(link, box.lower(), "trap");
    // As the last component, and as one on the way. Either it lands inside, or it is an error.
    for (const char* target : {"/trap", "/trap/in"}) {
      CAPTURE(target);
      const std::string said = error_of([&] {
        const Outcome outcome = box.run(with_tmpfs(box, "show /proc/self/mountinfo", target));
        CHECK(outcome.out.find(host + ' ') == std::string::npos);
        CHECK(outcome.out.find("size=3072k") != std::string::npos);  // and it is there
      });
      CAPTURE(said);
      CHECK(canary.untouched());
    }
  }
  CHECK(sys::list_directory(canary.dir.fd(), "canary").size() == 1);
}

TEST_CASE("a link inside the image is followed inside the image") {
  const Box box;
  sys::mkdirat(box.lower(), "real", 0755);
  sys::symlinkat("/real", box.lower(), "link");
  CHECK(box.run(with_tmpfs(box, "write /real/over/a x ; show /link/over/a", "/link/over")).out ==
        "ok\nx");
  CHECK_FALSE(sys::try_fstatat(box.fd(), "upper/real/over/a", 0));
}

TEST_CASE("a mount point with '..' is refused") {
  const Box box;
  for (const char* target : {"/tmp/../../etc", "..", "/..", "tmp/.."}) {
    CAPTURE(target);
    const std::string said = error_of([&] { (void)box.run(with_tmpfs(box, "exit 0", target)); });
    CHECK(said == "path " + quoted(target) + " leaves its directory by '..'");
  }
}

TEST_CASE("a mount point that is missing or of another kind is an error that names it") {
  const Box box;
  sys::write_file_atomically(box.lower(), "etc/plain", "x");
  CHECK(error_of([&] {
          sandbox::Settings settings = with_tmpfs(box, "exit 0", "/no/such");
          (void)Running(std::move(settings)).finish();
        }) == "enter sandbox: find mount point '/no/such': No such file or directory");
  CHECK(error_of([&] {
          sandbox::Settings settings = with_tmpfs(box, "exit 0", "/etc/plain");
          (void)Running(std::move(settings)).finish();
        }) == "enter sandbox: mount on '/etc/plain': Not a directory");
  CHECK(error_of([&] { (void)box.run(with_tmpfs(box, "exit 0", "/etc/plain/below")); }) ==
        "make mount point '/etc/plain/below': open 'etc/plain': Not a directory");
}

TEST_CASE("a program of the image cannot take the place of gbox-init") {
  const Box box;
  install_payload(box.lower(), "gbox-init", 0755);
  sys::mkdirat(box.lower(), "proc/self", 0755);
  sandbox::Settings settings = box.settings("link-target /proc/1/exe");
  settings.command.environment = {{"LD_PRELOAD", "/bin/payload"}, {"PATH", "/"}};
  CHECK(box.run(std::move(settings)).out == "/memfd:gbox-init (deleted)\n");
}
