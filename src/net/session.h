// What all transfers of one call share: libcurl's multi handle with its connections, the trusted
// authorities, which servers turned out to be out of reach, and the caller's callbacks.
#pragma once

#include <curl/curl.h>

#include <ctime>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gbox/net/transfer.h"
#include "tls.h"

namespace gbox::net {

struct Reply;

class Session {
 public:
  explicit Session(const Settings& settings);

  const Settings& settings;
  const Trust trust;

  [[nodiscard]] CURLM* multi() const noexcept { return multi_.get(); }
  [[nodiscard]] std::time_t now() const;
  [[nodiscard]] std::optional<std::string> variable(const char* name) const;
  void check_interrupt() const;
  void note(std::string_view name, std::string_view text) const;

  // Servers ("https://host:port") that nobody need try again in this call: 200 files would else
  // wait 10 s each for the same silent mirror.
  void mark_dead(const std::string& url, const Failure& failure);
  [[nodiscard]] const Failure* dead(const std::string& url) const;

  // Warns once when the server's clock is far from ours. Throws Error (host) when ours must be the
  // wrong one.
  void compare_clocks(std::time_t theirs, const std::string& url);

 private:
  struct CloseMulti {
    void operator()(CURLM* multi) const noexcept { (void)::curl_multi_cleanup(multi); }
  };
  std::unique_ptr<CURLM, CloseMulti> multi_;
  std::map<std::string, Failure> dead_;
  bool clock_told_ = false;
};

}  // namespace gbox::net
