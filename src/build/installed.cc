// What is installed on a chain, and what scripts did to it: see package_facts.h.
#include <sys/stat.h>

#include <algorithm>

#include "gbox/base/text.h"
#include "gbox/portage/installed.h"
#include "gbox/sys/digest.h"
#include "gbox/sys/fd.h"
#include "package_facts.h"

namespace gbox::build {

namespace {

constexpr unsigned kMaxInstalledDepth = 128;

// A directory that is on the way to one of those.
bool leads_there(std::string_view path) {
  return path.empty() || path == "etc" || portage::is_read_by_builds(path);
}

class Walk {
 public:
  Altered run(int root) {
    directory(root, "", 0);
    return std::move(found_);
  }

 private:
  void directory(int dirfd, const std::string& path, unsigned depth) {
    if (depth > kMaxInstalledDepth) return;  // nothing that a build reads lies so deep
    for (const std::string& name : sys::list_directory(dirfd, path.empty() ? "." : path)) {
      const std::string child = path.empty() ? name : path + '/' + name;
      const struct stat status = sys::fstatat(dirfd, name, AT_SYMLINK_NOFOLLOW);
      if (S_ISDIR(status.st_mode)) {
        if (!leads_there(child)) continue;
        const sys::Fd fd = sys::openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        directory(fd.get(), child, depth + 1);
      } else if (portage::is_read_by_builds(child)) {
        found_['/' + child] = state(dirfd, name, status);
      }
    }
  }

  static std::string state(int dirfd, const std::string& name, const struct stat& status) {
    if (S_ISLNK(status.st_mode)) return "link " + sys::readlinkat(dirfd, name);
    if (S_ISCHR(status.st_mode) && status.st_rdev == 0) return "removed";
    if (!S_ISREG(status.st_mode)) return "mode " + std::to_string(status.st_mode);
    const sys::Fd fd = sys::openat(dirfd, name, O_RDONLY | O_NOFOLLOW);
    return std::to_string(status.st_mode) + ' ' + sys::sha256_of(fd.get(), name).hex();
  }

  Altered found_;
};

bool merges_packages(const store::Record& record) {
  if (!record.parts.is_array()) return false;
  for (const Json& part : record.parts)
    if (part.is_array() && part.size() == 2 && part[0] == "definition" && part[1].is_object())
      return part[1].contains("emerge");
  return false;
}

std::map<std::string, std::string> strings_of(const Json& extra, const char* name) {
  std::map<std::string, std::string> strings;
  if (!extra.is_object() || !extra.contains(name) || !extra[name].is_object()) return strings;
  for (const auto& [key, value] : extra[name].items())
    if (value.is_string()) strings[key] = value.get<std::string>();
  return strings;
}

}  // namespace

Altered altered_files(const store::Store& store, const std::string& snapshot) {
  const sys::Fd root = sys::open(store.snapshot_path(snapshot), O_RDONLY | O_DIRECTORY);
  return Walk().run(root.get());
}

Installed::Installed(const store::Store& store, const std::vector<std::string>& chain) {
  std::map<std::string, store::Record> by_snapshot;
  for (store::Record& record : store.records())
    if (std::find(chain.begin(), chain.end(), record.snapshot) != chain.end())
      by_snapshot[record.snapshot] = std::move(record);
  for (const std::string& id : chain) {
    const auto found = by_snapshot.find(id);
    if (found == by_snapshot.end() || found->second.kind != "phase") continue;
    const store::Record& record = found->second;
    if (record.extra.is_object() && record.extra.contains("merged")) {
      for (const auto& [cpv, key] : strings_of(record.extra, "merged")) keys_[cpv] = key;
      altered(strings_of(record.extra, "altered"));
    } else if (merges_packages(record)) {
      keys_.clear();  // what it merged, and over what, is not known one by one
    } else {
      altered(altered_files(store, id));
    }
  }
}

void Installed::altered(const Altered& more) {
  for (const auto& [path, state] : more) altered_[path] = state;
}

void Installed::forget() {
  keys_.clear();
  known_ = false;
}

std::string Installed::key_of(const std::string& cpv, int rootfd) const {
  const auto found = keys_.find(cpv);
  if (found == keys_.end()) return {};
  if (!altered_.empty())
    for (const portage::InstalledEntry& entry : portage::installed_entries(rootfd, cpv))
      if (altered_.contains(entry.path)) return {};
  return found->second;
}

std::string Installed::strays() const {
  if (altered_.empty()) return {};
  return sha256(canonical_json(Json(altered_))).to_string();
}

Json Installed::describe(const std::map<std::string, std::string>& merged, const Altered& altered) {
  return {{"merged", merged}, {"altered", altered}};
}

}  // namespace gbox::build
