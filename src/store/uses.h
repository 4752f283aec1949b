// What running gboxes use of a store, so that room can be made while they run. Each process notes
// the paths it relies upon (records, snapshots, packages…) in uses/RANDOM/list, in a directory it
// keeps locked for as long as it lives; whoever makes room holds the gate meanwhile, reads all
// lists of the living, and leaves alone what is named there. To look for something and to note it
// is one deed under the gate: so nothing vanishes between the two. Nobody but store's own files
// uses this.
#pragma once

#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gbox/sys/fd.h"
#include "gbox/sys/lock.h"

namespace gbox::store {

class Uses {
 public:
  // `root` is the store's directory, borrowed.
  explicit Uses(int root) : root_(root) {}

  // While it is held nobody makes room. Several processes and threads may be in at once. Never call
  // what enters while this very thread makes room.
  [[nodiscard]] sys::FileLock enter() const;
  // Notes paths below the store for as long as this process lives. `gate` is what enter() gave.
  void note(const sys::FileLock& gate, const std::vector<std::string>& paths);
  // The two in one, for what is noted before it is looked for.
  void add(const std::vector<std::string>& paths);

  // Waits until nobody is in, and lets nobody in.
  [[nodiscard]] sys::FileLock close() const;
  // What all living processes have noted, this one included. The caller holds close().
  [[nodiscard]] std::set<std::string> all() const;
  // Removes the lists of the dead.
  void sweep() const;

 private:
  void open_list();

  int root_;
  std::mutex mutex_;             // guards what follows
  std::set<std::string> noted_;  // paths
  sys::FileLock lock_;           // on the directory
  sys::Fd list_;                 // O_APPEND
};

}  // namespace gbox::store
