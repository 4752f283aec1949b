// Taking stock, and throwing away with the store's lock held exclusively: no build is under way, so
// whatever nothing refers to is garbage.
#include "gbox/store/gc.h"

#include <sys/stat.h>

#include <algorithm>

#include "collector.h"
#include "gbox/base/text.h"
#include "gbox/sys/file.h"
#include "impl.h"
#include "names.h"
#include "tree_size.h"

namespace gbox::store {

namespace {

constexpr std::string_view kDoing = "gbox cache gc";

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
    const std::string cache = "git/" + name;
    if (const auto status = sys::try_fstatat(root.get(), cache, AT_SYMLINK_NOFOLLOW))
      files.push_back({cache, status->st_mtime, tree_size(root.get(), cache).bytes});
  }
  std::stable_sort(files.begin(), files.end(),
                   [](const InputFile& a, const InputFile& b) { return a.used < b.used; });
  return files;
}

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
