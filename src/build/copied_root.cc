#include "copied_root.h"

#include <sys/mount.h>

#include <utility>

#include "chain_view.h"
#include "gbox/base/text.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/file.h"
#include "gbox/sys/interrupt.h"
#include "gbox/sys/mount.h"

namespace gbox::build {

namespace {

constexpr char kPlace[] = "scratch/root";

sys::Fd empty_directory(const store::Work& work) {
  sys::ensure_directories(work.fd(), "scratch");
  sys::remove_tree(work.fd(), kPlace);  // of an earlier shell in a failed step
  sys::mkdirat(work.fd(), kPlace, 0700);
  return sys::openat(work.fd(), kPlace, O_RDONLY | O_DIRECTORY);
}

std::string path_of(int fd) {
  return sys::readlinkat(AT_FDCWD, "/proc/self/fd/" + std::to_string(fd));
}

}  // namespace

CopiedRoot::CopiedRoot(store::Store& store, const store::Work& work,
                       const std::vector<std::string>& parents,
                       const std::vector<std::string>& targets)
    : root_(empty_directory(work)) {
  const auto check = [] { sys::check_interrupt(); };
  if (!parents.empty()) layer::copy_tree(view_chain(store, parents)->fd(), root_.get(), check);
  replica_ = layer::Replica::remember(root_.get(), check);
  const std::string top = path_of(root_.get());
  for (const std::string& target : targets) {
    // Where it really is: the root may have links on the way.
    const std::string made =
        path_of(sys::ensure_directories_in_root(root_.get(), target).get()).substr(top.size());
    replica_.allow(root_.get(), sys::normalized_relative(made));
  }
  if (!sys::list_directory(work.fs_fd(), "fs").empty())
    layer::lay_over(work.fs_fd(), root_.get(), check);
}

sys::Fd CopiedRoot::mount() const {
  return sys::open_tree(root_.get(), "", sys::Recursive::no);
}

void CopiedRoot::write_changes(const store::Work& work) const {
  const sys::Fd upper = sys::openat(work.fs_fd(), ".", O_RDONLY | O_DIRECTORY);
  for (const std::string& name : sys::list_directory(upper.get(), "fs"))
    sys::remove_tree(upper.get(), name);
  replica_.difference(root_.get(), upper.get(), [] { sys::check_interrupt(); });
}

}  // namespace gbox::build
