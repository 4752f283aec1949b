// One command or shell in a root file system that exists already: a built image, a snapshot, what
// a failed step left behind. What it changes is thrown away, except in a failed step, whose
// directories are the ones that were kept.
#pragma once

#include <string>
#include <vector>

#include "gbox/build/build.h"
#include "gbox/build/observer.h"
#include "gbox/spec/spec.h"

namespace gbox::build {

// Whether each call that the policy refuses is told on standard error, with its rule.
enum class Trace { no, yes };

struct RunRequest {
  std::string store;  // absolute path
  // 'oci:DIR[:REF]', 'oci-archive:FILE', 'docker://HOST/REPOSITORY[:TAG]', the name of a finished
  // step, or at least six digits of a step's key.
  std::string image;
  std::string repositories;  // an image whose ebuild repositories are seen inside; empty: none
  // Empty: what the image's configuration says, or a shell for a snapshot.
  std::vector<std::string> command;
  spec::Network network = spec::Network::none;
  Trace trace = Trace::no;
  SourceOptions sources;  // how a registry is spoken to
};

// Returns the command's exit status (128 + N for signal N).
int run_in_image(const RunRequest& request, Observer& observer);

// A shell in a step of a spec: where it failed, if its last run failed, else after it. Secrets that
// are not given are not mounted.
int run_shell(const SpecSource& spec, const SourceOptions& options, const std::string& store,
              const std::string& step, const std::vector<SecretSource>& secrets, Trace trace,
              Observer& observer);

}  // namespace gbox::build
