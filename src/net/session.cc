#include "session.h"

#include <cstdlib>
#include <mutex>

#include "address.h"
#include "gbox/base/text.h"
#include "gbox/net/url.h"
#include "gbox/sys/interrupt.h"

namespace gbox::net {

namespace {

constexpr std::time_t kClockTolerance_s = 300;
// 2026-01-01: no gbox is older, so a clock before that is wrong.
constexpr std::time_t kFirstYear = 1767225600;

CURLM* new_multi() {
  // Never undone: other code of this process may use libcurl too, and the process ends anyway.
  static std::once_flag once;
  std::call_once(once, [] {
    if (::curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
      throw Error("internal error: libcurl refuses to start");
  });
  CURLM* multi = ::curl_multi_init();
  if (multi == nullptr) throw Error("internal error: libcurl refuses to start");
  return multi;
}

std::string server_of(const std::string& url) {
  return url.substr(0, url.find("://")) + "://" + to_string(address_of(url));
}

}  // namespace

Session::Session(const Settings& s) : settings(s), trust(trust_of(s)), multi_(new_multi()) {}

std::time_t Session::now() const {
  return settings.now ? settings.now() : std::time(nullptr);
}

std::optional<std::string> Session::variable(const char* name) const {
  if (settings.variable) return settings.variable(name);
  const char* value = std::getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

void Session::check_interrupt() const {
  if (settings.check_interrupt)
    settings.check_interrupt();
  else
    sys::check_interrupt();
}

void Session::note(std::string_view name, std::string_view text) const {
  if (settings.on_note) settings.on_note(name, text);
}

void Session::mark_dead(const std::string& url, const Failure& failure) {
  dead_.emplace(server_of(url), failure);
}

const Failure* Session::dead(const std::string& url) const {
  const auto found = dead_.find(server_of(url));
  return found == dead_.end() ? nullptr : &found->second;
}

void Session::compare_clocks(std::time_t theirs, const std::string& url) {
  const std::time_t ours = now();
  const std::time_t apart = ours > theirs ? ours - theirs : theirs - ours;
  if (clock_told_ || apart <= kClockTolerance_s) return;
  clock_told_ = true;
  // One of the two is wrong. Ours certainly is when it is before gbox was: then no certificate and
  // no signature can be judged, and what would be said of them misleads.
  if (ours < kFirstYear && theirs >= kFirstYear)
    throw Error("this machine says " + date_text(ours) + ", " + quoted(shown_host(url)) + " says " +
                    date_text(theirs),
                ExitCode::host)
        .set_hint("set the clock ('timedatectl set-ntp true') and run again");
  if (settings.warnings != nullptr)
    settings.warnings->warn(
        {"this machine says " + date_text(ours) + ", " + quoted(shown_host(url)) + " says " +
             date_text(theirs),
         "set the clock ('timedatectl set-ntp true'): certificates, signatures and file times are "
         "judged by it"});
}

}  // namespace gbox::net
