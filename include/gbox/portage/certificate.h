// OpenPGP certificates (public keys with what is bound to them), as far as gbox says something
// about them: fingerprint, user id, expiry. It informs and selects; whether a signature is good,
// and whether a certificate's own signatures hold, is for the verifier (openpgp.h) to say.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gbox::portage {

struct CertificateKey {
  std::string fingerprint;  // 40 upper-case hex digits
  std::int64_t created = 0;
  std::int64_t expires = 0;  // 0: never
  bool revoked = false;
};

struct Certificate {
  CertificateKey primary;
  std::vector<CertificateKey> subkeys;
  std::string user_id;      // the first; may hold anything
  std::int64_t newest = 0;  // when its newest self-signature was made: tells copies apart
  std::string packets;      // binary, without what only concerns one key ring
  std::string source;       // the file it was read from

  // The primary key or a subkey with this fingerprint or key id; else nullptr.
  [[nodiscard]] const CertificateKey* find_key(std::string_view fingerprint_or_id) const;
};

// Certificates of a file, armoured (any number of blocks) or binary; those of another version than
// 4 are left out. `source` names the file, also in errors. Throws Error (input) for a file that is
// damaged, holds no public key at all, or holds a secret one.
std::vector<Certificate> read_certificates(std::string_view content, const std::string& source);

// Of several copies of one certificate the one that knows most: a revocation first, then the
// newest self-signature. The order of first appearance is kept.
std::vector<Certificate> newest_copies(std::vector<Certificate> certificates);

// "-----BEGIN PGP PUBLIC KEY BLOCK-----…" of the certificate.
std::string armored(const Certificate& certificate);

// "2026-07-01" of seconds since 1970, in UTC.
std::string iso_date(std::int64_t seconds);

}  // namespace gbox::portage
