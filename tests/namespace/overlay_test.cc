// The overlay as a step's root: by both interfaces, with many layers, and what it leaves in upper.
#include <doctest/doctest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <thread>

#include "box.h"
#include "gbox/base/text.h"
#include "gbox/sys/beneath.h"

using namespace gbox;
using namespace gbox::tests;

namespace {

constexpr char kOverlayChanges[] =
    "remove /etc/old ; mkdir /etc/old ; write /etc/old/new x ; list /etc/old ; remove /etc/gone ; "
    "write /etc/kept more ; chown /etc/kept 250 250";

void fill_lower(const Box& box) {
  sys::ensure_directories(box.lower(), "etc/old/deep");
  sys::write_file_atomically(box.lower(), "etc/old/deep/file", "x");
  sys::write_file_atomically(box.lower(), "etc/gone", "x");
  sys::write_file_atomically(box.lower(), "etc/kept", "before");
}

sandbox::Settings with_interface(const Box& box, sys::OverlayInterface interface,
                                 const std::vector<std::string>& lowerdirs,
                                 const std::string& deeds) {
  sandbox::Settings settings;
  settings.root = sys::mount_overlay({box.fd(), lowerdirs, "upper", "work", interface});
  settings.command.argv = {box.payload()};
  for (std::string& word : split_words(deeds)) settings.command.argv.push_back(std::move(word));
  return settings;
}

// Makes one system call fail in this process from now on.
void refuse_call(unsigned call, int error_number) {
  const std::array<sock_filter, 4> code = {{
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, call},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | static_cast<unsigned>(error_number)},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
  }};
  const sock_fprog program = {code.size(), const_cast<sock_filter*>(code.data())};
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
    throw SysError(errno, "install a filter");
}

// Kind, mode and size of everything in upper, one a line.
void describe(int dirfd, const std::string& path, std::string& text) {
  const sys::Fd directory = sys::openat(dirfd, path, O_RDONLY | O_DIRECTORY);
  for (const std::string& name : sys::list_directory(directory.get(), path)) {
    const struct stat status = sys::fstatat(directory.get(), name, AT_SYMLINK_NOFOLLOW);
    text += path + '/' + name + ' ' + std::to_string(status.st_mode) + ' ' +
            std::to_string(status.st_rdev) + ' ' + std::to_string(status.st_uid) + '\n';
    if (S_ISDIR(status.st_mode)) describe(dirfd, path + '/' + name, text);
  }
}

}  // namespace

TEST_CASE("a directory of a lower layer can be removed and made again, by both interfaces alike") {
  std::vector<std::string> uppers;
  for (const auto interface : {sys::OverlayInterface::fsconfig, sys::OverlayInterface::mount2}) {
    const Box box;
    fill_lower(box);
    CHECK(box.run(with_interface(box, interface, {"lower"}, kOverlayChanges)).out ==
          "ok\nok\nok\nnew\nok\nok\nok\n");
    std::string upper;
    describe(box.fd(), "upper", upper);
    uppers.push_back(upper);
    CHECK(sys::read_file(box.lower(), "etc/kept") == "before");
    CHECK(S_ISCHR(sys::fstatat(box.fd(), "upper/etc/gone", AT_SYMLINK_NOFOLLOW).st_mode));
    // Read again through a new mount.
    CHECK(box.run(with_interface(box, interface, {"lower"},
                                 "list /etc/old ; show /etc/gone ; show /etc/kept"))
              .out == "new\nENOENT\nmore");
    // mount(2) leaves no directory behind that it was attached at.
    CHECK(sys::list_directory(box.fd(), "store") ==
          std::vector<std::string>{"lower", "upper", "work"});
  }
  CHECK(uppers[0] == uppers[1]);
  CHECK_FALSE(uppers[0].empty());
}

