#include "gbox/oci/crew.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "gbox/base/error.h"
#include "gbox/sys/interrupt.h"
#include "registry_session.h"

namespace gbox::oci {

namespace {

constexpr std::chrono::milliseconds kTick{100};

// What the threads and the caller's share.
struct Shared {
  std::mutex mutex;
  std::condition_variable ended;
  std::size_t next = 0;
  std::size_t running = 0;
  std::exception_ptr failure;  // the first
  std::vector<std::pair<std::string, std::string>> notes;
  std::atomic<bool> stop = false;
};

// Thrown in a thread that another one's failure ends; nobody sees it.
struct Stopped {};

}  // namespace

void Crew::run(std::size_t count, const Work& work, const std::function<void()>& tick) {
  if (count == 0) return;
  Shared shared;
  RegistryOptions options = place_.options;
  if (!options.memo) options.memo = std::make_shared<CredentialMemo>();
  options.transfers.check_interrupt = [&shared] {
    if (shared.stop) throw Stopped{};
  };
  const auto on_note = options.transfers.on_note;
  if (on_note)
    options.transfers.on_note = [&shared](std::string_view name, std::string_view text) {
      const std::lock_guard lock(shared.mutex);
      shared.notes.emplace_back(name, text);
    };
  const auto work_off = [&] {
    try {
      Registry registry(options, place_.host, place_.repository, place_.rights, place_.mount_from);
      for (;;) {
        std::size_t index = 0;
        {
          const std::lock_guard lock(shared.mutex);
          if (shared.next == count || shared.stop) break;
          index = shared.next++;
        }
        work(registry, index);
      }
    } catch (const Stopped&) {
      // The first failure is told.
    } catch (...) {
      const std::lock_guard lock(shared.mutex);
      if (!shared.failure) shared.failure = std::current_exception();
      shared.stop = true;
    }
    const std::lock_guard lock(shared.mutex);
    --shared.running;
    shared.ended.notify_all();
  };
  const std::size_t most = std::max(1u, options.transfers.parallel);
  std::vector<std::jthread> threads;
  shared.running = std::min(count, most);
  for (std::size_t i = std::min(count, most); i > 0; --i) threads.emplace_back(work_off);
  std::exception_ptr thrown;
  std::unique_lock lock(shared.mutex);
  while (shared.running != 0) {
    (void)shared.ended.wait_for(lock, kTick);  // a tick is due either way
    const auto notes = std::exchange(shared.notes, {});
    lock.unlock();
    try {
      if (!thrown) {
        if (place_.options.transfers.check_interrupt)
          place_.options.transfers.check_interrupt();
        else
          sys::check_interrupt();
        for (const auto& [name, text] : notes) on_note(name, text);
        if (tick) tick();
      }
    } catch (...) {
      thrown = std::current_exception();
      shared.stop = true;
    }
    lock.lock();
  }
  lock.unlock();
  threads.clear();
  if (thrown) std::rethrow_exception(thrown);
  if (shared.failure) std::rethrow_exception(shared.failure);
}

}  // namespace gbox::oci
