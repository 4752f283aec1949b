// From a spec to the ordered steps with their keys. Pure: no system call, clock or environment, so
// that equal inputs give equal keys on every host. `build` gathers the inputs and runs the steps,
// `cli` prints them. It refuses to guess: an input that a step needs and nobody gave is an
// internal error.
//
// What decides which step (and so enters its key):
//   base    the archive's digest and the version of the rules it is unpacked by
//   config  what is written below /etc/portage; present when the spec has [portage] or [repos]
//   phase   its own table and sources of `copy`; its policy; gbox's helpers; and when it merges,
//           unmerges or runs a script: the environment and every repository, because all of them
//           are mounted then and even a script can read them. A phase that only copies or removes
//           sees neither. One that merges also has the indexes of the binary package hosts: what
//           they offer decides what is merged.
// and each step but the first: its parent's key. Names of phases decide nothing, nor do jobs, the
// tmpfs and all of [output]: renaming a phase or asking for another compression runs nothing.
//
// A key is the SHA-256 of the canonical JSON of its parts: an array of [NAME, VALUE] in the order
// of kPartNames. Records keep the parts; explain.h tells two of them apart.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gbox/base/json.h"
#include "gbox/spec/spec.h"

namespace gbox::plan {

// Raised when the meaning of a part changes; every key changes with it.
constexpr int kKeyFormat = 1;

enum class StepKind { base, config, phase };
std::string_view to_string(StepKind kind);

struct Step {
  std::string name;                    // "base", "config", the phase's name
  std::string phase;                   // empty for base and config
  std::optional<std::string> package;  // of a package step: its cpv; such steps are named
                                       // PHASE/CATEGORY/PACKAGE
  StepKind kind = StepKind::phase;
  std::optional<std::size_t> parent;  // index in Plan::steps of the step it is built upon
  Json definition;                    // what the step does, out of the spec
  Json parts;                         // what the key is made of
  std::string key;                    // lower-case hex
};

struct Plan {
  std::vector<Step> steps;  // a parent always comes before its children
  // Index of the step of this name; nullopt when there is none.
  [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const;
  // The step and all it is built upon, lowest first: the order of overlay layers.
  [[nodiscard]] std::vector<std::size_t> chain(std::size_t index) const;
};

// Digests are opaque text here ("sha256:…"); maps are keyed by what explanations call them.
struct PlanInputs {
  std::string base_digest;                    // of the archive
  std::string base_format;                    // version of the unpacking rules
  std::map<std::string, std::string> config;  // file below etc/portage, or config_dir → digest
  std::map<std::string, std::string> repositories;  // name → digest; one for each of the spec's
  std::map<std::string, std::string> binary_hosts;  // name → digest of its index; likewise
  std::map<std::string, std::string> policies;      // name → digest; one for each that is used
  // Phase → digest: of those that a phase narrows or widens, which wins over the name's.
  std::map<std::string, std::string> phase_policies;
  std::string default_policy = "default";  // the name an empty phase.policy stands for
  std::map<std::string, std::vector<std::string>> copy_sources;  // phase → a digest for each copy
  // phase → target of a bind → digest of what is mounted there; phases without one are absent
  std::map<std::string, std::map<std::string, std::string>> mount_sources;
  std::vector<std::pair<std::string, std::string>> environment;  // fixed one of every sandbox
  std::map<std::string, std::string> helpers;  // gbox's own programs in a step → version
  // What scripts see as SOURCE_DATE_EPOCH; absent: it follows from the base.
  std::optional<std::int64_t> epoch;
};

// Throws SpecError when a phase has the name of one of gbox's own steps, Error (plan) when an
// input is missing.
Plan make_plan(const spec::BuildSpec& spec, const PlanInputs& inputs);

// The key of these parts.
std::string key_of(const Json& parts);

}  // namespace gbox::plan
