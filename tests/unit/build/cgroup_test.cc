// The paths and files of cgroup v2, on directories that look like it: what the kernel makes of them
// is seen only where it has handed some on.
#include "cgroup.h"

#include <doctest/doctest.h>

#include "gbox/sys/file.h"

using namespace gbox;
using namespace gbox::build;

namespace {

void make_group(int dirfd, const std::string& name) {
  sys::mkdirat(dirfd, name, 0755);
  for (const char* file : {"cgroup.procs", "memory.max", "memory.oom.group", "pids.max"})
    sys::write_file_atomically(dirfd, name + '/' + file, "", 0644);
}

std::string read(const sys::TempDir& dir, const std::string& path) {
  return sys::try_read_file(dir.fd(), path).value_or("missing");
}

spec::Limits limits_of(const char* memory, const char* processes) {
  spec::Limits limits;
  if (memory != nullptr) spec::set_limit(limits, "memory", memory, {});
  if (processes != nullptr) spec::set_limit(limits, "processes", processes, {});
  return limits;
}

}  // namespace

TEST_CASE("a part of the tree is taken by moving into a leaf and handing the controllers on") {
  const sys::TempDir dir("/tmp", "gbox-cgroup-");
  sys::write_file_atomically(dir.fd(), "cgroup.controllers", "cpu memory pids\n", 0644);
  sys::write_file_atomically(dir.fd(), "cgroup.subtree_control", "", 0644);
  make_group(dir.fd(), "gbox");
  std::string why;
  auto groups = Cgroups::try_take(dir.path(), &why);
  REQUIRE_MESSAGE(groups, why);
  CHECK(read(dir, "gbox/cgroup.procs") == "0");
  CHECK(read(dir, "cgroup.subtree_control") == "+memory +pids");
}

TEST_CASE("a part of the tree that another gbox has taken is shared") {
  const sys::TempDir dir("/tmp", "gbox-cgroup-");
  make_group(dir.fd(), "gbox");
  sys::write_file_atomically(dir.fd(), "cgroup.procs", "", 0644);
  sys::write_file_atomically(dir.fd(), "cgroup.subtree_control", "memory pids\n", 0644);
  std::string why;
  REQUIRE_MESSAGE(Cgroups::try_take(dir.path() + "/gbox", &why), why);
  CHECK(read(dir, "gbox/cgroup.procs").empty());  // nobody was moved
  // One of that name that nobody has prepared is taken like any other.
  sys::write_file_atomically(dir.fd(), "cgroup.subtree_control", "", 0644);
  CHECK_FALSE(Cgroups::try_take(dir.path() + "/gbox", &why));
  CHECK(why.find("controller 'memory' is not handed to it") != std::string::npos);
}

TEST_CASE("what is not gbox's to have is said, and nothing is changed") {
  const sys::TempDir dir("/tmp", "gbox-cgroup-");
  std::string why;
  CHECK_FALSE(Cgroups::try_take("", &why));
  CHECK(why == "cgroup '': the host has no cgroup v2");
  CHECK_FALSE(Cgroups::try_take(dir.path(), &why));
  CHECK(why.find("controller 'memory' is not handed to it") != std::string::npos);
  sys::write_file_atomically(dir.fd(), "cgroup.controllers", "memory memory.pids\n", 0644);
  CHECK_FALSE(Cgroups::try_take(dir.path(), &why));
  CHECK(why.find("controller 'pids'") != std::string::npos);
  CHECK(read(dir, "cgroup.subtree_control") == "missing");
}

TEST_CASE("a step's group has its limits, tells which one the kernel enforced, and goes") {
  const sys::TempDir dir("/tmp", "gbox-cgroup-");
  // The kernel makes the files with the directory; here it is made before.
  CHECK_THROWS_AS(Cgroup(dir.fd(), "step-1", limits_of("64M", nullptr)), Error);
  CHECK_FALSE(sys::try_fstatat(dir.fd(), "step-1", AT_SYMLINK_NOFOLLOW));
  {
    const Cgroup group(dir.fd(), "step-2", {});
    CHECK(group.fd() >= 0);
    CHECK(group.hit().empty());
    sys::write_file_atomically(dir.fd(), "step-2/pids.events", "max 3\n", 0644);
    CHECK(group.hit() == "processes");
    sys::write_file_atomically(dir.fd(), "step-2/memory.events",
                               "low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\noom_group_kill 1\n",
                               0644);
    CHECK(group.hit() == "memory");
    sys::write_file_atomically(dir.fd(), "step-2/memory.events", "oom 1\noom_kill 0\n", 0644);
    CHECK(group.hit() == "processes");
    for (const char* file : {"step-2/pids.events", "step-2/memory.events"})
      sys::unlinkat(dir.fd(), file, 0);
  }
  CHECK_FALSE(sys::try_fstatat(dir.fd(), "step-2", AT_SYMLINK_NOFOLLOW));
}
