// The binary package hosts of one build: their indexes, opened once when the first step must run,
// what plans take from them, and what a step sees of them. See gbox/portage/binary_host.h for how
// Portage is brought to it.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "binhosts.h"
#include "gbox/portage/emerge_plan.h"
#include "gbox/sandbox/sandbox.h"
#include "inputs.h"
#include "sources.h"

namespace gbox::build {

// The URIs of a host's directory, tried in order: its own, or those of Gentoo's mirrors.
std::vector<std::string> host_locations(const Inputs& inputs, const spec::BinaryHost& host);

// The index of host `name` in `file`, open as `fd`. Throws Error (input) for what is none.
portage::BinaryIndex read_index(const std::string& name, const sys::Fd& fd,
                                const spec::LockedFile& file);

class Hosts {
 public:
  // Both are borrowed.
  Hosts(const Inputs& inputs, Sources& sources) : inputs_(inputs), sources_(sources) {}

  [[nodiscard]] bool any() const { return !inputs_.spec.binary_hosts.empty(); }
  // Makes sure of the packages that `plans` take from hosts. Throws Error (input) naming what is
  // not to be had.
  void fetch(std::span<const portage::EmergePlan> plans);
  // File names of what fetch() would fetch.
  [[nodiscard]] std::vector<std::string> missing(std::span<const portage::EmergePlan> plans);
  // Fills `directory`, made here, with what a sandbox sees: indexes, and what the plans take.
  void show(const std::string& directory, std::span<const portage::EmergePlan> plans);

 private:
  std::vector<BinaryHostMirror>& mirrors();  // opened with their indexes
  void note_digests(const BinaryHostMirror& mirror, const std::vector<std::string>& places);

  const Inputs& inputs_;
  Sources& sources_;
  std::vector<BinaryHostMirror> mirrors_;
};

// The mounts of a directory that show() has filled, and where they go.
std::vector<sandbox::Mount> host_mounts(const std::string& directory);
std::vector<std::string> host_targets(const Inputs& inputs);

// Throws Error (plan) when `plan` takes packages whose signatures must be verified and the image,
// open at `rootfd`, has nothing to do so with: emerge would say it late and in other words.
void require_signature_tools(const Inputs& inputs, const portage::EmergePlan& plan,
                             const spec::Phase& phase, int rootfd);

}  // namespace gbox::build
