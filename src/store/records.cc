// Records: found, published, listed, removed.
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "gbox/base/text.h"
#include "gbox/sys/file.h"
#include "impl.h"
#include "names.h"

namespace gbox::store {

namespace {

constexpr std::string_view kEnding = ".json";

}  // namespace

bool Store::Impl::has_snapshot(std::string_view id) const {
  require_snapshot_id(id);
  const auto status = sys::try_fstatat(root.get(), snapshot_dir(id) + "/fs", AT_SYMLINK_NOFOLLOW);
  return status && S_ISDIR(status->st_mode);
}

std::optional<Stored<Record>> Store::Impl::load_record(std::string_view key,
                                                       std::string& why) const {
  why.clear();
  try {
    const auto fd = sys::try_openat(root.get(), record_path(key), O_RDONLY | O_NOFOLLOW);
    if (!fd) return std::nullopt;
    Stored<Record> stored = parse_record(sys::read_file(root.get(), record_path(key)));
    Record& record = stored.value;
    record.used = sys::fstat(fd->get()).st_mtime;
    if (record.key != key) {
      why = "it is of another key";
    } else if (!boot_is_ours(stored.boot)) {
      why = "it was not yet on disk when the machine stopped";
    } else if (!has_snapshot(record.snapshot)) {
      why = "its snapshot is gone";
    } else if (!std::all_of(record.parents.begin(), record.parents.end(),
                            [&](const std::string& id) { return has_snapshot(id); })) {
      why = "a snapshot it was built upon is gone";
    } else {
      return stored;
    }
  } catch (const Error& error) {
    why = error.message();
  }
  return std::nullopt;
}

void Store::Impl::drop_record(std::string_view key) {
  // Its snapshot is left to gc: another process may be reading it.
  (void)::unlinkat(root.get(), record_path(key).c_str(), 0);  // gone already is as good
  forget_listing();
}

void Store::Impl::forget_listing() const {
  const std::lock_guard guard(listing_mutex);
  listing.reset();
}

std::optional<Record> Store::Impl::write_record(const Record& record) {
  const std::string temporary = "records/.tmp-" + sys::random_hex(8);
  struct Remove {
    int dirfd;
    const std::string& path;
    ~Remove() { (void)::unlinkat(dirfd, path.c_str(), 0); }  // a leftover is swept by gc
  } const remove{root.get(), temporary};
  // Not synced: a record that a power cut tears is damaged, and its boot mark says the rest.
  sys::write_file_atomically(root.get(), temporary, record_text(record, boot_), 0600,
                             sys::Durable::no);
  for (int attempt = 0; attempt < kMaxPublishAttempts; ++attempt) {
    // link(2), not rename: exactly one publisher of a key wins, on every file system.
    if (::linkat(root.get(), temporary.c_str(), root.get(), record_path(record.key).c_str(), 0) ==
        0) {
      forget_listing();
      return std::nullopt;
    }
    if (errno != EEXIST) throw SysError(errno, "write record of step " + quoted(record.step));
    std::string why;
    const auto other = load_record(record.key, why);
    if (other && other->value.parents == record.parents) return other->value;
    drop_record(record.key);  // damaged, or upon snapshots this build does not use
  }
  throw Error("write record of step " + quoted(record.step) + ": others keep writing it");
}

std::vector<Record> Store::Impl::list_records() const {
  std::vector<Record> records;
  for (const std::string& name : list(root.get(), "records")) {
    if (!name.ends_with(kEnding)) continue;
    const std::string key = name.substr(0, name.size() - kEnding.size());
    std::string why;
    if (!is_key(key)) continue;
    if (auto stored = load_record(key, why)) records.push_back(std::move(stored->value));
  }
  std::stable_sort(records.begin(), records.end(),
                   [](const Record& a, const Record& b) { return a.used < b.used; });
  return records;
}

std::optional<Record> Store::peek_record(std::string_view key) const {
  require_key(key);
  std::string why;
  auto stored = impl_->load_record(key, why);
  if (!stored) return std::nullopt;
  return std::move(stored->value);
}

std::optional<Record> Store::find_record(std::string_view key) {
  require_key(key);
  std::string why;
  const sys::FileLock gate = impl_->uses.enter();
  auto stored = impl_->load_record(key, why);
  if (!stored) {
    if (why.empty()) return std::nullopt;
    impl_->drop_record(key);
    impl_->warn("record " + short_key(key) + " is dropped, its step will run again: " + why);
    return std::nullopt;
  }
  // The snapshots by name as well: another process may replace the record.
  std::vector<std::string> used = {record_path(key), snapshot_dir(stored->value.snapshot)};
  for (const std::string& parent : stored->value.parents) used.push_back(snapshot_dir(parent));
  impl_->uses.note(gate, used);
  if (stamp(fd(), record_path(key))) stored->value.used = unix_now();
  if (!stored->boot.empty()) {
    const std::lock_guard guard(impl_->mutex);
    impl_->unsynced_records.insert(std::string(key));
  }
  return std::move(stored->value);
}

void Store::forget_record(std::string_view key) {
  require_key(key);
  impl_->drop_record(key);
}

std::optional<Record> Store::find_record(std::string_view key,
                                         const std::vector<std::string>& parents) {
  std::optional<Record> record = find_record(key);
  if (!record || record->parents == parents) return record;
  // No warning: the step runs again because its parent did, which the plan says already.
  impl_->drop_record(key);
  return std::nullopt;
}

std::optional<Record> Store::latest_record_of(std::string_view step, std::string_view spec) const {
  const std::lock_guard guard(impl_->listing_mutex);
  if (!impl_->listing) impl_->listing = impl_->list_records();
  const Record* latest = nullptr;
  const auto rank = [&](const Record& record) {
    return std::pair(record.spec == spec, record.created);
  };
  for (const Record& record : *impl_->listing)
    if (record.step == step && (latest == nullptr || rank(record) >= rank(*latest)))
      latest = &record;
  if (latest == nullptr) return std::nullopt;
  return *latest;
}

std::vector<Record> Store::records() const {
  return impl_->list_records();
}

void Store::sync() {
  std::set<std::string> keys;
  std::set<std::string> packages;
  std::set<std::string> layers;
  {
    const std::lock_guard guard(impl_->mutex);
    keys.swap(impl_->unsynced_records);
    packages.swap(impl_->unsynced_packages);
    layers.swap(impl_->unsynced_layers);
  }
  if (keys.empty() && packages.empty() && layers.empty()) return;
  if (::syncfs(fd()) != 0) throw SysError(errno, "sync store " + quoted(impl_->path));
  // Only now may the marks go: what these files name is on disk.
  for (const std::string& key : keys) {
    std::string why;
    if (const auto stored = impl_->load_record(key, why))
      sys::write_file_atomically(fd(), record_path(key), record_text(stored->value, {}), 0600);
  }
  for (const std::string& key : packages) {
    std::string why;
    if (const auto stored = impl_->load_package(key, why)) {
      sys::write_file_atomically(fd(), package_facts(key), package_text(stored->value, {}), 0600);
      sys::fsync(sys::openat(fd(), package_dir(key), O_RDONLY | O_DIRECTORY).get(), "a package");
    }
  }
  for (const std::string& file : layers) {
    std::string why;
    if (const auto stored = impl_->load_layer(file, why))
      sys::write_file_atomically(fd(), "layers/" + file, layer_text(stored->value, {}), 0600);
  }
  for (const char* directory : {"records", "packages", "layers"})
    sys::fsync(sys::openat(fd(), directory, O_RDONLY | O_DIRECTORY).get(), directory);
}

}  // namespace gbox::store
