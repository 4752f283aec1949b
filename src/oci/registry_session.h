// Requests to one registry: authorisation, redirects, repeating what may pass, and what a person
// reads when it does not.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "challenge.h"
#include "gbox/net/http.h"
#include "gbox/oci/registry.h"

namespace gbox::oci {

// Looked up once, when a registry first asks: a helper may want a person's finger on a key.
struct CredentialMemo {
  std::once_flag once;
  std::optional<Credentials> found;
};

class RegistrySession {
 public:
  RegistrySession(RegistryOptions options, std::string host, std::string repository, Rights rights,
                  std::vector<std::string> mount_from);

  const RegistryOptions options;
  const std::string host;
  const std::string repository;
  const Rights rights;
  const std::vector<std::string> mount_from;

  // "https://host/v2/REPOSITORY/" + path; finds out how the registry is spoken to.
  std::string url(std::string_view path);

  // Repeated while it may help: a 401 that can be answered, a 429 or 5xx, a cut. `once`: the body
  // comes from somewhere that cannot be repeated here; only authorisation is. Redirects of GET and
  // HEAD are followed. The reply has a status, or a failure that lasts.
  enum class Repeat { yes, no };
  net::HttpReply ask(net::HttpRequest request, Repeat repeat = Repeat::yes);

  // Whether trying once more may help, and if so waits; `fruitless` counts the tries in a row that
  // brought nothing new.
  bool wait_to_repeat(const net::HttpReply& reply, unsigned& fruitless);

  // Throws for a reply that is no success. `deed`: "read manifest 'latest'".
  [[noreturn]] void fail(const net::HttpReply& reply, const std::string& deed);
  [[noreturn]] void refuse(const std::string& deed, const std::string& why,
                           const std::string& hint = {}) const;

  [[nodiscard]] ExitCode code() const {
    return rights == Rights::push ? ExitCode::image : ExitCode::input;
  }
  [[nodiscard]] net::HttpClient& client() { return client_; }

 private:
  void connect();
  net::HttpReply ask_once(net::HttpRequest request);
  bool authorize(const net::HttpReply& reply);
  void fetch_token(const Challenge& challenge);
  void load_credentials();
  [[nodiscard]] std::string login_hint() const;

  net::HttpClient client_;
  std::string base_;  // "https://host"; "" until connected
  std::shared_ptr<CredentialMemo> memo_;
  std::optional<Credentials> credentials_;
  std::string authorization_;  // the field's value; "" is none
};

// A few words of the registry's own error document, or "".
std::string registry_words(const net::HttpReply& reply);
// Whether its error document has this code, such as "DIGEST_INVALID".
bool has_error_code(const net::HttpReply& reply, std::string_view code);

}  // namespace gbox::oci
