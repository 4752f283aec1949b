#include "failure.h"

#include <cstring>

#include "address.h"
#include "gbox/base/text.h"
#include "gbox/net/url.h"
#include "gbox/sys/file.h"

namespace gbox::net {

namespace {

constexpr char kUnsteady[] = "run again: what has arrived is kept, and fetched from there on";
constexpr char kNotMeant[] = "what was sent is not the file that was meant; use another mirror";
constexpr char kContradiction[] =
    "whoever gave these digests contradicts himself: take them from another mirror";

// "nameserver 127.0.0.53": whom this machine asks for names.
std::string nameservers() {
  std::vector<std::string> found;
  try {
    const auto text = sys::try_read_file(AT_FDCWD, "/etc/resolv.conf", 64u << 10);
    for (const std::string& line : split(text.value_or(""), '\n')) {
      const std::vector<std::string> words = split_words(line);
      if (words.size() > 1 && words[0] == "nameserver") found.push_back(words[1]);
    }
  } catch (const Error&) {
    // Unreadable or absurdly large: the error then says less.
  }
  if (found.empty()) return "/etc/resolv.conf names no nameserver";
  return "nameserver " + printable(join(found, ", "));
}

std::string seconds_text(std::chrono::milliseconds time) {
  if (time.count() % 1000 == 0) return std::to_string(time.count() / 1000) + " s";
  return std::to_string(time.count()) + " ms";
}

Verdict unresolved(const Exchange& exchange, bool proxy) {
  const std::string host =
      proxy ? address_of(exchange.proxy.url).host : address_of(exchange.request.url).host;
  Verdict verdict;
  verdict.failure.cause = Cause::resolve;
  verdict.failure.message = "resolve " + quoted(host) + ": no address for this name (" +
                            nameservers() + "; " + exchange.proxy.state + ")";
  verdict.failure.hint =
      proxy ? "is the proxy's name right?"
            : "is the name right, and does this machine reach its nameserver? behind a proxy set "
              "'https_proxy'";
  verdict.transient = verdict.server_gone = true;
  return verdict;
}

Verdict unconnected(const Exchange& exchange, const std::string& why) {
  const bool proxy = !exchange.proxy.url.empty();
  const Address address = address_of(proxy ? exchange.proxy.url : exchange.request.url);
  Verdict verdict;
  verdict.failure.cause = Cause::connect;
  verdict.failure.message =
      "connect " + quoted(to_string(address)) + ": " + why + " (" + exchange.proxy.state + ")";
  verdict.failure.hint = proxy ? "is the proxy right, and is it running?"
                               : "is the address right? where only a proxy reaches the network, "
                                 "set 'https_proxy' and 'http_proxy'";
  verdict.server_gone = true;
  return verdict;
}

Verdict mistrusted(const Exchange& exchange, const Session& session, CURLcode code) {
  Verdict verdict;
  verdict.server_gone = true;
  const std::string host = address_of(exchange.request.url).host;
  if (code == CURLE_PEER_FAILED_VERIFICATION || exchange.tls.code != 0) {
    verdict.failure = explain(exchange.tls, host, session.now());
  } else {
    verdict.failure.cause = Cause::untrusted;
    verdict.failure.message = "no TLS connection: " + printable(exchange.error_text());
    verdict.failure.hint = "does it speak TLS 1.2 or newer on this port?";
  }
  return verdict;
}

std::string so_far(std::uint64_t done, std::optional<std::uint64_t> total) {
  return total ? std::to_string(done) + " of " + std::to_string(*total) + " bytes"
               : std::to_string(done) + " bytes";
}

}  // namespace

Verdict explain(CURLcode code, const Exchange& exchange, const Session& session, std::uint64_t done,
                std::optional<std::uint64_t> total) {
  Verdict verdict;
  // A proxy that refuses to connect looks like a cut.
  if (const long status = exchange.info(CURLINFO_HTTP_CONNECTCODE); status >= 300) {
    verdict = unconnected(exchange, "the proxy answered " + std::to_string(status));
    if (status == 407)
      verdict.failure.hint = "give the proxy's user name and password as 'http://USER:PASSWORD@…'";
    verdict.transient = status >= 500;
    return verdict;
  }
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return unresolved(exchange, false);
    case CURLE_COULDNT_RESOLVE_PROXY:
      return unresolved(exchange, true);
    case CURLE_COULDNT_CONNECT: {
      const auto number = static_cast<int>(exchange.info(CURLINFO_OS_ERRNO));
      verdict = unconnected(exchange, number != 0 ? std::strerror(number) : "no answer");
      verdict.transient = true;
      return verdict;
    }
    case CURLE_OPERATION_TIMEDOUT:
      if (!exchange.connected())
        return unconnected(exchange,
                           "no answer in " + seconds_text(session.settings.connect_timeout));
      verdict.failure.cause = Cause::cut;
      verdict.failure.message = "stood still after " + so_far(done, total) + ": less than " +
                                human_size(session.settings.stall_bytes_per_second) + "/s for " +
                                seconds_text(session.settings.stall_time);
      verdict.failure.hint = kUnsteady;
      verdict.transient = true;
      return verdict;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CONNECT_ERROR:
      return mistrusted(exchange, session, code);
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_SEND_FAIL_REWIND:  // of Outgoing::once
    case CURLE_GOT_NOTHING:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      verdict.failure.cause = Cause::cut;
      verdict.failure.message = "the connection was cut after " + so_far(done, total);
      verdict.failure.hint = kUnsteady;
      verdict.transient = true;
      return verdict;
    default:
      verdict.failure.cause = Cause::server;
      verdict.failure.message =
          "no usable answer: " + printable(exchange.error_text().empty()
                                               ? std::string_view(::curl_easy_strerror(code))
                                               : exchange.error_text());
      return verdict;
  }
}

