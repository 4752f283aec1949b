// Everything that is in a finished root, read once: kinds, modes, sizes and where links lead. Its
// bytes came out of an image, so counts and depths are bounded; nothing is opened but directories,
// and no link is followed.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "gbox/content/paths.h"

namespace gbox::content {

constexpr std::size_t kMaxFiles = 5'000'000;
constexpr unsigned kMaxDepth = 256;  // each level holds a descriptor

struct File {
  std::string path;  // absolute; no component but the last can be a link
  Seen::Kind kind = Seen::Kind::other;
  mode_t mode = 0;
  uid_t uid = 0;
  gid_t gid = 0;
  std::uint64_t size_bytes = 0;  // of a file's content; 0 for all else
  // Of a file of several names: the first of them in byte order, for that one too. Empty for a file
  // of one name.
  std::string linked_to;
  std::string target;  // of a link
};

class Tree {
 public:
  // `rootfd` is borrowed. Throws Error (input) past the limits, and what `check` throws.
  static Tree scan(int rootfd, const std::function<void()>& check = {});
  // As if it had been scanned.
  explicit Tree(std::vector<File> files);
  Tree() = default;

  // In byte order of their paths, without the root itself.
  [[nodiscard]] const std::vector<File>& files() const noexcept { return files_; }
  [[nodiscard]] const File* at(std::string_view path) const;
  // For resolve(). The tree must live as long.
  [[nodiscard]] Look look() const;

 private:
  void index();

  std::vector<File> files_;
  std::unordered_map<std::string_view, std::size_t> places_;  // views of files_' own paths
};

}  // namespace gbox::content
