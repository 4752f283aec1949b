// What a root file system holds of an installed package, after Portage's database of them (the
// VDB). All of it comes out of an image: bounded, never followed out of the root.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gbox/base/digest.h"

namespace gbox::portage {

constexpr std::size_t kMaxContentsBytes = 128u << 20;  // of one package; kernel sources take 10 MiB
constexpr std::size_t kMaxContentsEntries = 1'000'000;

struct InstalledEntry {
  enum class Kind { directory, file, link, other };
  Kind kind = Kind::other;
  std::string path;    // absolute
  std::string target;  // of a link
  std::string md5;     // of a file, as recorded
};

// The entries of a CONTENTS file. Lines that are none are passed over.
std::vector<InstalledEntry> parse_contents(std::string_view text);

// CONTENTS of `cpv` below `rootfd`; empty when there is none.
std::vector<InstalledEntry> installed_entries(int rootfd, const std::string& cpv);

// Whether builds look at `path` (relative to the root): where compilers, linkers and build systems
// look, but for documentation, locales and the like. Configuration and state are not: emerge itself
// changes them all the time (ld.so.cache, say).
bool is_read_by_builds(std::string_view path);

// Identity of an installed package by what a build can see of it: name, SLOT, USE, and kind, mode
// and content of what it installed where builds look, as it is now. Not times, owners, counters,
// nor where or when it was built. Reads all of its files: some 1 GB/s.
Digest installed_digest(int rootfd, const std::string& cpv);

}  // namespace gbox::portage
