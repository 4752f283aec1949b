#include "exchange.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstdio>
#include <new>
#include <string_view>

#include "gbox/base/error.h"

namespace gbox::net {

namespace {

constexpr std::size_t kMaxHeadBytes = 256u << 10;  // browsers stop at about the same
constexpr long kUploadBufferBytes = 1 << 20;
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
  set(handle, CURLOPT_LOW_SPEED_TIME,
      static_cast<long>(request.patience.value_or(settings.stall_time).count()));
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
  std::vector<std::string> fields = request.fields;
  if (request.offset > 0) {
    set(handle, CURLOPT_RANGE, (std::to_string(request.offset) + "-").c_str());
    if (!request.if_range.empty()) fields.push_back("If-Range: " + request.if_range);
  }
  set_method();
  // Else libcurl waits a second for a word that few servers give.
  if (request.body) fields.emplace_back("Expect:");
  for (const std::string& field : fields) {
    curl_slist* longer = ::curl_slist_append(fields_.get(), field.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    (void)fields_.release();  // `longer` is the same list
    fields_.reset(longer);
  }
  if (fields_) set(handle, CURLOPT_HTTPHEADER, fields_.get());
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

void Exchange::set_method() {
  CURL* handle = handle_.get();
  if (request.method == "HEAD") set(handle, CURLOPT_NOBODY, 1L);
  if (request.body) {
    set(handle, CURLOPT_UPLOAD, 1L);
    set(handle, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.body->bytes));
    set(handle, CURLOPT_READFUNCTION, on_read);
    set(handle, CURLOPT_READDATA, this);
    set(handle, CURLOPT_SEEKFUNCTION, on_seek);
    set(handle, CURLOPT_SEEKDATA, this);
    set(handle, CURLOPT_UPLOAD_BUFFERSIZE, kUploadBufferBytes);
    // One stream a connection: with HTTP/2 libcurl sends in small pieces.
    set(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  }
  if (!request.method.empty() && request.method != "HEAD")
    set(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

std::size_t Exchange::on_read(char* data, std::size_t size, std::size_t count,
                              void* self) noexcept {
  auto& exchange = *static_cast<Exchange*>(self);
  const Outgoing& body = *exchange.request.body;
  const std::size_t room =
      static_cast<std::size_t>(std::min<std::uint64_t>(size * count, body.bytes - exchange.sent_));
  if (room == 0) return 0;
  try {
    const std::size_t got =
        body.read(exchange.sent_, std::as_writable_bytes(std::span(data, room)));
    exchange.sent_ += got;
    return got == 0 ? CURL_READFUNC_ABORT : got;  // fewer bytes than were announced
  } catch (...) {
    exchange.thrown = std::current_exception();
    return CURL_READFUNC_ABORT;
  }
}

int Exchange::on_seek(void* self, curl_off_t offset, int origin) noexcept {
  auto& exchange = *static_cast<Exchange*>(self);
  const Outgoing& body = *exchange.request.body;
  if (origin != SEEK_SET || offset < 0 || static_cast<std::uint64_t>(offset) > body.bytes ||
      (body.once && exchange.sent_ != static_cast<std::uint64_t>(offset)))
    return CURL_SEEKFUNC_FAIL;
  exchange.sent_ = static_cast<std::uint64_t>(offset);
  return CURL_SEEKFUNC_OK;
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
