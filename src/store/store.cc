#include "gbox/store/store.h"

#include <sys/stat.h>
#include <sys/time.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <ctime>

#include "gbox/base/json.h"
#include "gbox/base/text.h"
#include "gbox/sys/file.h"
#include "impl.h"
#include "names.h"
#include "probe.h"

namespace gbox::store {

namespace {

constexpr std::string_view kHeaderFile = "gbox-store.json";
constexpr std::string_view kHeaderFormat = "gbox-store";
constexpr std::uint64_t kStoreVersion = 1;
constexpr int kMaxScratchAttempts = 64;
constexpr const char* kDirectories[] = {"records", "packages", "snapshots",    "work",    "failed",
                                        "logs",    "blobs",    "blobs/sha256", "layers",  "locks",
                                        "inputs",  "incoming", "distfiles",    "binpkgs", "git",
                                        "memo",    "uses",     "digests"};

std::string opening(const std::string& path) {
  return "open store " + quoted(path);
}

sys::Fd open_directory(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  try {
    if (slash != std::string::npos && slash > 0)
      sys::ensure_directories(AT_FDCWD, path.substr(0, slash));
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
      throw SysError(errno, "make directory " + quoted(path));
    return sys::open(path, O_RDONLY | O_DIRECTORY);
  } catch (SysError& error) {
    const std::string closed = error.error_number() == EACCES ? closed_parent(path) : "";
    if (!closed.empty()) {
      Error named(opening(path) + ": " + closed + ", which keeps us out", ExitCode::host);
      named.set_hint("run 'chmod o+x' on it, or choose another place with '--store'");
      throw named;
    }
    error.add_context(opening(path));
    error.add_code(ExitCode::host);
    error.add_hint("choose another place with '--store'");
    throw;
  }
}

std::string real_path(const std::string& path) {
  char resolved[PATH_MAX];
  if (::realpath(path.c_str(), resolved) == nullptr) throw SysError(errno, opening(path));
  return resolved;
}

// Two gboxes may make the same store at once: link(2) lets exactly one header win, and both go on
// to read it. A directory with other things in it is never taken over.
void ensure_header(int root, const std::string& path, std::string_view id_map) {
  if (sys::try_fstatat(root, std::string(kHeaderFile), AT_SYMLINK_NOFOLLOW)) return;
  for (const std::string& name : sys::list_directory(root, path)) {
    if (name.starts_with(kHeaderFile)) continue;  // of one who is making it, or was killed there
    // The header comes first: with other things there, another gbox may just have written it.
    if (sys::try_fstatat(root, std::string(kHeaderFile), AT_SYMLINK_NOFOLLOW)) return;
    Error error(opening(path) + ": it is no store, and holds other things (" + quoted(name) + ")",
                ExitCode::usage);
    error.set_hint("point '--store' to a directory of its own");
    throw error;
  }
  const Json header = {{"format", kHeaderFormat}, {"version", kStoreVersion}, {"id_map", id_map}};
  const std::string temporary = std::string(kHeaderFile) + ".tmp-" + sys::random_hex(6);
  sys::write_file_atomically(root, temporary, header.dump(2) + '\n', 0600);
  const int linked = ::linkat(root, temporary.c_str(), root, std::string(kHeaderFile).c_str(), 0);
  const int error_number = errno;
  (void)::unlinkat(root, temporary.c_str(), 0);  // a leftover is harmless
  if (linked != 0 && error_number != EEXIST)
    throw SysError(error_number, opening(path) + ": make its header");
}

void check_header(int root, const std::string& path, std::string_view id_map) {
  const std::string where = opening(path) + ": its header " + quoted(kHeaderFile);
  Json header;
  std::string format;
  std::string written_map;
  std::uint64_t version = 0;
  try {
    header = parse_json(sys::read_file(root, std::string(kHeaderFile)), kHeaderFile);
    format = json_string(header, "format", kHeaderFile);
    version = json_size(header, "version", kHeaderFile);
    written_map = json_string(header, "id_map", kHeaderFile);
  } catch (Error& error) {
    error.add_context(opening(path));
    error.add_hint(
        "the store's header is damaged; remove the store, or choose another place with "
        "'--store'");
    throw;
  }
  if (format != kHeaderFormat || version != kStoreVersion) {
    Error error(where + " says " + quoted(format) + " version " + std::to_string(version) +
                    ", this gbox knows " + quoted(kHeaderFormat) + " version " +
                    std::to_string(kStoreVersion),
                ExitCode::host);
    error.set_hint("use the gbox that wrote it, or choose another place with '--store'");
    throw error;
  }
  if (written_map != id_map) {
    Error error(opening(path) + ": it was written with ids " + quoted(written_map) +
                    ", the map is now " + quoted(id_map),
                ExitCode::host);
    // One extent of one id: no subordinate ids, or none wanted.
    const bool was_single = written_map.find(',') == std::string::npos;
    const bool is_single = id_map.find(',') == std::string_view::npos;
    if (was_single != is_single)
      error.set_hint(was_single ? "go on with one id by '--id-map single' (or GBOX_ID_MAP), or "
                                  "choose another place with '--store'"
                                : "there is one id only now: 'gbox doctor' tells why, and how to "
                                  "get the others; or choose another place with '--store'");
    else
      error.set_hint(
          "restore the ranges in '/etc/subuid' and '/etc/subgid', or choose another place "
          "with '--store'");
    throw error;
  }
}

std::string read_boot_id() {
  try {
    const auto text = sys::try_read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 256);
    if (text) return std::string(trim(*text));
  } catch (const Error&) {
    // A masked /proc: every record is then made durable at once.
  }
  return std::string(kUnknownBoot);
}

}  // namespace

