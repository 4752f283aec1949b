#include "gbox/plan/schedule.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <random>
#include <set>

#include "gbox/base/error.h"

using namespace gbox;
using namespace gbox::plan;

namespace {

using Kind = Order::Kind;

Task task(double seconds, std::vector<std::size_t> needs = {}) {
  Task made;
  made.seconds = seconds;
  made.needs = std::move(needs);
  made.root = "/";
  return made;
}

Limits limits(unsigned packages, unsigned jobs = 4) {
  Limits made;
  made.packages = packages;
  made.jobs = jobs;
  return made;
}

// Runs a schedule in imagined time and checks what must hold whatever it does.
struct World {
  World(std::vector<Task> list, Limits most) : tasks(list), bounds(most), schedule(list, most) {}

  // What happens to a task when it is built; by default it succeeds.
  std::function<bool(std::size_t)> fails = [](std::size_t) { return false; };
  bool go_on = false;

  double run() {
    std::multimap<double, Order> running;
    double now = 0;
    for (;;) {
      while (auto order = schedule.next()) {
        check(*order);
        began.push_back(*order);
        const bool builds = order->kind != Kind::merge;
        running.emplace(now + (builds ? tasks[order->first].seconds : 0) + start, *order);
      }
      most_at_once = std::max(most_at_once,
                              static_cast<std::size_t>(std::count_if(
                                  running.begin(), running.end(),
                                  [](const auto& one) { return one.second.kind != Kind::merge; })));
      REQUIRE(running.size() <= bounds.packages);
      if (running.empty()) break;
      const auto [end, order] = *running.begin();
      running.erase(running.begin());
      now = end;
      if (order.kind != Kind::merge && fails(order.first)) {
        schedule.failed(order, go_on);
        continue;
      }
      schedule.ended(order);
      if (order.kind != Kind::build)
        for (std::size_t i = 0; i < order.count; ++i) merged.push_back(order.first + i);
    }
    CHECK(schedule.finished());
    CHECK(std::is_sorted(merged.begin(), merged.end()));
    return now;
  }

  void check(const Order& order) {
    if (order.kind == Kind::merge) {
      for (std::size_t i = 0; i < order.count; ++i)
        REQUIRE(tasks[order.first + i].root == tasks[order.first].root);
      return;
    }
    REQUIRE(order.jobs >= 1);
    REQUIRE(order.jobs <= bounds.jobs);
    REQUIRE_FALSE(tasks[order.first].built);
    REQUIRE(built.insert(order.first).second);
    for (const std::size_t need : tasks[order.first].needs) REQUIRE(schedule.is_merged(need));
    // What is merged after it in the plan's order is never there when it is built.
    for (std::size_t later = order.first; later < tasks.size(); ++later)
      REQUIRE_FALSE(schedule.is_merged(later));
  }

  std::vector<Task> tasks;
  Limits bounds;
  Schedule schedule;
  double start = 0.01;
  std::vector<Order> began;
  std::vector<std::size_t> merged;
  std::set<std::size_t> built;
  std::size_t most_at_once = 0;  // of those that are built
};

std::vector<std::size_t> firsts(const std::vector<Order>& orders, Kind kind) {
  std::vector<std::size_t> result;
  for (const Order& order : orders)
    if (order.kind == kind) result.push_back(order.first);
  return result;
}

}  // namespace

TEST_CASE("with one place packages are built and merged in one go, in order") {
  World world({task(3), task(1), task(2, {0}), task(9)}, limits(1));
  world.run();
  CHECK(firsts(world.began, Kind::make) == std::vector<std::size_t>{0, 1, 2, 3});
  CHECK(world.began.size() == 4);
  for (const Order& order : world.began) CHECK(order.jobs == 4);
}

TEST_CASE("with one place what the store has is merged first, as many as there are in a row") {
  std::vector<Task> tasks = {task(1), task(1), task(5), task(1), task(5)};
  for (const std::size_t i : {0, 1, 3}) tasks[i].built = true;
  World world(tasks, limits(1));
  world.run();
  CHECK(world.began == std::vector<Order>{{Kind::merge, 0, 2, 1},
                                          {Kind::make, 2, 1, 4},
                                          {Kind::merge, 3, 1, 1},
                                          {Kind::make, 4, 1, 4}});
}

TEST_CASE("independent packages are built side by side and merged in order") {
  World world({task(10), task(9), task(9), task(9)}, limits(4));
  CHECK(world.run() < 11);
  CHECK(world.most_at_once == 4);
  CHECK(world.merged == std::vector<std::size_t>{0, 1, 2, 3});
  // The three that were not next wait for it, and are merged at once.
  CHECK(world.began.back() == Order{Kind::merge, 1, 3, 1});
}

TEST_CASE("the longest path goes first") {
  // 1 is short, but a long one rests on it.
  World world({task(5), task(1), task(4), task(20, {1})}, limits(2));
  world.run();
  CHECK(firsts(world.began, Kind::build).front() == 1);
  World other({task(5), task(4), task(1), task(20, {2})}, limits(2));
  other.run();
  CHECK(firsts(other.began, Kind::build).front() == 2);
}

TEST_CASE("what others wait for is merged before more is built") {
  // 0 is in the store; a long path needs it, and two short ones do not.
  std::vector<Task> tasks = {task(1), task(100, {0}), task(1), task(1)};
  tasks[0].built = true;
  World world(tasks, limits(2));
  world.run();
  CHECK(world.began.front().kind == Kind::merge);
}

TEST_CASE("make jobs are shared, and one package alone has all of them") {
  World world({task(10), task(10), task(10, {0, 1})}, limits(2, 8));
  world.run();
  CHECK(world.began[0].jobs == 7);  // one is left for the other
  CHECK(world.began[1].jobs == 4);  // its part, though less was left
  CHECK(world.began.back().jobs == 8);
}

