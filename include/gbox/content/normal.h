// What of a finished root says when, in which order and on which machine it was made, and what an
// image says instead, so that equal inputs give equal images. Decisions and texts only: who packs a
// layer asks, file by file. The snapshots keep what steps have written, because later steps and
// Portage go by it.
//
// Left out, as it tells only of the making: emerge's logs, Portage's caches below var/cache/edb
// (it makes them anew), ldconfig's aux-cache (inode numbers), lock files, digests of the binary
// packages that were merged.
// Times: a file that is older than the epoch keeps its own. Of the rest, a package's files, its
// entry in the VDB and the times within both get one time that follows from what the package
// installed: so they stay as they are when the epoch moves or other packages change, and a new
// version has another time, because caches, Python's and web servers' among them, take a file of
// the same time and size for the same. A package's symbolic links get it however old they are:
// merged out of a binary package they have lost their own. All other files get the epoch. A
// directory's time tells when a name in it came or went last, which depends on the order of merges:
// all have one constant. Numbers of merges (COUNTER) follow from the package's name for the same
// reason.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "gbox/content/owners.h"
#include "gbox/content/paths.h"

namespace gbox::content {

// Raised when the same root would be shown otherwise: layers are then packed anew.
constexpr char kNormalFormat[] = "2";
// 2000-01-01: of directories, and from where the times of packages are counted.
constexpr std::int64_t kTimeBase = 946684800;

// The time of what a package brought: between 2000 and the middle of 2008.
std::int64_t time_of_package(const InstalledPackage& package);
// What stands for the number of its merge.
std::uint32_t counter_of_package(std::string_view cpv);

class Normalizer {
 public:
  // `rootfd` is the image's root as the files that are asked about are found in it, `owners` what
  // is said there or was before the database was trimmed. Both are borrowed.
  Normalizer(int rootfd, const Owners& owners, std::int64_t epoch);

  // Paths are relative to the root, without a leading '/'.
  [[nodiscard]] static bool leaves_out(std::string_view path);
  [[nodiscard]] std::int64_t time_of(std::string_view path, Seen::Kind kind,
                                     std::int64_t own) const;
  // Whose file, or entry in the VDB, this is; nullptr: nobody's, or a directory that packages
  // share.
  [[nodiscard]] const InstalledPackage* owner_of(std::string_view path) const;
  [[nodiscard]] static bool may_rewrite(std::string_view path);
  // `path` is a file and `content` all of it.
  [[nodiscard]] std::string rewritten(std::string_view path, std::string content) const;

 private:
  [[nodiscard]] std::int64_t stamp_of(const InstalledPackage& package) const;
  // Of a path within the VDB: the package whose entry it is part of.
  [[nodiscard]] const InstalledPackage* entry_owner(std::string_view path) const;
  [[nodiscard]] std::string rewritten_contents(std::string_view text) const;
  [[nodiscard]] std::string rewritten_metadata(std::string_view entry, std::string_view text) const;
  // The digest that CONTENTS has, or what it is of the file as the image shows it.
  [[nodiscard]] std::string md5_shown(const std::string& path, std::string_view recorded) const;

  int rootfd_;
  const Owners& owners_;
  std::int64_t epoch_;
  mutable DiskPaths paths_;
  std::unordered_map<std::string, const InstalledPackage*> entries_;  // "category/PF"
  mutable std::unordered_map<const InstalledPackage*, std::int64_t> stamps_;
};

}  // namespace gbox::content
