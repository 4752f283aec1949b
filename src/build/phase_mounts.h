// What a phase asks to see besides its own files ([[phase.mount]]), made for the sandboxes of one
// step. A cache is a snapshot of the store, found by the id: a step sees it below a layer of its
// own, and what it wrote is put on top when it has ended, well or not; so steps that run side by
// side do not disturb one another, and of a file that two have written the last one stays.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gbox/sandbox/sandbox.h"
#include "meter.h"
#include "step.h"

namespace gbox::build {

// Where what a bind shows lies: an open directory and one name in it.
struct BindSource {
  sys::Fd directory;
  std::string name;
};
// Throws Error (input) for what is not there, or leaves the spec's directory by a link.
BindSource open_bind(const std::string& spec_directory, const spec::PhaseMount& mount);

// What errors call a mount: the spec's line, and the target.
std::string mount_words(const spec::PhaseMount& mount);

// Throws Error (usage) for a secret that a phase mounts and nobody has given, and for one given
// that no phase mounts. Before anything is fetched.
void require_secrets(const Inputs& inputs);

class PhaseMounts {
 public:
  // Borrows both. `scratch` is a directory of the step, made when it is missing.
  PhaseMounts(const StepContext& context, const spec::Phase& phase, std::string scratch);
  ~PhaseMounts();

  // For one sandbox: afresh each time. Owners are looked up in the root.
  std::vector<sandbox::Mount> make(int rootfd);
  // The secrets that this phase sees, as words to look for.
  [[nodiscard]] const std::vector<std::string>& words() const noexcept { return words_; }
  // Where a step that has them fills the store's disk.
  [[nodiscard]] std::vector<DiskPlace> places() const;
  // Puts what was written to caches where the next step finds it. No sandbox of the step may run.
  void keep_caches();

 private:
  class Cache;
  Cache& cache_of(const spec::PhaseMount& mount, int rootfd);

  const StepContext& context_;
  const spec::Phase& phase_;
  std::string scratch_;
  std::vector<std::string> words_;
  std::vector<std::unique_ptr<Cache>> caches_;
};

}  // namespace gbox::build
