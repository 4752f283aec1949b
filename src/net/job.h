// One transfer on its way through its URLs: waits for the partial file's lock, hashes what is
// kept, asks, takes the bytes, retries, goes on to the next mirror, verifies, publishes. A state
// machine, because many share one thread: nothing in here waits.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "exchange.h"
#include "failure.h"
#include "gbox/net/transfer.h"
#include "hashes.h"
#include "part.h"
#include "session.h"
#include "speed.h"

namespace gbox::net {

// The whole file's size as the reply's head has it.
std::optional<std::uint64_t> announced(const Exchange& exchange);

class Job {
 public:
  using Instant = Speed::Instant;

  // Into `transfer.file` of `dirfd`; into memory when that is -1. All are borrowed.
  Job(Session& session, const Transfer& transfer, int dirfd);

  [[nodiscard]] bool done() const noexcept { return state_ == State::done; }
  // Does what can be done at once. True when there is more of it, so that nobody should sleep.
  bool step(Instant now);
  // libcurl has ended the current exchange. Rethrows what went wrong on this machine.
  void finished(CURLcode code, Instant now);
  // When step() has something to do again, as far as it knows.
  [[nodiscard]] Instant wake() const noexcept { return wake_; }
  [[nodiscard]] Progress progress(Instant now);

  [[nodiscard]] const Fetched& result() const noexcept { return result_; }
  // The text, for a job into memory that has ended well.
  [[nodiscard]] std::string text() const;

 private:
  enum class State {
    locking,   // the partial file may be another's
    checking,  // a file of this name is there: is it the one?
    hashing,   // what is kept of an earlier try
    next,      // ask the current URL (again)
    pausing,   // before another try
    asking,    // libcurl works
    copying,   // from a local file
    done,
  };
  static constexpr Instant kNever = Instant::max();

  // Each state's step; true when there is more to do at once.
  bool lock(Instant now);
  bool check();
  bool hash(Instant now);
  bool ask();
  bool open_local();
  bool copy(Instant now);
  void begin_part();

  // The reply's head and body, as they come.
  bool take(std::span<const std::byte> bytes);
  bool begin_body();
  std::optional<Failure> judge_head();
  bool append(std::span<const std::byte> bytes);  // false: refused_ says why
  void start_over(const Source& source);

  // How an exchange or copy ended.
  void conclude(CURLcode code, Instant now);
  void redirect(Instant now);
  void complete(const std::string& requested_url, Instant now);
  void fail(Verdict verdict, Instant now);
  void give_up_url(Failure failure);

  [[nodiscard]] const std::string& url() const { return transfer_.urls[url_index_]; }
  [[nodiscard]] bool may_resume() const;
  [[nodiscard]] std::uint64_t limit() const;

  Session& session_;
  const Transfer& transfer_;
  const int dirfd_;
  State state_ = State::locking;
  Instant wake_ = Instant::min();
  Instant waits_since_{};  // for a lock
  bool wait_told_ = false;

  std::optional<Part> part_;
  std::optional<Hashes> hashes_;  // of part_'s bytes, up to hashed_
  std::uint64_t hashed_ = 0;
  sys::Fd reading_;  // a file that is checked or copied
  std::uint64_t read_offset_ = 0;

  std::size_t url_index_ = 0;
  std::string current_url_;  // after redirects
  unsigned redirects_ = 0;
  unsigned fruitless_ = 0;      // tries in a row that brought nothing new
  std::uint64_t farthest_ = 0;  // what any try has reached
  bool no_range_ = false;       // this URL cannot go on where another try stopped
  bool mixed_ = false;  // the bytes are of several tries: a wrong digest is not yet this mirror's

  std::unique_ptr<Exchange> exchange_;
  bool body_begun_ = false;
  std::uint64_t junk_ = 0;          // bytes of an error page
  std::optional<Failure> refused_;  // why the body was not taken
  Speed speed_;
  Fetched result_;
};

}  // namespace gbox::net