TEST_CASE("many layers stack in order, topmost first") {
  constexpr int kLayers = 25;
  for (const auto interface : {sys::OverlayInterface::fsconfig, sys::OverlayInterface::mount2}) {
    const Box box;
    std::vector<std::string> layers;
    std::string deeds = "show /shared";
    for (int i = 0; i < kLayers; ++i) {
      const std::string layer = "layer-" + std::to_string(i);
      sys::mkdirat(box.fd(), layer, 0755);
      const sys::Fd fd = sys::openat(box.fd(), layer, O_RDONLY | O_DIRECTORY);
      sys::write_file_atomically(fd.get(), "shared", "of " + layer + '\n');
      sys::write_file_atomically(fd.get(), "own-" + std::to_string(i), std::to_string(i) + '\n');
      deeds += " ; show /own-" + std::to_string(i);
      layers.push_back(layer);
    }
    layers.emplace_back("lower");
    std::string expected = "of layer-0\n";
    for (int i = 0; i < kLayers; ++i) expected += std::to_string(i) + '\n';
    CHECK(box.run(with_interface(box, interface, layers, deeds)).out == expected);
  }
}

TEST_CASE("where the newer interface is missing or forbidden, the older one takes its place") {
  // Linux before 6.8 says EINVAL to 'lowerdir+'; seccomp of outer containers ENOSYS or EPERM.
  for (const int error_number : {ENOSYS, EPERM}) {
    const Box box;
    fill_lower(box);
    sys::fork_child([&] {
      refuse_call(SYS_fsopen, error_number);
      const sys::Fd root = sys::mount_overlay({box.fd(), {"lower"}, "upper", "work"});
      if (sys::read_file(root.get(), "etc/kept") != "before") throw Error("another tree");
      sys::write_file_atomically(root.get(), "etc/made", "x");
    }).wait_or_throw();
    CHECK(sys::read_file(box.fd(), "upper/etc/made") == "x");
    CHECK(error_of([&] {
            sys::fork_child([&] {
              refuse_call(SYS_fsopen, error_number);
              (void)sys::mount_overlay(
                  {box.fd(), {"lower"}, "upper", "work", sys::OverlayInterface::fsconfig});
            }).wait_or_throw();
          }) != "");
  }
}

TEST_CASE("names of layers may hold what separates the options") {
  for (const auto interface : {sys::OverlayInterface::fsconfig, sys::OverlayInterface::mount2}) {
    const Box box;
    for (const char* name : {"a:b", "c,d", "e\\f"}) {
      sys::mkdirat(box.fd(), name, 0755);
      sys::write_file_atomically(box.fd(), std::string(name) + "/seen-" + name[0], "x");
    }
    CHECK(box.run(with_interface(box, interface, {"a:b", "c,d", "e\\f", "lower"},
                                 "show /seen-a ; show /seen-c ; show /seen-e"))
              .out == "xxx");
  }
}

TEST_CASE("too many layers are an error that names the limit") {
  const Box box;
  const std::vector<std::string> layers(501, "lower");
  CHECK(error_of([&] {
          (void)sys::mount_overlay({box.fd(), layers, "upper", "work"});
        }) == "mount overlay: 501 layers, the kernel takes at most 500");
  const std::vector<std::string> long_names(60, std::string(100, 'x'));
  CHECK(error_of([&] {
          (void)sys::mount_overlay(
              {box.fd(), long_names, "upper", "work", sys::OverlayInterface::mount2});
        }).starts_with("mount overlay: 60 layers do not fit into one page of options"));
}

TEST_CASE("an overlay that cannot be mounted says why") {
  const Box box;
  const std::string said = error_of([&] {
    (void)sys::mount_overlay({box.fd(), {"no-such-layer"}, "upper", "work"});
  });
  CHECK(said.starts_with("mount overlay: "));
  CHECK(said.find("No such file or directory") != std::string::npos);
}

TEST_CASE("layers without an upper directory cannot be written") {
  const Box box;
  sys::mkdirat(box.fd(), "second", 0755);
  for (const std::vector<std::string>& layers :
       {std::vector<std::string>{"lower"}, {"second", "lower"}}) {
    sandbox::Settings settings = box.settings(
        "write /etc/x x ; mount none / - remount bind ; lift / ; unshare Um ; lift / ; "
        "mount none / - remount ; write /etc/x x ; ids");
    settings.root = sys::mount_layers_read_only(box.fd(), layers);
    const std::string out = Running(std::move(settings)).finish().out;
    CHECK(out.starts_with("EROFS\n"));
    CHECK(out.ends_with("\nEPERM\nEROFS\nuid=0 gid=0 groups=\n"));
  }
}

