#include "gbox/plan/schedule.h"

#include <algorithm>
#include <numeric>

#include "gbox/base/error.h"

namespace gbox::plan {

Schedule::Schedule(std::vector<Task> tasks, Limits limits)
    : tasks_(std::move(tasks)),
      limits_(limits),
      states_(tasks_.size(), State::waiting),
      lost_(tasks_.size(), false),
      paths_(tasks_.size(), 0),
      most_(tasks_.size(), std::max(1u, limits.jobs)),
      jobs_(tasks_.size(), 0) {
  limits_.packages = std::max(1u, limits_.packages);
  limits_.jobs = std::max(1u, limits_.jobs);
  double known = 0;
  std::size_t count = 0;
  for (const Task& task : tasks_)
    if (task.seconds > 0) known += task.seconds, ++count;
  const double usual = count == 0 ? 1 : known / static_cast<double>(count);
  for (std::size_t i = tasks_.size(); i-- > 0;) {
    const Task& task = tasks_[i];
    if (task.built) states_[i] = State::built;
    // All that needs it comes behind it, and has been here.
    if (!task.built) paths_[i] += task.seconds > 0 ? task.seconds : usual;
    for (const std::size_t need : task.needs) {
      if (need >= i) throw Error("internal error: a package needs one that is merged after it");
      paths_[need] = std::max(paths_[need], paths_[i]);
    }
  }
}

std::size_t Schedule::head() const {
  std::size_t at = 0;
  while (at < tasks_.size() && (states_[at] == State::merged || states_[at] == State::failed ||
                                (lost_[at] && states_[at] != State::building &&
                                 states_[at] != State::making && states_[at] != State::merging)))
    ++at;
  return at;
}

std::optional<std::size_t> Schedule::turn() const {
  const std::size_t at = head();
  if (chain_busy_ || stopping_ || at == tasks_.size()) return std::nullopt;
  return at;
}

bool Schedule::can_build(std::size_t task) const {
  return states_[task] == State::waiting && !lost_[task] && !tasks_[task].at_its_turn &&
         std::all_of(tasks_[task].needs.begin(), tasks_[task].needs.end(),
                     [&](std::size_t need) { return states_[need] == State::merged; });
}

// How many from `first` on can be merged by one emerge.
std::size_t Schedule::batch(std::size_t first) const {
  std::size_t count = 0;
  while (first + count < tasks_.size() && count < limits_.batch &&
         states_[first + count] == State::built && !lost_[first + count] &&
         tasks_[first + count].root == tasks_[first].root)
    ++count;
  return count;
}

// The longest path of what could be begun if these were merged; 0: nothing more than now.
double Schedule::unlocked(std::size_t first, std::size_t count) const {
  const auto there = [&](std::size_t need) {
    return states_[need] == State::merged || (need >= first && need < first + count);
  };
  double longest = 0;
  for (std::size_t i = first + count; i < tasks_.size(); ++i) {
    if (states_[i] != State::waiting || lost_[i]) continue;
    const std::vector<std::size_t>& needs = tasks_[i].needs;
    if (i == first + count ||
        (!can_build(i) && !tasks_[i].at_its_turn && std::all_of(needs.begin(), needs.end(), there)))
      longest = std::max(longest, paths_[i]);
  }
  return longest;
}

// The make jobs for `task`, if there is memory for them. Each package gets its part of all, and
// what others leave: a long one that begins beside short ones is not to crawl when they have ended.
std::optional<unsigned> Schedule::share(std::size_t task) const {
  const unsigned used = std::accumulate(jobs_.begin(), jobs_.end(), 0u);
  std::size_t others = 0;
  for (std::size_t i = 0; i < tasks_.size(); ++i)
    if (i != task && can_build(i)) ++others;
  const std::size_t places = limits_.packages - std::min<std::size_t>(limits_.packages, running_);
  others = std::min(others, places == 0 ? 0 : places - 1);
  const unsigned taken = std::min<unsigned>(limits_.jobs, used + static_cast<unsigned>(others));
  const unsigned least = (limits_.jobs + limits_.packages - 1) / limits_.packages;
  unsigned jobs = std::min(most_[task], std::max(least, limits_.jobs - taken));
  if (limits_.memory_bytes == 0 || used == 0) return jobs;
  std::uint64_t memory = 0;
  for (std::size_t i = 0; i < tasks_.size(); ++i)
    if (jobs_[i] != 0)
      memory +=
          tasks_[i].memory_bytes != 0 ? tasks_[i].memory_bytes : jobs_[i] * limits_.memory_of_job;
  const std::uint64_t left = limits_.memory_bytes - std::min(limits_.memory_bytes, memory);
  if (tasks_[task].memory_bytes != 0)
    return tasks_[task].memory_bytes <= left ? std::optional(jobs) : std::nullopt;
  jobs = static_cast<unsigned>(std::min<std::uint64_t>(jobs, left / limits_.memory_of_job));
  return jobs == 0 ? std::nullopt : std::optional(jobs);
}

std::optional<Order> Schedule::begin(Order::Kind kind, std::size_t task) {
  Order order{kind, task, 1, 1};
  if (kind == Order::Kind::merge) {
    order.count = batch(task);
    for (std::size_t i = task; i < task + order.count; ++i) states_[i] = State::merging;
  } else {
    const auto jobs = share(task);
    if (!jobs) return std::nullopt;
    order.jobs = jobs_[task] = *jobs;
    states_[task] = kind == Order::Kind::make ? State::making : State::building;
  }
  if (kind != Order::Kind::build) chain_busy_ = true;
  ++running_;
  return order;
}

std::optional<Order> Schedule::next() {
  if (stopping_ || running_ >= limits_.packages) return std::nullopt;
  const auto at = turn();
  // Nothing behind it can be merged before it is.
  if (at && states_[*at] == State::waiting) return begin(Order::Kind::make, *at);
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < tasks_.size(); ++i)
    if (can_build(i) && (!best || paths_[i] > paths_[*best])) best = i;
  // With one place alone nothing is gained by building ahead, and a start of Portage is lost.
  if (at && states_[*at] == State::built &&
      (!best || limits_.packages == 1 || unlocked(*at, batch(*at)) > paths_[*best]))
    return begin(Order::Kind::merge, *at);
  if (best)
    if (auto order = begin(Order::Kind::build, *best)) return order;
  if (at && states_[*at] == State::built) return begin(Order::Kind::merge, *at);
  return std::nullopt;
}

