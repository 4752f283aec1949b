// Snapshots of phases between the store and where they are shared: see shared_snapshot.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gbox/build/observer.h"
#include "gbox/plan/plan.h"
#include "gbox/store/store.h"
#include "shared_snapshot.h"

namespace gbox::build {

// The digest of the tar that a snapshot was taken from or packed into: what it is known by where
// snapshots are shared. nullopt: nobody knows it here; pack_snapshot() finds out.
std::optional<std::string> snapshot_mark(store::Store& store, const std::string& snapshot);

// The snapshot of `record`, a phase's, as one archive into the file `to`. Throws Error (image) for
// a name that no archive can hold.
SharedSnapshot pack_snapshot(store::Store& store, const store::Record& record,
                             const std::vector<std::string>& upon, int to, Observer& observer);

// The archive `file` becomes the result of `step` on `parents`, unless there is one. Throws Error
// (input) when it is not what is told of it, or holds what no layer may; the store is then as it
// was. The caller holds a lease.
void take_snapshot(store::Store& store, const SharedSnapshot& shared, const sys::Fd& file,
                   const plan::Step& step, const std::string& spec,
                   const std::vector<std::string>& parents, Observer& observer);

// Writes it to a directory, in place of what this has of the same phase of the same spec: a
// directory that goes from job to job must not grow with each. Returns its size.
SharedSnapshot write_snapshot(store::Store& store, const store::Record& record,
                              const std::vector<std::string>& upon, const std::string& directory,
                              Observer& observer);

}  // namespace gbox::build
