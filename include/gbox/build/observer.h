// What a build tells whoever watches it. The driver calls these from one thread; a renderer (live
// bar, plain lines, JSON events) turns them into text. Watching never changes a build.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/base/error.h"
#include "gbox/base/sink.h"
#include "gbox/sys/probe.h"

namespace gbox::build {

struct StepInfo {
  std::string name;    // "php", later "php/dev-lang/php"
  std::string phase;   // the phase of the spec it belongs to
  std::string key;     // hex
  std::string reason;  // why it runs: "first build", "parent 'world' changed", …
  unsigned index = 0;  // counts from 1; of a part: within its phase
  unsigned total = 0;
  bool part = false;  // of a phase that is a step itself: one of its packages, its end
};

struct OutputInfo {
  std::string target;  // "oci:DIR:REF"
  std::string digest;  // of the manifest, "sha256:…"
  std::size_t layers = 0;
  std::uint64_t size_bytes = 0;  // compressed layers and config
};

class Observer : public WarningSink {
 public:
  // First of all: how strong the sandboxes of this run are, and why not stronger.
  virtual void level(const sys::Decision& decision) { (void)decision; }
  // One line of what was settled before the steps, such as ("base", "stage3.tar.xz  in store").
  virtual void fact(std::string_view subject, std::string_view text) = 0;
  virtual void plan(const std::vector<StepInfo>& steps, unsigned cached) = 0;
  virtual void step_started(const StepInfo& step) = 0;
  // A complete line of the step's output, untrusted bytes without the newline.
  virtual void step_output(const StepInfo& step, std::string_view line) = 0;
  virtual void step_cached(const StepInfo& step) = 0;
  virtual void step_done(const StepInfo& step, double seconds) = 0;
  virtual void step_failed(const StepInfo& step, double seconds, std::string_view log_path) = 0;
  // Called several times a second while something long runs, so that clocks move.
  virtual void tick() = 0;
  // Long work outside steps: unpacking, packing. `done`/`total` in bytes, total 0 when unknown.
  virtual void progress(std::string_view activity, std::uint64_t done, std::uint64_t total) = 0;
  virtual void waiting(std::string_view what_for) = 0;
  virtual void build_done(const std::vector<OutputInfo>& outputs, double seconds) = 0;
};

}  // namespace gbox::build
