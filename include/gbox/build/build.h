// The driver: from a spec to a published image. Everything else in gbox is called from here, in
// the order of DESIGN's flow: read, gather inputs, plan, run what has no record, emit. Runs inside
// the store's namespace. It prints nothing: an Observer is told.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "gbox/build/observer.h"
#include "gbox/plan/explain.h"
#include "gbox/spec/spec.h"

namespace gbox::build {

struct SpecSource {
  std::string path;  // of the spec; relative paths in it start at its directory
  std::map<std::string, std::string> overrides;
};

struct BuildRequest {
  SpecSource spec;
  std::string store;                 // absolute path
  std::vector<std::string> outputs;  // "oci:DIR[:REF]"; empty: "oci:NAME" beside the caller
  std::string from;                  // a phase: it and all after it run again; empty: none
  std::string until;                 // a phase: nothing after it runs, no image; empty: all
};

// Builds and publishes; returns one line's worth for each output. Throws what went wrong, with
// everything finished so far kept in the store.
std::vector<OutputInfo> build(const BuildRequest& request, Observer& observer);

// What build() would run, and why. Runs nothing and writes nothing but the store's own files.
std::vector<plan::PlannedStep> plan_build(const BuildRequest& request, Observer& observer);

}  // namespace gbox::build
