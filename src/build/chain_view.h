// A chain of snapshots as one plain directory, where the kernel mounts no overlay: the one
// snapshot, or all of them merged by hard links. Nothing is ever written to it. Made once for a
// chain, and kept while somebody uses it or it is among the last that were used.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gbox/store/store.h"
#include "gbox/sys/fd.h"

namespace gbox::build {

class ChainView {
 public:
  // O_RDONLY, and its absolute path.
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  ChainView(std::string path, bool own);
  ChainView(const ChainView&) = delete;
  ChainView& operator=(const ChainView&) = delete;
  ~ChainView();

 private:
  std::string path_;
  bool own_;  // ours to remove
  sys::Fd fd_;
};

// `snapshots` are ids, lowest first, at least one. May be called from several threads.
std::shared_ptr<const ChainView> view_chain(store::Store& store,
                                            const std::vector<std::string>& snapshots);

}  // namespace gbox::build
