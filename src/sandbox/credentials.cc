#include "credentials.h"

#include <sys/resource.h>

#include <cerrno>
#include <initializer_list>

namespace gbox::sandbox {

namespace {

// Recognizable, and below 'unlimited': what no 'ulimit -x' was ever set to by hand.
constexpr std::uint64_t kFirstNumber = 0x67626f78ull << 24;
constexpr std::uint64_t kMaxNumbers = 1u << 16;

bool is_among(std::uint32_t id, std::initializer_list<std::uint32_t> ids) {
  for (const std::uint32_t known : ids)
    if (id == known) return true;
  return false;
}

}  // namespace

int set_id(IdSet& ids, Privileged privileged, std::uint32_t id) {
  if (id == kUnchanged) return EINVAL;
  if (privileged == Privileged::yes) {
    ids = {id, id, id, id};
    return 0;
  }
  if (!is_among(id, {ids.real, ids.saved})) return EPERM;
  ids.effective = ids.file_system = id;
  return 0;
}

int set_real_effective(IdSet& ids, Privileged privileged, std::uint32_t real,
                       std::uint32_t effective) {
  IdSet wanted = ids;
  if (real != kUnchanged) {
    if (privileged == Privileged::no && !is_among(real, {ids.real, ids.effective})) return EPERM;
    wanted.real = real;
  }
  if (effective != kUnchanged) {
    if (privileged == Privileged::no && !is_among(effective, {ids.real, ids.effective, ids.saved}))
      return EPERM;
    wanted.effective = effective;
  }
  if (real != kUnchanged || (effective != kUnchanged && effective != ids.real))
    wanted.saved = wanted.effective;
  wanted.file_system = wanted.effective;
  ids = wanted;
  return 0;
}

int set_real_effective_saved(IdSet& ids, Privileged privileged, std::uint32_t real,
                             std::uint32_t effective, std::uint32_t saved) {
  for (const std::uint32_t id : {real, effective, saved})
    if (id != kUnchanged && privileged == Privileged::no &&
        !is_among(id, {ids.real, ids.effective, ids.saved}))
      return EPERM;
  if (real != kUnchanged) ids.real = real;
  if (effective != kUnchanged) ids.effective = effective;
  if (saved != kUnchanged) ids.saved = saved;
  ids.file_system = ids.effective;
  return 0;
}

void set_file_system(IdSet& ids, Privileged privileged, std::uint32_t id) {
  if (id == kUnchanged) return;
  if (privileged == Privileged::yes ||
      is_among(id, {ids.real, ids.effective, ids.saved, ids.file_system}))
    ids.file_system = id;
}

const Credentials& CredentialTable::of(pid_t pid) const {
  rlimit64 limit{};
  if (::prlimit64(pid, RLIMIT_LOCKS, nullptr, &limit) != 0 || limit.rlim_cur < kFirstNumber ||
      limit.rlim_cur - kFirstNumber >= by_number_.size())
    return root_;
  return *by_number_[limit.rlim_cur - kFirstNumber];
}

int CredentialTable::set(pid_t pid, Credentials credentials) {
  rlimit64 limit{};
  if (::prlimit64(pid, RLIMIT_LOCKS, nullptr, &limit) != 0) return errno;
  const auto [entry, is_new] = numbers_.try_emplace(std::move(credentials), by_number_.size());
  if (is_new) {
    if (by_number_.size() == kMaxNumbers) {
      numbers_.erase(entry);
      return EAGAIN;
    }
    by_number_.push_back(&entry->first);
  }
  limit.rlim_cur = kFirstNumber + entry->second;
  // The hard limit stays: only the host's administrator may raise it again. Where it is too low,
  // there is no room for a number.
  if (limit.rlim_max < limit.rlim_cur) return EPERM;
  return ::prlimit64(pid, RLIMIT_LOCKS, &limit, nullptr) == 0 ? 0 : errno;
}

}  // namespace gbox::sandbox
