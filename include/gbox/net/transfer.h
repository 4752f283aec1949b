// Fetching files and small texts from mirrors (libcurl's multi interface, on the calling thread):
// several at once, each from the first of its URLs that has it, resumed after a cut, measured and
// hashed while it arrives, and published by rename once size and digests are right. What a mirror
// does wrong is a value, so that a caller can name every missing file at once; what fails here
// (a full disk, an unreadable certificate file) and an interrupt are thrown.
// It refuses other schemes than http, https and file, redirects that leave TLS, and servers whose
// certificate is not trusted; it does not know what a mirror is laid out like, nor signatures.
// Called by portage (pointers, keys), build (inputs) and oci (registries).
#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/base/digest.h"
#include "gbox/base/error.h"
#include "gbox/base/sink.h"

namespace gbox::net {

constexpr std::uint64_t kDefaultMaxBytes = std::uint64_t{16} << 30;  // no input of ours is larger
constexpr std::uint64_t kDefaultMaxTextBytes = 4u << 20;             // pointers are a few KiB

// One file to have.
struct Transfer {
  // Where it is, tried in order. "https://…", "http://…", "file:///…" or an absolute path; a user
  // name and password in a URL are sent to that host and never shown.
  std::vector<std::string> urls;
  std::string name;       // what errors and progress call it
  std::string needed_by;  // shown behind the name when not empty: a package, a spec's key
  std::optional<std::uint64_t> size;           // exact, in bytes, when known
  std::uint64_t max_bytes = kDefaultMaxBytes;  // what is larger is refused while it arrives
  std::vector<Digest> digests;                 // all must match, or it is never published
  std::string file;                            // its name in the directory; no '/' in it
};

// Why one URL did not give the file.
enum class Cause {
  not_found,  // 404, 410, no such local file
  refused,    // 401, 403, another 4xx: not for us
  server,     // 5xx, 429, an answer that is not HTTP, a redirect that is refused
  resolve,    // no address for the name
  connect,    // refused, unreachable, no answer in time; also of a proxy
  untrusted,  // the certificate
  clock,      // the certificate is of another time than this machine's
  cut,        // the connection ended early or stood still
  size,       // too few, too many or more than max_bytes
  digest,
};
struct Failure {
  std::string url;  // as shown: no user name, password or query
  Cause cause = Cause::server;
  std::string message;  // "404", "got 5214 of 296110884 bytes (text/html)"; not the URL
  std::string hint;     // may be empty
};

// What became of a Transfer.
struct Fetched {
  std::string name;       // as in the Transfer
  std::string needed_by;  // likewise
  bool ok = false;
  bool kept = false;  // the directory already had it with these digests: nothing was fetched
  std::string requested_url;  // the one of Transfer::urls that gave it, verbatim; "" when kept
  std::string url;            // after redirects, without user name and password
  std::uint64_t bytes = 0;
  Digest sha256;                             // always
  std::vector<Digest> digests;               // as asked, in that order
  std::optional<std::time_t> date;           // the server's clock when it answered
  std::optional<std::time_t> last_modified;  // as the server says, or the local file's mtime
  std::vector<Failure> failures;             // of the URLs that were tried in vain, in order
};

struct Progress {
  std::string_view name;
  std::uint64_t done = 0;  // bytes, those kept from an earlier run included
  std::optional<std::uint64_t> total;
  double bytes_per_second = 0;         // of the last few seconds; 0 when nothing arrives
  std::optional<double> seconds_left;  // when total and speed are known
};

// How to fetch. The defaults are those of a person's machine; from_environment() adds what the
// environment says.
struct Settings {
  std::string user_agent;  // "" is 'gbox/VERSION'
  std::chrono::milliseconds connect_timeout{10000};
  std::uint64_t stall_bytes_per_second = 1024;  // slower than this …
  std::chrono::seconds stall_time{30};          // … for so long is given up and tried again
  // Tries of one URL in a row that bring nothing new, for faults that may pass (a cut, a 5xx).
  unsigned attempts = 3;
  std::chrono::milliseconds backoff{1000};           // before the second; doubled each time …
  std::chrono::milliseconds longest_backoff{30000};  // … up to this
  unsigned parallel = 4;                             // transfers at once
  std::string ca_bundle;  // PEM file trusted instead of the system's (SSL_CERT_FILE); "" is that
  std::string extra_ca;   // PEM file trusted besides those (--ca); "" is none
  // Where partial files lie: a directory on the file system of the result's, borrowed; -1 is the
  // result's directory itself. Holds <64 hex>.part, .source (JSON: url, etag) and .lock (flock:
  // a second gbox that wants the same file waits, then finds it). Whoever cleans up takes the
  // lock first; a partial file that nobody locks may go at any time.
  int partial_dirfd = -1;
  // Called several times a second, may throw, which ends all transfers and keeps the partial
  // files. Empty is sys::check_interrupt.
  std::function<void()> check_interrupt;
  std::function<void(const Progress&)> on_progress;  // ten times a second at most, and at the end
  // Of a file that is there and verified, also one that was kept.
  std::function<void(std::string_view name)> on_fetched;
  // What a person who waits may like to know: (name, "mirror 'x' answered 404; trying 'y'").
  std::function<void(std::string_view name, std::string_view text)> on_note;
  WarningSink* warnings = nullptr;  // the clock differs from the servers'
  // The wall clock; empty is the system's.
  std::function<std::time_t()> now;
  // The environment's variables (for proxies); empty is getenv. nullopt: not set.
  std::function<std::optional<std::string>(const char* name)> variable;

  // SSL_CERT_FILE. Proxies (http_proxy, https_proxy, all_proxy, no_proxy, lower case first) are
  // read whenever a host is asked.
  static Settings from_environment();
};

// Throws Error (usage) unless `extra_ca` can be read and holds certificates: to be said before
// anything is asked of a server.
void check_extra_ca(const Settings& settings);

// Brings every transfer's file into `dirfd`, in parallel; results are in the order of
// `transfers`. A file that is already there with these digests is kept. Without digests it is
// fetched anew and replaced. Throws Interrupted, and Error for what is wrong on this machine.
std::vector<Fetched> fetch_all(int dirfd, std::span<const Transfer> transfers,
                               const Settings& settings);

// Throws one Error (ExitCode::input) that names every transfer that failed and why, with a hint
// of the causes, or `hint` when there is none; nothing when all are there. `deed` names the
// whole: "fetch distfiles".
void require(std::span<const Fetched> results, std::string_view deed, std::string_view hint = {});

struct FetchedText {
  std::string text;           // as sent: never decompressed or converted
  std::string requested_url;  // as in Fetched
  std::string url;
  std::optional<std::time_t> date;
  std::optional<std::time_t> last_modified;
  std::vector<Failure> failures;  // of the URLs before it
};

// A small file into memory, from the first URL that has it. `name` is what errors call it. Throws
// as require() does when none has it.
FetchedText fetch_text(std::span<const std::string> urls, std::string_view name,
                       const Settings& settings, std::uint64_t max_bytes = kDefaultMaxTextBytes);
// nullopt when every URL answered that there is no such file (Cause::not_found).
std::optional<FetchedText> try_fetch_text(std::span<const std::string> urls, std::string_view name,
                                          const Settings& settings,
                                          std::uint64_t max_bytes = kDefaultMaxTextBytes);

}  // namespace gbox::net
