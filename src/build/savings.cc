#include "savings.h"

#include <sys/stat.h>

#include <set>
#include <utility>

#include "gbox/sys/fd.h"
#include "gbox/sys/file.h"
#include "gbox/sys/interrupt.h"

namespace gbox::build {

namespace {

using Inodes = std::set<std::pair<dev_t, ino_t>>;

// Before it goes. What cannot be opened is not counted; removing it will tell.
void measure(int dirfd, const std::string& name, Removed& removed, Inodes& seen) {
  const auto status = sys::try_fstatat(dirfd, name, AT_SYMLINK_NOFOLLOW);
  if (!status) return;
  if (!S_ISDIR(status->st_mode)) {
    ++removed.files;
    const bool first = status->st_nlink < 2 || seen.emplace(status->st_dev, status->st_ino).second;
    if (S_ISREG(status->st_mode) && first)
      removed.bytes += static_cast<std::uint64_t>(status->st_size);
    return;
  }
  sys::check_interrupt();
  const auto directory = sys::try_openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!directory) return;
  for (const std::string& each : sys::list_directory(directory->get(), name))
    measure(directory->get(), each, removed, seen);
}

}  // namespace

Json to_json(const std::vector<Saving>& savings) {
  Json list = Json::array();
  for (const Saving& saving : savings) {
    Json one = {{"line", saving.line}, {"bytes", saving.bytes}, {"files", saving.files}};
    if (!saving.packages.empty()) one["packages"] = saving.packages;
    list.push_back(std::move(one));
  }
  return list;
}

std::vector<Saving> savings_of(const Json& extra) {
  std::vector<Saving> savings;
  if (!extra.is_object()) return savings;
  const auto list = extra.find("saved");
  if (list == extra.end() || !list->is_array()) return savings;
  for (const Json& one : *list) {
    if (!one.is_object() || !one.contains("line") || !one["line"].is_string()) continue;
    Saving saving;
    saving.line = one["line"].get<std::string>();
    if (const auto bytes = one.find("bytes"); bytes != one.end() && bytes->is_number_unsigned())
      saving.bytes = bytes->get<std::uint64_t>();
    if (const auto files = one.find("files"); files != one.end() && files->is_number_unsigned())
      saving.files = files->get<std::size_t>();
    if (const auto packages = one.find("packages"); packages != one.end() && packages->is_array())
      for (const Json& each : *packages)
        if (each.is_string()) saving.packages.push_back(each.get<std::string>());
    savings.push_back(std::move(saving));
  }
  return savings;
}

void remove_entry(int dirfd, const std::string& name, Removed& removed) {
  Inodes seen;
  measure(dirfd, name, removed, seen);
  sys::remove_tree(dirfd, name);
  ++removed.entries;
}

}  // namespace gbox::build
