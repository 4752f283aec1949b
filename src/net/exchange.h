// One request and its reply: a libcurl handle set up as gbox wants every one (TLS verified, no
// redirect followed by itself, no decompression, no signal, descriptors closed on exec), in the
// session's multi handle for as long as this lives.
#pragma once

#include <curl/curl.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "proxy.h"
#include "reply.h"
#include "session.h"

namespace gbox::net {

// What is sent with a request. `read` gives bytes from an offset on: libcurl starts over when a
// connection that it kept turns out to be closed, unless that is refused by `once`.
struct Outgoing {
  std::uint64_t bytes = 0;
  std::function<std::size_t(std::uint64_t offset, std::span<std::byte> buffer)> read;
  bool once = false;
};

struct Request {
  std::string url;                  // as for libcurl, credentials included
  std::uint64_t offset = 0;         // ask for the bytes from here on
  std::string if_range;             // an ETag: the whole, unless the file is still that
  std::string method;               // "" is GET
  std::vector<std::string> fields;  // of the head: "Name: value"
  std::optional<Outgoing> body;     // none: nothing is sent
  std::optional<std::chrono::seconds> patience;  // in place of Settings::stall_time
};

class Exchange {
 public:
  // Bytes of the body, the head being complete; false ends the exchange.
  using OnBody = std::function<bool(std::span<const std::byte>)>;

  // `owner` comes back from libcurl with the end of the exchange (CURLINFO_PRIVATE).
  Exchange(Session& session, Request request, OnBody on_body, void* owner);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange();

  const Request request;
  Proxy proxy;
  Reply reply;
  TlsFault tls;

  // What on_body threw, if it did: libcurl's C code must not see it pass.
  std::exception_ptr thrown;

  // Bytes of the body that libcurl has taken so far.
  [[nodiscard]] std::uint64_t sent() const noexcept { return sent_; }
  [[nodiscard]] long info(CURLINFO what) const;
  [[nodiscard]] bool connected() const;
  [[nodiscard]] std::string redirect_url() const;  // absolute; "" when there is none
  [[nodiscard]] std::string_view error_text() const { return error_.data(); }

 private:
  static std::size_t on_header(char* data, std::size_t size, std::size_t count,
                               void* self) noexcept;
  static std::size_t on_data(char* data, std::size_t size, std::size_t count, void* self) noexcept;
  static std::size_t on_read(char* data, std::size_t size, std::size_t count, void* self) noexcept;
  static int on_seek(void* self, curl_off_t offset, int origin) noexcept;
  void set_method();

  struct CloseEasy {
    void operator()(CURL* handle) const noexcept { ::curl_easy_cleanup(handle); }
  };
  struct FreeList {
    void operator()(curl_slist* list) const noexcept { ::curl_slist_free_all(list); }
  };
  Session& session_;
  OnBody on_body_;
  std::array<char, CURL_ERROR_SIZE> error_{};
  std::size_t head_bytes_ = 0;
  std::uint64_t sent_ = 0;
  std::unique_ptr<curl_slist, FreeList> fields_;
  std::unique_ptr<CURL, CloseEasy> handle_;
};

}  // namespace gbox::net
