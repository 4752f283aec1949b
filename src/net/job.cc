#include "job.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "gbox/base/text.h"
#include "gbox/net/url.h"
#include "gbox/sys/file.h"

namespace gbox::net {

namespace {

constexpr std::size_t kChunkBytes = 1u << 20;  // read or hashed before others get their turn
constexpr std::chrono::milliseconds kLockPause{100};
constexpr std::chrono::seconds kSilentWait{1};

// Up to a chunk from `offset` on; 0 at the end. Throws SysError.
std::size_t read_chunk(int fd, std::uint64_t offset, std::vector<std::byte>& buffer) {
  buffer.resize(kChunkBytes);
  for (;;) {
    const ssize_t count = ::pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(offset));
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR) throw SysError(errno, "read");
  }
}

}  // namespace

Job::Job(Session& session, const Transfer& transfer, int dirfd)
    : session_(session), transfer_(transfer), dirfd_(dirfd) {
  result_.name = transfer.name;
  result_.needed_by = transfer.needed_by;
}

bool Job::step(Instant now) {
  switch (state_) {
    case State::locking:
      return now >= wake_ && lock(now);
    case State::checking:
      return check();
    case State::hashing:
      return hash(now);
    case State::next:
      return ask();
    case State::pausing:
      return now >= wake_ && ask();
    case State::copying:
      return copy(now);
    case State::asking:
    case State::done:
      break;
  }
  return false;
}

