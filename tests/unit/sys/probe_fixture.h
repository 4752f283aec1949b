// A host on which everything works, for tests to take something away from.
#pragma once

#include "gbox/sys/probe_rules.h"

namespace gbox::sys::test {

inline constexpr char kMounts[] =
    "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
    "22 21 0:20 / /proc rw,nosuid - proc proc rw\n"
    "23 21 8:2 / /home rw,nosuid,nodev,noexec - xfs /dev/sda2 rw\n"
    "24 21 0:44 / /srv rw - nfs4 filer:/srv rw,vers=4.2\n"
    "25 21 0:45 / /ovl rw - overlay overlay rw,lowerdir=/a\n"
    "26 21 0:46 / /crypt rw - ecryptfs /x rw\n";

// A host where everything works, for an ordinary user.
inline HostFacts good_facts() {
  HostFacts facts;
  facts.uid = 1003;
  facts.user_name = "ana";
  facts.path_variable = "/usr/bin:/bin";
  facts.helpers = {{"newuidmap", "/usr/bin/newuidmap", true, false},
                   {"newgidmap", "/usr/bin/newgidmap", true, false}};
  facts.subuid = "root:1:2\nana:100000:65536\n";
  facts.subgid = "ana:100000:65536\n";
  facts.self_status = "Name:\tgbox\nNoNewPrivs:\t0\nSeccomp:\t0\n";
  facts.mountinfo = kMounts;
  facts.proc_version = "Linux version 6.1.0 (x@y)";
  facts.os_release = "NAME=\"Debian GNU/Linux\"\nID=debian\n";
  facts.kernel_release = "6.1.0";
  facts.program = "/usr/bin/gbox";
  facts.max_user_namespaces = "63000";
  return facts;
}

inline Deeds good_deeds() {
  const Deed done{true, 0, {}};
  return {done, done, done, done, done, done, done, done, done, done, done, done};
}

inline StoreFacts good_store() {
  return {"/var/gbox", "/var/gbox", "52.1 GiB free", {}};
}

}  // namespace gbox::sys::test
