#include "exchange.h"

#include <sys/socket.h>

#include <string_view>

#include "gbox/base/error.h"

namespace gbox::net {

namespace {

constexpr std::size_t kMaxHeadBytes = 256u << 10;  // browsers stop at about the same
constexpr long kBufferBytes = 128 << 10;  // fewer calls a second than libcurl's 16 KiB would make

// libcurl's own socket() lacks SOCK_CLOEXEC, and a step's process must not inherit a connection.
curl_socket_t open_socket(void*, curlsocktype, struct curl_sockaddr* address) noexcept {
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

template <class Value>
void set(CURL* handle, CURLoption option, Value value) {
  const CURLcode code = ::curl_easy_setopt(handle, option, value);
  if (code != CURLE_OK)
    throw Error(std::string("internal error: libcurl refuses option ") + std::to_string(option) +
                ": " + ::curl_easy_strerror(code));
}

}  // namespace

Exchange::Exchange(Session& session, Request wanted, OnBody on_body, void* owner)
    : request(std::move(wanted)),
      proxy(proxy_for(request.url, [&](const char* name) { return session.variable(name); })),
      session_(session),
      on_body_(std::move(on_body)),
      handle_(::curl_easy_init()) {
  CURL* handle = handle_.get();
  if (handle == nullptr) throw Error("internal error: libcurl refuses to start");
  const Settings& settings = session.settings;
  set(handle, CURLOPT_ERRORBUFFER, error_.data());
  set(handle, CURLOPT_PRIVATE, owner);
  set(handle, CURLOPT_URL, request.url.c_str());
  set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  set(handle, CURLOPT_FOLLOWLOCATION, 0L);  // Job does, which knows what may follow what
  set(handle, CURLOPT_USERAGENT,
      settings.user_agent.empty() ? "gbox/" GBOX_VERSION : settings.user_agent.c_str());
  set(handle, CURLOPT_NOSIGNAL, 1L);
  set(handle, CURLOPT_QUICK_EXIT, 1L);  // an interrupt does not wait for a name server
  set(handle, CURLOPT_OPENSOCKETFUNCTION, open_socket);
  set(handle, CURLOPT_TCP_KEEPALIVE, 1L);
  set(handle, CURLOPT_BUFFERSIZE, kBufferBytes);
  // What is signed and hashed is what lies on the server: a Content-Encoding is left as it is.
  set(handle, CURLOPT_HTTP_CONTENT_DECODING, 0L);
  set(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(settings.connect_timeout.count()));
  set(handle, CURLOPT_LOW_SPEED_LIMIT, static_cast<long>(settings.stall_bytes_per_second));
  set(handle, CURLOPT_LOW_SPEED_TIME, static_cast<long>(settings.stall_time.count()));
  set(handle, CURLOPT_PROXY, proxy.url.c_str());  // "" also keeps libcurl from asking getenv
  set(handle, CURLOPT_NOPROXY, "");
  set(handle, CURLOPT_SSL_VERIFYPEER, 1L);
  set(handle, CURLOPT_SSL_VERIFYHOST, 2L);
  set(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!session.trust.text.empty()) {
    // Borrowed: the session outlives its exchanges.
    curl_blob blob{const_cast<char*>(session.trust.text.data()), session.trust.text.size(),
                   CURL_BLOB_NOCOPY};
    set(handle, CURLOPT_CAINFO_BLOB, &blob);
  } else if (!session.trust.file.empty()) {
    set(handle, CURLOPT_CAINFO, session.trust.file.c_str());
    set(handle, CURLOPT_CAPATH,
        static_cast<char*>(nullptr));  // instead of the system's, not besides
  }
  watch_certificates(handle, tls);
  if (request.offset > 0) {
    set(handle, CURLOPT_RANGE, (std::to_string(request.offset) + "-").c_str());
    if (!request.if_range.empty()) {
      fields_.reset(::curl_slist_append(nullptr, ("If-Range: " + request.if_range).c_str()));
      set(handle, CURLOPT_HTTPHEADER, fields_.get());
    }
  }
  set(handle, CURLOPT_HEADERFUNCTION, on_header);
  set(handle, CURLOPT_HEADERDATA, this);
  set(handle, CURLOPT_WRITEFUNCTION, on_data);
  set(handle, CURLOPT_WRITEDATA, this);
  if (::curl_multi_add_handle(session.multi(), handle) != CURLM_OK)
    throw Error("internal error: libcurl refuses a transfer");
}

Exchange::~Exchange() {
  if (handle_) (void)::curl_multi_remove_handle(session_.multi(), handle_.get());
}

std::size_t Exchange::on_header(char* data, std::size_t size, std::size_t count,
                                void* self) noexcept {
  auto& exchange = *static_cast<Exchange*>(self);
  const std::size_t bytes = size * count;
  exchange.head_bytes_ += bytes;
  if (exchange.head_bytes_ > kMaxHeadBytes) return 0;  // an error for libcurl
  try {
    exchange.reply.take({data, bytes});
  } catch (...) {
    exchange.thrown = std::current_exception();
    return 0;
  }
  return bytes;
}

std::size_t Exchange::on_data(char* data, std::size_t size, std::size_t count,
                              void* self) noexcept {
  auto& exchange = *static_cast<Exchange*>(self);
  const std::size_t bytes = size * count;
  try {
    return exchange.on_body_(std::as_bytes(std::span(data, bytes))) ? bytes : 0;
  } catch (...) {
    exchange.thrown = std::current_exception();
    return 0;
  }
}

long Exchange::info(CURLINFO what) const {
  long value = 0;
  (void)::curl_easy_getinfo(handle_.get(), what, &value);  // 0 is what unknown ones are
  return value;
}

bool Exchange::connected() const {
  curl_off_t microseconds = 0;
  (void)::curl_easy_getinfo(handle_.get(), CURLINFO_PRETRANSFER_TIME_T, &microseconds);
  return microseconds > 0;
}

std::string Exchange::redirect_url() const {
  const char* url = nullptr;
  (void)::curl_easy_getinfo(handle_.get(), CURLINFO_REDIRECT_URL, &url);
  return url == nullptr ? "" : url;
}

}  // namespace gbox::net
