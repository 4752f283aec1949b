#include "registry_session.h"

#include <algorithm>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/net/url.h"

namespace gbox::oci {

namespace {

constexpr unsigned kMaxRedirects = 5;
constexpr std::chrono::seconds kLongestPause{60};

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// 507 is not among them: a full disk does not pass in a minute.
bool may_pass(const net::HttpReply& reply) {
  if (reply.failure) return reply.transient;
  switch (reply.status) {
    case 408:
    case 425:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::shared_ptr<CredentialMemo> make_credential_memo() {
  return std::make_shared<CredentialMemo>();
}

RegistrySession::RegistrySession(RegistryOptions given, std::string host_name,
                                 std::string repository_name, Rights wanted,
                                 std::vector<std::string> mounts)
    : options(std::move(given)),
      host(std::move(host_name)),
      repository(std::move(repository_name)),
      rights(wanted),
      mount_from(std::move(mounts)),
      client_(options.transfers),
      memo_(options.memo ? options.memo : make_credential_memo()) {}

// The API's own test: 200, or 401 with the way to get in.
void RegistrySession::connect() {
  if (!base_.empty()) return;
  const bool loopback = net::is_loopback(host);
  const std::string server = api_host(host);
  base_ = (options.plain_http && !loopback ? "http://" : "https://") + server;
  net::HttpReply reply = ask({.url = base_ + "/v2/"});
  if (reply.no_tls && (loopback || options.plain_http)) {
    base_ = "http://" + server;
    reply = ask({.url = base_ + "/v2/"});
  }
  // A registry may be closed here and open for some repositories.
  if (reply.status == 200 || reply.status == 401 || reply.status == 403) return;
  const std::string url = base_ + "/v2/";
  base_.clear();
  if (reply.no_tls)
    refuse(
        "ask " + quoted(url), "it does not speak TLS",
        "if this registry is meant to be spoken to without TLS, say '--plain-http': then anybody "
        "on the way can read and change what is sent");
  if (!reply.failure && reply.status < 500 && reply.status != 429)
    refuse("ask " + quoted(url), "no registry answers there (" + std::to_string(reply.status) + ')',
           "is the host right, with its port?");
  fail(reply, "ask " + quoted(url));
}

std::string RegistrySession::url(std::string_view path) {
  connect();
  return base_ + "/v2/" + repository + '/' + std::string(path);
}

// One request and what redirects make of it. The authorisation is the registry's: whoever a
// redirect leads to gets a URL that is enough by itself.
net::HttpReply RegistrySession::ask_once(net::HttpRequest request) {
  const bool reads = request.method == "GET" || request.method == "HEAD";
  const net::HttpFields fields = request.fields;
  for (unsigned redirects = 0;; ++redirects) {
    request.fields = fields;
    if (!authorization_.empty() && net::same_server(request.url, base_))
      request.fields.emplace_back("Authorization", authorization_);
    net::HttpReply reply = client_.ask(request);
    if (reply.failure || !reads || !is_redirect(reply.status)) return reply;
    const auto stop = [&](const std::string& why) {
      reply.failure = net::Failure{.url = net::shown_url(request.url),
                                   .cause = net::Cause::server,
                                   .message = why,
                                   .hint =
                                       "the registry, or what stands before it, is set up "
                                       "wrongly; tell who runs it"};
      return reply;
    };
    if (reply.location.empty()) return stop(std::to_string(reply.status) + " that leads nowhere");
    if (redirects == kMaxRedirects)
      return stop("more than " + std::to_string(kMaxRedirects) + " redirects");
    if (request.url.starts_with("https:") && !reply.location.starts_with("https:"))
      return stop("redirects from https to " + quoted(net::shown_url(reply.location)));
    request.url = reply.location;
  }
}

bool RegistrySession::wait_to_repeat(const net::HttpReply& reply, unsigned& fruitless) {
  const net::Settings& settings = client_.settings();
  if (!may_pass(reply) || ++fruitless >= std::max(1u, settings.attempts)) return false;
  std::chrono::milliseconds pause = settings.backoff * (1 << std::min(fruitless - 1, 10u));
  pause = std::min(pause, settings.longest_backoff);
  if (reply.retry_after_s)
    pause = std::max<std::chrono::milliseconds>(
        pause, std::chrono::seconds(std::min<std::uint64_t>(
                   *reply.retry_after_s, static_cast<std::uint64_t>(kLongestPause.count()))));
  if (settings.on_note)
    settings.on_note(host, (reply.failure ? reply.failure->message
                                          : "it answers " + std::to_string(reply.status)) +
                               "; trying again");
  client_.pause(pause);
  return true;
}

net::HttpReply RegistrySession::ask(net::HttpRequest request, Repeat repeat) {
  unsigned fruitless = 0;
  request.once = repeat == Repeat::no;
  for (bool authorized = false;;) {
    net::HttpReply reply = ask_once(request);
    if (!reply.failure && reply.status == 401 && !authorized) {
      authorized = true;
      if (authorize(reply)) continue;
    }
    if (repeat == Repeat::no || !wait_to_repeat(reply, fruitless)) return reply;
  }
}

void RegistrySession::refuse(const std::string& deed, const std::string& why,
                             const std::string& hint) const {
  Error error(host + '/' + repository + ": " + deed + ": " + why, code());
  error.add_hint(hint);
  throw error;
}

}  // namespace gbox::oci
