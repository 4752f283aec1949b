// The system's git, run so that nothing of the caller's, the host's or the repository's own
// configuration takes part: no home directory, no system file, no hooks, no prompts, no helpers, no
// attributes that change files on the way out. Used by git_tree.cc.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/sys/process.h"

namespace gbox::build {

class Git {
 public:
  // Throws Error (host) when git is not installed. `repository` is a bare repository's directory,
  // "" for commands that need none.
  explicit Git(std::string repository = {});

  // Makes the bare repository, or renews what decides how it behaves; clears what a killed git left
  // there. The caller holds its lock.
  void ensure_repository() const;

  [[nodiscard]] sys::HelperOutput run(const std::vector<std::string>& arguments,
                                      std::string_view deed) const;
  // Its output, less the newline at the end; nullopt when it fails.
  [[nodiscard]] std::optional<std::string> try_text(const std::vector<std::string>& arguments,
                                                    std::string_view deed) const;
  // Its output is read while it runs.
  [[nodiscard]] sys::RunningHelper start(const std::vector<std::string>& arguments,
                                         std::string_view deed) const;

 private:
  [[nodiscard]] std::vector<std::string> command(const std::vector<std::string>& arguments) const;

  std::string program_;
  std::string repository_;
  sys::HelperInput input_;
};

// What went wrong: git's first 'fatal:' or 'error:' line that says something, without that word.
std::string git_reason(const sys::HelperOutput& output);

}  // namespace gbox::build
