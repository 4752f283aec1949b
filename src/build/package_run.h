// The packages of one plan, built and merged: what the store has is not made again, what is
// independent is built side by side (plan/schedule.h tells what comes when), and what fails is
// kept, tried again or left out. One thread: sandboxes run beside each other, and this one hands on
// what they print.
#pragma once

#include <chrono>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "chain.h"
#include "gbox/plan/schedule.h"
#include "package_facts.h"
#include "workbench.h"

namespace gbox::build {

// Packages merged by one emerge. Its start costs as much as a small merge; its snapshot is the unit
// in which later builds can take this over.
constexpr std::size_t kMaxBatch = 32;

class PackageRun {
 public:
  // All are borrowed. `chain` is what the plan was made for; the packages end up on it.
  PackageRun(const StepContext& context, const spec::Phase& phase, const portage::EmergePlan& plan,
             const std::vector<PackageStep>& steps, Chain& chain);

  // Throws StepFailed when a package could not be built or merged; all that runs has ended then,
  // and what was built is kept.
  void run();

 private:
  using Clock = std::chrono::steady_clock;
  struct Job {
    plan::Order order;
    StepInfo info;
    Clock::time_point start;
    sys::FileLock lock;  // of the package's key, while it is built
    std::unique_ptr<Workbench> bench;
  };

  [[nodiscard]] const portage::PlannedPackage& package(std::size_t task) const;
  [[nodiscard]] bool in_store(std::size_t task) const;
  [[nodiscard]] std::string key_after(const std::string& key, std::size_t task) const;
  [[nodiscard]] StepInfo info_of(std::size_t task, const std::string& key) const;
  [[nodiscard]] bool is_being_built(const std::string& key) const;
  std::vector<plan::Task> tasks() const;

  std::size_t find_made(std::size_t first);
  void begin();
  void build(const plan::Order& order);
  void merge(const plan::Order& order);
  void start(Job job, Deed deed, const Shown& shown);
  void watch();
  void look_at_held();

  void end(Job job);
  void built(Job& job);
  void made(Job& job);
  void merged(Job& job);
  bool keep(Job& job);
  void publish(Job& job, const char* kind, const Json& parts, Json extra);
  void failed(const Job& job, const StepFailed& error);
  [[noreturn]] void fail() const;

  const StepContext& context_;
  const spec::Phase& phase_;
  const portage::EmergePlan& plan_;
  const std::vector<PackageStep>& steps_;
  Chain& chain_;
  plan::Schedule schedule_;
  std::list<Job> jobs_;
  std::set<std::size_t> held_;  // built by another gbox, or waiting for what is fetched
  Clock::time_point looked_;    // at those
  std::set<std::size_t> ran_;   // built here: an observer has heard of them
  std::map<std::size_t, unsigned> tries_;
  std::vector<StepFailed> failures_;
};

}  // namespace gbox::build
