// The files of a root as a loader sees them: found by path, read once.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "elf_file.h"
#include "gbox/content/paths.h"

namespace gbox::content {

class Objects {
 public:
  // `rootfd` is borrowed; `symbols` are looked for in each ELF file.
  Objects(int rootfd, Look look, std::vector<std::string_view> symbols);

  [[nodiscard]] Resolved resolve(std::string_view path) const;
  // The regular file at the end of all links, if there is one.
  [[nodiscard]] std::optional<std::string> file_at(std::string_view path) const;
  // Of a resolved path. nullptr: no ELF file.
  [[nodiscard]] const Elf* elf(const std::string& path);
  // Up to `most` bytes from the start of a file at a resolved path; "" when it cannot be read.
  [[nodiscard]] std::string head(const std::string& path, std::size_t most) const;
  [[nodiscard]] bool is_executable(const std::string& path) const;

 private:
  int rootfd_;
  Look look_;
  std::vector<std::string_view> symbols_;
  std::unordered_map<std::string, std::optional<Elf>> elves_;
};

}  // namespace gbox::content
