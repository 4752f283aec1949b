// What a run is made with, out of what a host lacks.
#include <doctest/doctest.h>

#include <cerrno>
#include <functional>

#include "gbox/base/error.h"
#include "gbox/sys/probe.h"
#include "probe_fixture.h"

using namespace gbox;
using namespace gbox::sys;
using namespace gbox::sys::test;

TEST_CASE("a run is made with the best that each lack leaves, and says what is lost with it") {
  struct Case {
    const char* what;
    std::function<void(HostFacts&, Deeds&, StoreFacts&)> change;
    Level level;
    Proc proc;
    Storage storage;
  };
  const std::vector<Case> cases = {
      {"everything", [](HostFacts&, Deeds&, StoreFacts&) {}, Level::full, Proc::own,
       Storage::kernel},
      {"proc is masked", [](HostFacts&, Deeds& d, StoreFacts&) { d.proc.error_number = EPERM; },
       Level::proc_bound, Proc::bound, Storage::kernel},
      {"no overlay",
       [](HostFacts&, Deeds& d, StoreFacts&) {
         d.overlay = {true, EINVAL, "mount"};
       },
       Level::no_kernel_overlay, Proc::own, Storage::copy},
      {"neither",
       [](HostFacts&, Deeds& d, StoreFacts&) {
         d.proc.error_number = EPERM;
         d.overlay = {true, EPERM, "mount"};
       },
       Level::no_kernel_overlay, Proc::bound, Storage::copy},
  };
  for (const Case& row : cases) {
    CAPTURE(row.what);
    HostFacts facts = good_facts();
    Deeds deeds = good_deeds();
    StoreFacts store = good_store();
    row.change(facts, deeds, store);
    const Decision decision =
        decide_by(judge(facts, deeds, store, Scope::inside_namespace), {}, std::nullopt);
    CHECK(to_string(decision.level) == to_string(row.level));
    CHECK(to_string(decision.means.proc) == to_string(row.proc));
    CHECK(to_string(decision.means.storage) == to_string(row.storage));
    CHECK((decision.level == Level::full) == decision.reasons().empty());
    CHECK((decision.level == Level::full) == decision.lost().empty());
    CHECK_NOTHROW(require(decision));
    if (row.level == Level::full) continue;
    try {
      require(decision, Level::full);
      FAIL("not refused");
    } catch (const Error& error) {
      CHECK(error.code() == ExitCode::host);
      CHECK(error.message() == decision.lacks.front().reason);
      CHECK(error.hint().find("level 'full' was asked for; this host allows") != std::string::npos);
    }
  }
}

TEST_CASE("a way to put roots together that was chosen is taken, or refused where it cannot work") {
  const HostReport good = judge(good_facts(), good_deeds(), good_store(), Scope::inside_namespace);
  const Decision chosen = decide_by(good, {}, Storage::copy);
  CHECK(chosen.means.storage == Storage::copy);
  CHECK(chosen.level == Level::no_kernel_overlay);
  CHECK(chosen.reasons() == "'--storage copy' was asked for");
  Deeds deeds = good_deeds();
  deeds.overlay = {true, EINVAL, "mount"};
  const HostReport bad = judge(good_facts(), deeds, good_store(), Scope::inside_namespace);
  CHECK_THROWS_WITH_AS(decide_by(bad, {}, Storage::kernel),
                       "open store '/var/gbox': 'ext4' cannot hold an overlay: Invalid argument",
                       const Error&);
  CHECK(decide_by(bad, {}, Storage::copy).level == Level::no_kernel_overlay);
}

TEST_CASE("fuse-overlayfs stands in for the kernel's overlay where it works, else copies do") {
  Deeds deeds = good_deeds();
  deeds.overlay = {true, EINVAL, "mount"};
  deeds.fuse = {true, 0, ""};
  const auto decided = [&](std::optional<Storage> storage) {
    return decide_by(judge(good_facts(), deeds, good_store(), Scope::inside_namespace), {},
                     storage);
  };
  const Decision by_fuse = decided({});
  CHECK(by_fuse.means.storage == Storage::fuse);
  CHECK(by_fuse.level == Level::no_kernel_overlay);
  CHECK(by_fuse.lost() == "time: what a step does to files goes through another program");
  CHECK(decided(Storage::copy).lost().starts_with("time and space"));
  deeds.fuse = {true, EINVAL, "mount overlay: 'fuse-overlayfs' is not in PATH"};
  CHECK(decided({}).means.storage == Storage::copy);
  try {
    (void)decided(Storage::fuse);
    FAIL("not refused");
  } catch (const Error& error) {
    CHECK(error.message() == "mount overlay: 'fuse-overlayfs' is not in PATH");
    CHECK(error.hint() == "install the package 'fuse-overlayfs'");
  }
  deeds.fuse = {true, ENOENT, "mount: No such file or directory"};
  const HostReport report = judge(good_facts(), deeds, good_store(), Scope::everything);
  bool told = false;
  for (const Check& check : report.checks)
    if (check.name == "fuse-overlay") {
      told = true;
      CHECK(check.reason == "mount overlay by 'fuse-overlayfs': mount: No such file or directory");
      CHECK(check.remedy == "let the user read and write '/dev/fuse'");
    }
  CHECK(told);
}

TEST_CASE("A13: a store that is mounted noexec holds overlays, but no copies that are run") {
  Deeds deeds = good_deeds();
  deeds.store_execute = {true, EACCES, ""};
  StoreFacts store = good_store();
  store.path = "/home/ana/gbox";
  store.resolved = "/home/ana";
  const HostReport report = judge(good_facts(), deeds, store, Scope::inside_namespace);
  CHECK(decide_by(report, {}, {}).level == Level::full);
  const Decision copies = decide_by(report, {}, Storage::copy);
  CHECK(copies.level == Level::none);
  CHECK_THROWS_WITH_AS(require(copies), "open store '/home/ana/gbox': '/home' is mounted 'noexec'",
                       const Error&);
}

TEST_CASE("A14: without a cgroup of one's own only limits are lost, not the level") {
  Deeds deeds = good_deeds();
  deeds.cgroup = {true, ENOENT, "cgroup v2 is not mounted"};
  const HostReport report = judge(good_facts(), deeds, good_store(), Scope::everything);
  CHECK(report.level == Level::full);
  CHECK(report.checks.back().reason == "no cgroup to own: cgroup v2 is not mounted");
  CHECK(report.checks.back().remedy.find("loginctl enable-linger ana") != std::string::npos);
  CHECK(report.checks.back().lost == "limits on memory and processes by cgroup");
}

TEST_CASE("one id that could be mapped alone is a level of its own, below the others") {
  const HostReport good = judge(good_facts(), good_deeds(), good_store(), Scope::inside_namespace);
  HostFacts facts = good_facts();
  facts.self_status = "NoNewPrivs:\t1\n";
  std::vector<Check> lacks = judge_identity(facts);
  std::erase_if(lacks, [](const Check& check) { return check.outcome != Outcome::lack; });
  const Decision decision = decide_by(good, lacks, std::nullopt);
  CHECK(decision.means.ids == Ids::single);
  CHECK(decision.level == Level::single_id);
}

TEST_CASE("a host without namespaces is refused in the words of the first lack") {
  Deeds deeds = good_deeds();
  deeds.namespaces = {true, ENOSPC, "net"};
  const Decision decision =
      decide_by(judge(good_facts(), deeds, good_store(), Scope::inside_namespace), {}, {});
  CHECK(decision.level == Level::none);
  CHECK_THROWS_AS(require(decision), const Error&);
}