std::vector<std::string> list(int root, const std::string& directory) {
  return sys::list_directory(sys::openat(root, directory, O_RDONLY | O_DIRECTORY).get(), directory);
}

std::int64_t unix_now() noexcept {
  return static_cast<std::int64_t>(::time(nullptr));
}

Moment moment_now() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return {now.tv_sec, now.tv_nsec};
}

bool stamp(int dirfd, const std::string& path) noexcept {
  return ::utimensat(dirfd, path.c_str(), nullptr, AT_SYMLINK_NOFOLLOW) == 0;
}

Store::Impl::Impl(std::string absolute_path, sys::Fd directory, WarningSink& warnings)
    : path(std::move(absolute_path)),
      root(std::move(directory)),
      sink(&warnings),
      uses(root.get()),
      boot_(read_boot_id()) {}

void Store::Impl::warn(std::string message, std::string hint) const {
  sink->warn({"store " + quoted(path) + ": " + message, std::move(hint)});
}

Store::Impl::Scratch Store::Impl::make_scratch() {
  for (int attempt = 0; attempt < kMaxScratchAttempts; ++attempt) {
    const std::string relative = "work/" + sys::random_hex(8);
    sys::mkdirat(root.get(), relative, 0700);
    // In the instant before the lock a sweeper may have taken it for a leftover: it removes it.
    if (auto lock = sys::FileLock::try_lock_directory(root.get(), relative))
      return {relative, std::move(*lock)};
  }
  throw Error("make a work directory in " + quoted(path) + ": each was removed at once");
}

void Store::Impl::sweep_leftovers() {
  for (const std::string& name : list(root.get(), "work")) {
    const std::string relative = "work/" + name;
    try {
      // The lock is kept while deleting, so that two sweepers do not meet in one tree.
      const auto lock = sys::FileLock::try_lock_directory(root.get(), relative);
      if (lock) sys::remove_tree(root.get(), relative);
    } catch (const Error& error) {
      warn("leftover " + quoted(relative) + " stays: " + error.message(), error.hint());
    }
  }
}

bool Store::Impl::discard(const std::string& relative) {
  const std::string grave = "work/" + sys::random_hex(8);
  if (::renameat(root.get(), relative.c_str(), root.get(), grave.c_str()) != 0) {
    if (errno == ENOENT) return false;
    throw SysError(errno, "remove " + quoted(relative));
  }
  const auto lock = sys::FileLock::try_lock_directory(root.get(), grave);
  if (lock) sys::remove_tree(root.get(), grave);
  return true;
}

std::optional<sys::FileLock> Store::Impl::try_exclusive(std::string_view doing,
                                                        std::string& busy) const {
  auto lock = sys::FileLock::try_lock(root.get(), "locks/store", sys::LockMode::exclusive, doing);
  if (!lock) busy = sys::describe(sys::read_holder(root.get(), "locks/store"));
  return lock;
}

