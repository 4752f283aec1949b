// Text files of an ebuild repository or of a configuration directory, read without trust: names
// are resolved beneath the directory, sizes, lines and depth are limited. Absence is a value.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/base/error.h"
#include "gbox/portage/atom.h"
#include "gbox/sys/fd.h"

namespace gbox::portage {

constexpr std::uint64_t kMaxRepositoryFileBytes = 8u << 20;  // use.local.desc has about 1 MiB
constexpr unsigned kMaxRepositoryFileDepth = 8;              // of directories read as one file
constexpr std::size_t kMaxDirectoryEntries = 100000;

// Nothing for what is absent and for a link that leaves the directory or leads in circles.
std::optional<sys::Fd> try_open_in(int dirfd, const std::string& path, int flags);
// Nothing too for what is no regular file. Throws Error (input) past the limit.
std::optional<std::string> try_read_in(int dirfd, const std::string& path);
// The names in a directory; empty when there is none.
std::vector<std::string> list_in(int dirfd, const std::string& path);

struct Line {
  std::vector<std::string> words;  // at least one; a word that begins with '#' ends the line
  Location where;                  // the file's path beneath the directory, and the line
};

// The lines of the file at `path`, or of every file below the directory of that name in the order
// in which Portage reads them. Comments and empty lines are left out.
std::vector<Line> read_lines(int dirfd, const std::string& path);
std::vector<Line> lines_of(std::string_view text, const std::string& file);

// One line of a package.* file.
struct PackageLine {
  Atom atom;
  bool removal = false;  // "-category/name": takes the same atom of an earlier file away
  std::vector<std::string> values;
  Location where;
};
// Lines that hold no atom are skipped: Portage complains about them itself.
std::vector<PackageLine> read_package_lines(int dirfd, const std::string& path);

// Assignments of make.defaults and make.conf: KEY="…", with ${KEY} of `known` and of what came
// before. Nothing is executed; what is no assignment is skipped. Later wins; each assignment is
// also entered into `known`.
using Variables = std::map<std::string, std::string>;
Variables parse_variables(std::string_view text, Variables& known);

// Applies words to a list as Portage's incremental variables do: "-x" removes, "-*" empties.
void stack_words(std::vector<std::string>& list, const std::vector<std::string>& words);

}  // namespace gbox::portage
