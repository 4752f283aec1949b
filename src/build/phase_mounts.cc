#include "phase_mounts.h"

#include <sys/mount.h>

#include <algorithm>
#include <set>

#include "accounts.h"
#include "cache_chain.h"
#include "chain.h"
#include "gbox/base/text.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/digest.h"
#include "gbox/sys/file.h"
#include "gbox/sys/mount.h"
#include "root.h"
#include "secrets.h"

namespace gbox::build {

namespace {

using MountKind = spec::PhaseMount::Kind;

// So many steps' additions may lie on one another before they are made one.
constexpr std::size_t kMostLayers = 8;

std::string text_of(std::uint32_t mode) {
  std::string digits;
  for (int shift = 9; shift >= 0; shift -= 3)
    digits += static_cast<char>('0' + (mode >> shift & 7));
  return digits;
}

void set_owner(int fd, Account owner, std::uint32_t mode) {
  if (::fchown(fd, owner.uid, owner.gid) != 0) throw SysError(errno, "chown");
  if (::fchmod(fd, mode) != 0) throw SysError(errno, "chmod");
}

// In memory: a secret is never written to the store's disk.
sandbox::Mount secret_mount(const spec::PhaseMount& mount, const std::string& value, Account owner,
                            const std::string& scratch) {
  constexpr std::uint64_t kInert = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  const sys::AttachedMount memory(
      sys::new_mount("tmpfs", {{"mode", "0700"}, {"size", "2M"}}, kInert), scratch);
  const sys::Fd file =
      sys::openat(memory.fd(), "secret", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
  sys::write_all(file.get(), value, "a secret");
  set_owner(file.get(), owner, mount.mode.value_or(0400));
  return sandbox::bind_mount(memory.fd(), "secret", mount.target, sandbox::Access::read_only);
}

}  // namespace

std::string mount_words(const spec::PhaseMount& mount) {
  return to_string(mount.where) + ": mount " + quoted(mount.target);
}

// One cache as one step sees it.
class PhaseMounts::Cache {
 public:
  Cache(const StepContext& context, const spec::PhaseMount& mount, Account owner)
      : id(mount.id),
        context_(context),
        chain_(cache_chain(context.store, id)),
        work_(context.store.begin_step(cache_step(id), chain_.empty() ? "" : chain_.back())),
        root_(context.store, work_, chain_, {}) {
    if (!chain_.empty()) return;
    const sys::Fd top = root_.mount();
    set_owner(sys::openat(top.get(), ".", O_RDONLY | O_DIRECTORY).get(), owner,
              mount.mode.value_or(0755));
  }

  sandbox::Mount mount(std::string target) const { return {root_.mount(), std::move(target)}; }

  [[nodiscard]] std::vector<DiskPlace> places() const { return root_.places(); }

  void keep(const std::vector<std::string>& secrets) {
    root_.finish();
    if (sys::list_directory(work_.fs_fd(), "a cache").empty()) return;
    if (!files_with_secrets(work_.fs_fd(), secrets).empty()) {
      context_.observer.warn({"what this step has written to the cache " + quoted(id) +
                                  " holds a secret: it is not kept",
                              "let the step read the secret where it is mounted"});
      return;
    }
    const sys::FileLock lock = context_.store.lock_key(cache_key(id), "keep cache " + quoted(id));
    // Others may have put theirs on top meanwhile.
    std::vector<std::string> below = cache_chain(context_.store, id);
    store::Record record = blank_cache_record(id);
    record.parents = below;
    record = context_.store.publish(std::move(work_), std::move(record));
    if (below.size() < kMostLayers) return;
    below.push_back(record.snapshot);
    (void)flatten_layers(context_, {}, below, blank_cache_record(id));
  }

  const std::string id;

