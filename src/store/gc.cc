// Taking stock and throwing away. Everything here that removes runs with the store's lock held
// exclusively: no build is under way, so whatever nothing refers to is garbage.
#include "gbox/store/gc.h"

#include <sys/stat.h>

#include <algorithm>
#include <map>

#include "gbox/base/text.h"
#include "gbox/sys/file.h"
#include "gc_order.h"
#include "impl.h"
#include "names.h"
#include "tree_size.h"

namespace gbox::store {

namespace {

constexpr std::string_view kDoing = "gbox cache gc";
const std::string kGitDirectory = "git/";

std::set<std::string> recorded_snapshots(const std::vector<Record>& records) {
  std::set<std::string> ids;
  for (const Record& record : records) ids.insert(record.snapshot);
  return ids;
}

bool all_in(const std::vector<std::string>& ids, const std::set<std::string>& known) {
  return std::all_of(ids.begin(), ids.end(),
                     [&](const std::string& id) { return known.contains(id); });
}

}  // namespace

DiskUsage Store::disk_usage() const {
  DiskUsage usage;
  for (const std::string& id : list(fd(), "snapshots")) {
    if (!is_snapshot_id(id)) continue;
    ++usage.snapshots;
    if (const auto info = snapshot_info(id)) usage.snapshots_bytes += info->size_bytes;
  }
  const auto add_files = [&](const std::string& directory, std::uint64_t& bytes) {
    std::size_t count = 0;
    for (const std::string& name : list(fd(), directory)) {
      const auto status = sys::try_fstatat(fd(), directory + '/' + name, AT_SYMLINK_NOFOLLOW);
      if (!status) continue;
      ++count;
      bytes += static_cast<std::uint64_t>(status->st_blocks) * 512;
    }
    return count;
  };
  usage.blobs = add_files("blobs/sha256", usage.blobs_bytes);
  usage.logs = add_files("logs", usage.logs_bytes);
  for (const InputFile& file : impl_->list_inputs()) {
    ++usage.inputs;
    usage.inputs_bytes += file.bytes;
  }
  for (const FailedStep& failed : failed_steps()) {
    ++usage.failed;
    usage.failed_bytes += failed.size_bytes;
  }
  for (const Package& package : packages()) {
    ++usage.packages;
    usage.packages_bytes += package.size_bytes;
  }
  usage.records = records().size();
  return usage;
}

void Store::Impl::remove_records(const std::set<std::string>& keys) {
  const std::vector<Record> records = list_records();
  std::set<std::string> gone;
  for (const Record& record : records)
    if (keys.contains(record.key)) gone.insert(record.snapshot);
  // Records first: a kill in between leaves snapshots without a record, which the next gc takes.
  for (const Record& record : records) {
    const bool upon = std::any_of(record.parents.begin(), record.parents.end(),
                                  [&](const std::string& id) { return gone.contains(id); });
    if (!keys.contains(record.key) && !upon) continue;
    gone.insert(record.snapshot);
    drop_record(record.key);
  }
  for (const std::string& id : gone) discard(snapshot_dir(id));
}

std::vector<InputFile> Store::Impl::list_inputs() const {
  std::vector<InputFile> files;
  const auto add = [&](const std::string& file) {
    const auto status = sys::try_fstatat(root.get(), file, AT_SYMLINK_NOFOLLOW);
    if (status && S_ISREG(status->st_mode))
      files.push_back(
          {file, status->st_mtime, static_cast<std::uint64_t>(status->st_blocks) * 512});
  };
  for (const char* directory : {"inputs", "distfiles", "incoming"})
    for (const std::string& name : list(root.get(), directory))
      add(std::string(directory) + '/' + name);
  std::vector<std::string> pending = {"binpkgs"};
  while (!pending.empty()) {
    const std::string directory = std::move(pending.back());
    pending.pop_back();
    for (const std::string& name : list(root.get(), directory)) {
      const std::string file = directory + '/' + name;
      const auto status = sys::try_fstatat(root.get(), file, AT_SYMLINK_NOFOLLOW);
      if (status && S_ISDIR(status->st_mode))
        pending.push_back(file);
      else
        add(file);
    }
  }
  for (const std::string& name : list(root.get(), "git")) {
    const std::string cache = kGitDirectory + name;
    if (const auto status = sys::try_fstatat(root.get(), cache, AT_SYMLINK_NOFOLLOW))
      files.push_back({cache, status->st_mtime, tree_size(root.get(), cache).bytes});
  }
  std::stable_sort(files.begin(), files.end(),
                   [](const InputFile& a, const InputFile& b) { return a.used < b.used; });
  return files;
}

namespace {

// One pass over each directory; called with the store to ourselves.
class Collector {
 public:
  Collector(Store& store, Store::Impl& impl, const GcPolicy& policy)
      : store_(store), impl_(impl), policy_(policy) {}