TEST_CASE("targets that are missing are made, told, and the only trace in upper") {
  const Box box;
  sys::mkdirat(box.lower(), "var", 0755);
  sys::symlinkat("var", box.lower(), "alias");
  sys::remove_tree(box.lower(), "sys");
  sandbox::Settings settings = box.settings("exit 0");
  const sys::TempDir host("/var/tmp", "gbox-host-");
  sys::write_file_atomically(host.fd(), "hosts", "x");
  settings.mounts.push_back(sandbox::tmpfs_mount("/var/db/repos/gentoo", "", "0755"));
  settings.mounts.push_back(sandbox::tmpfs_mount("/var/db/repos/local", "", "0755"));
  settings.mounts.push_back(sandbox::tmpfs_mount("/alias/cache", "", "0755"));
  settings.mounts.push_back(sandbox::tmpfs_mount("/etc", "", "0755"));
  settings.mounts.push_back(
      sandbox::bind_mount(host.fd(), "hosts", "/opt/hosts", sandbox::Access::read_only));
  const std::vector<std::string> made = sandbox::ensure_targets(settings);
  // Every directory and file, as it lies in upper: who removes them backwards is left with none.
  CHECK(join(made, " ") ==
        "sys var/db var/db/repos var/db/repos/gentoo var/db/repos/local var/cache opt opt/hosts");
  CHECK(sandbox::ensure_targets(settings).empty());
  CHECK(Running(std::move(settings)).finish().code == 0);
  for (auto path = made.rbegin(); path != made.rend(); ++path) {
    CAPTURE(*path);
    const std::string place = "upper/" + *path;
    const bool directory = S_ISDIR(sys::fstatat(box.fd(), place, AT_SYMLINK_NOFOLLOW).st_mode);
    CHECK(::unlinkat(box.fd(), place.c_str(), directory ? AT_REMOVEDIR : 0) == 0);
  }
  const sys::Fd upper = sys::openat(box.fd(), "upper", O_RDONLY | O_DIRECTORY);
  for (const std::string& name : sys::list_directory(upper.get(), "upper"))
    CHECK(name == "var");  // copied up with its times
}

TEST_CASE("mount points are found while others rename, which the kernel tells of by EAGAIN") {
  const sys::TempDir host("/var/tmp", "gbox-host-");
  sys::write_file_atomically(host.fd(), "resolv.conf", "nameserver 192.0.2.1\n");
  const sys::TempDir busy("/var/tmp", "gbox-busy-");
  sys::write_file_atomically(busy.fd(), "a", "");
  std::atomic<bool> done = false;
  std::thread renames([&] {
    while (!done) {
      (void)::renameat(busy.fd(), "a", busy.fd(), "b");
      (void)::renameat(busy.fd(), "b", busy.fd(), "a");
    }
  });
  for (int round = 0; round < 60; ++round) {
    const Box box;
    sys::write_file_atomically(box.lower(), "etc/real", "");
    sys::symlinkat("../../../etc/real", box.lower(), "etc/resolv.conf");
    sandbox::Settings settings = box.settings("show /etc/resolv.conf");
    settings.mounts.push_back(sandbox::bind_mount(host.fd(), "resolv.conf", "/etc/resolv.conf",
                                                  sandbox::Access::read_only));
    CHECK_NOTHROW((void)box.run(std::move(settings)));
  }
  done = true;
  renames.join();
}

TEST_CASE("a file is bound over a link of the image, also over one that leads nowhere") {
  const sys::TempDir host("/var/tmp", "gbox-host-");
  sys::write_file_atomically(host.fd(), "resolv.conf", "nameserver 192.0.2.1\n");
  for (const char* link : {"/etc/real", "../run/resolver/stub.conf", "/run/missing", "loop"}) {
    CAPTURE(link);
    const Box box;
    sys::write_file_atomically(box.lower(), "etc/real", "");
    sys::symlinkat(link, box.lower(), "etc/resolv.conf");
    sys::symlinkat("loop", box.lower(), "etc/loop");
    sandbox::Settings settings = box.settings("show /etc/resolv.conf");
    settings.mounts.push_back(sandbox::bind_mount(host.fd(), "resolv.conf", "/etc/resolv.conf",
                                                  sandbox::Access::read_only));
    CHECK(box.run(std::move(settings)).out == "nameserver 192.0.2.1\n");
    const sys::Fd upper = sys::openat(box.fd(), "upper", O_RDONLY | O_DIRECTORY);
    CHECK(sys::list_directory(upper.get(), "upper").empty());
  }
}
