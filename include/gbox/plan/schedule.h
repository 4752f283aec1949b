// In which order the packages of a phase are built and merged when several may be built at once.
// Pure: whoever runs them asks what to begin and tells what became of it.
//
// Packages are merged in the order of Portage's plan, always. What may run beside that is building:
// a package is built, into a binary package, as soon as all that its build reads is merged. So what
// a build sees is never more than it would see one after the other, and never less than it needs.
// The next one in order is built and merged in one go, for that saves a start of Portage; binary
// packages wait to be merged until somebody waits for them or a place is free, and then all at
// once. Of what could be built, that goes first upon which the longest time of building rests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gbox::plan {

struct Task {
  std::vector<std::size_t> needs;    // smaller numbers: merged before this one can be built
  std::vector<std::size_t> depends;  // others without which it is of no use, in any order
  double seconds = 0;                // to build it, as far as it is known; 0: unknown
  std::uint64_t memory_bytes = 0;    // that building it takes; 0: unknown
  std::string root;                  // packages of one root are merged together
  bool built = false;                // there is a binary package of it
  bool at_its_turn = false;          // none ever comes of it: it is made when it is the next one
};

struct Limits {
  unsigned packages = 1;           // at once
  unsigned jobs = 1;               // make jobs that they share
  std::size_t batch = 32;          // packages that are merged at once, at most
  std::uint64_t memory_bytes = 0;  // for all of them; 0: without limit
  std::uint64_t memory_of_job = std::uint64_t{2} << 30;  // assumed of each make job
};

// Something to begin: a package to build, to make (build and merge) or some to merge.
struct Order {
  enum class Kind { build, make, merge };
  Kind kind = Kind::make;
  std::size_t first = 0;
  std::size_t count = 1;  // more than one only to merge
  unsigned jobs = 1;      // make jobs it may use
  bool operator==(const Order&) const = default;
};

class Schedule {
 public:
  // In merge order. Throws Error for a need that is not before what needs it.
  Schedule(std::vector<Task> tasks, Limits limits);

  // What to begin now, which then counts as running; nullopt: nothing before something ends.
  [[nodiscard]] std::optional<Order> next();

  // What has become of an order.
  void ended(const Order& order);
  // It has ended without a binary package to merge: it is made when it is the next one.
  void ended_without_package(const Order& order);
  // It is tried again, with `jobs` make jobs at most.
  void again(const Order& order, unsigned jobs);
  // Nothing is begun any more, or, with `go_on`, nothing that depends on it.
  void failed(const Order& order, bool go_on);

  // Nothing is begun any more.
  void stop() { stopping_ = true; }

  // Somebody else builds it, or what it is built of is on its way: it is passed over until it is
  // released, or found to be built.
  void hold(const Order& order);
  void release(std::size_t task);
  void built(std::size_t task);
  // Its binary package turned out to be none.
  void unbuilt(std::size_t task);

  // The next one to be merged, unless something is being merged or made, or nothing is left.
  [[nodiscard]] std::optional<std::size_t> turn() const;
  // `count` tasks from turn() on are merged already.
  void merged(std::size_t count);

  // Whether all is done that will be; nothing runs then.
  [[nodiscard]] bool finished() const;
  [[nodiscard]] bool is_merged(std::size_t task) const { return states_.at(task) == State::merged; }
  // That there is a binary package of it, or that it is merged.
  [[nodiscard]] bool is_kept(std::size_t task) const;
  // Those that were given up because they depend on one that failed.
  [[nodiscard]] std::vector<std::size_t> given_up() const;

 private:
  enum class State { waiting, held, building, built, making, merging, merged, failed };

  [[nodiscard]] std::size_t head() const;
  [[nodiscard]] bool can_build(std::size_t task) const;
  [[nodiscard]] std::size_t batch(std::size_t first) const;
  [[nodiscard]] double unlocked(std::size_t first, std::size_t count) const;
  [[nodiscard]] std::optional<Order> begin(Order::Kind kind, std::size_t task);
  [[nodiscard]] std::optional<unsigned> share(std::size_t task) const;
  void leave(const Order& order);

  std::vector<Task> tasks_;
  Limits limits_;
  std::vector<State> states_;
  std::vector<bool> lost_;      // depends on one that failed
  std::vector<double> paths_;   // seconds of building that rest on a task, its own included
  std::vector<unsigned> most_;  // jobs a task may have
  std::vector<unsigned> jobs_;  // that running tasks have
  std::size_t running_ = 0;     // orders
  bool chain_busy_ = false;     // something is being made or merged
  bool stopping_ = false;
};

}  // namespace gbox::plan
