// One HTTP request and its reply, for servers that are talked to rather than fetched from: methods,
// fields of the head, bodies either way. Connections are kept between requests. It follows no
// redirect, sends nothing that it was not told to, and judges no status: whoever knows the protocol
// does. TLS, proxies, time limits and interrupts are as in transfer.h.
// Called by oci (registries).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gbox/net/transfer.h"

namespace gbox::net {

using HttpFields = std::vector<std::pair<std::string, std::string>>;

struct HttpReply {
  int status = 0;     // 0: no reply has come, and `failure` says why
  HttpFields fields;  // names in lower case
  std::string body;   // unless a sink took it; cut at HttpRequest::max_bytes
  std::optional<std::uint64_t> content_length;
  std::optional<std::uint64_t> range_begin;  // of a 206: where its bytes start
  std::optional<std::uint64_t> retry_after_s;
  std::string location;  // absolute; "" when there is none
  // Why there is no whole reply; with a status when it was cut.
  std::optional<Failure> failure;
  bool transient = false;  // of `failure`: may pass by itself
  bool no_tls = false;     // of `failure`: what answered does not speak TLS at all

  // The first field of this name (lower case), or "".
  [[nodiscard]] std::string_view field(std::string_view name) const;
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  HttpFields fields;              // no line breaks in them: Error (input)
  std::uint64_t range_begin = 0;  // ask for the bytes from here on

  // What is sent: nothing, a text, or bytes that are read while they are sent, from an offset on.
  std::optional<std::string> text;
  std::uint64_t source_bytes = 0;
  std::function<std::size_t(std::uint64_t offset, std::span<std::byte> buffer)> source;
  // What has begun to be sent is not sent a second time unasked, as it otherwise is when a
  // connection that was kept turns out to have ended: the server may have taken it. That is a
  // failure, then.
  bool once = false;

  std::uint64_t max_bytes = kDefaultMaxTextBytes;  // of HttpReply::body
  // Takes the body of a 200 or 206, whose head is in `reply`; false ends the exchange, and `reply`
  // is then as if the connection had been cut. May throw.
  std::function<bool(const HttpReply& reply, std::span<const std::byte> bytes)> sink;
  // How long nothing may move, when that is longer than Settings say: a server that checks a large
  // upload is silent for a while.
  std::optional<std::chrono::seconds> patience;
};

// One thread at a time.
class HttpClient {
 public:
  // Throws Error when the certificates it names cannot be read.
  explicit HttpClient(const Settings& settings);
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;
  ~HttpClient();

  // Throws Interrupted, and what sink or source throw; all else is in the reply.
  HttpReply ask(const HttpRequest& request);
  // Waits, as long as nobody interrupts.
  void pause(std::chrono::milliseconds time);
  [[nodiscard]] const Settings& settings() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// `reference` as seen from `base` (RFC 3986, 5): "" when that gives no http or https URL.
std::string resolve_url(const std::string& base, const std::string& reference);
// Whether two URLs are of one scheme, host and port: what one may see, the other may.
bool same_server(std::string_view one, std::string_view other);
// Whether the host of "host:port" is this machine itself.
bool is_loopback(std::string_view host);
// With all that means something in a query escaped.
std::string escape_query(std::string_view text);

}  // namespace gbox::net
