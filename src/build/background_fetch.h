// Source archives that are fetched while other work goes on: one thread, which takes them in the
// order they were asked for. What it has to say waits until the driver's thread hands it on.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "distfiles.h"
#include "gbox/build/observer.h"

namespace gbox::build {

class BackgroundFetch {
 public:
  // `settings` says how to fetch; whom it tells is replaced.
  BackgroundFetch(DistfilePlaces places, net::Settings settings);
  BackgroundFetch(const BackgroundFetch&) = delete;
  BackgroundFetch& operator=(const BackgroundFetch&) = delete;
  ~BackgroundFetch();  // ends what is being fetched, keeping its beginning

  // Those not asked for before, and how many that are. Throws Error (input) for another file by a
  // name that was.
  std::size_t add(std::vector<NeededFile> files);
  // Whether all of these, asked for before, are there and verified.
  [[nodiscard]] bool has(const std::vector<NeededFile>& files) const;
  // Whether nothing is left to do.
  [[nodiscard]] bool is_idle() const;
  // What was not to be had so far, by name.
  [[nodiscard]] std::vector<MissingFile> missing() const;
  [[nodiscard]] std::size_t asked_for() const;
  // Hands on what there is to tell, and throws what has ended the thread: a full disk, say.
  void tell(Observer& observer);

 private:
  // Keeps the last progress and all facts and warnings.
  class Mailbox;
  void work();

  DistfilePlaces places_;
  net::Settings settings_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::vector<Digest>> known_;  // by name
  std::deque<NeededFile> waiting_;
  std::set<std::string> here_;
  std::vector<MissingFile> missing_;
  std::unique_ptr<Mailbox> mailbox_;
  std::exception_ptr fault_;
  bool busy_ = false;
  std::atomic<bool> stop_{false};
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace gbox::build
