// Names that change while gbox looks at them: a directory that is a link at another moment must
// never lead a mount, its stub or a bind's source out of the root it belongs to (CVE-2024-23651,
// CVE-2024-11218, CVE-2024-45310).
#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>

#include "box.h"
#include "gbox/sys/process.h"

using namespace gbox;
using namespace gbox::tests;

namespace {

constexpr unsigned kExchange = 2;  // RENAME_EXCHANGE
constexpr int kRounds = 60;

// Swaps two names of a directory as fast as it can, until it goes away.
class Swapper {
 public:
  Swapper(int dirfd, std::string one, std::string other)
      : child_(sys::fork_child([dirfd, one, other] {
          for (;;)
            (void)::syscall(SYS_renameat2, dirfd, one.c_str(), dirfd, other.c_str(), kExchange);
        })) {}
  ~Swapper() {
    child_.kill(SIGKILL);
    (void)child_.wait();
  }

 private:
  sys::Child child_;
};

// A directory of the host as a link in the root would have it: 'x' with a file in it.
struct RaceCanary {
  RaceCanary() {
    sys::mkdirat(directory.fd(), "x", 0777);
    sys::write_file_atomically(directory.fd(), "x/canary", "alive", 0666);
  }
  [[nodiscard]] bool untouched() const {
    return sys::list_directory(directory.fd(), "canary") == std::vector<std::string>{"x"} &&
           sys::list_directory(sys::open(directory.path() + "/x", O_RDONLY | O_DIRECTORY).get(),
                               "x") == std::vector<std::string>{"canary"} &&
           sys::read_file(directory.path() + "/x/canary") == "alive";
  }
  sys::TempDir directory{"/var/tmp", "gbox-race-"};
};

}  // namespace

TEST_CASE("a mount point whose parent becomes a link at any moment stays in the root") {
  const RaceCanary canary;
  const Box box;
  int mounted = 0;
  int refused = 0;
  for (int round = 0; round < kRounds; ++round) {
    sandbox::Settings settings =
        box.settings("open /swap/x/canary r ; open /other/x/canary r ; open " +
                     canary.directory.path() + "/x/canary r");
    const int root = settings.root.get();
    if (round == 0) {
      sys::mkdirat(root, "swap", 0755);
      sys::symlinkat(canary.directory.path(), root, "other");
    }
    const sys::Fd held = sys::openat(root, ".", O_RDONLY | O_DIRECTORY);
    const Swapper swapper(held.get(), "swap", "other");
    settings.mounts.push_back(sandbox::tmpfs_mount("/swap/x/deep", "1M", "0755"));
    try {
      const Outcome outcome = box.run(std::move(settings));
      CHECK(outcome.out.find("ok") == std::string::npos);
      ++mounted;
    } catch (const Error& error) {
      CAPTURE(error.what());
      CHECK(std::string(error.what()).find("internal") == std::string::npos);
      ++refused;
    }
    REQUIRE(canary.untouched());
  }
  CAPTURE(refused);
  CHECK(mounted > 0);
}

TEST_CASE("a bind's source that becomes a link at any moment shows itself or nothing") {
  const RaceCanary canary;
  const sys::TempDir place("/var/tmp", "gbox-race-");
  sys::mkdirat(place.fd(), "source", 0755);
  sys::symlinkat(canary.directory.path(), place.fd(), "link");
  const Swapper swapper(place.fd(), "source", "link");
  int bound = 0;
  int refused = 0;
  for (int round = 0; round < 20 * kRounds; ++round) {
    try {
      const sandbox::Mount mount =
          sandbox::bind_mount(place.fd(), "source", "/x", sandbox::Access::read_write);
      REQUIRE_FALSE(sys::try_fstatat(mount.tree.get(), "x/canary", AT_SYMLINK_NOFOLLOW));
      ++bound;
    } catch (const Error& error) {
      CHECK(std::string(error.what()).find("it is a symbolic link") != std::string::npos);
      ++refused;
    }
  }
  // Both were met, or the race was none.
  CHECK(bound > 0);
  CHECK(refused > 0);
}
