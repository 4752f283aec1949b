#include "uses.h"

#include <algorithm>
#include <cerrno>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/sys/file.h"

namespace gbox::store {

namespace {

const std::string kDirectory = "uses";
const std::string kGate = "gate";
constexpr int kMaxAttempts = 16;  // each needs a sweeper in the instant before the lock
constexpr std::size_t kMaxListBytes = 64u << 20;

std::string gate_path() {
  return kDirectory + '/' + kGate;
}

}  // namespace

sys::FileLock Uses::enter() const {
  return sys::FileLock::lock(root_, gate_path(), sys::LockMode::shared, "gbox");
}

sys::FileLock Uses::close() const {
  return sys::FileLock::lock(root_, gate_path(), sys::LockMode::exclusive, "gbox, making room");
}

void Uses::add(const std::vector<std::string>& paths) {
  {
    const std::lock_guard guard(mutex_);
    if (std::all_of(paths.begin(), paths.end(),
                    [&](const std::string& path) { return noted_.contains(path); }))
      return;
  }
  note(enter(), paths);
}

void Uses::note(const sys::FileLock& gate, const std::vector<std::string>& paths) {
  if (!gate.held()) throw Error("internal error: a use of the store is noted outside the gate");
  const std::lock_guard guard(mutex_);
  std::string text;
  for (const std::string& path : paths)
    if (noted_.insert(path).second) text += path + '\n';
  if (text.empty()) return;
  if (!list_) open_list();
  sys::write_all(list_.get(), text, "what is used of the store");
}

void Uses::open_list() {
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    const std::string directory = kDirectory + '/' + sys::random_hex(8);
    sys::mkdirat(root_, directory, 0700);
    auto lock = sys::FileLock::try_lock_directory(root_, directory);
    if (!lock) continue;  // swept: see Store::Impl::make_scratch()
    lock_ = std::move(*lock);
    list_ = sys::openat(lock_.fd(), "list", O_WRONLY | O_APPEND | O_CREAT | O_EXCL, 0600);
    return;
  }
  throw Error("note what is used of the store: each note was removed at once");
}

std::set<std::string> Uses::all() const {
  std::set<std::string> paths;
  const sys::Fd uses = sys::openat(root_, kDirectory, O_RDONLY | O_DIRECTORY);
  for (const std::string& name : sys::list_directory(uses.get(), kDirectory)) {
    if (name == kGate) continue;
    const auto list = sys::try_openat(uses.get(), name + "/list", O_RDONLY | O_NOFOLLOW);
    // A lock that can be had is that of a dead process.
    if (!list || sys::FileLock::try_lock_directory(uses.get(), name)) continue;
    const auto size = static_cast<std::uint64_t>(sys::fstat(list->get()).st_size);
    if (size > kMaxListBytes)
      throw Error("what is used of the store takes " + human_size(size) + ", more than " +
                  human_size(kMaxListBytes));
    std::string text(size, '\0');
    text.resize(sys::read_full(list->get(), std::as_writable_bytes(std::span(text)), name));
    for (const std::string& path : split(text, '\n'))
      if (!path.empty()) paths.insert(path);
  }
  return paths;
}

void Uses::sweep() const {
  const sys::Fd uses = sys::openat(root_, kDirectory, O_RDONLY | O_DIRECTORY);
  for (const std::string& name : sys::list_directory(uses.get(), kDirectory)) {
    if (name == kGate) continue;
    const auto lock = sys::FileLock::try_lock_directory(uses.get(), name);
    if (lock) sys::remove_tree(uses.get(), name);
  }
}

}  // namespace gbox::store
