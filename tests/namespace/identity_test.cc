// Who a command is: ids, capabilities, what it may do with them, and who that is on the host.
#include <doctest/doctest.h>

#include <sys/capability.h>

#include <map>

#include "box.h"
#include "gbox/base/text.h"
#include "gbox/sys/userns.h"
#include "witness.h"

using namespace gbox;
using namespace gbox::tests;

namespace {

std::map<std::string, std::string> status_fields(const std::string& text) {
  std::map<std::string, std::string> fields;
  for (const std::string& line : split(text, '\n'))
    if (const std::size_t colon = line.find(':'); colon != std::string::npos)
      fields[line.substr(0, colon)] = trim(line.substr(colon + 1));
  return fields;
}

std::uint64_t mask_of(const sandbox::Policy& policy) {
  std::uint64_t mask = 0;
  for (const std::string& name : policy.capabilities) {
    cap_value_t value = 0;
    REQUIRE(::cap_from_name(("cap_" + name).c_str(), &value) == 0);
    mask |= std::uint64_t{1} << value;
  }
  return mask;
}

std::string hex(std::uint64_t mask) {
  char text[17];
  (void)std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(mask));
  return text;
}

// The one of gbox's ids that the step's namespace calls `inside`, as the host numbers it.
std::uint32_t on_host(const sys::IdMap& map, std::uint32_t inside) {
  for (const sys::IdExtent& e : map)
    if (inside >= e.inside && inside - e.inside < e.count) return e.outside + (inside - e.inside);
  throw Error("id " + std::to_string(inside) + " is not mapped");
}

}  // namespace

TEST_CASE("gbox itself runs in a user namespace that is not the host's") {
  CHECK(sys::inside_namespace());
  CHECK(sys::readlinkat(AT_FDCWD, "/proc/self/ns/user") != witness_user_namespace());
  CHECK(::getenv("GBOX_ENTERED_NAMESPACE") == nullptr);
}

TEST_CASE("the step's maps are the identity over the store's, without real root") {
  const Box box;
  const Outcome outcome =
      box.run("show /proc/self/uid_map ; arguments -- ; show /proc/self/gid_map");
  const std::size_t cut = outcome.out.find("--\n");
  REQUIRE(cut != std::string::npos);
  const sys::IdMap uids = sys::parse_id_map(outcome.out.substr(0, cut));
  CHECK(uids == sys::nested_identity(sys::current_uid_map()));
  CHECK(sys::parse_id_map(outcome.out.substr(cut + 3)) ==
        sys::nested_identity(sys::current_gid_map()));
  std::uint64_t ids = 0;
  for (const sys::IdExtent& e : uids) {
    CHECK(e.inside == e.outside);
    ids += e.count;
    // What an image calls root or anybody else is nobody's root on the host.
    CHECK(on_host(sys::current_uid_map(), e.inside) != 0);
  }
  CHECK(ids == sys::kImageIds);
}

TEST_CASE("a command runs as root inside with the ids and groups it asks for") {
  const Box box;
  CHECK(box.run("ids").out == "uid=0 gid=0 groups=\n");
  sandbox::Settings settings = box.settings("ids");
  settings.command.uid = 250;
  settings.command.gid = 251;
  settings.command.groups = {5, 65534};
  CHECK(box.run(std::move(settings)).out == "uid=250 gid=251 groups=5,65534\n");
}

TEST_CASE("capabilities are the policy's, in every set, and gone for another user") {
  const Box box;
  for (const char* name : {"emerge", "run"}) {
    CAPTURE(name);
    const std::string mask = hex(mask_of(sandbox::load_policy(name)));
    auto fields = status_fields(box.run("show /proc/self/status", name).out);
    CHECK(fields["CapBnd"] == mask);
    CHECK(fields["CapPrm"] == mask);
    CHECK(fields["CapEff"] == mask);
    CHECK(fields["CapInh"] == hex(0));
    CHECK(fields["CapAmb"] == hex(0));
    CHECK(fields["NoNewPrivs"] == "0");
    CHECK(fields["Seccomp"] == "2");
    fields = status_fields(box.run("become 1000 1000 ; show /proc/self/status", name).out);
    CHECK(fields["CapEff"] == hex(0));
    CHECK(fields["CapPrm"] == hex(0));
    CHECK(fields["CapBnd"] == mask);
    // PID 1 is no stronger than the command.
    CHECK(status_fields(box.run("show /proc/1/status", name).out)["CapBnd"] == mask);
  }
  CHECK(mask_of(sandbox::load_policy("run")) != mask_of(sandbox::load_policy("emerge")));
}

