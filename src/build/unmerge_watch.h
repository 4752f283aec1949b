// What an unmerge takes from a root, and what it breaks: the root is looked at before and after.
#pragma once

#include <functional>
#include <string>

#include "gbox/content/dependents.h"
#include "gbox/sys/fd.h"
#include "savings.h"

namespace gbox::build {

class UnmergeWatch {
 public:
  // `open` gives the root's directory each time it is asked, as it is then.
  explicit UnmergeWatch(std::function<sys::Fd()> open);

  // Packages of the root, by category, name and version.
  [[nodiscard]] std::vector<std::string> installed() const;

  struct Result {
    Saving saving;  // without its line
    std::vector<content::Broken> broken;
  };
  [[nodiscard]] Result finish() const;

 private:
  struct State {
    content::Owners owners;
    std::uint64_t bytes = 0;
    std::size_t files = 0;
  };
  [[nodiscard]] State look() const;

  std::function<sys::Fd()> open_;
  State before_;
};

// "'sys-libs/readline-8.2' is still needed: by 'app-shells/bash-5.2' (libreadline.so.8) and 3
// more", a line for each package that went.
std::vector<std::string> words_of(const std::vector<content::Broken>& broken);

}  // namespace gbox::build
