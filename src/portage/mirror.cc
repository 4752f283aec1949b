#include "gbox/portage/mirror.h"

#include <algorithm>
#include <ctime>

#include "gbox/base/text.h"
#include "gbox/net/transfer.h"
#include "gbox/net/url.h"
#include "mirror_walk.h"

namespace gbox::portage {

namespace {

std::string age_in_days(std::int64_t seconds) {
  const std::int64_t days = seconds / kSecondsPerDay;
  return std::to_string(days) + (days == 1 ? " day" : " days");
}

bool is_stale(const ResolvedFile& file, std::int64_t now) {
  return file.pointer_time != 0 && now - file.pointer_time > kStalePointerDays * kSecondsPerDay;
}

// Rolling back is what replaying an old signed pointer does.
void refuse_rollback(const Walk& walk, const ResolvedFile& file) {
  const auto known = stamp_time(walk.known_stamp);
  const auto found = stamp_time(file.stamp);
  if (!known || !found || *found >= *known) return;
  throw Error("its newest, " + quoted(file.stamp) + ", is " + age_in_days(*known - *found) +
                  " older than " + quoted(walk.known_stamp) + ", which the lock has",
              ExitCode::input)
      .set_hint("use another mirror; to go back on purpose, give that date in the spec");
}

void put_first(const std::string& mirror, const std::vector<std::string>& mirrors,
               ResolvedFile& file) {
  file.urls = {net::join_url(mirror, file.path)};
  for (const std::string& other : mirrors)
    if (other != mirror) file.urls.push_back(net::join_url(other, file.path));
}

int digits(std::string_view text) {
  int value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

}  // namespace

std::optional<std::string> NetDownloader::text(const std::string& mirror, const std::string& path,
                                               std::uint64_t max_bytes) {
  const std::vector<std::string> urls = {net::join_url(mirror, path)};
  const std::string name = path.substr(path.rfind('/') + 1);
  auto fetched = net::try_fetch_text(urls, name.empty() ? path : name, settings_, max_bytes);
  if (!fetched) return std::nullopt;
  return std::move(fetched->text);
}

Signer verify_resolved(int fd, const ResolvedFile& file, const KeyRing* ring) {
  if (ring == nullptr || file.signature.empty()) return file.signer;
  Signer signer = verify_detached(fd, file.signature, file.name, *ring);
  const std::int64_t day = stamp_time(file.stamp).value_or(0);
  if (file.signed_within != 0 &&
      (signer.signed_at < day || signer.signed_at > day + file.signed_within))
    throw SignatureError(SignatureFault::something_else,
                         "verify " + quoted(file.name) + ": it was signed on " +
                             iso_date(signer.signed_at) + ", which does not fit its name",
                         "the mirror gives another file under this name; try another mirror");
  return signer;
}

std::optional<std::int64_t> stamp_time(std::string_view stamp) {
  const bool whole = stamp.size() == 16 && stamp[8] == 'T' && stamp[15] == 'Z';
  if (!whole && stamp.size() != 8) return std::nullopt;
  std::tm parts{};
  parts.tm_year = digits(stamp.substr(0, 4)) - 1900;
  parts.tm_mon = digits(stamp.substr(4, 2)) - 1;
  parts.tm_mday = digits(stamp.substr(6, 2));
  if (whole) {
    parts.tm_hour = digits(stamp.substr(9, 2));
    parts.tm_min = digits(stamp.substr(11, 2));
    parts.tm_sec = digits(stamp.substr(13, 2));
  }
  const std::tm asked = parts;
  if (asked.tm_year < 70 || asked.tm_mon < 0 || asked.tm_mday < 1 || asked.tm_hour < 0 ||
      asked.tm_min < 0 || asked.tm_sec < 0)
    return std::nullopt;
  const std::time_t seconds = ::timegm(&parts);  // puts right what does not exist
  if (parts.tm_mon != asked.tm_mon || parts.tm_mday != asked.tm_mday ||
      parts.tm_hour != asked.tm_hour || parts.tm_min != asked.tm_min ||
      parts.tm_sec != asked.tm_sec)
    return std::nullopt;
  return static_cast<std::int64_t>(seconds);
}

bool is_date_wish(std::string_view date) {
  return date == "latest" || stamp_time(date).has_value();
}

std::string day_stamp(std::int64_t seconds) {
  std::string date = iso_date(seconds);
  std::erase(date, '-');
  return date;
}

ResolvedFile walk_mirrors(const Walk& walk, WarningSink& sink,
                          const std::function<ResolvedFile(const std::string& mirror)>& attempt) {
  std::optional<ResolvedFile> stale;
  std::optional<Missing> missing;
  std::vector<std::string> lacking;
  // The last failure is held back: with no mirror left it is the error.
  std::optional<Warning> held;
  std::exception_ptr failure;
  const auto let_go = [&] {
    if (held) sink.warn(*held);
    held.reset();
  };
  for (const std::string& mirror : walk.mirrors) {
    try {
      ResolvedFile file = attempt(mirror);
      if (walk.newest) refuse_rollback(walk, file);
      put_first(mirror, walk.mirrors, file);
      if (!walk.newest || !is_stale(file, walk.now)) {
        let_go();
        return file;
      }
      if (!stale || file.stamp > stale->stamp) stale = std::move(file);
    } catch (const Interrupted&) {
      throw;
    } catch (const Missing& error) {
      missing = error;
      lacking.push_back(net::shown_host(mirror));
    } catch (Error& error) {
      if (error.code() != ExitCode::input) throw;
      // What a transfer says may name the mirror already.
      const std::string from = " from " + quoted(net::shown_host(mirror));
      const bool named = error.message().find(from + ':') != std::string::npos;
      error.add_context(walk.deed + (named ? "" : from));
      let_go();
      held = Warning{error.message(), error.hint()};
      failure = std::current_exception();
    }
  }
  const std::string places = walk.mirrors.size() == 1
                                 ? quoted(net::shown_host(walk.mirrors.front()))
                                 : "any of " + std::to_string(walk.mirrors.size()) + " mirrors";
  if (stale) {
    let_go();
    sink.warn({walk.deed + ": the newest on " + places + ", " + quoted(stale->stamp) +
                   ", was signed " + age_in_days(walk.now - stale->pointer_time) + " ago",
               "the mirror stands still, or an old pointer is replayed; another mirror may have a "
               "newer one"});
    return *stale;
  }
  if (failure && missing)
    sink.warn({walk.deed + ": not on " + quoted_list(lacking) + " (404)", missing->hint()});
  if (failure) std::rethrow_exception(failure);
  throw Error(walk.deed + ": not on " + places + " (404)", ExitCode::input)
      .set_hint(missing ? missing->hint() : "");
}

SignedText signed_text(const std::string& content, const std::string& name, const KeyRing* ring,
                       std::int64_t now, WarningSink& sink) {
  if (ring == nullptr) return {unverified_text(content, name), {}};
  SignedText text = verify_clearsigned(content, name, *ring);
  for (const Certificate& certificate : ring->certificates)
    if (certificate.primary.fingerprint == text.signer.fingerprint)
      warn_of_expiry(certificate, now, sink);
  return text;
}

}  // namespace gbox::portage
