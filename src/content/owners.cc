#include "gbox/content/owners.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <tuple>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/content/paths.h"
#include "gbox/portage/version.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/fd.h"
#include "gbox/sys/interrupt.h"

namespace gbox::content {

namespace {

using portage::InstalledEntry;

constexpr std::array kFields = {
    "BDEPEND",  "BUILD_TIME",   "CHOST",   "COUNTER",   "DEPEND",    "DESCRIPTION",
    "EAPI",     "HOMEPAGE",     "IDEPEND", "INHERITED", "IUSE",      "KEYWORDS",
    "LICENSE",  "NEEDED.ELF.2", "PDEPEND", "PF",        "PROVIDES",  "RDEPEND",
    "REQUIRES", "SIZE",         "SLOT",    "USE",       "repository"};

// A link in the way, or a name that no file can have: an image's own affair, and nothing is there.
std::optional<sys::Fd> try_open(int dirfd, const std::string& path, int flags,
                                sys::Resolve resolve) {
  try {
    return sys::try_open_beneath(dirfd, path, flags, resolve);
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::optional<std::string> read_field(int dirfd, const std::string& name, std::size_t limit) {
  const auto fd =
      try_open(dirfd, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW, sys::Resolve::no_symlinks);
  if (!fd) return std::nullopt;
  const struct stat status = sys::fstat(fd->get());
  if (!S_ISREG(status.st_mode)) return std::nullopt;
  std::string text(std::min<std::size_t>(limit, static_cast<std::size_t>(status.st_size)), '\0');
  text.resize(sys::read_full(fd->get(), std::as_writable_bytes(std::span(text)), name));
  return text;
}

std::optional<sys::Fd> open_database(int rootfd) {
  return try_open(rootfd, std::string(kDatabase), O_RDONLY | O_DIRECTORY, sys::Resolve::in_root);
}

// Calls `visit(category, name and version, directory)` until it returns false. Portage's own
// unfinished entries begin with '-'.
template <class Visit>
void each_package(int database, Visit&& visit) {
  for (const std::string& category : sys::list_directory(database, kDatabase)) {
    if (!portage::is_category_name(category)) continue;
    const auto directory = try_open(database, category, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                                    sys::Resolve::no_symlinks);
    if (!directory) continue;
    for (const std::string& name : sys::list_directory(directory->get(), category)) {
      const auto parts = portage::split_name_version(name);
      if (!parts) continue;
      const auto package = try_open(directory->get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                                    sys::Resolve::no_symlinks);
      if (package && !visit(category, *parts, package->get())) return;
    }
  }
}

std::uint64_t counter_of(const InstalledPackage& package) {
  const std::string& text = package.field("COUNTER");
  std::uint64_t value = 0;
  // Nonsense counts as the oldest.
  if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc()) return 0;
  return value;
}

}  // namespace

const std::string& InstalledPackage::field(std::string_view field_name) const {
  static const std::string none;
  const auto found = fields.find(field_name);
  return found == fields.end() ? none : found->second;
}

std::vector<NeededObject> needed_objects(const InstalledPackage& package) {
  // "ARCH;/path;SONAME;RPATH;needed,needed[;ABI]": Portage's own words for it, one object a line.
  std::vector<NeededObject> objects;
  for (const std::string& line : split(package.field("NEEDED.ELF.2"), '\n')) {
    const std::vector<std::string> parts = split(line, ';');
    if (parts.size() < 5 || !parts[1].starts_with('/')) continue;
    NeededObject object;
    object.path = parts[1];
    object.soname = parts[2];
    for (std::string& each : split(parts[4], ','))
      if (!each.empty()) object.needed.push_back(std::move(each));
    if (parts.size() > 5) object.abi = trim(parts[5]);
    objects.push_back(std::move(object));
  }
  return objects;
}

std::vector<std::string> sonames(const InstalledPackage& package, std::string_view field) {
  // "x86_64: libz.so.1 x86_32: libz.so.1"
  std::vector<std::string> result;
  std::string abi;
  for (std::string& word : split_words(package.field(field))) {
    if (word.ends_with(':')) {
      word.pop_back();
      abi = std::move(word);
    } else if (!abi.empty()) {
      result.push_back(abi + '/' + word);
    }
  }
  return result;
}

Owners::Owners(std::vector<InstalledPackage> packages) : packages_(std::move(packages)) {
  index();
}

Owners Owners::read(int rootfd) {
  Owners owners;
  const auto database = open_database(rootfd);
  if (!database) return owners;
  DiskPaths paths(rootfd);
  each_package(database->get(), [&](const std::string& category, const portage::NameVersion& parts,
                                    int directory) {
    sys::check_interrupt();
    if (owners.packages_.size() == kMaxPackages)
      throw Error("read " + quoted(kDatabase) + " of the image: more than " +
                      std::to_string(kMaxPackages) + " packages",
                  ExitCode::input);
    InstalledPackage package;
    package.category = category;
    package.name = parts.name;
    package.version = parts.version;
    for (const char* field : kFields)
      if (auto text = read_field(directory, field, kMaxFieldBytes))
        package.fields.emplace(field, trim(*text));
    if (const auto text = read_field(directory, "CONTENTS", portage::kMaxContentsBytes))
      package.entries = portage::parse_contents(*text);
    for (InstalledEntry& entry : package.entries) entry.path = paths.canonical(entry.path);
    owners.packages_.push_back(std::move(package));
    return true;
  });
  owners.index();
  return owners;
}

void Owners::index() {
  std::sort(packages_.begin(), packages_.end(), [](const auto& a, const auto& b) {
    return std::tie(a.category, a.name, a.version) < std::tie(b.category, b.name, b.version);
  });
  for (std::size_t i = 0; i < packages_.size(); ++i)
    for (const InstalledEntry& entry : packages_[i].entries) {
      if (entry.kind == InstalledEntry::Kind::directory) continue;
      const auto [place, fresh] = owners_.emplace(entry.path, i);
      if (!fresh && counter_of(packages_[i]) > counter_of(packages_[place->second]))
        place->second = i;
    }
}

const InstalledPackage* Owners::owner(std::string_view path) const {
  const auto found = owners_.find(std::string(path));
  return found == owners_.end() ? nullptr : &packages_[found->second];
}

const InstalledPackage* Owners::find(std::string_view name) const {
  for (const InstalledPackage& package : packages_)
    if (package.package() == name || package.cpv() == name) return &package;
  return nullptr;
}

bool has_database(int rootfd) {
  const auto database = open_database(rootfd);
  bool found = false;
  if (database)
    each_package(database->get(), [&](const std::string&, const portage::NameVersion&, int) {
      found = true;
      return false;
    });
  return found;
}

}  // namespace gbox::content
