#include "tree.h"

#include <chrono>
#include <optional>
#include <vector>

#include "gbox/base/text.h"
#include "gbox/layer/squashfs.h"
#include "gbox/layer/unpack.h"
#include "gbox/sys/interrupt.h"
#include "waiting.h"

namespace gbox::build {

namespace {

// Version of the rules by which trees are unpacked: a change gives other snapshots.
constexpr char kTreeFormat[] = "tree-1";

bool is_repository(int dirfd) {
  const auto profiles = sys::try_openat(dirfd, "profiles", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  const auto mark =
      profiles ? sys::try_fstatat(profiles->get(), "repo_name", AT_SYMLINK_NOFOLLOW) : std::nullopt;
  return mark && S_ISREG(mark->st_mode);
}

// Where in an unpacked archive the repository is: "" for its root, or its only directory's name.
std::string repository_in(int root, const std::string& name) {
  if (is_repository(root)) return "";
  const std::vector<std::string> names = sys::list_directory(root, "the tree");
  if (names.size() == 1) {
    const auto inside = sys::try_openat(root, names.front(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (inside && is_repository(inside->get())) return names.front();
  }
  throw Error("it holds no ebuild repository: no 'profiles/repo_name'", ExitCode::input)
      .set_hint("name a snapshot of the repository " + quoted(name));
}

void unpack(const TreeSource& source, int target, Observer& observer) {
  const bool squashfs = layer::is_squashfs(source.file);
  const auto size = static_cast<std::uint64_t>(sys::fstat(source.file).st_size);
  layer::UnpackOptions options;
  options.access = layer::Access::readable;
  options.digests = {source.sha256.algorithm()};
  options.warnings = &observer;
  options.progress = [&](std::uint64_t done) {
    observer.progress("unpack " + source.file_name, done, squashfs ? 0 : size);
  };
  options.check_interrupt = [] { sys::check_interrupt(); };
  if (::lseek(source.file, 0, SEEK_SET) != 0)
    throw SysError(errno, "read " + quoted(source.file_name));
  const layer::UnpackSummary summary =
      squashfs ? layer::unpack_squashfs(source.file, source.file_name, target, options)
               : layer::unpack_archive(source.file, source.file_name, target, options);
  if (summary.digests.front() != source.sha256)
    throw Error("unpack " + quoted(source.file_name) + ": its " +
                    std::string(source.sha256.algorithm_name()) + " is " +
                    summary.digests.front().hex() + ", not " + source.sha256.hex() +
                    " as when it was verified",
                ExitCode::input)
        .set_hint("something writes to it, or the disk is failing");
}

}  // namespace

bool has_tree(const store::Store& store, const std::string& digest) {
  return store.peek_record(sha256(digest).hex()).has_value();
}

OpenedTree ensure_tree(store::Store& store, const std::string& name, const std::string& digest,
                       Observer& observer, const std::function<Json(int)>& fill) {
  const std::string key = sha256(digest).hex();
  const std::string step = "tree " + name;
  auto record = store.find_record(key);
  if (!record) {
    const sys::FileLock lock = store.lock_key(key, "gbox, " + step, waiting(observer));
    record = store.find_record(key);
    if (!record) {
      const auto start = std::chrono::steady_clock::now();
      store::Work work = store.begin_step(step);
      store::Record fresh;
      fresh.parts = fill(work.fs_fd());
      (void)with_context("open repository " + quoted(name),
                         [&] { return repository_in(work.fs_fd(), name); });
      fresh.key = key;
      fresh.step = step;
      fresh.kind = "tree";
      fresh.seconds =
          std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      record = store.publish(std::move(work), std::move(fresh));
    }
  }
  const std::string root = store.snapshot_path(record->snapshot);
  const sys::Fd root_fd = sys::open(root, O_RDONLY | O_DIRECTORY);
  const std::string inside = repository_in(root_fd.get(), name);
  OpenedTree tree;
  tree.directory = sys::openat(root_fd.get(), inside.empty() ? "." : inside,
                               O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  tree.path = inside.empty() ? root : root + '/' + inside;
  tree.digest = digest;
  return tree;
}

OpenedTree open_tree(store::Store& store, const TreeSource& source, Observer& observer) {
  const std::string digest = std::string(kTreeFormat) + ':' + source.sha256.to_string();
  return ensure_tree(store, source.name, digest, observer, [&](int target) {
    unpack(source, target, observer);
    return Json::array({Json::array({"tree", source.sha256.to_string()}),
                        Json::array({"file", source.file_name})});
  });
}

}  // namespace gbox::build
