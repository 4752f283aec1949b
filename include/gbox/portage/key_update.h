// Fetching certificates of Gentoo's trusted keys from key servers, for `gbox keys update`. What a
// server sends is taken only for the keys in the built-in list, and never in place of a copy that
// knows more: an old copy would bring back a key that was revoked or has ended.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "gbox/base/sink.h"
#include "gbox/portage/trust.h"

namespace gbox::portage {

// What `gbox keys ls` says of one trusted key.
struct KeyState {
  TrustedKey key;
  std::optional<Certificate> certificate;  // nullopt: none is on this machine
};
std::vector<KeyState> key_states(const KeySources& sources, WarningSink& sink,
                                 const std::vector<TrustedKey>& trusted = trusted_keys());

enum class KeyChange { added, renewed, unchanged, missing };
struct KeyUpdate {
  TrustedKey key;
  KeyChange change = KeyChange::unchanged;
  std::optional<Certificate> certificate;  // what is there now
  std::string from;                        // URL that had it; "" when unchanged or missing
};

// Gets a URL as text; nullopt when the server says that there is no such thing. Throws otherwise.
using KeyFetch = std::function<std::optional<std::string>(const std::string& url)>;

// Where certificates are had: a key server by HKP ("https://keys.gentoo.org"), by Hagrid's own
// interface, or one file of certificates (a URL that ends in a file's name).
std::vector<std::string> default_key_servers();
// The URLs to ask `server` for one key.
std::string key_url(const std::string& server, const std::string& fingerprint);

// Asks `servers` in order for each trusted key and writes what is new as FINGERPRINT.asc into
// `directory`, which is made when it is not there. A server that fails is a warning while another
// has the key. Throws Error (input) when no server has any of the keys.
std::vector<KeyUpdate> update_keys(const std::string& directory,
                                   const std::vector<std::string>& servers, const KeyFetch& fetch,
                                   WarningSink& sink,
                                   const std::vector<TrustedKey>& trusted = trusted_keys());

}  // namespace gbox::portage
