// A spec, and the lock beside it.
#include "gbox/spec/spec.h"
#include "gbox/spec/lock.h"
#include "target.h"

using namespace gbox;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  fuzz::refusing([&] {
    const spec::BuildSpec spec = spec::read_spec("fuzz.toml", text);
    fuzz::require(!spec.name.empty(), "a spec has a name");
    for (const spec::Phase& phase : spec.phases) {
      fuzz::require(phase.root.starts_with('/') && phase.root.find("/../") == std::string::npos,
                    "a phase's root is absolute and stays");
      for (const spec::PhaseMount& mount : phase.mounts)
        fuzz::require(mount.target.starts_with('/') && mount.from.find("../") == std::string::npos,
                      "a mount stays in the spec's directory");
    }
  });
  fuzz::refusing([&] { (void)spec::read_lock("fuzz.lock", text); });
  return 0;
}