void Schedule::leave(const Order& order) {
  --running_;
  jobs_[order.first] = 0;
  if (order.kind != Order::Kind::build) chain_busy_ = false;
}

void Schedule::ended(const Order& order) {
  leave(order);
  for (std::size_t i = order.first; i < order.first + order.count; ++i) {
    if (order.kind != Order::Kind::build)
      states_[i] = State::merged;
    else if (states_[i] != State::merged)  // a snapshot of it may have been found meanwhile
      states_[i] = State::built;
  }
}

void Schedule::ended_without_package(const Order& order) {
  leave(order);
  tasks_[order.first].at_its_turn = true;
  states_[order.first] = State::waiting;
}

void Schedule::again(const Order& order, unsigned jobs) {
  leave(order);
  for (std::size_t i = order.first; i < order.first + order.count; ++i)
    states_[i] = order.kind == Order::Kind::merge ? State::built : State::waiting;
  most_[order.first] = std::max(1u, jobs);
}

void Schedule::failed(const Order& order, bool go_on) {
  leave(order);
  for (std::size_t i = order.first; i < order.first + order.count; ++i) states_[i] = State::failed;
  if (!go_on) {
    stopping_ = true;
    return;
  }
  const auto is_lost = [&](std::size_t one) { return lost_[one] || states_[one] == State::failed; };
  for (bool more = true; more;) {
    more = false;
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
      if (is_lost(i) || states_[i] == State::merged) continue;
      const Task& task = tasks_[i];
      if (std::none_of(task.needs.begin(), task.needs.end(), is_lost) &&
          std::none_of(task.depends.begin(), task.depends.end(), is_lost))
        continue;
      lost_[i] = more = true;
    }
  }
}

void Schedule::hold(const Order& order) {
  leave(order);
  states_[order.first] = State::held;
}

void Schedule::release(std::size_t task) {
  if (states_[task] == State::held) states_[task] = State::waiting;
}

void Schedule::built(std::size_t task) {
  if (states_[task] == State::held) states_[task] = State::built;
}

void Schedule::unbuilt(std::size_t task) {
  if (states_[task] == State::built) states_[task] = State::waiting;
}

void Schedule::merged(std::size_t count) {
  const std::size_t first = head();
  std::fill_n(states_.begin() + static_cast<std::ptrdiff_t>(first), count, State::merged);
}

bool Schedule::finished() const {
  return running_ == 0 && (stopping_ || head() == tasks_.size());
}

bool Schedule::is_kept(std::size_t task) const {
  const State state = states_.at(task);
  return state == State::built || state == State::merging || state == State::merged;
}

std::vector<std::size_t> Schedule::given_up() const {
  std::vector<std::size_t> result;
  for (std::size_t i = 0; i < tasks_.size(); ++i)
    if (lost_[i] && states_[i] != State::merged && states_[i] != State::failed) result.push_back(i);
  return result;
}

}  // namespace gbox::plan