  void collect() {
    impl_.sweep_leftovers();
    drop_unsound_records();
    drop_unsound_packages();
    drop_old_failures();
    drop_snapshots();
    drop_layers();
    drop_blobs();
    drop_logs();
    drop_incoming();
    drop_memos();
    drop_locks();
  }

  // False when nothing more can or must go.
  bool make_room() {
    if (drop_inputs()) return true;
    const std::vector<Record> records = store_.records();
    const auto size_of = [&](const Record& record) {
      std::uint64_t bytes = record.size_bytes;
      for (const auto& [file, entry] : layers_)
        if (std::find(entry.key.snapshots.begin(), entry.key.snapshots.end(), record.snapshot) !=
            entry.key.snapshots.end())
          bytes += entry.layer.size_bytes;
      return bytes;
    };
    const Chosen chosen = choose_unused(records, store_.packages(), policy_,
                                        store_.disk_usage().total_bytes(), size_of);
    if (chosen.empty()) return false;
    drop_failures_upon(records, chosen.records);
    impl_.remove_records(chosen.records);
    for (const std::string& key : chosen.packages) impl_.drop_package(key);
    return true;
  }

  [[nodiscard]] std::size_t logs() const noexcept { return logs_; }

 private:
  void unlink(const std::string& relative) {
    (void)::unlinkat(impl_.root.get(), relative.c_str(), 0);  // what stays is tried again next time
  }

  bool is_old(const std::string& relative) {
    const auto status = sys::try_fstatat(impl_.root.get(), relative, AT_SYMLINK_NOFOLLOW);
    return status && policy_.now - status->st_mtime > policy_.failed_for.count();
  }

  void drop_unsound_records() {
    const std::vector<Record> records = store_.records();
    const std::set<std::string> known = recorded_snapshots(records);
    std::set<std::string> keep;
    for (const Record& record : records)
      if (all_in(record.parents, known)) keep.insert(record.key + ".json");
    for (const std::string& name : list(impl_.root.get(), "records"))
      if (!keep.contains(name)) unlink("records/" + name);
    impl_.forget_listing();
  }

  // A package needs no record: merging it again is what it is kept for.
  void drop_unsound_packages() {
    for (const std::string& name : list(impl_.root.get(), "packages")) {
      std::string why;
      if (!is_key(name) || !impl_.load_package(name, why)) impl_.drop_package(name);
    }
  }

  void drop_old_failures() {
    for (const std::string& name : list(impl_.root.get(), "failed"))
      if (is_old("failed/" + name + "/meta.json")) impl_.discard("failed/" + name);
  }

  // A failure whose lower snapshots are gone cannot be opened any more.
  void drop_failures_upon(const std::vector<Record>& records, const std::set<std::string>& keys) {
    std::set<std::string> going;
    for (const Record& record : records)
      if (keys.contains(record.key)) going.insert(record.snapshot);
    for (const FailedStep& failed : store_.failed_steps())
      if (std::any_of(failed.parents.begin(), failed.parents.end(),
                      [&](const std::string& id) { return going.contains(id); }))
        store_.forget_failed(failed.step);
  }

  void drop_snapshots() {
    std::set<std::string> wanted = recorded_snapshots(store_.records());
    for (const FailedStep& failed : store_.failed_steps())
      wanted.insert(failed.parents.begin(), failed.parents.end());
    for (const std::string& id : list(impl_.root.get(), "snapshots"))
      if (!wanted.contains(id)) impl_.discard("snapshots/" + id);
  }