TEST_CASE("memory bounds what runs at once, but never the first") {
  Limits small = limits(4, 4);
  small.memory_of_job = 2;
  small.memory_bytes = 5;
  World world({task(1), task(1), task(1), task(1)}, small);
  world.run();
  CHECK(world.most_at_once <= 2);
  std::vector<Task> tasks = {task(1), task(1), task(1)};
  for (Task& each : tasks) each.memory_bytes = 100;
  World large(tasks, small);
  large.run();
  CHECK(large.most_at_once == 1);
}

TEST_CASE("packages of different roots are not merged by one emerge") {
  std::vector<Task> tasks = {task(1), task(1), task(1)};
  for (Task& each : tasks) each.built = true;
  tasks[1].root = "/target";
  World world(tasks, limits(2));
  world.run();
  CHECK(world.began.size() == 3);
}

TEST_CASE("what leaves no binary package is made when it is the next one") {
  std::vector<Task> tasks = {task(5), task(1), task(1, {1})};
  tasks[1].at_its_turn = true;
  World world(tasks, limits(3));
  world.run();
  CHECK(firsts(world.began, Kind::make) == std::vector<std::size_t>{0, 1, 2});

  Schedule schedule({task(5), task(1)}, limits(2));
  const Order first = *schedule.next();
  const Order second = *schedule.next();
  CHECK(second.kind == Kind::build);
  schedule.ended_without_package(second);
  CHECK_FALSE(schedule.next().has_value());
  schedule.ended(first);
  CHECK(schedule.next() == Order{Kind::make, 1, 1, 4});
}

TEST_CASE("a failure ends it once what runs has ended") {
  World world({task(1), task(5), task(5), task(5)}, limits(2));
  world.fails = [](std::size_t which) { return which == 0; };
  world.run();
  CHECK(world.built == std::set<std::size_t>{0, 1});
  CHECK(world.schedule.is_kept(1));
  CHECK_FALSE(world.schedule.is_kept(0));
  CHECK(world.merged.empty());
}

TEST_CASE("told to go on, all is done that does not depend on what failed") {
  std::vector<Task> tasks = {task(1), task(1), task(1, {1}), task(1, {0}), task(1), task(1, {4})};
  tasks[4].depends = {2};  // only when it runs
  World world(tasks, limits(2));
  world.fails = [](std::size_t which) { return which == 1; };
  world.go_on = true;
  world.run();
  CHECK(world.merged == std::vector<std::size_t>{0, 3});
  CHECK(world.schedule.given_up() == std::vector<std::size_t>{2, 4, 5});
}

TEST_CASE("what somebody else builds is passed over until it is there") {
  Schedule schedule({task(1), task(1)}, limits(2));
  const Order first = *schedule.next();
  schedule.hold(first);
  const Order second = *schedule.next();
  CHECK(second.first == 1);
  schedule.ended(second);
  CHECK_FALSE(schedule.next().has_value());
  CHECK_FALSE(schedule.finished());
  schedule.built(0);
  CHECK(schedule.next() == Order{Kind::merge, 0, 2, 1});
}

TEST_CASE("a package is tried again with fewer make jobs") {
  Schedule schedule({task(1)}, limits(1, 8));
  Order order = *schedule.next();
  CHECK(order.jobs == 8);
  schedule.again(order, 4);
  order = *schedule.next();
  CHECK(order.jobs == 4);
  CHECK(order.kind == Kind::make);
}

TEST_CASE("a damaged package is built again") {
  std::vector<Task> tasks = {task(1), task(1)};
  tasks[0].built = tasks[1].built = true;
  Schedule schedule(tasks, limits(1));
  schedule.unbuilt(1);
  CHECK(schedule.next() == Order{Kind::merge, 0, 1, 1});
}

TEST_CASE("snapshots that are there are passed by") {
  Schedule schedule({task(1), task(1), task(1)}, limits(1));
  CHECK(schedule.turn() == 0);
  schedule.merged(2);
  CHECK(schedule.turn() == 2);
  CHECK(schedule.next() == Order{Kind::make, 2, 1, 4});
  CHECK_FALSE(schedule.turn().has_value());
}

TEST_CASE("what was found to be merged while it was built is not merged again") {
  Schedule schedule({task(1), task(9)}, limits(2));
  const Order first = *schedule.next();
  const Order second = *schedule.next();
  schedule.ended(first);
  CHECK(schedule.turn() == 1);
  schedule.merged(1);
  schedule.ended(second);
  CHECK(schedule.is_merged(1));
  CHECK(schedule.finished());
}

TEST_CASE("a need that comes later is refused") {
  CHECK_THROWS_AS(Schedule({task(1, {1}), task(1)}, limits(1)), const Error&);
}

TEST_CASE("any graph is built whole, each package once, and sooner with more places") {
  for (unsigned seed = 0; seed < 40; ++seed) {
    std::mt19937 chance(seed);
    std::vector<Task> tasks;
    for (std::size_t i = 0; i < 60; ++i) {
      Task one = task(static_cast<double>(1 + chance() % 50));
      for (std::size_t k = 0; i > 0 && k < chance() % 3; ++k) one.needs.push_back(chance() % i);
      one.built = chance() % 5 == 0;
      one.at_its_turn = !one.built && chance() % 10 == 0;
      tasks.push_back(std::move(one));
    }
    double alone = 0;
    for (const unsigned places : {1u, 2u, 4u, 16u}) {
      World world(tasks, limits(places));
      const double seconds = world.run();
      CHECK(world.merged.size() == tasks.size());
      if (places == 1) alone = seconds;
      CHECK(seconds <= alone);
    }
  }
}
