#include "collector.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "gbox/sys/file.h"
#include "names.h"

namespace gbox::store {

namespace {

const std::string kGitDirectory = "git/";
const std::string kIncoming = "incoming/";

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

void Collector::collect() {
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

bool Collector::make_room() {
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
  static const Held kNothing;
  const Chosen chosen =
      choose_unused(records, store_.packages(), policy_, store_.disk_usage().total_bytes(), size_of,
                    held_ == nullptr ? kNothing : *held_, store_.failed_steps());
  if (chosen.empty()) return false;
  for (const std::string& step : chosen.failed) store_.forget_failed(step);
  drop_failures_upon(records, chosen.records);
  impl_.remove_records(chosen.records);
  for (const std::string& key : chosen.packages) impl_.drop_package(key);
  return true;
}

void Collector::unlink(const std::string& relative) {
  (void)::unlinkat(impl_.root.get(), relative.c_str(), 0);  // what stays is tried again next time
}

bool Collector::is_old(const std::string& relative) {
  const auto status = sys::try_fstatat(impl_.root.get(), relative, AT_SYMLINK_NOFOLLOW);
  return status && policy_.now - status->st_mtime > policy_.failed_for.count();
}

void Collector::drop_unsound_records() {
  const std::vector<Record> records = store_.records();
  std::set<std::string> known = recorded_snapshots(records);
  // One may be used although the record of a parent was replaced meanwhile.
  if (held_ != nullptr) known.insert(held_->snapshots.begin(), held_->snapshots.end());
  std::set<std::string> keep;
  for (const Record& record : records)
    if (all_in(record.parents, known)) keep.insert(record.key + ".json");
  for (const std::string& name : list(impl_.root.get(), "records"))
    if (!keep.contains(name) && !is_held("records/" + name) && !may_be_unfinished(name))
      unlink("records/" + name);
  impl_.forget_listing();
}

// A package needs no record: merging it again is what it is kept for.
void Collector::drop_unsound_packages() {
  for (const std::string& name : list(impl_.root.get(), "packages")) {
    std::string why;
    if (is_held("packages/" + name)) continue;
    if (!is_key(name) || !impl_.load_package(name, why)) impl_.drop_package(name);
  }
}

void Collector::drop_old_failures() {
  for (const std::string& name : list(impl_.root.get(), "failed"))
    if (is_old("failed/" + name + "/meta.json") && !is_held("failed/" + name))
      impl_.discard("failed/" + name);
}

// A failure whose lower snapshots are gone cannot be opened any more.
void Collector::drop_failures_upon(const std::vector<Record>& records,
                                   const std::set<std::string>& keys) {
  std::set<std::string> going;
  for (const Record& record : records)
    if (keys.contains(record.key)) going.insert(record.snapshot);
  for (const FailedStep& failed : store_.failed_steps())
    if (std::any_of(failed.parents.begin(), failed.parents.end(),
                    [&](const std::string& id) { return going.contains(id); }))
      store_.forget_failed(failed.step);
}

void Collector::drop_snapshots() {
  std::set<std::string> wanted = recorded_snapshots(store_.records());
  for (const FailedStep& failed : store_.failed_steps())
    wanted.insert(failed.parents.begin(), failed.parents.end());
  if (held_ != nullptr) wanted.insert(held_->snapshots.begin(), held_->snapshots.end());
  for (const std::string& id : list(impl_.root.get(), "snapshots"))
    if (!wanted.contains(id)) impl_.discard("snapshots/" + id);
}

void Collector::drop_layers() {
  layers_.clear();
  const std::set<std::string> known = recorded_snapshots(store_.records());
  for (const std::string& file : list(impl_.root.get(), "layers")) {
    std::string why;
    const auto stored = impl_.load_layer(file, why);
    if (stored && (all_in(stored->value.key.snapshots, known) || is_held("layers/" + file)))
      layers_.emplace(file, stored->value);
    else if (!may_be_unfinished(file))
      unlink("layers/" + file);
  }
}

void Collector::drop_blobs() {
  std::set<std::string> wanted;
  for (const auto& [file, entry] : layers_) wanted.insert(entry.layer.digest.hex());
  for (const std::string& name : list(impl_.root.get(), "blobs/sha256"))
    if (!wanted.contains(name) && !is_held("blobs/sha256/" + name)) unlink("blobs/sha256/" + name);
}

// Inputs that went unused for too long, and the least recently used while there is too little
// room. False when none had to go.
bool Collector::drop_inputs() {
  std::uint64_t used = store_.disk_usage().total_bytes();
  bool any = false;
  for (const InputFile& file : impl_.list_inputs()) {
    const bool expired =
        policy_.unused_for && policy_.now - file.used > policy_.unused_for->count();
    const bool crowded = policy_.max_bytes && used > *policy_.max_bytes;
    if (!expired && !crowded) break;  // the rest was used later still
    // What is being fetched belongs to whoever fetches it.
    if (is_held(file.path) || (held_ != nullptr && file.path.starts_with(kIncoming))) continue;
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
void Collector::drop_incoming() {
  for (const std::string& name : list(impl_.root.get(), "incoming"))
    if (is_old(kIncoming + name)) unlink(kIncoming + name);
}

void Collector::drop_memos() {
  for (const std::string& name : list(impl_.root.get(), "memo"))
    if (is_old("memo/" + name)) unlink("memo/" + name);
}

// Logs of interrupted builds have neither record nor failure: they stay for a while.
void Collector::drop_logs() {
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

void Collector::drop_locks() {
  for (const std::string& name : list(impl_.root.get(), "locks")) {
    if (!name.starts_with("key-")) continue;
    const std::string path = "locks/" + name;
    // Removed while held, so that a waiter notices and takes the new file.
    if (sys::FileLock::try_lock(impl_.root.get(), path, sys::LockMode::exclusive, "gbox cache gc"))
      unlink(path);
  }
}

}  // namespace gbox::store
