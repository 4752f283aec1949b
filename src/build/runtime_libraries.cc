#include "runtime_libraries.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "gbox/base/text.h"
#include "gbox/content/owners.h"
#include "gbox/content/paths.h"
#include "gbox/portage/version.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/fd.h"
#include "gbox/sys/file.h"
#include "take_over.h"

namespace gbox::build {

namespace {

using content::InstalledPackage;
using content::NeededObject;

// Of profiles with gcc, and of those with clang; categories of both times.
constexpr std::array kCompilers = {
    "sys-devel/gcc",           "llvm-runtimes/libcxx",      "llvm-runtimes/libcxxabi",
    "llvm-runtimes/libunwind", "llvm-runtimes/compiler-rt", "sys-libs/libcxx",
    "sys-libs/libcxxabi",      "sys-libs/llvm-libunwind",   "sys-libs/compiler-rt",
};
// glibc opens it when a thread is cancelled, and for backtraces: no object names it.
constexpr const char* kOpenedByLibc = "libgcc_s.so.1";

using Wish = std::pair<std::string, std::string>;  // ABI, soname

std::set<Wish> wishes_of(const content::Owners& owners) {
  std::set<Wish> wanted;
  std::set<Wish> there;
  for (const InstalledPackage& package : owners.packages())
    for (const NeededObject& object : content::needed_objects(package)) {
      if (!object.soname.empty()) there.insert({object.abi, object.soname});
      for (const std::string& name : object.needed) {
        wanted.insert({object.abi, name});
        if (name == "libc.so.6") wanted.insert({object.abi, kOpenedByLibc});
      }
    }
  std::set<Wish> missing;
  std::set_difference(wanted.begin(), wanted.end(), there.begin(), there.end(),
                      std::inserter(missing, missing.end()));
  return missing;
}

// The compilers of '/', the newest first: its libraries serve what older ones compiled.
std::vector<const InstalledPackage*> compilers_of(const content::Owners& owners) {
  std::vector<const InstalledPackage*> found;
  for (const char* name : kCompilers) {
    const std::size_t before = found.size();
    for (const InstalledPackage& package : owners.packages())
      if (package.package() == name) found.push_back(&package);
    std::sort(found.begin() + static_cast<std::ptrdiff_t>(before), found.end(),
              [](const InstalledPackage* a, const InstalledPackage* b) {
                return portage::compare_versions(a->version, b->version) > 0;
              });
  }
  return found;
}

class Choice {
 public:
  explicit Choice(int rootfd)
      : paths_(rootfd), owners_(content::Owners::read(rootfd)), compilers_(compilers_of(owners_)) {}

  // Takes what is there of the wishes, and what that asks for in turn.
  void choose(std::set<Wish> wishes) {
    while (!wishes.empty()) {
      std::set<Wish> more;
      for (const Wish& wish : wishes) {
        if (!seen_.insert(wish).second) continue;
        if (const auto found = provider(wish)) take(*found, more);
      }
      wishes = std::move(more);
    }
  }

  // By cpv: resolved paths.
  [[nodiscard]] const std::map<std::string, std::set<std::string>>& files() const { return files_; }
  [[nodiscard]] const std::set<std::string>& sonames() const { return sonames_; }
  std::string canonical(std::string_view path) { return paths_.canonical(path); }

 private:
  struct Found {
    const InstalledPackage* package;
    NeededObject object;
  };

  std::optional<Found> provider(const Wish& wish) const {
    for (const InstalledPackage* compiler : compilers_)
      for (NeededObject& object : content::needed_objects(*compiler))
        if (object.abi == wish.first && object.soname == wish.second)
          return Found{compiler, std::move(object)};
    return std::nullopt;
  }

  void take(const Found& found, std::set<Wish>& more) {
    std::set<std::string>& files = files_[found.package->cpv()];
    const std::string path = paths_.canonical(found.object.path);
    files.insert(path);
    sonames_.insert(found.object.soname);
    // The link that it is looked for by.
    files.insert(content::parent_of(path) + '/' + found.object.soname);
    for (const std::string& name : found.object.needed) more.insert({found.object.abi, name});
  }

