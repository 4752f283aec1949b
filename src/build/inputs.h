// What a build starts from. In stages, because each needs the one before: the spec is read; its
// names are settled (lock.h), which gives the digests that keys are made of and so the plan; and
// only what a step will use is opened: the base's archive, the ebuild repositories. What was
// digested is what is used.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/base/sink.h"
#include "gbox/build/build.h"
#include "gbox/build/policies.h"
#include "gbox/plan/plan.h"
#include "gbox/portage/config.h"
#include "gbox/portage/repository.h"
#include "gbox/spec/lock.h"
#include "gbox/spec/spec.h"
#include "gbox/store/store.h"
#include "gbox/sys/fd.h"
#include "secrets.h"

namespace gbox::build {

struct BaseImage;  // base_image.h

struct Inputs {
  spec::BuildSpec spec;     // what 'native' means is put in when the plan is made
  std::string directory;    // of the spec, absolute
  std::string spec_digest;  // SHA-256 of its text, hex
  std::string machine;      // "x86_64", as uname says
  spec::Lock lock;
  std::string base_digest;                // "sha256:…"
  std::string base_name;                  // for people: "stage3.tar.xz"
  sys::Fd base_archive;                   // of a local file from the start, else once it is needed
  std::shared_ptr<BaseImage> base_image;  // likewise, when the base is one
  std::map<std::string, std::string> repository_digests;  // by name
  std::vector<portage::CheckedRepository> repositories;   // sorted by name, once all are open
  bool checked = false;  // all repositories are open, and the configuration fits them
  std::vector<portage::ConfigFile> config_files;
  std::string distfiles;                        // the spec's own directory, absolute; empty: none
  std::map<std::string, PhasePolicy> policies;  // by phase
  // Of [[phase.mount]]: phase → target → digest of what a bind shows.
  std::map<std::string, std::map<std::string, std::string>> bind_digests;
  Secrets secrets;  // by id, as the caller gave them
  // What scripts see as SOURCE_DATE_EPOCH: known with the plan, or else once the base is unpacked.
  std::optional<std::int64_t> epoch;
  plan::Plan plan;
};

// Reads the spec and chooses policies. Throws SpecError, or Error naming what is missing.
Inputs read_inputs(const SpecSource& source, WarningSink& warnings);

// What a sandbox of this phase may do.
const sandbox::Policy& policy_of(const Inputs& inputs, const spec::Phase& phase);

// A path of the spec as an absolute one.
std::string resolve_path(const Inputs& inputs, const std::string& path);

// Digests of what lies on this machine: a base's file, repositories' directories (opened here).
// Remembered in the store, so that an unchanged one is not read again.
void digest_local_inputs(Inputs& inputs, store::Store& store, WarningSink& warnings);

// The repository of this name, borrowed until another is opened; nullptr while it is not open.
portage::CheckedRepository* find_opened(Inputs& inputs, std::string_view name);

// The plan, from the lock and the digests. `cpu` is what native means, if the spec asks for it.
void make_plan(Inputs& inputs);

}  // namespace gbox::build