Verdict explain_status(const Reply& reply) {
  Verdict verdict;
  Failure& failure = verdict.failure;
  failure.message = std::to_string(reply.status);
  switch (reply.status) {
    case 404:
    case 410:
      failure.cause = Cause::not_found;
      break;
    case 408:
    case 425:
    case 429:
      failure.cause = Cause::server;
      verdict.transient = true;
      break;
    case 401:
      failure.cause = Cause::refused;
      failure.hint = "this server wants a user name and password: 'https://USER:PASSWORD@…'";
      break;
    case 407:
      failure.cause = Cause::refused;
      failure.hint = "give the proxy's user name and password as 'http://USER:PASSWORD@…'";
      break;
    default:
      failure.cause = reply.status >= 400 && reply.status < 500 ? Cause::refused : Cause::server;
      verdict.transient = reply.status >= 500;
      failure.hint = failure.cause == Cause::refused
                         ? "this server does not give it to this machine; use another mirror"
                         : "the server has a fault; run again later, or use another mirror";
  }
  if (failure.cause != Cause::not_found && !reply.content_type.empty())
    failure.message += " (" + printable(reply.content_type) + ")";
  return verdict;
}

Failure wrong_size(std::uint64_t got, std::uint64_t wanted, const std::string& content_type) {
  Failure failure;
  failure.cause = Cause::size;
  failure.message = "got " + std::to_string(got) + " of " + std::to_string(wanted) + " bytes";
  if (!content_type.empty()) failure.message += " (" + printable(content_type) + ")";
  failure.hint = content_type.starts_with("text/html")
                     ? "that is a page for people: does this network want you to log in? a browser "
                       "shows it; else use another mirror"
                     : kNotMeant;
  return failure;
}

Failure too_large(std::uint64_t limit) {
  Failure failure;
  failure.cause = Cause::size;
  failure.message = "is larger than the " + std::to_string(limit) + " bytes it may have";
  return failure;
}

Failure wrong_digest(const std::vector<Digest>& wanted, const std::vector<Digest>& found) {
  Failure failure;
  failure.cause = Cause::digest;
  // The first digits tell two files apart, and fit a line.
  constexpr std::size_t kShown = 16;
  std::vector<std::string> right;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == found[i])
      right.emplace_back(wanted[i].algorithm_name());
    else if (failure.message.empty())
      failure.message = std::string(wanted[i].algorithm_name()) + " is '" +
                        found[i].hex().substr(0, kShown) + "…', not '" +
                        wanted[i].hex().substr(0, kShown) + "…'";
  }
  failure.hint = kNotMeant;
  if (right.empty()) return failure;
  failure.message +=
      ", but its " + join(right, " and its ") + (right.size() == 1 ? " is right" : " are right");
  failure.hint = kContradiction;
  return failure;
}

std::string line_of(const Failure& failure) {
  if (failure.cause == Cause::resolve || failure.cause == Cause::connect) return failure.message;
  return quoted(shown_host(failure.url)) + ": " + failure.message;
}

}  // namespace gbox::net
