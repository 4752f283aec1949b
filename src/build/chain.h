// The snapshots that the next step of a phase is mounted on. A phase of 600 packages makes 600
// snapshots, but every lookup of a missing file visits each layer, and the kernel stacks 500 at
// most: whenever some have come together they are flattened by hard links into one, a checkpoint,
// and checkpoints likewise. So there are never more than a few dozen, and each file is linked once
// for each level.
#pragma once

#include <string>
#include <vector>

#include "step.h"

namespace gbox::build {

class Chain {
 public:
  // `parents` are the snapshots below the phase, lowest first, `key` the topmost one's step's.
  // `phase` is what checkpoints are recorded under.
  Chain(const StepContext& context, std::string phase, std::vector<std::string> parents,
        std::string key);

  // All of it, lowest first.
  [[nodiscard]] std::vector<std::string> snapshots() const;
  // What the phase has made so far, lowest first.
  [[nodiscard]] std::vector<std::string> own() const;
  // Of the topmost step.
  [[nodiscard]] const std::string& key() const noexcept { return key_; }
  // Puts the snapshot of a step on top; `key` is the step's. May make a checkpoint.
  void push(const store::Record& record, const std::string& key);
  // The logs of the steps so far, and of others that a caller adds, in the order of their ends.
  [[nodiscard]] const std::vector<std::string>& logs() const noexcept { return logs_; }
  void add_log(const std::string& name) { logs_.push_back(name); }

 private:
  struct Layer {
    std::string snapshot;
    std::string key;  // of the topmost step in it
  };
  void shrink(std::size_t level);
  [[nodiscard]] std::vector<std::string> below(std::size_t level) const;

  const StepContext& context_;
  std::string phase_;
  std::vector<std::string> parents_;
  std::string key_;
  std::vector<std::string> logs_;
  std::vector<std::vector<Layer>> levels_;  // the first is the topmost: single steps
};

// Publishes one snapshot that shows on `parents` what `layers` show there, lowest first. The caller
// fills in key, names, kind, parts and the like; `record.parents` becomes `parents`.
store::Record flatten_layers(const StepContext& context, const std::vector<std::string>& parents,
                             const std::vector<std::string>& layers, store::Record record);

}  // namespace gbox::build
