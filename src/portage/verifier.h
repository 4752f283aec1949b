// One run of gpgv or sqv, and what it said about each signature. Called by openpgp.cc, which puts
// the words to it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gbox/portage/openpgp.h"

namespace gbox::portage {

// What the verifier says of one signature.
struct Finding {
  bool good = false;
  SignatureFault fault = SignatureFault::bad;  // when not good
  std::string key;      // fingerprint of the key that signed, or its id; "" when unknown
  std::string primary;  // of its certificate, when the verifier knows it
  std::int64_t signed_at = 0;
  std::int64_t expired_at = 0;  // of an expired signature
  std::string detail;           // in the verifier's words, for what has no word of ours
};

// `signature` is binary. Returns one finding or more. Throws Error when the verifier cannot be run
// or says what is not understood.
std::vector<Finding> run_verifier(const Verifier& verifier, int data_fd, std::string_view signature,
                                  const KeyRing& ring, std::string_view deed);

// What gpgv wrote to its status descriptor, by signature; pure. Throws Error for a line that is
// not as GnuPG's doc/DETAILS has it: a verifier that is not understood said nothing.
std::vector<Finding> read_gpgv_status(std::string_view status);

}  // namespace gbox::portage