  void drop_layers() {
    layers_.clear();
    const std::set<std::string> known = recorded_snapshots(store_.records());
    for (const std::string& file : list(impl_.root.get(), "layers")) {
      std::string why;
      const auto stored = impl_.load_layer(file, why);
      if (stored && all_in(stored->value.key.snapshots, known))
        layers_.emplace(file, stored->value);
      else
        unlink("layers/" + file);
    }
  }

  void drop_blobs() {
    std::set<std::string> wanted;
    for (const auto& [file, entry] : layers_) wanted.insert(entry.layer.digest.hex());
    for (const std::string& name : list(impl_.root.get(), "blobs/sha256"))
      if (!wanted.contains(name)) unlink("blobs/sha256/" + name);
  }

  // Inputs that went unused for too long, and the least recently used while there is too little
  // room. False when none had to go.
  bool drop_inputs() {
    std::uint64_t used = store_.disk_usage().total_bytes();
    bool any = false;
    for (const InputFile& file : impl_.list_inputs()) {
      const bool expired =
          policy_.unused_for && policy_.now - file.used > policy_.unused_for->count();
      const bool crowded = policy_.max_bytes && used > *policy_.max_bytes;
      if (!expired && !crowded) break;  // the rest was used later still
      // One that stays is no progress: to count it would keep the caller going for ever.
      const bool gone = file.path.starts_with(kGitDirectory)
                            ? impl_.discard(file.path)
                            : ::unlinkat(impl_.root.get(), file.path.c_str(), 0) == 0;
      if (!gone) continue;
      used -= std::min(used, file.bytes);
      any = true;
    }
    return any;
  }

  // What was never finished or never verified.
  void drop_incoming() {
    for (const std::string& name : list(impl_.root.get(), "incoming"))
      if (is_old("incoming/" + name)) unlink("incoming/" + name);
  }

  void drop_memos() {
    for (const std::string& name : list(impl_.root.get(), "memo"))
      if (is_old("memo/" + name)) unlink("memo/" + name);
  }

  // Logs of interrupted builds have neither record nor failure: they stay for a while.
  void drop_logs() {
    std::set<std::string> wanted;
    for (const Record& record : store_.records()) wanted.insert(record.log);
    for (const Package& package : store_.packages()) wanted.insert(package.log);
    for (const FailedStep& failed : store_.failed_steps()) wanted.insert(failed.log);
    for (const std::string& name : list(impl_.root.get(), "logs")) {
      if (wanted.contains(name) || !is_old("logs/" + name)) continue;
      unlink("logs/" + name);
      ++logs_;
    }
  }

  void drop_locks() {
    for (const std::string& name : list(impl_.root.get(), "locks")) {
      if (!name.starts_with("key-")) continue;
      const std::string path = "locks/" + name;
      // Removed while held, so that a waiter notices and takes the new file.
      if (sys::FileLock::try_lock(impl_.root.get(), path, sys::LockMode::exclusive, kDoing))
        unlink(path);
    }
  }

  Store& store_;
  Store::Impl& impl_;
  const GcPolicy& policy_;
  std::size_t logs_ = 0;
  std::map<std::string, LayerEntry> layers_;
};

}  // namespace

GcResult Store::collect_garbage(const GcPolicy& policy) {
  GcResult result;
  const auto alone = impl_->try_exclusive(kDoing, result.busy);
  if (!alone) return result;
  GcPolicy dated = policy;
  if (dated.now == 0) dated.now = unix_now();
  const DiskUsage before = disk_usage();
  Collector collector(*this, *impl_, dated);
  collector.collect();
  while (collector.make_room()) collector.collect();
  const DiskUsage after = disk_usage();
  const auto fewer = [](auto was, auto is) { return was - std::min(was, is); };
  result.freed_bytes = fewer(before.total_bytes(), after.total_bytes());
  result.records = fewer(before.records, after.records);
  result.snapshots = fewer(before.snapshots, after.snapshots);
  result.packages = fewer(before.packages, after.packages);
  result.blobs = fewer(before.blobs, after.blobs);
  result.failed = fewer(before.failed, after.failed);
  result.inputs = fewer(before.inputs, after.inputs);
  result.logs = collector.logs();
  return result;
}

}  // namespace gbox::store