bool Job::lock(Instant now) {
  if (dirfd_ < 0) {
    part_.emplace(Part::anonymous());
    begin_part();
    return true;
  }
  const int partial_dirfd = session_.settings.partial_dirfd;
  if (auto part = Part::try_open(partial_dirfd >= 0 ? partial_dirfd : dirfd_, transfer_)) {
    part_.emplace(std::move(*part));
  } else {
    if (waits_since_ == Instant()) waits_since_ = now;
    if (!wait_told_ && now - waits_since_ >= kSilentWait) {
      session_.note(transfer_.name, "another gbox fetches it; waiting");
      wait_told_ = true;
    }
    wake_ = now + kLockPause;
    return false;
  }
  // Only now, with the lock: the other one may just have published it.
  if (!transfer_.digests.empty()) {
    auto file = sys::try_openat(dirfd_, transfer_.file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    struct stat status {};
    if (file) status = sys::fstat(file->get());
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (file && S_ISREG(status.st_mode) && size <= limit() &&
        (!transfer_.size || size == *transfer_.size)) {
      reading_ = std::move(*file);
      read_offset_ = 0;
      hashes_.emplace(transfer_.digests);
      state_ = State::checking;
      return true;
    }
  }
  begin_part();
  return true;
}

bool Job::check() {
  std::vector<std::byte> buffer;
  const std::size_t count = read_chunk(reading_.get(), read_offset_, buffer);
  hashes_->update(std::span(buffer).first(count));
  read_offset_ += count;
  if (count > 0) return true;
  reading_.reset();
  Hashes::Result found = hashes_->finish();
  if (found.found != transfer_.digests) {
    begin_part();
    return true;
  }
  result_.ok = result_.kept = true;
  result_.bytes = read_offset_;
  result_.sha256 = std::move(found.sha256);
  result_.digests = std::move(found.found);
  part_.reset();
  state_ = State::done;
  return false;
}

void Job::begin_part() {
  hashes_.emplace(transfer_.digests);
  hashed_ = 0;
  // Without digests only the server that sent the bytes can say whether they are still good.
  const bool useless = transfer_.digests.empty() && part_->source().etag.empty();
  if (part_->size() > limit() || (part_->size() > 0 && useless)) start_over({});
  mixed_ = part_->size() > 0;
  state_ = mixed_ ? State::hashing : State::next;
}

bool Job::hash(Instant now) {
  std::vector<std::byte> buffer;
  const std::size_t count = read_chunk(part_->fd(), hashed_, buffer);
  hashes_->update(std::span(buffer).first(count));
  hashed_ += count;
  if (hashed_ < part_->size()) {
    if (count == 0) start_over({});  // cut by someone who did not take the lock
    if (count == 0) state_ = State::next;
    return true;
  }
  state_ = State::next;
  // All there, only not published: an earlier run ended in between.
  if (!transfer_.digests.empty() && transfer_.size == part_->size())
    complete(part_->source().url, now);
  return true;
}

bool Job::ask() {
  if (transfer_.urls.empty()) {
    state_ = State::done;
    part_.reset();
    return false;
  }
  if (current_url_.empty()) current_url_ = url();
  if (local_path(current_url_)) return open_local();
  try {
    check_url(current_url_, "URL");
  } catch (const Error& error) {
    give_up_url({.cause = Cause::server, .message = error.message()});
    return true;
  }
  if (const Failure* failure = session_.dead(current_url_)) {
    give_up_url(*failure);
    return true;
  }
  Request request{.url = current_url_};
  if (may_resume()) {
    request.offset = part_->size();
    if (part_->source().url == url()) request.if_range = part_->source().etag;
  }
  body_begun_ = false;
  junk_ = 0;
  refused_.reset();
  exchange_ = std::make_unique<Exchange>(
      session_, std::move(request),
      [this](std::span<const std::byte> bytes) { return take(bytes); }, this);
  state_ = State::asking;
  wake_ = kNever;
  return true;
}

bool Job::may_resume() const {
  if (part_->size() == 0 || no_range_) return false;
  const Source& source = part_->source();
  return !transfer_.digests.empty() || (source.url == url() && !source.etag.empty());
}

bool Job::open_local() {
  const std::string path = *local_path(current_url_);
  Failure failure{.cause = Cause::refused};
  try {
    // A FIFO must not hold us up; it is refused below.
    auto file = sys::try_openat(AT_FDCWD, path, O_RDONLY | O_NONBLOCK);
    if (!file) {
      give_up_url({.cause = Cause::not_found, .message = "no such file"});
      return true;
    }
    const struct stat status = sys::fstat(file->get());
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (!S_ISREG(status.st_mode)) {
      failure.message = "is not a plain file";
    } else if (transfer_.size && size != *transfer_.size) {
      failure = wrong_size(size, *transfer_.size, "");
    } else if (size > limit()) {
      failure = too_large(limit());
    } else {
      reading_ = std::move(*file);
      read_offset_ = 0;
      result_.last_modified = status.st_mtime;
      start_over({});
      state_ = State::copying;
      return true;
    }
  } catch (const SysError& error) {
    failure.message = std::strerror(error.error_number());
  }
  give_up_url(std::move(failure));
  return true;
}

bool Job::copy(Instant now) {
  std::vector<std::byte> buffer;
  std::size_t count = 0;
  try {
    count = read_chunk(reading_.get(), read_offset_, buffer);
  } catch (const SysError& error) {
    start_over({});
    give_up_url({.cause = Cause::cut, .message = std::strerror(error.error_number())});
    return true;
  }
  read_offset_ += count;
  if (count == 0) {
    reading_.reset();
    complete(url(), now);
  } else if (!append(std::span(buffer).first(count))) {
    give_up_url(*refused_);
  }
  return true;
}

void Job::start_over(const Source& source) {
  part_->restart(source);
  hashes_.emplace(transfer_.digests);
  hashed_ = 0;
  mixed_ = false;
}

void Job::complete(const std::string& requested_url, Instant now) {
  if (transfer_.size && part_->size() != *transfer_.size) {
    const std::string type = exchange_ ? exchange_->reply.content_type : "";
    Failure failure = wrong_size(part_->size(), *transfer_.size, type);
    start_over({});
    fail({.failure = std::move(failure)}, now);
    return;
  }
  Hashes::Result found = hashes_->finish();
  if (found.found != transfer_.digests) {
    Failure failure = wrong_digest(transfer_.digests, found.found);
    const bool mixed = mixed_;
    start_over({});
    if (mixed) {
      // Whose bytes are wrong is not known: this mirror gets a chance to send all of them.
      session_.note(transfer_.name, "what was kept of it does not fit; fetching all of it");
      state_ = State::next;
    } else {
      fail({.failure = std::move(failure)}, now);
    }
    return;
  }
  result_.ok = true;
  result_.requested_url = requested_url;
  result_.url = without_credentials(exchange_ ? exchange_->request.url : requested_url);
  result_.bytes = part_->size();
  result_.sha256 = std::move(found.sha256);
  result_.digests = std::move(found.found);
  if (exchange_) {
    result_.date = exchange_->reply.date;
    result_.last_modified = exchange_->reply.last_modified;
  }
  if (dirfd_ >= 0) {
    part_->publish(dirfd_, transfer_.file);
    part_.reset();
  }
  state_ = State::done;
}

void Job::fail(Verdict verdict, Instant now) {
  if (part_->size() > farthest_) {
    farthest_ = part_->size();
    fruitless_ = 0;
  }
  ++fruitless_;
  if (!verdict.transient || fruitless_ >= session_.settings.attempts) {
    if (verdict.server_gone) session_.mark_dead(current_url_, verdict.failure);
    give_up_url(std::move(verdict.failure));
    return;
  }
  const auto longest = session_.settings.longest_backoff;
  auto pause = std::min(session_.settings.backoff * (1u << std::min(fruitless_ - 1, 16u)), longest);
  if (exchange_ && exchange_->reply.retry_after_s) {
    const std::chrono::seconds asked(
        std::min<std::uint64_t>(*exchange_->reply.retry_after_s, 3600));
    pause = std::min(longest, std::max<std::chrono::milliseconds>(pause, asked));
  }
  verdict.failure.url = shown_url(current_url_);
  session_.note(transfer_.name, line_of(verdict.failure) + "; trying again");
  wake_ = now + pause;
  state_ = State::pausing;
}

void Job::give_up_url(Failure failure) {
  failure.url = shown_url(current_url_);
  result_.failures.push_back(std::move(failure));
  ++url_index_;
  redirects_ = fruitless_ = 0;
  farthest_ = 0;
  no_range_ = false;
  current_url_.clear();
  if (url_index_ == transfer_.urls.size()) {
    part_.reset();  // what has arrived stays for another run
    state_ = State::done;
    return;
  }
  session_.note(transfer_.name,
                line_of(result_.failures.back()) + "; trying " + quoted(shown_host(url())));
  state_ = State::next;
}

std::uint64_t Job::limit() const {
  return transfer_.size ? *transfer_.size : transfer_.max_bytes;
}

Progress Job::progress(Instant now) {
  Progress progress;
  progress.name = transfer_.name;
  progress.total = transfer_.size;
  if (exchange_ && !progress.total) progress.total = announced(*exchange_);
  progress.done = done() ? result_.bytes : part_ ? part_->size() : 0;
  speed_.note(now, progress.done);
  progress.bytes_per_second = speed_.bytes_per_second();
  if (progress.total && *progress.total >= progress.done && progress.bytes_per_second > 0)
    progress.seconds_left =
        static_cast<double>(*progress.total - progress.done) / progress.bytes_per_second;
  return progress;
}

std::string Job::text() const {
  std::string text(part_->size(), '\0');
  std::uint64_t offset = 0;
  std::vector<std::byte> buffer;
  while (const std::size_t count = read_chunk(part_->fd(), offset, buffer)) {
    std::memcpy(text.data() + offset, buffer.data(), std::min(count, text.size() - offset));
    offset += count;
  }
  return text;
}

}  // namespace gbox::net
