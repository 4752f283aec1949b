// Whose signatures count. Gentoo's keys by fingerprint and purpose are built in (keys/gentoo.toml);
// their certificates, which are renewed every year, are looked for on this machine. A spec that
// names a key ring of its own trusts all keys of that file and no other. Nothing is fetched here:
// that is key_update.h. Called by build, before anything is verified, and by `gbox keys`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gbox/base/sink.h"
#include "gbox/portage/certificate.h"

namespace gbox::portage {

enum class Purpose {
  release,   // stage3 archives, pointers to them, their DIGESTS
  snapshot,  // of the ebuild repository
  git,       // its commits
};
std::string_view to_string(Purpose purpose);

struct TrustedKey {
  std::string fingerprint;  // of the primary key, 40 upper-case hex digits
  std::vector<Purpose> purposes;
  std::string about;
};
const std::vector<TrustedKey>& trusted_keys();

// Where certificates are looked for.
struct KeySources {
  std::string keyring;         // the spec's own file, absolute; "": Gentoo's keys
  std::string user_directory;  // its *.asc and *.gpg; "" or missing: none
  std::vector<std::string> system_files = {"/usr/share/openpgp-keys/gentoo-release.asc"};
};
// $GBOX_KEYS, else $XDG_CONFIG_HOME/gbox/keys, else $HOME/.config/gbox/keys. Not below
// $XDG_DATA_HOME/gbox: that is the store, which wants a directory of its own.
std::string user_key_directory();

// The certificates that count for one purpose.
struct KeyRing {
  Purpose purpose = Purpose::release;
  std::string keyring;                    // as in KeySources; "": Gentoo's keys
  std::vector<Certificate> certificates;  // each once; never empty when loaded
  std::vector<Certificate> others;        // known but not trusted for this: to name a signer by
};

// Throws Error (input) when no certificate is found, when the spec's key ring cannot be read or is
// damaged. A damaged file among the other sources is a warning: fewer keys count then.
KeyRing load_key_ring(Purpose purpose, const KeySources& sources, WarningSink& sink,
                      const std::vector<TrustedKey>& trusted = trusted_keys());

// All certificates found in the user's and the system's files, the newest copy of each.
std::vector<Certificate> find_certificates(const KeySources& sources, WarningSink& sink);

// Days before a key's end from which `gbox keys ls` and a verification warn.
constexpr int kExpiryNoticeDays = 30;
// Warns when the certificate's primary key ends within these days; not for one that has ended,
// since that is an error of whoever verifies.
void warn_of_expiry(const Certificate& certificate, std::int64_t now, WarningSink& sink);

}  // namespace gbox::portage
