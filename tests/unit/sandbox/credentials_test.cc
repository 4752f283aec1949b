#include "credentials.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

using namespace gbox::sandbox;

namespace {

constexpr IdSet kRoot{0, 0, 0, 0};

}  // namespace

TEST_CASE("setuid of root sets all ids, of others the effective one to what they have") {
  IdSet ids = kRoot;
  CHECK(set_id(ids, Privileged::yes, 250) == 0);
  CHECK(ids == IdSet{250, 250, 250, 250});
  CHECK(set_id(ids, Privileged::no, 0) == EPERM);
  CHECK(set_id(ids, Privileged::no, 250) == 0);
  ids = {250, 0, 0, 0};
  CHECK(set_id(ids, Privileged::no, 250) == 0);
  CHECK(ids == IdSet{250, 250, 0, 250});
  CHECK(set_id(ids, Privileged::no, 0) == 0);  // back, by the saved one
  CHECK(ids == IdSet{250, 0, 0, 0});
  CHECK(set_id(ids, Privileged::yes, kUnchanged) == EINVAL);
}

TEST_CASE("setreuid saves the effective id when the real one is set or another is taken") {
  IdSet ids = kRoot;
  CHECK(set_real_effective(ids, Privileged::yes, kUnchanged, 250) == 0);
  CHECK(ids == IdSet{0, 250, 250, 250});
  ids = kRoot;
  CHECK(set_real_effective(ids, Privileged::yes, 250, kUnchanged) == 0);
  CHECK(ids == IdSet{250, 0, 0, 0});
  CHECK(set_real_effective(ids, Privileged::no, 0, 250) == 0);  // swapped
  CHECK(ids == IdSet{0, 250, 250, 250});
  CHECK(set_real_effective(ids, Privileged::no, 1, kUnchanged) == EPERM);
  CHECK(set_real_effective(ids, Privileged::no, kUnchanged, 1) == EPERM);
  CHECK(ids == IdSet{0, 250, 250, 250});
}

TEST_CASE("setresuid sets each id to any of the three, or leaves it") {
  IdSet ids{1, 2, 3, 2};
  CHECK(set_real_effective_saved(ids, Privileged::no, 3, 1, 2) == 0);
  CHECK(ids == IdSet{3, 1, 2, 1});
  CHECK(set_real_effective_saved(ids, Privileged::no, kUnchanged, kUnchanged, 9) == EPERM);
  CHECK(set_real_effective_saved(ids, Privileged::yes, kUnchanged, 8, 9) == 0);
  CHECK(ids == IdSet{3, 8, 9, 8});
  set_file_system(ids, Privileged::no, 7);
  CHECK(ids.file_system == 8);
  set_file_system(ids, Privileged::no, 9);
  CHECK(ids.file_system == 9);
}

TEST_CASE("a process' ids are those of whoever forked it, also when that one has ended") {
  CredentialTable table;
  CHECK(table.of(::getpid()) == Credentials{});
  const Credentials portage{{250, 250, 250, 250}, {250, 250, 250, 250}, {5, 250}, 0};
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t parent = ::fork();
  if (parent == 0) {
    char byte = 0;
    // What its ids are is decided by then.
    if (::read(ends[0], &byte, 1) == 1) {
      const pid_t child = ::fork();
      if (child == 0) ::pause();
      (void)!::write(ends[1], &child, sizeof child);
    }
    ::_exit(0);
  }
  CHECK(table.set(parent, portage) == 0);
  CHECK(table.of(parent) == portage);
  CHECK(table.of(::getpid()) == Credentials{});
  REQUIRE(::write(ends[1], "x", 1) == 1);
  REQUIRE(::waitpid(parent, nullptr, 0) == parent);
  pid_t child = 0;
  REQUIRE(::read(ends[0], &child, sizeof child) == sizeof child);
  CHECK(table.of(child) == portage);
  (void)::kill(child, SIGKILL);
  // The same credentials are kept once.
  CHECK(table.set(::getpid(), portage) == 0);
  CHECK(table.of(::getpid()) == portage);
  CHECK(table.set(::getpid(), {}) == 0);
}
