// Which package brought a file into a root, after Portage's database of installed packages (the
// VDB) in it. Everything it holds came out of an image: sizes and counts are bounded, no link is
// followed out of the root, what is broken is passed over. Nothing is run. Called for the closure
// check, reports of sizes, lists of contents and layers by package.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "gbox/portage/installed.h"

namespace gbox::content {

constexpr std::string_view kDatabase = "var/db/pkg";  // relative to a root
constexpr std::size_t kMaxPackages = 20'000;
constexpr std::size_t kMaxFieldBytes = 1u << 20;

struct InstalledPackage {
  std::string category;
  std::string name;
  std::string version;  // with its revision
  // Files of the VDB that say something about it, trimmed; those that are absent are not here:
  // SLOT, repository, EAPI, USE, IUSE, KEYWORDS, LICENSE, HOMEPAGE, DESCRIPTION, SIZE, COUNTER,
  // BUILD_TIME, CHOST, DEPEND, RDEPEND, PDEPEND, BDEPEND, IDEPEND, NEEDED.ELF.2, PROVIDES,
  // REQUIRES, INHERITED, PF.
  std::map<std::string, std::string, std::less<>> fields;
  // What it installed, paths with their parents resolved in this root: '/usr/lib64/libc.so.6' and
  // not '/lib64/libc.so.6' on a merged /usr. In the order of CONTENTS. A file may be gone by now.
  std::vector<portage::InstalledEntry> entries;

  [[nodiscard]] std::string package() const { return category + '/' + name; }
  [[nodiscard]] std::string cpv() const { return package() + '-' + version; }
  [[nodiscard]] const std::string& field(std::string_view field_name) const;  // "" when absent
};

// One line of NEEDED.ELF.2: what an object of the package asks for and is called by.
struct NeededObject {
  std::string path;    // absolute, as installed (parents not resolved)
  std::string soname;  // "" when it has none
  std::vector<std::string> needed;
  std::string abi;  // Portage's multilib category, such as "x86_64"; "" in old entries
};
std::vector<NeededObject> needed_objects(const InstalledPackage& package);

// Sonames that PROVIDES (or REQUIRES, for what it asks of others) lists, as "ABI/SONAME", such as
// "x86_64/libz.so.1".
std::vector<std::string> sonames(const InstalledPackage& package, std::string_view field);

class Owners {
 public:
  Owners() = default;
  // Reads the VDB beneath `rootfd` (borrowed). Empty when there is none.
  static Owners read(int rootfd);
  // As if they had been read; `packages` in any order, entries' paths resolved.
  explicit Owners(std::vector<InstalledPackage> packages);

  // By category, name and version, in byte order.
  [[nodiscard]] const std::vector<InstalledPackage>& packages() const noexcept { return packages_; }
  // Who installed the file or link at this resolved path; nullptr: nobody. Directories belong to
  // many, and have no owner. Where several claim a file, the one installed last (COUNTER) has it.
  [[nodiscard]] const InstalledPackage* owner(std::string_view path) const;
  // By "category/name-version" or "category/name" (its highest slot's is not looked for: the
  // first).
  [[nodiscard]] const InstalledPackage* find(std::string_view name) const;

 private:
  void index();

  std::vector<InstalledPackage> packages_;
  std::unordered_map<std::string, std::size_t> owners_;  // path → index
};

// Whether there is a VDB beneath `rootfd` with a package in it.
bool has_database(int rootfd);

}  // namespace gbox::content
