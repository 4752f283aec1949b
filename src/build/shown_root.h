// What an image shows of a chain of snapshots: its root, who owns the files in it, and the rules by
// which times and the like are shown (gbox/content/normal.h). For packing one layer: it holds a
// mount, and is not for several threads.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gbox/content/normal.h"
#include "gbox/content/owners.h"
#include "gbox/layer/pack.h"
#include "gbox/store/store.h"
#include "root.h"

namespace gbox::build {

// With how many snapshots of the chain, lowest first, the database of packages of `root` was seen
// last; 0: never.
std::size_t database_depth(store::Store& store, const std::vector<std::string>& chain,
                           const std::string& root);

// Who owns the files of an image: what its database of packages says, or, where a later step has
// trimmed it away, what it said last. `chain` is lowest first, `root` the image's ("/destination").
content::Owners owners_of(store::Store& store, const std::vector<std::string>& chain,
                          const std::string& root);

// The directory `root` of a mounted chain; nullopt when there is none yet.
std::optional<sys::Fd> open_root(int mount, const std::string& root);

class ShownRoot : public layer::Rewriter {
 public:
  // `chain` up to the snapshot whose layer is packed.
  ShownRoot(store::Store& store, const std::vector<std::string>& chain, const std::string& root,
            std::int64_t epoch);

  [[nodiscard]] const content::Owners& owners() const noexcept { return owners_; }
  [[nodiscard]] const content::InstalledPackage* owner_of(const std::string& path) const {
    return normalizer_.owner_of(path);
  }

  [[nodiscard]] bool leaves_out(const std::string& path) const override;
  [[nodiscard]] std::int64_t mtime(const layer::Entry& entry) const override;
  [[nodiscard]] bool may_rewrite(const layer::Entry& entry) const override;
  [[nodiscard]] std::string rewritten(const layer::Entry& entry,
                                      std::string content) const override;

 private:
  MountedChain mount_;
  sys::Fd root_;
  content::Owners owners_;
  content::Normalizer normalizer_;
};

}  // namespace gbox::build
