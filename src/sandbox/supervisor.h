// The thread that answers the notified calls of one sandbox (see notified.h).
#pragma once

#include <cstddef>
#include <exception>
#include <thread>
#include <vector>

#include "filter.h"
#include "gbox/sandbox/notified.h"
#include "gbox/sys/fd.h"

namespace gbox::sandbox {

Notifications notifications_of(const Notified& notified);

class Supervisor {
 public:
  // Starts to answer. The destructor stops, whether or not the sandbox still runs.
  Supervisor(sys::Fd listener, Policy policy, Notified notified);
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;
  ~Supervisor();

  // After the last process of the sandbox is gone: throws what a handler threw first.
  void finish();

 private:
  void run() noexcept;
  void serve_one();
  Answer answer_to(const Call& call) noexcept;
  void stop() noexcept;

  sys::Fd listener_;
  Policy policy_;
  Notified notified_;
  sys::Pipe stop_;
  std::exception_ptr failure_;
  std::vector<std::byte> request_;  // of the sizes that this kernel's structures have
  std::vector<std::byte> response_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace gbox::sandbox
