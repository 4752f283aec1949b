// Running steps, and what becomes of them: a snapshot with its record, or a failed step.
#include "gbox/store/work.h"

#include <sys/stat.h>

#include <cerrno>

#include "gbox/base/text.h"
#include "gbox/sys/file.h"
#include "gbox/sys/owner.h"
#include "impl.h"
#include "names.h"
#include "tree_size.h"

namespace gbox::store {

namespace {

constexpr int kMaxKeepAttempts = 16;  // each needs another process to keep one in between

std::string failed_dir(std::string_view step) {
  return "failed/" + encode_name(step);
}

// The merged root directory shows mode, owner and times of the upper one.
void look_like(int root, const std::string& model, int fs_fd, const std::string& subject) {
  const sys::Owners owners = sys::owners();
  const struct stat wanted =
      sys::owned_status(owners, sys::openat(root, model, O_PATH | O_NOFOLLOW).get());
  const struct stat have = sys::owned_status(owners, fs_fd);
  if (wanted.st_uid != have.st_uid || wanted.st_gid != have.st_gid)
    sys::give(owners, fs_fd, wanted.st_uid, wanted.st_gid, subject);
  if (::fchmod(fs_fd, wanted.st_mode & 07777u) != 0)
    throw SysError(errno, "set mode of " + quoted(subject));
  const struct timespec times[2] = {wanted.st_atim, wanted.st_mtim};
  if (::futimens(fs_fd, times) != 0) throw SysError(errno, "set times of " + quoted(subject));
}

// Overlay refuses a work directory with remains of another mount (work/incompat of 'volatile').
void renew_overlay_workdir(int dirfd) {
  sys::remove_tree(dirfd, "work");
  sys::mkdirat(dirfd, "work", 0700);
}

}  // namespace

Work::Work(std::string path, sys::FileLock lock, sys::Fd fs_fd, sys::FileLock lease,
           End end) noexcept
    : path_(std::move(path)),
      lock_(std::move(lock)),
      fs_fd_(std::move(fs_fd)),
      lease_(std::move(lease)),
      end_(end) {}

Work::Work(Work&& other) noexcept
    : path_(std::exchange(other.path_, {})),
      lock_(std::move(other.lock_)),
      fs_fd_(std::move(other.fs_fd_)),
      lease_(std::move(other.lease_)),
      end_(other.end_) {}

Work& Work::operator=(Work&& other) noexcept {
  if (this != &other) {
    finish();
    path_ = std::exchange(other.path_, {});
    lock_ = std::move(other.lock_);
    fs_fd_ = std::move(other.fs_fd_);
    lease_ = std::move(other.lease_);
    end_ = other.end_;
  }
  return *this;
}

Work::~Work() {
  finish();
}

void Work::finish() noexcept {
  fs_fd_.reset();
  if (!path_.empty() && end_ == End::discard) {
    try {
      sys::remove_tree(AT_FDCWD, path_);
    } catch (const std::exception&) {
      // Swept as a leftover when the store is next opened.
    }
  }
  path_.clear();
  lock_.reset();
  lease_.reset();
}

Work Store::begin_step(std::string_view step, std::string_view on_top_of) {
  if (!on_top_of.empty()) require_snapshot_id(on_top_of);
  sys::FileLock shared = lease("step " + std::string(step));
  Impl::Scratch scratch = impl_->make_scratch();
  Work work(impl_->absolute(scratch.relative), std::move(scratch.lock), {}, std::move(shared),
            Work::End::discard);
  sys::mkdirat(work.fd(), "fs", 0755);
  sys::mkdirat(work.fd(), "work", 0700);
  work.fs_fd_ = sys::openat(work.fd(), "fs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!on_top_of.empty())
    look_like(fd(), snapshot_dir(on_top_of) + "/fs", work.fs_fd(), "fs");
  else if (::fchmod(work.fs_fd(), 0755) != 0)  // whatever the umask
    throw SysError(errno, "set mode of a work directory");
  return work;
}

Record Store::publish(Work&& finished, Record record) {
  Work work = std::move(finished);  // discarded on every way out but the good one
  require_key(record.key);
  for (const std::string& parent : record.parents) require_snapshot_id(parent);
  const std::string publishing = "publish step " + quoted(record.step);
  return with_context(publishing, [&] {
    for (const std::string& name : sys::list_directory(work.fd(), "work"))
      if (name != "fs") sys::remove_tree(work.fd(), name);
    const TreeSize size = tree_size(work.fd(), "fs");
    record.size_bytes = size.bytes;
    record.entries = size.entries;
    record.created = moment_now();
    record.used = record.created.seconds;
    record.gbox = GBOX_VERSION;
    record.snapshot = sys::random_hex(kSnapshotIdLength / 2);
    sys::write_file_atomically(work.fd(), "meta.json",
                               snapshot_text({size.bytes, size.entries, record.created.seconds}),
                               0600, sys::Durable::no);
    // fs and meta.json in one rename; a snapshot whose record is not written yet is garbage, but
    // gc is kept out by the lease of `work`, and who makes room by this.
    impl_->uses.add({record_path(record.key), snapshot_dir(record.snapshot)});
    const std::string relative = work.path_.substr(impl_->path.size() + 1);
    sys::renameat(fd(), relative, fd(), snapshot_dir(record.snapshot));
    work.path_.clear();
    try {
      if (auto earlier = impl_->write_record(record)) {
        work.lock_.reset();
        impl_->discard(snapshot_dir(record.snapshot));
        return std::move(*earlier);
      }
    } catch (const Error&) {
      work.lock_.reset();
      impl_->discard(snapshot_dir(record.snapshot));
      throw;
    }
    {
      const std::lock_guard guard(impl_->mutex);
      impl_->unsynced_records.insert(record.key);
    }
    if (record.seconds >= kWorthSyncSeconds || !impl_->boot_known()) sync();
    impl_->note_growth(record.size_bytes);
    keep_limit();
    return record;
  });
}

void Store::keep_failed(Work&& unfinished, FailedStep failed) {
  Work work = std::move(unfinished);
  with_context("keep failed step " + quoted(failed.step), [&] {
    renew_overlay_workdir(work.fd());
    const TreeSize size = tree_size(work.fd(), ".");
    failed.size_bytes = size.bytes;
    failed.entries = size.entries;
    failed.created = moment_now();
    sys::write_file_atomically(work.fd(), "meta.json", failed_text(failed), 0600, sys::Durable::no);
    impl_->uses.add({failed_dir(failed.step)});
    impl_->note_growth(failed.size_bytes);
    const std::string relative = work.path_.substr(impl_->path.size() + 1);
    for (int attempt = 0; attempt < kMaxKeepAttempts; ++attempt) {
      impl_->discard(failed_dir(failed.step));
      if (::renameat(fd(), relative.c_str(), fd(), failed_dir(failed.step).c_str()) == 0) {
        work.path_.clear();
        return;
      }
      if (errno != ENOTEMPTY && errno != EEXIST) throw SysError(errno, "rename it into place");
    }
    throw Error("others keep replacing it");
  });
}

std::optional<FailedStep> Store::find_failed(std::string_view step) const {
  try {
    const auto text = sys::try_read_file(fd(), failed_dir(step) + "/meta.json");
    if (!text) return std::nullopt;
    FailedStep failed = parse_failed(*text);
    if (failed.step == step) return failed;
  } catch (const Error& error) {
    impl_->warn("failed step " + quoted(step) + " cannot be opened: " + error.message());
  }
  return std::nullopt;
}

std::optional<Work> Store::open_failed(std::string_view step) {
  impl_->uses.add({failed_dir(step)});
  if (!find_failed(step)) return std::nullopt;
  sys::FileLock shared = lease("shell in " + std::string(step));
  auto lock = sys::FileLock::try_lock_directory(fd(), failed_dir(step));
  if (!lock) {
    // Two overlays on one upper directory break each other without an error.
    Error error("open failed step " + quoted(step) + ": it is open in another process");
    error.set_hint("end the other 'gbox shell' first");
    throw error;
  }
  renew_overlay_workdir(lock->fd());
  sys::Fd fs_fd = sys::openat(lock->fd(), "fs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  return Work(impl_->absolute(failed_dir(step)), std::move(*lock), std::move(fs_fd),
              std::move(shared), Work::End::keep);
}

void Store::forget_failed(std::string_view step) {
  impl_->discard(failed_dir(step));
}

std::vector<FailedStep> Store::failed_steps() const {
  std::vector<FailedStep> steps;
  for (const std::string& name : list(fd(), "failed")) {
    try {
      const auto text = sys::try_read_file(fd(), "failed/" + name + "/meta.json");
      if (text) steps.push_back(parse_failed(*text));
    } catch (const Error&) {
      // Not worth a word in a listing; find_failed() says it of the one asked for.
    }
  }
  return steps;
}

}  // namespace gbox::store
