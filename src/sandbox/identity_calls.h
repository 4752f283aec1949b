// setuid, getuid and their kin, where the kernel has one id only: the ids are what set*id(2) said
// last (credentials.h).
#pragma once

#include "caller_view.h"
#include "credentials.h"
#include "gbox/sandbox/notified.h"

namespace gbox::sandbox {

// An id of the call's arguments: i386 has most of these calls twice, and the older ones take ids of
// 16 bits. -1 is kUnchanged in either.
std::uint32_t id_argument(const Call& call, std::size_t index);

class IdentityCalls {
 public:
  // Both are borrowed.
  IdentityCalls(CallerView& view, CredentialTable& credentials)
      : view_(view), credentials_(credentials) {}

  enum class Kind { user, group };
  Answer set_one(const Call& call, Kind kind);          // setuid(2)
  Answer set_two(const Call& call, Kind kind);          // setreuid(2)
  Answer set_three(const Call& call, Kind kind);        // setresuid(2)
  Answer set_file_system(const Call& call, Kind kind);  // setfsuid(2)
  Answer set_groups(const Call& call);
  Answer get_real(const Call& call, Kind kind);
  Answer get_effective(const Call& call, Kind kind);
  Answer get_three(const Call& call, Kind kind);  // getresuid(2)
  Answer get_groups(const Call& call);
  Answer prctl(const Call& call);  // PR_SET_KEEPCAPS

 private:
  [[nodiscard]] bool is_elsewhere(const Call& call);
  [[nodiscard]] Privileged privileged(const Call& call, const Credentials& who, Kind kind) const;
  template <class Change>
  Answer change(const Call& call, Kind kind, std::size_t count, Change change);
  Answer get_one(const Call& call, Kind kind, std::uint32_t IdSet::*member);

  CallerView& view_;
  CredentialTable& credentials_;
  ino_t user_namespace_ = 0;  // the step's
};

}  // namespace gbox::sandbox
