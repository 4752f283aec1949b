// A spec with a phase of every kind, and inputs for it.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <string>

#include "gbox/plan/plan.h"

namespace gbox::plan::test {

inline spec::Phase emerge_phase(std::string name, std::vector<std::string> atoms) {
  spec::Phase phase;
  phase.name = std::move(name);
  phase.where = {"stage4.toml", 20, 1};
  phase.emerge.atoms.assign(atoms.begin(), atoms.end());
  return phase;
}

// base, config, world (emerge), files (copy and remove only), check (run).
inline spec::BuildSpec sample_spec() {
  spec::BuildSpec spec;
  spec.file = "stage4.toml";
  spec.name = "demo";
  spec.base.tarball = "stage3.tar.xz";
  spec.repositories.push_back({.name = "standin", .path = "./repo"});
  spec.portage.where = {"stage4.toml", 8, 1};
  spec.portage.profile = "default/linux/amd64/23.0";
  spec.phases.push_back(emerge_phase("world", {"@world", "app/hello"}));
  spec::Phase files;
  files.name = "files";
  files.copy.push_back({.from = "etc/motd", .to = "/etc/motd"});
  files.copy.push_back({.from = "etc/issue", .to = "/etc/issue", .mode = 0600});
  files.remove = {"/usr/share/man"};
  spec.phases.push_back(files);
  spec::Phase check;
  check.name = "check";
  check.run = "hello | grep world";
  check.env = {{"LANG", "C"}};
  spec.phases.push_back(check);
  return spec;
}

inline PlanInputs sample_inputs() {
  PlanInputs inputs;
  inputs.base_digest = "sha256:base";
  inputs.base_format = "1";
  inputs.config = {{"etc/portage/make.conf/50-gbox", "sha256:make"},
                   {"etc/portage/repos.conf/50-gbox.conf", "sha256:repos"}};
  inputs.repositories = {{"standin", "sha256:tree"}};
  inputs.policies = {{"default", "sha256:policy"}, {"emerge", "sha256:other"}};
  inputs.copy_sources = {{"files", {"sha256:motd", "sha256:issue"}}};
  inputs.environment = {{"HOME", "/root"}, {"LANG", "C.UTF-8"}};
  inputs.helpers = {{"init", "1"}};
  return inputs;
}

inline Plan sample_plan() {
  return make_plan(sample_spec(), sample_inputs());
}

// The plan after a change of the spec or of the inputs.
inline Plan changed(const std::function<void(spec::BuildSpec&, PlanInputs&)>& change) {
  spec::BuildSpec spec = sample_spec();
  PlanInputs inputs = sample_inputs();
  change(spec, inputs);
  return make_plan(spec, inputs);
}

}  // namespace gbox::plan::test
