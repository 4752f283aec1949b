#include "copied_root.h"

#include <sys/mount.h>

#include <cerrno>
#include <ctime>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "chain_view.h"
#include "gbox/base/text.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/file.h"
#include "gbox/sys/interrupt.h"
#include "gbox/sys/mount.h"

namespace gbox::build {

namespace {

constexpr char kCopyPlace[] = "scratch/root";
// As many steps as usually run at once; each takes the room of a root.
constexpr std::size_t kSpares = 2;

std::string path_of(int fd) {
  return sys::readlinkat(AT_FDCWD, "/proc/self/fd/" + std::to_string(fd));
}

// Copies that no step works on, in a directory of the store that goes with this process.
class Spares {
 public:
  // Moves one to `path`; nullopt when there is none.
  std::optional<layer::Replica> take(const store::Store& store, const std::string& path) {
    const std::lock_guard lock(mutex_);
    for (auto spare = spares_.begin(); spare != spares_.end(); ++spare) {
      if (spare->store != store.path()) continue;
      sys::renameat(AT_FDCWD, spare->path, AT_FDCWD, path);
      layer::Replica replica = std::move(spare->replica);
      spares_.erase(spare);
      return replica;
    }
    return std::nullopt;
  }

  // Leaves it where it is when there are enough.
  void put(store::Store& store, const std::string& path, layer::Replica replica) {
    const std::lock_guard lock(mutex_);
    if (spares_.size() >= kSpares) return;
    auto place = places_.find(store.path());
    if (place == places_.end())
      place = places_.emplace(store.path(), store.begin_step("spare roots")).first;
    const std::string to = place->second.path() + "/root-" + std::to_string(count_++);
    sys::renameat(AT_FDCWD, path, AT_FDCWD, to);
    spares_.push_back({store.path(), to, std::move(replica)});
  }

 private:
  struct Spare {
    std::string store;
    std::string path;
    layer::Replica replica;
  };
  std::mutex mutex_;
  std::map<std::string, store::Work> places_;  // by the store's path
  std::list<Spare> spares_;
  unsigned count_ = 0;
};

Spares& spares() {
  static Spares all;
  return all;
}

}  // namespace

CopiedRoot::CopiedRoot(store::Store& store, const store::Work& work,
                       const std::vector<std::string>& parents,
                       const std::vector<std::string>& targets)
    : store_(store), place_(work.path() + '/' + kCopyPlace) {
  const auto check = [] { sys::check_interrupt(); };
  sys::ensure_directories(work.fd(), "scratch");
  sys::remove_tree(work.fd(), kCopyPlace);  // of an earlier shell in a failed step
  std::optional<layer::Replica> spare;
  if (!parents.empty()) spare = spares().take(store, place_);
  if (!spare) sys::mkdirat(work.fd(), kCopyPlace, 0700);
  root_ = sys::openat(work.fd(), kCopyPlace, O_RDONLY | O_DIRECTORY);
  if (parents.empty()) {
    replica_ = layer::Replica::remember(root_.get(), check);
  } else {
    const auto view = view_chain(store, parents);
    if (spare) {
      replica_ = std::move(*spare);
      replica_.refresh(view->fd(), root_.get(), check);
    } else {
      replica_ = layer::Replica::copy(view->fd(), root_.get(), check);
    }
  }
  const std::string top = path_of(root_.get());
  for (const std::string& target : targets) {
    // Where it really is: the root may have links on the way.
    const std::string made =
        path_of(sys::ensure_directories_in_root(root_.get(), target).get()).substr(top.size());
    replica_.allow(root_.get(), sys::normalized_relative(made));
  }
  if (!sys::list_directory(work.fs_fd(), "fs").empty())
    layer::lay_over(work.fs_fd(), root_.get(), check);
  // By the clock that stamps files; the replica has waited until it went on.
  timespec now{};
  if (::clock_gettime(CLOCK_REALTIME_COARSE, &now) != 0) throw SysError(errno, "read the clock");
  made_ns_ = std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

CopiedRoot::~CopiedRoot() {
  try {
    spares().put(store_, place_, std::move(replica_));
  } catch (const std::exception&) {
    // It goes with the work directory.
  }
}

sys::Fd CopiedRoot::mount() const {
  return sys::open_tree(root_.get(), "", sys::Recursive::no);
}

void CopiedRoot::write_changes(const store::Work& work) const {
  const sys::Fd upper = sys::openat(work.fs_fd(), ".", O_RDONLY | O_DIRECTORY);
  for (const std::string& name : sys::list_directory(upper.get(), "fs"))
    sys::remove_tree(upper.get(), name);
  replica_.difference(root_.get(), upper.get(), [] { sys::check_interrupt(); });
}

}  // namespace gbox::build
