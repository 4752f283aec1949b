// Secrets that a build may use and must not keep: given by the caller, seen by the phases that
// mount them, and taken out of every log. What a step writes is searched for them before it becomes
// a snapshot. What a step does to a secret (compress it, encode it) is beyond both.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/build/build.h"

namespace gbox::build {

constexpr std::size_t kShortestSecret = 6;  // bytes; what is shorter is found everywhere
constexpr std::size_t kLongestSecret = 1u << 20;

using Secrets = std::map<std::string, std::string>;  // id → bytes

// Reads what the options name. Throws Error (usage or input) for what cannot be read, is too long
// or too short.
Secrets read_secrets(const std::vector<SecretSource>& sources);

// What is looked for: each secret and, of one of several lines, each line that is long enough.
std::vector<std::string> secret_words(const Secrets& secrets);

// Replaces secrets in a stream by "***", also where they come in pieces: with any to look for,
// lines are handed on whole (no word holds a newline), very long ones in parts.
class Redactor {
 public:
  Redactor(std::vector<std::string> words, std::function<void(std::string_view)> out);
  void add(std::string_view text);
  void finish();  // nothing more comes

 private:
  void replace();  // what `held_` holds whole

  std::vector<std::string> words_;  // the longest first
  std::function<void(std::string_view)> out_;
  std::string held_;
};

// The paths below a directory of files that hold one of `words`, of links that lead to one, and of
// entries whose name does. Throws SysError.
std::vector<std::string> files_with_secrets(int dirfd, const std::vector<std::string>& words);

}  // namespace gbox::build
