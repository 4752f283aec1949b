#include "gbox/layer/copy.h"

#include "copy_entry.h"
#include "gbox/sys/beneath.h"
#include "linked_copies.h"

namespace gbox::layer {

class EntryCopies::Links : public LinkedCopies {};

EntryCopies::EntryCopies(int top) : top_(top), links_(std::make_unique<Links>()) {}
EntryCopies::~EntryCopies() = default;

void EntryCopies::copy(int from_dirfd, const std::string& name, const struct stat& status,
                       int to_dirfd, const std::string& to_path) {
  if (S_ISREG(status.st_mode))
    links_->put(from_dirfd, name, status, to_dirfd, top_,
                to_path.empty() ? name : to_path + '/' + name, OverlayNames::keep);
  else
    copy_special(from_dirfd, name, status, to_dirfd, OverlayNames::keep);
}

sys::Fd ensure_directory_like(int from, int to, const std::string& path) {
  if (auto there = sys::try_open_directory(to, path)) return std::move(*there);
  const auto [parent, name] = sys::split_last(path);
  const sys::Fd above = ensure_directory_like(from, to, parent);
  sys::mkdirat(above.get(), name, 0755);
  sys::Fd made = sys::openat(above.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (const auto original = sys::try_open_directory(from, path))
    apply_directory_metadata(made.get(), directory_metadata(original->get(), OverlayNames::keep));
  return made;
}

}  // namespace gbox::layer
