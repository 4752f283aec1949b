#include "unmerge_watch.h"

#include <algorithm>
#include <map>
#include <utility>

#include "gbox/base/text.h"
#include "gbox/content/tree.h"
#include "gbox/sys/interrupt.h"

namespace gbox::build {

UnmergeWatch::UnmergeWatch(std::function<sys::Fd()> open)
    : open_(std::move(open)), before_(look()) {}

UnmergeWatch::State UnmergeWatch::look() const {
  const sys::Fd root = open_();
  State state;
  state.owners = content::Owners::read(root.get());
  const content::Tree tree = content::Tree::scan(root.get(), [] { sys::check_interrupt(); });
  for (const content::File& file : tree.files()) {
    if (file.kind == content::Seen::Kind::directory) continue;
    ++state.files;
    if (file.linked_to.empty() || file.linked_to == file.path) state.bytes += file.size_bytes;
  }
  return state;
}

std::vector<std::string> UnmergeWatch::installed() const {
  std::vector<std::string> cpvs;
  for (const content::InstalledPackage& package : before_.owners.packages())
    cpvs.push_back(package.cpv());
  return cpvs;
}

UnmergeWatch::Result UnmergeWatch::finish() const {
  const State after = look();
  Result result;
  // What it wrote meanwhile (a log) may outweigh nothing that went.
  result.saving.bytes = before_.bytes - std::min(before_.bytes, after.bytes);
  result.saving.files = before_.files - std::min(before_.files, after.files);
  for (const content::InstalledPackage& package : before_.owners.packages())
    if (after.owners.find(package.cpv()) == nullptr)
      result.saving.packages.push_back(package.cpv());
  result.broken = content::broken_by_removal(before_.owners, after.owners);
  return result;
}

std::vector<std::string> words_of(const std::vector<content::Broken>& broken) {
  std::map<std::string, std::vector<const content::Broken*>> by_removed;
  for (const content::Broken& each : broken) by_removed[each.removed].push_back(&each);
  std::vector<std::string> lines;
  for (const auto& [removed, all] : by_removed) {
    const content::Broken& first = *all.front();
    std::string line = quoted(removed) + " is still needed by " + quoted(first.package) + " (" +
                       printable(first.needs) + ')';
    if (all.size() > 1) line += " and " + std::to_string(all.size() - 1) + " more";
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace gbox::build
