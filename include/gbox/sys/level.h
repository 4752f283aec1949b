// The level: how strong a sandbox this host allows, as one word, and the means it stands for. It is
// decided once per run, from what was tried (probe.h); what mounts and what enters sandboxes asks
// means() for the way that works here.
#pragma once

#include <optional>
#include <string_view>

namespace gbox::sys {

// Weakest first, so that levels compare with <.
enum class Level {
  none,               // no user namespace at all
  single_id,          // one id mapped: owners are recorded, and emulated for steps
  no_kernel_overlay,  // namespaces, but overlay cannot be mounted on the store
  proc_bound,         // no fresh proc: the outer one is bound
  full,               // subordinate ids, all namespaces, kernel overlay
};
// The lowest that steps can run at.
inline constexpr Level kLowestLevel = Level::single_id;

std::string_view to_string(Level level);  // "full", "proc-bound", "no-kernel-overlay", …
std::optional<Level> level_from_string(std::string_view name);

enum class Ids { subordinate, single };
enum class Proc { own, bound };
// How a step's root is put together out of snapshots.
enum class Storage {
  kernel,  // an overlay mount of the kernel's
  fuse,    // one of fuse-overlayfs
  copy,    // a copy of the files
};
std::string_view to_string(Ids ids);
std::string_view to_string(Proc proc);
std::string_view to_string(Storage storage);
std::optional<Storage> storage_from_string(std::string_view name);

struct Means {
  Ids ids = Ids::subordinate;
  Proc proc = Proc::own;
  Storage storage = Storage::kernel;
};
// The weakest of what it is made of.
Level level_of(const Means& means);

// Of this process: everything, until use() was called. use() before any thread is started.
const Means& means() noexcept;
void use(const Means& means) noexcept;

}  // namespace gbox::sys
