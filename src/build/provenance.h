// How an image came to be, as an in-toto statement with SLSA's provenance predicate (v1): the spec,
// what its names meant, which keys vouched for that, what each step was allowed to do, and how
// strong the sandboxes were. It stands beside the image and not in it: two runs that give the same
// image at different levels differ in this alone.
#pragma once

#include <string>
#include <vector>

#include "image.h"
#include "inputs.h"

namespace gbox::build {

struct BuildTimes {
  std::int64_t begin = 0;  // seconds of the epoch
  std::int64_t end = 0;
};

// `image` is the digest of its manifest, `epoch` its time.
std::string write_provenance(const Inputs& inputs, const std::vector<Built>& steps,
                             const std::string& image, std::int64_t epoch,
                             const BuildTimes& moment);

}  // namespace gbox::build
