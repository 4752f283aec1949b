#include "gbox/sys/level.h"

#include <algorithm>
#include <array>
#include <utility>

namespace gbox::sys {

namespace {

template <class Value>
using Name = std::pair<Value, std::string_view>;

constexpr std::array kLevels = {
    Name<Level>{Level::none, "none"}, Name<Level>{Level::single_id, "single-id"},
    Name<Level>{Level::no_kernel_overlay, "no-kernel-overlay"},
    Name<Level>{Level::proc_bound, "proc-bound"}, Name<Level>{Level::full, "full"}};
constexpr std::array kIds = {Name<Ids>{Ids::subordinate, "subordinate"},
                             Name<Ids>{Ids::single, "single"}};
constexpr std::array kProcs = {Name<Proc>{Proc::own, "own"}, Name<Proc>{Proc::bound, "bound"}};
constexpr std::array kStorages = {Name<Storage>{Storage::kernel, "kernel"},
                                  Name<Storage>{Storage::fuse, "fuse"},
                                  Name<Storage>{Storage::copy, "copy"}};

template <class Value, std::size_t Count>
std::string_view name_of(const std::array<Name<Value>, Count>& names, Value value) {
  for (const auto& [known, name] : names)
    if (known == value) return name;
  return {};
}

template <class Value, std::size_t Count>
std::optional<Value> value_of(const std::array<Name<Value>, Count>& names, std::string_view text) {
  for (const auto& [value, name] : names)
    if (name == text) return value;
  return std::nullopt;
}

Means used;

}  // namespace

std::string_view to_string(Level level) {
  return name_of(kLevels, level);
}
std::optional<Level> level_from_string(std::string_view name) {
  return value_of(kLevels, name);
}
std::string_view to_string(Ids ids) {
  return name_of(kIds, ids);
}
std::string_view to_string(Proc proc) {
  return name_of(kProcs, proc);
}
std::string_view to_string(Storage storage) {
  return name_of(kStorages, storage);
}
std::optional<Storage> storage_from_string(std::string_view name) {
  return value_of(kStorages, name);
}

Level level_of(const Means& means) {
  Level level = Level::full;
  if (means.proc == Proc::bound) level = std::min(level, Level::proc_bound);
  if (means.storage != Storage::kernel) level = std::min(level, Level::no_kernel_overlay);
  if (means.ids == Ids::single) level = std::min(level, Level::single_id);
  return level;
}

const Means& means() noexcept {
  return used;
}
void use(const Means& means) noexcept {
  used = means;
}

}  // namespace gbox::sys
