// What an image shows of a chain of snapshots: its root, who owns the files in it, and the rules by
// which times and the like are shown (gbox/content/normal.h). For packing one layer: it holds a
// mount, and is not for several threads.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
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

// `root` ("/"), and those of `others` that are below it ("/destination"): each has a database of
// its own. Sorted, `root` first.
std::vector<std::string> shown_roots(const std::string& root,
                                     const std::vector<std::string>& others);

class ShownRoot : public layer::Rewriter {
 public:
  // `chain` up to the snapshot whose layer is packed; `roots` as of shown_roots(): the first is the
  // image's.
  ShownRoot(store::Store& store, const std::vector<std::string>& chain,
            const std::vector<std::string>& roots, std::int64_t epoch);

  [[nodiscard]] const content::InstalledPackage* owner_of(std::string_view path) const;

  [[nodiscard]] bool leaves_out(const std::string& path) const override;
  [[nodiscard]] std::int64_t mtime(const layer::Entry& entry) const override;
  [[nodiscard]] bool may_rewrite(const layer::Entry& entry) const override;
  [[nodiscard]] std::string rewritten(const layer::Entry& entry,
                                      std::string content) const override;

 private:
  struct Part {
    Part(store::Store& store, const std::vector<std::string>& chain, int mount,
         const std::string& root, std::string prefix, std::int64_t epoch);
    std::string prefix;  // of the paths in it: "" or "destination/"
    sys::Fd fd;
    content::Owners owners;
    content::Normalizer normalizer;
  };
  // The innermost root that holds it; cuts the path down to what it is there.
  [[nodiscard]] const Part& part_of(std::string_view& path) const;

  MountedChain mount_;
  std::deque<Part> parts_;  // of which none moves: normalizers borrow from them
};

}  // namespace gbox::build
