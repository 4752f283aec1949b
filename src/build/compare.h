// The comparison itself, for who has the store open: see gbox/build/compare.h.
#pragma once

#include <string>

#include "gbox/build/compare.h"
#include "gbox/content/causes.h"
#include "gbox/content/sbom.h"
#include "gbox/store/store.h"

namespace gbox::build {

// What the two builds may have left in files.
struct CauseMarks {
  content::BuildMarks before;
  content::BuildMarks after;
};

// Without `marks` no causes are looked for. The caller holds a lease.
ImageDifference compare(store::Store& store, const std::string& before, const std::string& after,
                        const CauseMarks* marks, Observer& observer);

}  // namespace gbox::build
