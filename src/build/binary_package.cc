#include "binary_package.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "gbox/base/text.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/file.h"

namespace gbox::build {

namespace {

constexpr std::size_t kMaxPackagesBytes = 16u << 20;
constexpr std::size_t kMaxStanzaBytes = 200u << 10;

struct Found {
  sys::Fd directory;
  std::string name;
  std::string path;  // relative to PKGDIR
};

bool is_binary_package(std::string_view name) {
  constexpr std::array kEndings = {".gpkg.tar", ".xpak", ".tbz2"};
  return std::any_of(kEndings.begin(), kEndings.end(),
                     [&](const char* ending) { return name.ends_with(ending); });
}

// CATEGORY/PACKAGE/PF-ID.gpkg.tar, or CATEGORY/PF.gpkg.tar without FEATURES=binpkg-multi-instance.
// What lies there is the step's own doing: names and links of its choosing lead nowhere else.
std::optional<Found> find_package(int packages, const std::string& cpv) {
  const auto [category, version] = sys::split_last(sys::normalized_relative(cpv));
  std::vector<std::string> directories = {category};
  if (const auto top = sys::try_open_beneath(packages, category, O_RDONLY | O_DIRECTORY,
                                             sys::Resolve::no_symlinks))
    for (const std::string& name : sys::list_directory(top->get(), category))
      if (version.starts_with(name + '-')) directories.push_back(category + '/' + name);
  for (const std::string& directory : directories) {
    auto opened = sys::try_open_beneath(packages, directory, O_RDONLY | O_DIRECTORY,
                                        sys::Resolve::no_symlinks);
    if (!opened) continue;
    for (const std::string& name : sys::list_directory(opened->get(), directory)) {
      if (!is_binary_package(name) ||
          !(name.starts_with(version + '-') || name.starts_with(version + '.')))
        continue;
      const auto status = sys::try_fstatat(opened->get(), name, AT_SYMLINK_NOFOLLOW);
      if (status && S_ISREG(status->st_mode))
        return Found{std::move(*opened), name, directory + '/' + name};
    }
  }
  return std::nullopt;
}

// The entry of 'Packages' for the file at `path`; empty when there is none.
std::string stanza_of(int packages, const std::string& path) {
  const std::string text =
      sys::try_read_beneath(packages, "Packages", kMaxPackagesBytes, sys::Resolve::no_symlinks)
          .value_or("");
  const std::string mark = "\nPATH: " + path + '\n';
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find("\n\n", at), text.size());
    const std::string stanza = text.substr(at, end - at) + '\n';
    if (('\n' + stanza).find(mark) != std::string::npos)
      return stanza.size() > kMaxStanzaBytes ? std::string() : stanza;
    at = end + 2;
  }
  return {};
}

}  // namespace

bool keep_package(const StepContext& context, const std::string& directory,
                  store::Package package) {
  const sys::Fd packages = sys::open(directory, O_RDONLY | O_DIRECTORY);
  const auto found = find_package(packages.get(), package.cpv);
  if (!found) {
    context.observer.warn({"emerge made no binary package of " + quoted(package.cpv),
                           "is FEATURES=-buildpkg set for it, or PKGDIR? It is compiled again "
                           "whenever another phase or spec needs it"});
    return false;
  }
  package.file = found->name;
  package.path = found->path;
  package.stanza = stanza_of(packages.get(), found->path);
  (void)context.store.put_package(found->directory.get(), found->name, std::move(package));
  return true;
}

void show_packages(const store::Store& store, const std::vector<store::Package>& packages,
                   const std::string& directory) {
  const sys::Fd target = sys::open(directory, O_RDONLY | O_DIRECTORY);
  for (const store::Package& package : packages) {
    const std::string path = sys::normalized_relative(package.path);
    sys::ensure_directories(target.get(), sys::split_last(path).first);
    const std::string file = store.package_file(package);
    if (::linkat(AT_FDCWD, file.c_str(), target.get(), path.c_str(), 0) != 0)
      throw SysError(errno, "link " + quoted(file));
  }
}

}  // namespace gbox::build
