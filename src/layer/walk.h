// Going over a tree with Descent: which entries of which directory are still to be visited. Used by
// all that copies, merges or compares trees.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "descent.h"
#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/sys/fd.h"

namespace gbox::layer {

inline constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

// The entries of one directory that are still to be visited.
struct Pending {
  std::vector<std::string> names;
  std::size_t next = 0;
};

// Visits a tree: `visit(name)` returns whether it went down into that entry, `leave()` goes back
// up (not from the root).
template <class List, class Visit, class Leave>
void walk(const List& list, const Visit& visit, const Leave& leave) {
  std::vector<Pending> stack;
  stack.push_back({list(), 0});
  while (!stack.empty()) {
    Pending& here = stack.back();
    if (here.next < here.names.size()) {
      const std::string name = std::move(here.names[here.next++]);
      if (visit(name)) stack.push_back({list(), 0});
      continue;
    }
    stack.pop_back();
    if (!stack.empty()) leave();
  }
}

// As walk(), over all entries of `tree`, which `visit` and `leave` take down and up. Errors of a
// visit say where it was.
template <class Visit, class Leave>
void walk_tree(Descent& tree, const std::function<void()>& check_interrupt, const Visit& visit,
               const Leave& leave) {
  walk(
      [&] {
        if (check_interrupt) check_interrupt();
        return sys::list_directory(tree.fd(), ".");
      },
      [&](const std::string& name) {
        try {
          return visit(name);
        } catch (Error& error) {
          error.add_context(quoted(tree.path_of(name)));
          throw;
        }
      },
      leave);
}

}  // namespace gbox::layer
