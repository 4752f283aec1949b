#include "gbox/sys/probe.h"

#include <doctest/doctest.h>

#include "gbox/base/error.h"
#include "gbox/sys/file.h"
#include "gbox/sys/host_facts.h"

using namespace gbox;
using namespace gbox::sys;

TEST_CASE("levels compare by strength and have names both ways") {
  CHECK(Level::none < Level::single_id);
  CHECK(Level::proc_bound < Level::full);
  for (const Level level :
       {Level::none, Level::single_id, Level::no_kernel_overlay, Level::proc_bound, Level::full})
    CHECK(level_from_string(to_string(level)) == level);
  CHECK_FALSE(level_from_string("Full").has_value());
}

TEST_CASE("the level is that of the weakest part") {
  CHECK(level_of({}) == Level::full);
  CHECK(level_of({Ids::subordinate, Proc::bound, Storage::kernel}) == Level::proc_bound);
  CHECK(level_of({Ids::subordinate, Proc::own, Storage::fuse}) == Level::no_kernel_overlay);
  CHECK(level_of({Ids::subordinate, Proc::bound, Storage::copy}) == Level::no_kernel_overlay);
  CHECK(level_of({Ids::single, Proc::own, Storage::kernel}) == Level::single_id);
  for (const Storage storage : {Storage::kernel, Storage::fuse, Storage::copy})
    CHECK(storage_from_string(to_string(storage)) == storage);
  CHECK_FALSE(storage_from_string("vfs").has_value());
}

TEST_CASE("a report names its lacks with reason and remedy or knows of none, on any host") {
  const TempDir store("/tmp", "gbox-probe-test-");
  const HostReport report = probe_host(store.path() + "/not/yet/there");
  CHECK(list_directory(store.fd(), "store").empty());  // nothing is left behind
  CHECK(report.checks.size() == 11);
  for (const Check& check : report.checks) {
    CAPTURE(check.name);
    CHECK_FALSE(check.reason.empty());
    if (check.outcome == Outcome::lack) CHECK_FALSE(check.lost.empty());
  }
  CHECK((report.level == Level::full) == (report.first_lack() == nullptr));
}

TEST_CASE("a store that cannot be written is a host error that names the place") {
  try {
    require_host("/proc/gbox");
    FAIL("accepted");
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::host);
    CHECK_FALSE(error.hint().empty());
    // A host that lacks something earlier in the chain reports that.
    if (probe_host("/tmp").level == Level::full)
      CHECK(error.message().find("open store '/proc/gbox'") == 0);
  }
}

TEST_CASE("an entry that failed half way is explained by what was read before") {
  HostFacts facts;
  facts.uid = 1000;
  facts.user_name = "ana";
  facts.subuid = facts.subgid = "ana:100000:65536\n";
  facts.program = "/usr/bin/gbox";
  facts.apparmor_restrict_userns = "1";
  const auto explained = [&](const char* message) {
    try {
      explain_failed_entry(facts, Error(message, ExitCode::host));
    } catch (const Error& error) {
      CHECK(error.code() == ExitCode::host);
      CHECK_FALSE(error.hint().empty());
      return error.message();
    }
  };
  CHECK(explained("enter sandbox: map ids: run 'newuidmap': no") ==
        "enter sandbox: write uid map: apparmor restricts user namespaces "
        "('kernel.apparmor_restrict_unprivileged_userns' is 1)");
  CHECK(explained("enter sandbox: open '/usr/bin/gbox': Operation not permitted") ==
        "enter sandbox: open '/usr/bin/gbox': Operation not permitted: apparmor restricts user "
        "namespaces ('kernel.apparmor_restrict_unprivileged_userns' is 1)");
  facts.apparmor_restrict_userns.reset();
  CHECK(explained("enter sandbox: map ids: run 'newuidmap': no") == "map ids: run 'newuidmap': no");
  CHECK(explained("enter sandbox: become its root: no") == "enter sandbox: become its root: no");
}

TEST_CASE("why one id only can be mapped is known before anything is tried") {
  HostFacts facts;
  facts.uid = 1000;
  facts.self_status = "NoNewPrivs:\t1\n";
  CHECK(why_single_id(facts).cause ==
        "map ids: run 'newuidmap': no_new_privs is set on this process");
  CHECK_FALSE(why_single_id(facts).remedy.empty());
  facts.uid = 0;
  CHECK(why_single_id(facts).cause.empty());
}
