#include "gbox/net/http.h"

#include <curl/curl.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <thread>

#include "address.h"
#include "exchange.h"
#include "failure.h"
#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/net/url.h"
#include "session.h"

namespace gbox::net {

namespace {

constexpr std::chrono::milliseconds kTick{100};  // an interrupt is seen this often

void check_field(const std::string& text) {
  if (std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }))
    return;
  throw Error("send a request: " + quoted(text) + " does not fit a line", ExitCode::input);
}

Request request_of(const HttpRequest& wanted) {
  Request request;
  request.url = wanted.url;
  request.offset = wanted.range_begin;
  request.method = wanted.method;
  request.patience = wanted.patience;
  for (const auto& [name, value] : wanted.fields) {
    check_field(name);
    check_field(value);
    // libcurl takes a field without a value for one that is to be left out.
    if (!value.empty()) request.fields.push_back(name + ": " + value);
  }
  if (wanted.text) {
    const std::string& text = *wanted.text;
    request.body = Outgoing{text.size(),
                            [&text](std::uint64_t offset, std::span<std::byte> to) {
                              const std::size_t count =
                                  std::min<std::size_t>(to.size(), text.size() - offset);
                              std::memcpy(to.data(), text.data() + offset, count);
                              return count;
                            },
                            wanted.once};
  } else if (wanted.source) {
    request.body = Outgoing{wanted.source_bytes, wanted.source, wanted.once};
  }
  return request;
}

struct CloseUrl {
  void operator()(CURLU* url) const noexcept { ::curl_url_cleanup(url); }
};

}  // namespace

std::string_view HttpReply::field(std::string_view name) const {
  for (const auto& [key, value] : fields)
    if (key == name) return value;
  return {};
}

struct HttpClient::State {
  explicit State(const Settings& given) : settings(given), session(settings) {}

  Settings settings;
  Session session;

  static void take_head(const Reply& head, const std::string& url, HttpReply& reply) {
    reply.status = head.status;
    reply.fields = head.fields;
    reply.content_length = head.content_length;
    reply.retry_after_s = head.retry_after_s;
    reply.range_begin.reset();
    if (head.content_range) reply.range_begin = head.content_range->first;
    reply.location.clear();
    if (const std::string_view location = reply.field("location"); !location.empty())
      reply.location = resolve_url(url, std::string(location));
  }

  CURLcode finish() {
    for (;;) {
      session.check_interrupt();
      int running = 0;
      check(::curl_multi_perform(session.multi(), &running));
      int left = 0;
      while (const CURLMsg* message = ::curl_multi_info_read(session.multi(), &left))
        if (message->msg == CURLMSG_DONE) return message->data.result;
      check(
          ::curl_multi_poll(session.multi(), nullptr, 0, static_cast<int>(kTick.count()), nullptr));
    }
  }

  static void check(CURLMcode code) {
    if (code != CURLM_OK)
      throw Error(std::string("internal error: libcurl: ") + ::curl_multi_strerror(code));
  }

  HttpReply ask(const HttpRequest& wanted) {
    HttpReply reply;
    bool head_taken = false;
    std::uint64_t taken = 0;
    bool stopped = false;
    std::optional<Exchange> exchange;
    const auto on_body = [&](std::span<const std::byte> bytes) {
      if (!head_taken) {
        take_head(exchange->reply, wanted.url, reply);
        head_taken = true;
      }
      taken += bytes.size();
      if (wanted.sink && (reply.status == 200 || reply.status == 206))
        return !(stopped = !wanted.sink(reply, bytes));
      const auto room = static_cast<std::size_t>(
          std::min<std::uint64_t>(bytes.size(), wanted.max_bytes - reply.body.size()));
      reply.body.append(reinterpret_cast<const char*>(bytes.data()), room);
      if (room < bytes.size()) reply.failure = too_large(wanted.max_bytes);
      return room == bytes.size();
    };
    exchange.emplace(session, request_of(wanted), on_body, nullptr);
    const CURLcode code = finish();
    if (exchange->thrown) std::rethrow_exception(exchange->thrown);
    take_head(exchange->reply, wanted.url, reply);
    if (code == CURLE_OK || reply.failure) return reply;
    if (stopped) {
      reply.failure = Failure{.cause = Cause::cut, .message = "was not taken to its end"};
    } else {
      // A server that refuses an upload may answer and close before it has read all of it.
      if (exchange->request.body && reply.status >= 400) return reply;
      const bool sending = exchange->request.body && reply.status == 0;
      Verdict verdict = sending ? explain(code, *exchange, session, exchange->sent(),
                                          exchange->request.body->bytes)
                                : explain(code, *exchange, session, taken, reply.content_length);
      verdict.failure.url = shown_url(wanted.url);
      reply.transient = verdict.transient;
      reply.no_tls = code == CURLE_SSL_CONNECT_ERROR && exchange->tls.code == 0;
      reply.failure = std::move(verdict.failure);
    }
    return reply;
  }
};

HttpClient::HttpClient(const Settings& settings) : state_(std::make_unique<State>(settings)) {}
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

HttpReply HttpClient::ask(const HttpRequest& request) {
  return state_->ask(request);
}

void HttpClient::pause(std::chrono::milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  for (;;) {
    state_->session.check_interrupt();
    const auto now = std::chrono::steady_clock::now();
    if (now >= end) return;
    std::this_thread::sleep_for(std::min<std::chrono::steady_clock::duration>(end - now, kTick));
  }
}

const Settings& HttpClient::settings() const noexcept {
  return state_->settings;
}

std::string resolve_url(const std::string& base, const std::string& reference) {
  const std::unique_ptr<CURLU, CloseUrl> url(::curl_url());
  if (!url) throw std::bad_alloc();
  if (::curl_url_set(url.get(), CURLUPART_URL, base.c_str(), 0) != CURLUE_OK ||
      ::curl_url_set(url.get(), CURLUPART_URL, reference.c_str(), CURLU_URLENCODE) != CURLUE_OK)
    return "";
  char* text = nullptr;
  if (::curl_url_get(url.get(), CURLUPART_URL, &text, 0) != CURLUE_OK) return "";
  std::string resolved(text);
  ::curl_free(text);
  return resolved.starts_with("https://") || resolved.starts_with("http://") ? resolved : "";
}

bool same_server(std::string_view one, std::string_view other) {
  const auto lower = [](std::string_view url) {
    std::string text =
        std::string(url.substr(0, url.find("://"))) + ' ' + to_string(address_of(url));
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
  };
  return lower(one) == lower(other);
}

bool is_loopback(std::string_view host) {
  const std::string name = split_address(host).host;
  return name == "localhost" || name == "::1" ||
         (name.starts_with("127.") && name.find_first_not_of("0123456789.") == std::string::npos);
}

std::string escape_query(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string escaped;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.' || c == '_' ||
        c == '~') {
      escaped += c;
      continue;
    }
    escaped += '%';
    escaped += kHex[static_cast<unsigned char>(c) >> 4];
    escaped += kHex[static_cast<unsigned char>(c) & 15];
  }
  return escaped;
}

}  // namespace gbox::net
