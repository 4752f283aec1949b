// What must hold of a finished root before it becomes an image: its entry point starts and is for
// its machine, its user exists, what its files need is there, and what the spec asks of it answers.
// Steps that are finished stay so, whatever is found.
#pragma once

#include <vector>

#include "gbox/build/observer.h"
#include "gbox/store/store.h"
#include "image.h"
#include "image_facts.h"
#include "inputs.h"

namespace gbox::build {

// Throws Faults (image) with all that is wrong, and warns of what is odd. Roots other than '/' are
// checked as a whole, unless the spec says otherwise; of '/', what the image starts. What passed is
// not looked at again until something that could change the result is another.
ImageFacts check_image(const Inputs& inputs, store::Store& store, const std::vector<Built>& steps,
                       Observer& observer);

}  // namespace gbox::build