 private:
  const StepContext& context_;
  std::vector<std::string> chain_;
  store::Work work_;
  StepRoot root_;
};

BindSource open_bind(const std::string& spec_directory, const spec::PhaseMount& mount) {
  return with_context("open " + quoted(mount.from), [&] {
    const sys::Fd top = sys::open(spec_directory, O_RDONLY | O_DIRECTORY);
    const std::string path = sys::normalized_relative(mount.from);
    if (path.empty()) return BindSource{sys::dup(top.get()), "."};
    const auto [parent, name] = sys::split_last(path);
    sys::Fd directory =
        parent.empty()
            ? sys::dup(top.get())
            : sys::open_beneath(top.get(), parent, O_RDONLY | O_DIRECTORY, sys::Resolve::beneath);
    const auto status = sys::try_fstatat(directory.get(), name, AT_SYMLINK_NOFOLLOW);
    if (!status)
      throw Error("it is not there", ExitCode::input)
          .set_hint("paths start at the directory of the spec");
    if (!S_ISREG(status->st_mode) && !S_ISDIR(status->st_mode))
      throw Error("it is neither a file nor a directory", ExitCode::input)
          .set_hint("a link could lead anywhere: name what it points to");
    return BindSource{std::move(directory), name};
  });
}

void require_secrets(const Inputs& inputs) {
  std::set<std::string> mounted;
  for (const spec::Phase& phase : inputs.spec.phases)
    for (const spec::PhaseMount& mount : phase.mounts) {
      if (mount.kind != MountKind::secret) continue;
      mounted.insert(mount.id);
      if (!inputs.secrets.contains(mount.id))
        throw Error(mount_words(mount) + ": the secret " + quoted(mount.id) + " is not given",
                    ExitCode::usage)
            .set_hint("'--secret id=" + mount.id + ",src=FILE', or ',env=VARIABLE'");
    }
  for (const auto& [id, value] : inputs.secrets)
    if (!mounted.contains(id))
      throw Error("no phase mounts the secret " + quoted(id), ExitCode::usage)
          .set_hint("a phase sees it with [[phase.mount]], kind = \"secret\", id = \"" + id + '"');
}

PhaseMounts::PhaseMounts(const StepContext& context, const spec::Phase& phase, std::string scratch)
    : context_(context), phase_(phase), scratch_(std::move(scratch)) {
  Secrets seen;
  for (const spec::PhaseMount& mount : phase_.mounts)
    if (mount.kind == MountKind::secret) {
      const auto found = context_.inputs.secrets.find(mount.id);
      if (found != context_.inputs.secrets.end()) seen.insert(*found);
    }
  words_ = secret_words(seen);
}

PhaseMounts::~PhaseMounts() = default;

PhaseMounts::Cache& PhaseMounts::cache_of(const spec::PhaseMount& mount, int rootfd) {
  for (const auto& cache : caches_)
    if (cache->id == mount.id) return *cache;
  caches_.push_back(std::make_unique<Cache>(context_, mount, find_account(rootfd, mount.owner)));
  return *caches_.back();
}

std::vector<sandbox::Mount> PhaseMounts::make(int rootfd) {
  std::vector<sandbox::Mount> made;
  for (const spec::PhaseMount& mount : phase_.mounts) {
    try {
      switch (mount.kind) {
        case MountKind::bind: {
          const BindSource source = open_bind(context_.inputs.directory, mount);
          made.push_back(sandbox::bind_mount(source.directory.get(), source.name, mount.target,
                                             sandbox::Access::read_only));
          break;
        }
        case MountKind::cache:
          made.push_back(cache_of(mount, rootfd).mount(mount.target));
          break;
        case MountKind::tmpfs:
          made.push_back(sandbox::tmpfs_mount(
              mount.target, mount.size_bytes ? std::to_string(*mount.size_bytes) : "",
              text_of(mount.mode.value_or(01777))));
          break;
        case MountKind::secret: {
          const auto value = context_.inputs.secrets.find(mount.id);
          if (value == context_.inputs.secrets.end()) break;  // a shell does without
          sys::ensure_directories(AT_FDCWD, scratch_);
          made.push_back(
              secret_mount(mount, value->second, find_account(rootfd, mount.owner), scratch_));
          break;
        }
      }
    } catch (Error& error) {
      throw error.add_context(mount_words(mount));
    }
  }
  return made;
}

std::vector<DiskPlace> PhaseMounts::places() const {
  std::vector<DiskPlace> all;
  for (const auto& cache : caches_)
    for (DiskPlace& place : cache->places()) all.push_back(std::move(place));
  return all;
}

void PhaseMounts::keep_caches() {
  for (const auto& cache : caches_) cache->keep(words_);
  caches_.clear();
}

}  // namespace gbox::build
