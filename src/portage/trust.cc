#include "gbox/portage/trust.h"

#include <pwd.h>
#include <unistd.h>

#include <toml++/toml.h>
#include <algorithm>
#include <array>
#include <cstdlib>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/portage/mirror.h"
#include "gbox/sys/file.h"
#include "trusted_list.h"

namespace gbox::portage {

namespace {

constexpr std::uint64_t kMaxKeyFileBytes = 16u << 20;  // Gentoo's bundle is about 100 KiB
constexpr std::array kPurposes = {Purpose::release, Purpose::snapshot, Purpose::git};

std::vector<TrustedKey> read_trusted_list() {
  std::vector<TrustedKey> keys;
  const toml::table document = toml::parse(trusted_list());
  const toml::array* entries = document["key"].as_array();
  if (entries == nullptr) throw Error("internal error: no trusted keys are built in");
  for (const toml::node& node : *entries) {
    const toml::table& entry = *node.as_table();
    TrustedKey key;
    key.fingerprint = entry["fingerprint"].value_or("");
    key.about = entry["about"].value_or("");
    for (const Purpose purpose : kPurposes)
      for (const toml::node& name : *entry["purposes"].as_array())
        if (name.value_or(std::string_view()) == to_string(purpose))
          key.purposes.push_back(purpose);
    keys.push_back(std::move(key));
  }
  return keys;
}

bool trusted_for(const Certificate& certificate, Purpose purpose,
                 const std::vector<TrustedKey>& trusted) {
  return std::any_of(trusted.begin(), trusted.end(), [&](const TrustedKey& key) {
    return key.fingerprint == certificate.primary.fingerprint &&
           std::count(key.purposes.begin(), key.purposes.end(), purpose) != 0;
  });
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Adds what a file holds; a file that is not there adds nothing.
void add_file(const std::string& path, std::vector<Certificate>& out, WarningSink& sink) {
  try {
    const auto content = sys::try_read_file(AT_FDCWD, path, kMaxKeyFileBytes);
    if (!content) return;
    for (Certificate& certificate : read_certificates(*content, path))
      out.push_back(std::move(certificate));
  } catch (const Interrupted&) {
    throw;
  } catch (const Error& error) {
    sink.warn({"keys: " + error.message() + "; its keys do not count", error.hint()});
  }
}

std::vector<std::string> key_files(const std::string& directory) {
  std::vector<std::string> files;
  if (directory.empty()) return files;
  const auto fd = sys::try_openat(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY);
  if (!fd) return files;
  for (const std::string& name : sys::list_directory(fd->get(), directory))
    if (name.front() != '.' && (name.ends_with(".asc") || name.ends_with(".gpg")))
      files.push_back(directory + '/' + name);
  return files;
}

}  // namespace

std::string_view to_string(Purpose purpose) {
  switch (purpose) {
    case Purpose::release:
      return "release";
    case Purpose::snapshot:
      return "snapshot";
    case Purpose::git:
      break;
  }
  return "git";
}

const std::vector<TrustedKey>& trusted_keys() {
  static const std::vector<TrustedKey> keys = read_trusted_list();
  return keys;
}

std::string user_key_directory() {
  if (std::string keys = environment("GBOX_KEYS"); !keys.empty()) return keys;
  // The base directory specification says to ignore a relative path here.
  if (const std::string config = environment("XDG_CONFIG_HOME"); config.starts_with('/'))
    return config + "/gbox/keys";
  std::string home = environment("HOME");
  if (home.empty())
    if (const passwd* entry = ::getpwuid(::geteuid()); entry != nullptr && entry->pw_dir != nullptr)
      home = entry->pw_dir;
  return home.empty() ? "" : home + "/.config/gbox/keys";
}

std::vector<Certificate> find_certificates(const KeySources& sources, WarningSink& sink) {
  std::vector<Certificate> found;
  for (const std::string& file : key_files(sources.user_directory)) add_file(file, found, sink);
  for (const std::string& file : sources.system_files) add_file(file, found, sink);
  return newest_copies(std::move(found));
}

KeyRing load_key_ring(Purpose purpose, const KeySources& sources, WarningSink& sink,
                      const std::vector<TrustedKey>& trusted) {
  KeyRing ring;
  ring.purpose = purpose;
  ring.keyring = sources.keyring;
  if (!sources.keyring.empty()) {
    const auto content = sys::try_read_file(AT_FDCWD, sources.keyring, kMaxKeyFileBytes);
    if (!content)
      throw Error("key ring " + quoted(sources.keyring) + ": no such file", ExitCode::input)
          .set_hint("'keyring' names a file of OpenPGP certificates, armoured or not");
    ring.certificates = newest_copies(read_certificates(*content, sources.keyring));
    if (ring.certificates.empty())
      throw Error("key ring " + quoted(sources.keyring) + ": none of its keys is of version 4",
                  ExitCode::input)
          .set_hint("export keys of version 4 into it: 'gpg --export --armor'");
    return ring;
  }
  for (Certificate& certificate : find_certificates(sources, sink))
    (trusted_for(certificate, purpose, trusted) ? ring.certificates : ring.others)
        .push_back(std::move(certificate));
  if (ring.certificates.empty())
    throw Error("keys: no certificate of Gentoo's " + std::string(to_string(purpose)) +
                    " keys is on this machine",
                ExitCode::input)
        .set_hint("run 'gbox keys update', or name a file of certificates with 'keyring'");
  return ring;
}

void warn_of_expiry(const Certificate& certificate, std::int64_t now, WarningSink& sink) {
  const std::int64_t left = certificate.primary.expires - now;
  if (certificate.primary.expires == 0 || left <= 0 || left > kExpiryNoticeDays * kSecondsPerDay)
    return;
  sink.warn({"keys: the key " + quoted(certificate.primary.fingerprint) + " expires on " +
                 iso_date(certificate.primary.expires),
             "run 'gbox keys update' before that"});
}

}  // namespace gbox::portage
