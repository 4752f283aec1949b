// Paths inside a finished root, resolved as after chroot and without asking the kernel to follow
// anything: where '/lib64/libc.so.6' is on a merged /usr, where a chain of links ends. The rules
// are here once; what is at a path comes from whoever asks, so that they hold for a directory on
// disk as for a list in memory.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace gbox::content {

constexpr unsigned kMaxLinks = 40;              // as the kernel's
constexpr std::size_t kMaxPathBytes = 1 << 14;  // of what links are expanded to

// What lies at a path whose parents are no links.
struct Seen {
  enum class Kind { directory, file, link, other };
  Kind kind = Kind::other;
  std::string target;  // of a link
};
// `path` is absolute and without links among its parents. nullopt: nothing is there.
using Look = std::function<std::optional<Seen>(const std::string& path)>;

enum class Follow {
  parents,  // the last component may be a link and is left as it is
  all,
};

struct Resolved {
  enum class State { found, missing, loop };
  State state = State::missing;
  // Absolute, no '.', '..' or links but perhaps the last. Of something missing: as far as it could
  // be followed, the rest behind it as spelled.
  std::string path;
  std::optional<Seen> seen;  // of what was found
};

// `path` is taken from the root whether it begins with '/' or not; '..' at the root stays there.
Resolved resolve(const Look& look, std::string_view path, Follow follow);

// Directory of an absolute path ("/" of "/x"), and its last component.
std::string parent_of(std::string_view path);
std::string_view name_of(std::string_view path);

// What is on disk beneath an open root, each path asked for once. The root must not change.
class DiskPaths {
 public:
  // `rootfd` is borrowed.
  explicit DiskPaths(int rootfd) : rootfd_(rootfd) {}
  // The path with its parents resolved: what a package installed as '/lib64/x' is '/usr/lib64/x'
  // on a merged /usr. Nothing need be there.
  [[nodiscard]] std::string canonical(std::string_view path);
  [[nodiscard]] Resolved find(std::string_view path, Follow follow);

 private:
  std::optional<Seen> look(const std::string& path);

  int rootfd_;
  std::map<std::string, std::optional<Seen>> seen_;
  std::map<std::string, std::string> directories_;  // as spelled → resolved
};

}  // namespace gbox::content
