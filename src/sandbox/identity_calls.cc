#include "identity_calls.h"

#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "gbox/sys/idmap.h"

namespace gbox::sandbox {

namespace {

constexpr std::uint32_t kMaxGroups = 65536;  // NGROUPS_MAX
constexpr std::uint32_t kShortUnchanged = 0xffff;
constexpr std::uint16_t kShortOverflow = 65534;  // /proc/sys/fs/overflowuid

bool has_short_ids(const Call& call) {
  return call.architecture == AUDIT_ARCH_I386 && !call.name.ends_with("32") &&
         call.name != "fchownat";
}

std::uint32_t shown(const Call& call, std::uint32_t id) {
  return has_short_ids(call) && id > UINT16_MAX ? kShortOverflow : id;
}

bool write_ids(const Call& call, std::uint64_t address, std::span<const std::uint32_t> ids) {
  if (ids.empty()) return true;
  if (!has_short_ids(call)) return call.write(address, std::as_bytes(ids));
  std::vector<std::uint16_t> narrow;
  for (const std::uint32_t id : ids) narrow.push_back(static_cast<std::uint16_t>(shown(call, id)));
  return call.write(address, std::as_bytes(std::span(narrow)));
}

IdSet& ids_of(Credentials& who, IdentityCalls::Kind kind) {
  return kind == IdentityCalls::Kind::user ? who.user : who.group;
}
const IdSet& ids_of(const Credentials& who, IdentityCalls::Kind kind) {
  return kind == IdentityCalls::Kind::user ? who.user : who.group;
}

Answer answer_of(int error_number) {
  return error_number == 0 ? Answer::result(0) : Answer::error(error_number);
}

}  // namespace

std::uint32_t id_argument(const Call& call, std::size_t index) {
  const auto id = static_cast<std::uint32_t>(call.arguments[index]);
  if (!has_short_ids(call)) return id;
  return (id & kShortUnchanged) == kShortUnchanged ? kUnchanged : id & kShortUnchanged;
}

// A process that made a user namespace of its own has the ids that are mapped there.
bool IdentityCalls::is_elsewhere(const Call& call) {
  const ino_t space = view_.user_namespace(call);
  if (user_namespace_ == 0) user_namespace_ = space;  // of gbox-init, which calls first
  return space != user_namespace_;
}

// The capability is the kernel's and stays with every process; who has given up id 0 has given it
// up as well, unless it said otherwise (capabilities(7), "Effect of user ID changes").
Privileged IdentityCalls::privileged(const Call& call, const Credentials& who, Kind kind) const {
  if (who.user.effective != 0 && (who.keeping == 0 || who.keeping != view_.program(call)))
    return Privileged::no;
  return view_.is_capable(call, kind == Kind::user ? CAP_SETUID : CAP_SETGID) ? Privileged::yes
                                                                              : Privileged::no;
}

template <class Change>
Answer IdentityCalls::change(const Call& call, Kind kind, std::size_t count, Change change) {
  if (is_elsewhere(call)) return Answer::proceed();
  for (std::size_t i = 0; i < count; ++i)
    if (const std::uint32_t id = id_argument(call, i); id != kUnchanged && id >= sys::kImageIds)
      return Answer::error(EINVAL);  // as where the namespace maps the ids of an image
  Credentials who = credentials_.of(call.pid);
  const int error_number = change(ids_of(who, kind), privileged(call, who, kind));
  if (error_number != 0) return Answer::error(error_number);
  if (!call.alive()) return Answer::error(ESRCH);
  return answer_of(credentials_.set(call.pid, std::move(who)));
}

Answer IdentityCalls::set_one(const Call& call, Kind kind) {
  return change(call, kind, 1, [&](IdSet& ids, Privileged power) {
    return set_id(ids, power, id_argument(call, 0));
  });
}

Answer IdentityCalls::set_two(const Call& call, Kind kind) {
  return change(call, kind, 2, [&](IdSet& ids, Privileged power) {
    return set_real_effective(ids, power, id_argument(call, 0), id_argument(call, 1));
  });
}

Answer IdentityCalls::set_three(const Call& call, Kind kind) {
  return change(call, kind, 3, [&](IdSet& ids, Privileged power) {
    return set_real_effective_saved(ids, power, id_argument(call, 0), id_argument(call, 1),
                                    id_argument(call, 2));
  });
}

// Tells the id before, whether or not it could be changed: the call has no error.
Answer IdentityCalls::set_file_system(const Call& call, Kind kind) {
  if (is_elsewhere(call)) return Answer::proceed();
  Credentials who = credentials_.of(call.pid);
  const std::uint32_t before = ids_of(who, kind).file_system;
  if (const std::uint32_t id = id_argument(call, 0); id < sys::kImageIds) {
    sandbox::set_file_system(ids_of(who, kind), privileged(call, who, kind), id);
    if (ids_of(who, kind).file_system != before && call.alive())
      (void)credentials_.set(call.pid, std::move(who));
  }
  return Answer::result(shown(call, before));
}

Answer IdentityCalls::set_groups(const Call& call) {
  if (is_elsewhere(call)) return Answer::proceed();
  Credentials who = credentials_.of(call.pid);
  if (privileged(call, who, Kind::group) == Privileged::no) return Answer::error(EPERM);
  const auto count = static_cast<std::uint32_t>(call.arguments[0]);
  if (count > kMaxGroups) return Answer::error(EINVAL);
  const std::size_t width = has_short_ids(call) ? sizeof(std::uint16_t) : sizeof(std::uint32_t);
  std::vector<std::byte> bytes(count * width);
  if (count != 0 && !call.read(call.arguments[1], bytes)) return Answer::error(EFAULT);
  who.groups.assign(count, 0);
  for (std::size_t i = 0; i < count; ++i) {
    // The low bytes come first on every architecture that has ids of both widths.
    std::memcpy(&who.groups[i], bytes.data() + i * width, width);
    if (who.groups[i] >= sys::kImageIds) return Answer::error(EINVAL);
  }
  std::sort(who.groups.begin(), who.groups.end());  // as the kernel keeps and shows them
  if (!call.alive()) return Answer::error(ESRCH);
  return answer_of(credentials_.set(call.pid, std::move(who)));
}

Answer IdentityCalls::prctl(const Call& call) {
  const auto option = static_cast<int>(call.arguments[0]);
  const bool keep = (option == PR_SET_KEEPCAPS && call.arguments[1] == 1) ||
                    (option == PR_SET_SECUREBITS &&
                     (call.arguments[1] & (SECBIT_KEEP_CAPS | SECBIT_NO_SETUID_FIXUP)) != 0);
  if (!keep || is_elsewhere(call)) return Answer::proceed();
  Credentials who = credentials_.of(call.pid);
  who.keeping = view_.program(call);
  if (call.alive()) (void)credentials_.set(call.pid, std::move(who));
  return Answer::proceed();  // which may refuse it: then the kernel's answer counts for the caller
}

Answer IdentityCalls::get_one(const Call& call, Kind kind, std::uint32_t IdSet::*member) {
  if (is_elsewhere(call)) return Answer::proceed();
  return Answer::result(shown(call, ids_of(credentials_.of(call.pid), kind).*member));
}

Answer IdentityCalls::get_real(const Call& call, Kind kind) {
  return get_one(call, kind, &IdSet::real);
}

Answer IdentityCalls::get_effective(const Call& call, Kind kind) {
  return get_one(call, kind, &IdSet::effective);
}

Answer IdentityCalls::get_three(const Call& call, Kind kind) {
  if (is_elsewhere(call)) return Answer::proceed();
  const IdSet& ids = ids_of(credentials_.of(call.pid), kind);
  const std::array<std::uint32_t, 3> values = {ids.real, ids.effective, ids.saved};
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!write_ids(call, call.arguments[i], std::span(values).subspan(i, 1)))
      return Answer::error(EFAULT);
  return Answer::result(0);
}

Answer IdentityCalls::get_groups(const Call& call) {
  if (is_elsewhere(call)) return Answer::proceed();
  const std::vector<std::uint32_t>& groups = credentials_.of(call.pid).groups;
  const auto room = static_cast<int>(call.arguments[0]);
  if (room < 0 || (room != 0 && static_cast<std::size_t>(room) < groups.size()))
    return Answer::error(EINVAL);
  if (room != 0 && !write_ids(call, call.arguments[1], groups)) return Answer::error(EFAULT);
  return Answer::result(static_cast<std::int64_t>(groups.size()));
}

}  // namespace gbox::sandbox
