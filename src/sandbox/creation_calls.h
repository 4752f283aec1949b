// What makes files, where the kernel gives all of them to its one id: a new file belongs to the ids
// of whoever makes it, and to the group of a directory with the setgid bit. Where that is 0:0, as
// mostly, the kernel does all.
#pragma once

#include <string>

#include "filter.h"
#include "owner_calls.h"

namespace gbox::sandbox {

class CreationCalls {
 public:
  // All are borrowed.
  CreationCalls(CallerView& view, const CredentialTable& credentials, OwnerCalls& owners)
      : view_(view), credentials_(credentials), owners_(owners) {}

  Answer open(const Call& call, int dirfd, std::uint64_t path, int flags, mode_t mode);
  Answer mkdir(const Call& call, int dirfd, std::uint64_t path, mode_t mode);
  Answer symlink(const Call& call, std::uint64_t target, int dirfd, std::uint64_t path);
  // Of devices, which are recorded whoever makes them, and of other kinds.
  Answer mknod(const Call& call, int dirfd, std::uint64_t path, mode_t mode, std::uint32_t device);

 private:
  struct Place {
    sys::Fd directory;
    std::string name;
    sys::Owner owner;  // of what is made there
  };
  // nullopt: the kernel is to do the call.
  [[nodiscard]] std::optional<Place> place_of(const Call& call, int dirfd, std::uint64_t path);
  Answer record(const Place& place, mode_t type, const sys::Owner& owner);

  CallerView& view_;
  const CredentialTable& credentials_;
  OwnerCalls& owners_;
};

// Opening is only looked at where it may make a file.
ArgumentBits creating_open(std::string_view call);

}  // namespace gbox::sandbox
