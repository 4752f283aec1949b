// Going over a tree with Descent: which entries of which directory are still to be visited. Used by
// flatten.cc and replica.cc.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace gbox::layer {

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

}  // namespace gbox::layer
