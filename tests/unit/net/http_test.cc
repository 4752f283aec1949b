#include "gbox/net/http.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "gbox/sys/fd.h"

namespace gbox::net {

namespace {

// Answers a request, and ends the same connection amid the body of the next one. What comes after
// that is answered again, and counted.
class Quitter {
 public:
  Quitter() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    REQUIRE(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(listener_.get(), 8) == 0);
    REQUIRE(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/";
    thread_ = std::thread([this] { serve(); });
  }
  ~Quitter() {
    done_ = true;
    thread_.join();
  }
  Quitter(const Quitter&) = delete;
  Quitter& operator=(const Quitter&) = delete;

  std::string url;
  std::atomic<int> again = 0;

 private:
  [[nodiscard]] bool ready() const {
    pollfd waited{listener_.get(), POLLIN, 0};
    while (!done_)
      if (::poll(&waited, 1, 10) == 1) return true;
    return false;
  }
  static std::size_t take(int fd, std::size_t count) {  // at least so many, or all there is
    char buffer[65536];
    std::size_t all = 0;
    for (ssize_t got = 1; all < count && got > 0; all += static_cast<std::size_t>(got)) {
      got = ::read(fd, buffer, sizeof(buffer));
      if (got <= 0) break;
    }
    return all;
  }
  static void answer(int fd) {
    constexpr char kText[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    (void)::send(fd, kText, std::strlen(kText), MSG_NOSIGNAL);  // the client would tell
  }
  void serve() {
    if (!ready()) return;
    {
      const sys::Fd first(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      (void)take(first.get(), 1);
      answer(first.get());
      (void)take(first.get(), 1u << 20);
      // No reset, as a client may take that for something else; what still comes is read.
      (void)::shutdown(first.get(), SHUT_WR);
      (void)take(first.get(), std::size_t{1} << 40);
    }
    while (ready()) {
      const sys::Fd next(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (take(next.get(), 1) == 0) continue;
      ++again;
      answer(next.get());
      (void)::shutdown(next.get(), SHUT_WR);
      (void)take(next.get(), std::size_t{1} << 40);
    }
  }

  sys::Fd listener_;
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

HttpReply send_over_kept_connection(Quitter& server, bool once) {
  Settings settings;
  settings.variable = [](const char*) { return std::optional<std::string>(); };
  HttpClient client(settings);
  REQUIRE(client.ask({.url = server.url}).status == 200);
  HttpRequest request{.method = "PATCH", .url = server.url};
  request.source_bytes = 16u << 20;
  request.source = [](std::uint64_t, std::span<std::byte> buffer) {
    std::memset(buffer.data(), 'x', buffer.size());
    return buffer.size();
  };
  request.once = once;
  return client.ask(request);
}

}  // namespace

TEST_CASE("what is to be sent once is not sent again when a kept connection ends amid it") {
  Quitter server;
  const HttpReply reply = send_over_kept_connection(server, true);
  REQUIRE(reply.failure);
  CHECK(reply.failure->cause == Cause::cut);
  CHECK(server.again == 0);
}

TEST_CASE("all else is") {
  Quitter server;
  const HttpReply reply = send_over_kept_connection(server, false);
  CHECK_FALSE(reply.failure);
  CHECK(server.again == 1);
}

}  // namespace gbox::net
