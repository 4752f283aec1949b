// What a build starts from, opened and digested: the spec, the base's archive, the repositories,
// sources of copy, policies. The digests become the plan's inputs; the descriptors are used when
// steps run, so that what was digested is what is used.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "gbox/base/sink.h"
#include "gbox/build/build.h"
#include "gbox/plan/plan.h"
#include "gbox/portage/config.h"
#include "gbox/portage/repository.h"
#include "gbox/spec/spec.h"
#include "gbox/sys/fd.h"

namespace gbox::build {

struct Inputs {
  spec::BuildSpec spec;
  std::string directory;  // of the spec, absolute
  sys::Fd base_archive;
  std::string base_path;
  std::vector<portage::CheckedRepository> repositories;
  std::vector<portage::ConfigFile> config_files;
  std::string distfiles;  // absolute path; empty: none
  plan::Plan plan;
};

// Reads and digests everything. Throws SpecError, or Error (input) naming what is missing.
Inputs gather_inputs(const SpecSource& source, WarningSink& warnings);

// A path of the spec as an absolute one.
std::string resolve_path(const Inputs& inputs, const std::string& path);

}  // namespace gbox::build
