// Packages of the store into a directory.
#include <algorithm>

#include "gbox/base/text.h"
#include "gbox/build/share.h"
#include "share_caches.h"
#include "share_write.h"
#include "waiting.h"

namespace gbox::build {

namespace {

constexpr std::string_view kCachePrefix = "cache:";

bool is_called(const store::Package& package, const std::string& name) {
  return package.step == name || package.phase == name || package.cpv == name ||
         (!package.phase.empty() && package.step == package.phase + '/' + name);
}

// All, or those that go by one of `names`.
std::vector<store::Package> chosen(const store::Store& store,
                                   const std::vector<std::string>& names) {
  std::vector<store::Package> all = store.packages();
  if (names.empty()) return all;
  std::vector<store::Package> some;
  for (const std::string& name : names) {
    if (name.starts_with(kCachePrefix)) continue;
    if (std::any_of(all.begin(), all.end(),
                    [&](const auto& each) { return is_called(each, name); }))
      continue;
    std::vector<std::string> known;
    for (const store::Package& package : all) {
      known.push_back(package.step);
      known.push_back(package.phase);
    }
    const std::string near = nearest(name, known);
    throw Error("no package of a step " + quoted(name), ExitCode::usage)
        .set_hint(near.empty() ? "'gbox cache ls' lists packages"
                               : "did you mean " + quoted(near) + "?");
  }
  for (store::Package& package : all)
    if (std::any_of(names.begin(), names.end(),
                    [&](const std::string& name) { return is_called(package, name); }))
      some.push_back(std::move(package));
  return some;
}

// The ids of all, or of those that are named.
std::vector<std::string> chosen_caches(const store::Store& store,
                                       const std::vector<std::string>& names) {
  const std::vector<std::string> all = caches_in(store);
  if (names.empty()) return all;
  std::vector<std::string> some;
  for (const std::string& name : names) {
    if (!name.starts_with(kCachePrefix)) continue;
    std::string id = name.substr(kCachePrefix.size());
    if (std::find(all.begin(), all.end(), id) == all.end())
      throw Error("no cache " + quoted(id), ExitCode::usage)
          .set_hint(all.empty() ? "the store has none" : "there are " + quoted_list(all));
    some.push_back(std::move(id));
  }
  return some;
}

}  // namespace

ShareResult export_packages(store::Store& store, const std::string& directory,
                            const std::vector<std::string>& steps, Observer& observer) {
  return with_context("export to " + quoted(directory), [&] {
    const sys::FileLock lease = store.lease("gbox cache export", waiting(observer));
    const std::vector<std::string> caches = chosen_caches(store, steps);
    const std::vector<store::Package> packages = chosen(store, steps);
    make_shared_directory(directory);
    ShareResult result = write_packages(store, directory, packages, {}, observer);
    write_caches(store, directory, caches, observer, result);
    return result;
  });
}

}  // namespace gbox::build
