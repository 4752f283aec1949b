// What "native" means on this machine: -march=native as flags that any machine's compiler
// understands, and CPU_FLAGS_<ARCH>. Resolved once, by the base's own compiler, and kept in the
// lock, so that keys name a processor and not a wish (two machines must never share a key whose
// packages they cannot share).
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/build/observer.h"
#include "gbox/spec/lock.h"
#include "gbox/spec/spec.h"
#include "gbox/store/store.h"

namespace gbox::build {

// Whether a flag or cpu_flags of the spec says "native".
bool wants_native(const spec::PortageConfig& config);
// The lock entry's wish: what the spec has that "native" stands in.
std::string native_wish(const spec::PortageConfig& config);

// Asks the compiler of `snapshots` (the base, lowest first) and this machine's processor. Throws
// Error (input) when the base has no compiler or it refuses.
spec::LockedCpu resolve_native(const spec::PortageConfig& config, const std::string& machine,
                               store::Store& store, const std::vector<std::string>& snapshots,
                               Observer& observer);

// Puts what the lock says where the spec says "native"; cpu_flags become a variable of make.conf.
void apply_native(spec::PortageConfig& config, const spec::LockedCpu* cpu,
                  std::string_view machine);

// /proc/cpuinfo, and the kernel's words in it for what the processor can do. Throws SysError.
std::string read_cpuinfo();
std::set<std::string, std::less<>> features_of(std::string_view cpuinfo);

// --- the two readers, for tests ---
// The flags of `gcc -### -E - -march=native` that choose a processor: "-march=znver3 -maes …".
// Throws Error (input) for an answer without them.
std::string march_of(std::string_view driver_output);
// CPU_FLAGS_<ARCH> out of /proc/cpuinfo, sorted.
std::vector<std::string> cpu_flags_of(std::string_view cpuinfo, std::string_view machine);
// "CPU_FLAGS_X86" for "x86_64"; empty where Gentoo has no such variable.
std::string cpu_flags_variable(std::string_view machine);

}  // namespace gbox::build