  content::DiskPaths paths_;
  content::Owners owners_;
  std::vector<const InstalledPackage*> compilers_;
  std::map<std::string, std::set<std::string>> files_;
  std::set<std::string> sonames_;
  std::set<Wish> seen_;
};

bool is_searched_anyway(const std::string& directory) {
  return directory == "/usr/lib" || directory == "/usr/lib64" || directory == "/lib" ||
         directory == "/lib64";
}

// "LDPATH=\"/a:/b\"" of a file of env.d.
std::vector<std::string> ldpath_of(int directory, const std::string& name) {
  const auto status = sys::try_fstatat(directory, name, AT_SYMLINK_NOFOLLOW);
  if (!status || !S_ISREG(status->st_mode)) return {};
  const sys::Fd file = sys::openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  std::string text(1u << 16, '\0');
  text.resize(sys::read_full(file.get(), std::as_writable_bytes(std::span(text)), name));
  for (const std::string& line : split(text, '\n')) {
    constexpr std::string_view kStart = "LDPATH=";
    if (!line.starts_with(kStart)) continue;
    std::string value = line.substr(kStart.size());
    std::erase_if(value, [](char c) { return c == '"' || c == '\''; });
    return split(value, ':');
  }
  return {};
}

// A file of '/etc/env.d' that names the directory, if there is one.
std::optional<std::string> file_naming(int top, const std::string& directory) {
  const auto env =
      sys::try_open_beneath(top, "etc/env.d", O_RDONLY | O_DIRECTORY, sys::Resolve::in_root);
  if (!env) return std::nullopt;
  for (const std::string& name : sys::list_directory(env->get(), "/etc/env.d")) {
    const std::vector<std::string> paths = ldpath_of(env->get(), name);
    if (std::find(paths.begin(), paths.end(), directory) != paths.end()) return name;
  }
  return std::nullopt;
}

// As in '/', where gcc-config wrote it for the compiler, but with the libraries' place alone.
void add_to_search(int rootfd, int root, const std::set<std::string>& directories) {
  std::map<std::string, std::vector<std::string>> files;
  for (const std::string& directory : directories) {
    if (is_searched_anyway(directory) || file_naming(root, directory)) continue;
    files[file_naming(rootfd, directory).value_or("04compiler-runtime")].push_back(directory);
  }
  for (const auto& [name, paths] : files) {
    const sys::Fd env = sys::ensure_directories_in_root(root, "etc/env.d");
    const sys::Fd open = sys::openat(env.get(), ".", O_RDONLY | O_DIRECTORY);
    sys::write_file_atomically(open.get(), name, "LDPATH=\"" + join(paths, ":") + "\"\n", 0644);
  }
}

}  // namespace

RuntimeLibraries add_runtime_libraries(int rootfd, const std::string& root) {
  RuntimeLibraries result;
  const auto open = sys::try_open_beneath(rootfd, sys::normalized_relative(root),
                                          O_RDONLY | O_DIRECTORY, sys::Resolve::in_root);
  if (!open) return result;
  const std::set<Wish> wishes = wishes_of(content::Owners::read(open->get()));
  if (wishes.empty()) return result;
  Choice choice(rootfd);
  choice.choose(wishes);
  std::set<std::string> directories;
  for (const auto& [cpv, files] : choice.files()) {
    const TakenOver taken = take_over(rootfd, root, cpv, [&](std::string_view path) {
      return files.contains(choice.canonical(path));
    });
    for (const std::string& path : files) directories.insert(content::parent_of(path));
    if (taken.files != 0) result.packages.push_back(cpv);
  }
  add_to_search(rootfd, open->get(), directories);
  result.sonames.assign(choice.sonames().begin(), choice.sonames().end());
  return result;
}

std::string runtime_text(const std::string& root, const RuntimeLibraries& libraries) {
  if (libraries.packages.empty()) return "";
  return root + ": " + join(libraries.sonames, ", ") + " taken over from " +
         join(libraries.packages, ", ") + " in '/'";
}

}  // namespace gbox::build
