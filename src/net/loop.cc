#include "loop.h"

#include <algorithm>

namespace gbox::net {

namespace {

using Clock = std::chrono::steady_clock;

// An interrupt is seen, and progress shown, this often.
constexpr std::chrono::milliseconds kReportEvery{100};

class Loop {
 public:
  Loop(Session& session, const std::vector<std::unique_ptr<Job>>& jobs)
      : session_(session), jobs_(jobs) {}

  void run() {
    while (fill()) {
      session_.check_interrupt();
      bool busy = step_jobs();
      busy = exchange() || busy;
      report();
      if (!busy) sleep();
    }
  }

 private:
  bool fill() {
    std::erase_if(active_, [](const Job* job) { return job->done(); });
    const std::size_t most = std::max(1u, session_.settings.parallel);
    while (active_.size() < most && next_ < jobs_.size()) active_.push_back(jobs_[next_++].get());
    return !active_.empty();
  }

  bool step_jobs() {
    bool busy = false;
    for (Job* job : active_) busy = job->step(Clock::now()) || busy;
    return busy;
  }

  // True when an exchange has ended, so that its job has something to do.
  bool exchange() {
    int running = 0;
    check(::curl_multi_perform(session_.multi(), &running));
    bool ended = false;
    int left = 0;
    while (const CURLMsg* message = ::curl_multi_info_read(session_.multi(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      Job* job = nullptr;
      (void)::curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &job);
      job->finished(message->data.result, Clock::now());
      ended = true;
    }
    return ended;
  }

  void report() {
    const Settings& settings = session_.settings;
    const auto now = Clock::now();
    const bool due = now - reported_ >= kReportEvery;
    if (due) reported_ = now;
    for (Job* job : active_) {
      const bool fetched = job->done() && job->result().ok;
      if (settings.on_progress && (job->done() ? fetched : due))
        settings.on_progress(job->progress(now));
      if (settings.on_fetched && fetched) settings.on_fetched(job->result().name);
    }
  }

  void sleep() {
    auto until = Clock::now() + kReportEvery;
    for (const Job* job : active_) {
      if (job->done()) return;
      until = std::min(until, job->wake());
    }
    const auto pause =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
    if (pause <= 0) return;
    check(::curl_multi_poll(session_.multi(), nullptr, 0, static_cast<int>(pause), nullptr));
  }

  static void check(CURLMcode code) {
    if (code != CURLM_OK)
      throw Error(std::string("internal error: libcurl: ") + ::curl_multi_strerror(code));
  }

  Session& session_;
  const std::vector<std::unique_ptr<Job>>& jobs_;
  std::size_t next_ = 0;
  std::vector<Job*> active_;
  Clock::time_point reported_{};
};

}  // namespace

void run(Session& session, const std::vector<std::unique_ptr<Job>>& jobs) {
  Loop(session, jobs).run();
}

}  // namespace gbox::net
