// OpenPGP packets and version 4 signatures and keys (RFC 4880 §4, §5), as far as gbox must look
// into them: to tell whose a signature says it is, to keep a detached signature from being
// something else, and to name keys and their expiry. Nothing is decided here: no signature is
// checked, and the verifier's word is what counts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gbox::portage {

enum PacketTag : unsigned {
  kSignaturePacket = 2,
  kSecretKeyPacket = 5,
  kPublicKeyPacket = 6,
  kSecretSubkeyPacket = 7,
  kMarkerPacket = 10,
  kTrustPacket = 12,
  kUserIdPacket = 13,
  kPublicSubkeyPacket = 14,
  kUserAttributePacket = 17,
};

struct Packet {
  unsigned tag = 0;
  std::string_view body;
  std::string_view whole;  // with its header
};

constexpr std::size_t kMaxPackets = 100000;  // a key with every signature it ever got has fewer

// Throws Error (input) for lengths that lead outside, partial and indeterminate lengths (which
// keys and signatures never have) and more than kMaxPackets. The views are into `data`.
std::vector<Packet> read_packets(std::string_view data, std::string_view what);

struct SignaturePacket {
  unsigned version = 0;
  unsigned type = 0;
  std::int64_t created = 0;
  std::int64_t lifetime = 0;      // seconds; 0: does not expire
  std::int64_t key_lifetime = 0;  // of the key it is over; 0: does not expire
  std::string issuer;             // fingerprint, else the 16 digits of a key id; else ""
  unsigned key_flags = 0;
};
// nullopt for other versions than 4 and for what is cut short.
std::optional<SignaturePacket> read_signature(std::string_view body);

struct KeyPacket {
  std::string fingerprint;  // 40 upper-case hex digits
  std::int64_t created = 0;
};
// nullopt for other versions than 4.
std::optional<KeyPacket> read_key(std::string_view body);

// Whether `issuer` (a fingerprint or a key id) names the key with this fingerprint.
bool names_key(std::string_view issuer, std::string_view fingerprint);

}  // namespace gbox::portage