TEST_CASE("a capability outside the bounding set does not come back by exec or a setuid program") {
  const Box box;
  install_payload(box.lower(), "bin/setuid-payload", 04755);
  const std::string mask = hex(mask_of(sandbox::load_policy("run")));
  for (const char* deeds : {"exec /bin/payload show /proc/self/status",
                            "become 1000 1000 ; exec /bin/setuid-payload show /proc/self/status"}) {
    CAPTURE(deeds);
    const auto fields = status_fields(box.run(deeds, "run").out.substr(3));
    CHECK(fields.at("CapBnd") == mask);
  }
  // A new user namespace gives all capabilities over itself, and none over what is around it.
  CHECK(box.run("unshare Um ; umount /dev/null ; mount none /tmp tmpfs", "run").out ==
        "ok\nEINVAL\nok\n");
}

TEST_CASE("setuid programs of the image work, and belong to nobody's root on the host") {
  const Box box;
  install_payload(box.lower(), "bin/setuid-payload", 04755);
  CHECK(box.run("become 1000 1000 ; exec /bin/setuid-payload ids").out ==
        "ok\nuid=0 gid=1000 groups=\n");
  CHECK(box.run("copy /bin/payload /bin/made ; chmod /bin/made 04755 ; status /bin/made").out ==
        "ok\nok\nfile 4755 0:0\n");
  const auto seen = ask_witness(box.path() + "/upper/bin/made");
  REQUIRE(seen);
  CHECK(seen->mode == 04755);
  CHECK(seen->uid == on_host(sys::current_uid_map(), 0));
  CHECK(seen->uid != 0);
}

TEST_CASE("owners of the whole image range can be given, and lie in the subordinate range") {
  const Box box;
  CHECK(box.run("write /tmp/a x ; chown /tmp/a 250 65534 ; status /tmp/a ; chown /tmp/a 65535 0 ; "
                "status /tmp/a")
            .out == "ok\nok\nfile 0644 250:65534\nok\nfile 0644 65535:0\n");
  const auto seen = ask_witness(box.path() + "/upper/tmp/a");
  REQUIRE(seen);
  CHECK(seen->uid == on_host(sys::current_uid_map(), 65535));
  CHECK(seen->gid == on_host(sys::current_gid_map(), 0));
  // Real root's place in the store's namespace, and what lies behind it, do not exist inside.
  CHECK(box.run("write /tmp/b x ; chown /tmp/b 65536 0 ; chown /tmp/b 0 65536").out ==
        "ok\nEINVAL\nEINVAL\n");
  CHECK(box.run("become 65536 0").out == "EINVAL\n");
}

TEST_CASE("what gbox's own user owns beyond the image's ids is out of reach inside") {
  // Real root's files, when root runs gbox; else there is no such id to show.
  const Box box;
  if (on_host(sys::current_uid_map(), 0) == ::geteuid()) return;
  const sys::TempDir dir("/var/tmp", "gbox-test-");
  sys::write_file_atomically(dir.fd(), "secret", "of root", 0600);
  bool callers = false;
  for (const sys::IdExtent& e : sys::current_uid_map()) callers |= e.inside == sys::kCallerId;
  if (!callers) return;
  REQUIRE(::fchownat(dir.fd(), "secret", sys::kCallerId, 0, 0) == 0);
  sandbox::Settings settings =
      box.settings("status /tmp/secret ; open /tmp/secret r ; chown /tmp/secret 0 0");
  sys::write_file_atomically(box.lower(), "tmp/secret", "");
  settings.mounts.push_back(
      sandbox::bind_mount(dir.fd(), "secret", "/tmp/secret", sandbox::Access::read_write));
  CHECK(box.run(std::move(settings)).out == "file 0600 65534:0\nEACCES\nEPERM\n");
}

TEST_CASE("a build as another user is that user: Portage's userpriv") {
  const Box box;
  CHECK(box.run("mkdir /tmp/work ; chown /tmp/work 250 250 ; become 250 250 250 5 ; ids ; "
                "write /tmp/work/a x ; write /etc/a x ; chown /tmp/work/a 0 0 ; "
                "mknod /tmp/work/n c 0 0 ; unshare m")
            .out == "ok\nok\nok\nuid=250 gid=250 groups=5,250\nok\nEACCES\nEPERM\nEPERM\nEPERM\n");
}

TEST_CASE("device nodes cannot be made, but overlay's own mark can") {
  const Box box;
  CHECK(box.run("mknod /tmp/mem c 1 1 ; mknod /tmp/disk b 8 0 ; mknod /tmp/null c 1 3").out ==
        "EPERM\nEPERM\nEPERM\n");
}

TEST_CASE("a file capability set inside is one of the step's namespace") {
  const Box box;
  CHECK(box.run("copy /bin/payload /bin/made ; setcap /bin/made").out == "ok\nok\n");
}
