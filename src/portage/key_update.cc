#include "gbox/portage/key_update.h"

#include <algorithm>
#include <map>

#include "gbox/base/text.h"
#include "gbox/sys/file.h"

namespace gbox::portage {

namespace {

// keys.openpgp.org answers HKP too, but its own interface is what it documents.
constexpr std::string_view kHagrid = "https://keys.openpgp.org";
constexpr std::size_t kShortestServer = std::string_view("https://x").size();

// "https://host[:port]" is a key server, anything with a path is a file.
bool is_server(std::string_view url) {
  const std::size_t host = url.find("://");
  if (host == std::string_view::npos || url.size() < kShortestServer) return false;
  const std::size_t path = url.find('/', host + 3);
  return !url.starts_with("file:") && (path == std::string_view::npos || path + 1 == url.size());
}

const Certificate* find(const std::vector<Certificate>& certificates,
                        const std::string& fingerprint) {
  for (const Certificate& certificate : certificates)
    if (certificate.primary.fingerprint == fingerprint) return &certificate;
  return nullptr;
}

// One run over the servers; a file is fetched once, whatever keys are asked of it.
class KeyServers {
 public:
  KeyServers(const std::vector<std::string>& servers, const KeyFetch& fetch)
      : servers_(servers), fetch_(fetch) {}

  struct Found {
    Certificate certificate;
    std::string url;
  };
  std::optional<Found> find_key(const std::string& fingerprint) {
    for (const std::string& server : servers_) {
      const std::string url = key_url(server, fingerprint);
      if (const Certificate* found = find(certificates_at(url), fingerprint))
        return Found{*found, url};
    }
    return std::nullopt;
  }

  [[nodiscard]] const std::vector<Warning>& failures() const { return failures_; }

 private:
  const std::vector<Certificate>& certificates_at(const std::string& url) {
    if (const auto known = seen_.find(url); known != seen_.end()) return known->second;
    std::vector<Certificate>& certificates = seen_[url];
    try {
      if (const auto text = fetch_(url))
        certificates = newest_copies(read_certificates(*text, url));
    } catch (const Interrupted&) {
      throw;
    } catch (const Error& error) {
      failures_.push_back({"keys: " + error.message(), error.hint()});
    }
    return certificates;
  }

  const std::vector<std::string>& servers_;
  const KeyFetch& fetch_;
  std::map<std::string, std::vector<Certificate>> seen_;
  std::vector<Warning> failures_;
};

[[noreturn]] void throw_nothing(const std::vector<std::string>& servers,
                                const std::vector<Warning>& failures) {
  constexpr char kElsewhere[] =
      "try '--from' with another key server, or with a file of certificates brought from another "
      "machine";
  if (failures.empty())
    throw Error("keys: none of Gentoo's keys is at " + quoted_list(servers), ExitCode::input)
        .set_hint(kElsewhere);
  const Warning& first = failures.front();
  throw Error(first.message, ExitCode::input)
      .set_hint(first.hint.empty() ? kElsewhere : first.hint);
}

}  // namespace

std::vector<std::string> default_key_servers() {
  return {"https://keys.gentoo.org", std::string(kHagrid)};
}

std::string key_url(const std::string& server, const std::string& fingerprint) {
  if (!is_server(server)) return server;
  const std::string base = server.ends_with('/') ? server.substr(0, server.size() - 1) : server;
  if (base == kHagrid) return base + "/vks/v1/by-fingerprint/" + fingerprint;
  return base + "/pks/lookup?op=get&options=mr&search=0x" + fingerprint;
}

std::vector<KeyState> key_states(const KeySources& sources, WarningSink& sink,
                                 const std::vector<TrustedKey>& trusted) {
  const std::vector<Certificate> certificates = find_certificates(sources, sink);
  std::vector<KeyState> states;
  for (const TrustedKey& key : trusted) {
    const Certificate* found = find(certificates, key.fingerprint);
    states.push_back({key, found == nullptr ? std::nullopt : std::optional(*found)});
  }
  return states;
}

std::vector<KeyUpdate> update_keys(const std::string& directory,
                                   const std::vector<std::string>& servers, const KeyFetch& fetch,
                                   WarningSink& sink, const std::vector<TrustedKey>& trusted) {
  KeySources own;
  own.user_directory = directory;
  own.system_files.clear();
  const std::vector<Certificate> present = find_certificates(own, sink);
  KeyServers ask(servers, fetch);
  std::vector<KeyUpdate> updates;
  bool found_any = false;
  for (const TrustedKey& key : trusted) {
    const Certificate* old = find(present, key.fingerprint);
    KeyUpdate update{key, old == nullptr ? KeyChange::missing : KeyChange::unchanged,
                     old == nullptr ? std::nullopt : std::optional(*old), ""};
    if (auto found = ask.find_key(key.fingerprint)) {
      found_any = true;
      std::vector<Certificate> copies;
      if (old != nullptr) copies.push_back(*old);
      copies.push_back(found->certificate);
      Certificate best = newest_copies(std::move(copies)).front();
      if (old == nullptr || best.packets != old->packets) {
        update.change = old == nullptr ? KeyChange::added : KeyChange::renewed;
        update.from = found->url;
        sys::ensure_directories(AT_FDCWD, directory, 0700);
        sys::write_file_atomically(AT_FDCWD, directory + '/' + key.fingerprint + ".asc",
                                   armored(best));
        update.certificate = std::move(best);
      }
    }
    updates.push_back(std::move(update));
  }
  if (!found_any) throw_nothing(servers, ask.failures());
  for (const Warning& failure : ask.failures()) sink.warn(failure);
  return updates;
}

}  // namespace gbox::portage