Store::Store(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

Store Store::open(const std::string& path, std::string_view id_map_text, WarningSink& sink,
                  Purpose purpose) {
  sys::Fd root = open_directory(path);
  ensure_header(root.get(), path, id_map_text);
  check_header(root.get(), path, id_map_text);
  // Mapped ids, and on a shared machine everybody else, have no business in here.
  if ((sys::fstat(root.get()).st_mode & 07777) != 0700 && ::fchmod(root.get(), 0700) != 0)
    throw SysError(errno, opening(path) + ": set its mode to 0700", ExitCode::host);
  for (const char* directory : kDirectories)
    if (::mkdirat(root.get(), directory, 0700) != 0 && errno != EEXIST)
      throw SysError(errno, opening(path) + ": make directory " + quoted(directory));
  // A step is shown this one, where Portage reads as its own account.
  if (::fchmodat(root.get(), "distfiles", 0755, 0) != 0)
    throw SysError(errno, opening(path) + ": set the mode of 'distfiles'");
  auto impl = std::make_unique<Impl>(real_path(path), std::move(root), sink);
  {
    const Impl::Scratch scratch = impl->make_scratch();
    const ProbeFacts facts =
        with_context(opening(path), [&] { return probe_file_system(scratch.lock.fd()); });
    sys::remove_tree(impl->root.get(), scratch.relative);
    refuse_unfit(path, facts, purpose);
  }
  impl->sweep_leftovers();
  impl->uses.sweep();
  return Store(std::move(impl));
}

const std::string& Store::path() const noexcept {
  return impl_->path;
}

int Store::fd() const noexcept {
  return impl_->root.get();
}

sys::FileLock Store::lease(std::string_view doing, const sys::LockWait& wait) {
  return sys::FileLock::lock(fd(), "locks/store", sys::LockMode::shared, doing, wait);
}

sys::FileLock Store::lock_key(std::string_view key, std::string_view doing,
                              const sys::LockWait& wait) {
  require_key(key);
  return sys::FileLock::lock(fd(), "locks/key-" + std::string(key), sys::LockMode::exclusive, doing,
                             wait);
}

std::optional<sys::FileLock> Store::try_lock_key(std::string_view key, std::string_view doing,
                                                 sys::LockHolder* holder) {
  require_key(key);
  const std::string path = "locks/key-" + std::string(key);
  auto lock = sys::FileLock::try_lock(fd(), path, sys::LockMode::exclusive, doing);
  if (!lock && holder != nullptr) *holder = sys::read_holder(fd(), path);
  return lock;
}

bool Store::has_snapshot(std::string_view id) const {
  return impl_->has_snapshot(id);
}

std::string Store::snapshot_path(std::string_view id) const {
  require_snapshot_id(id);
  impl_->uses.add({snapshot_dir(id)});  // whoever asks is about to mount it
  return impl_->absolute(snapshot_dir(id) + "/fs");
}

sys::Fd Store::open_snapshot(std::string_view id) const {
  require_snapshot_id(id);
  impl_->uses.add({snapshot_dir(id)});
  return sys::openat(fd(), snapshot_dir(id) + "/fs", O_PATH | O_DIRECTORY | O_NOFOLLOW);
}

std::optional<SnapshotInfo> Store::snapshot_info(std::string_view id) const {
  require_snapshot_id(id);
  try {
    const auto text = sys::try_read_file(fd(), snapshot_dir(id) + "/meta.json");
    if (text) return parse_snapshot(*text);
  } catch (const Error&) {
    // Facts for listings only: a damaged file is no facts.
  }
  return std::nullopt;
}

LogFile Store::open_log(std::string_view step, std::string_view key) {
  require_key(key);
  LogFile log;
  // Random: an earlier run's log stays for as long as its record or failure names it.
  log.name =
      encode_name(step) + '.' + std::string(key.substr(0, 12)) + '.' + sys::random_hex(4) + ".log";
  log.path = impl_->absolute("logs/" + log.name);
  log.fd = sys::openat(fd(), "logs/" + log.name, O_WRONLY | O_APPEND | O_CREAT | O_EXCL, 0600);
  return log;
}

std::string Store::log_path(std::string_view name) const {
  if (!is_log_name(name)) throw Error(quoted(name) + " is not the name of a log");
  return impl_->absolute("logs/" + std::string(name));
}

}  // namespace gbox::store
