#include "packets.h"

#include <openssl/evp.h>

#include <array>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/portage/openpgp.h"

namespace gbox::portage {

namespace {

constexpr unsigned kCriticalBit = 0x80;
enum Subpacket : unsigned {
  kCreationTime = 2,
  kExpirationTime = 3,
  kKeyExpirationTime = 9,
  kIssuer = 16,
  kKeyFlags = 27,
  kIssuerFingerprint = 33,
};

unsigned byte(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

std::uint32_t number(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) value = (value << 8) | byte(bytes, i);
  return value;
}

std::string hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    text += kDigits[byte(bytes, i) >> 4];
    text += kDigits[byte(bytes, i) & 15];
  }
  return text;
}

[[noreturn]] void refuse_packet(std::string_view what, const std::string& why) {
  throw Error("read " + quoted(what) + ": " + why, ExitCode::input)
      .set_hint("it is not, or no longer, a file of OpenPGP; fetch it again");
}

// Takes a length of 1, 2 or 5 octets (§4.2.2.1 to 3 and §5.2.3.1) from the front of `rest`.
enum class LengthOf { packet, subpacket };
std::optional<std::size_t> take_length(std::string_view& rest, LengthOf what) {
  if (rest.empty()) return std::nullopt;
  const unsigned first = byte(rest, 0);
  std::size_t size = 1;
  std::size_t length = first;
  if (first == 255) {
    if (rest.size() < 5) return std::nullopt;
    length = number(rest.substr(1, 4));
    size = 5;
  } else if (first >= 192) {
    // In a packet's header 224 and more begin a partial length; subpackets have none.
    if ((first >= 224 && what == LengthOf::packet) || rest.size() < 2) return std::nullopt;
    length = ((first - 192) << 8) + byte(rest, 1) + 192;
    size = 2;
  }
  rest.remove_prefix(size);
  if (length > rest.size()) return std::nullopt;
  return length;
}

void read_subpacket(unsigned type, std::string_view body, SignaturePacket& out) {
  if (type == kCreationTime && body.size() == 4) out.created = number(body);
  if (type == kExpirationTime && body.size() == 4) out.lifetime = number(body);
  if (type == kKeyExpirationTime && body.size() == 4) out.key_lifetime = number(body);
  if (type == kKeyFlags && !body.empty()) out.key_flags = byte(body, 0);
  if (type == kIssuer && body.size() == 8 && out.issuer.empty()) out.issuer = hex(body);
  if (type == kIssuerFingerprint && body.size() == 21 && byte(body, 0) == 4 &&
      out.issuer.size() != kFingerprintDigits)
    out.issuer = hex(body.substr(1));  // says more than the key id
}

enum class Area { hashed, unhashed };
bool read_subpackets(std::string_view area, SignaturePacket& out, Area which) {
  while (!area.empty()) {
    const auto length = take_length(area, LengthOf::subpacket);
    if (!length || *length == 0) return false;
    const unsigned type = byte(area, 0) & ~kCriticalBit;
    const std::string_view body = area.substr(1, *length - 1);
    // Anyone may change the unhashed area: only hints whose signature it is are taken from there.
    if (which == Area::hashed || type == kIssuer || type == kIssuerFingerprint)
      read_subpacket(type, body, out);
    area.remove_prefix(*length);
  }
  return true;
}

}  // namespace

std::vector<Packet> read_packets(std::string_view data, std::string_view what) {
  std::vector<Packet> packets;
  std::string_view rest = data;
  while (!rest.empty()) {
    const std::string_view start = rest;
    const unsigned head = byte(rest, 0);
    if ((head & 0x80) == 0) refuse_packet(what, "it is no OpenPGP data");
    rest.remove_prefix(1);
    Packet packet;
    std::size_t length = 0;
    if ((head & 0x40) != 0) {
      packet.tag = head & 0x3f;
      const auto found = take_length(rest, LengthOf::packet);
      if (!found) refuse_packet(what, "a packet is cut short");
      length = *found;
    } else {
      packet.tag = (head >> 2) & 15;
      const std::size_t size = std::size_t{1} << (head & 3);
      if (size == 8 || rest.size() < size) refuse_packet(what, "a packet is cut short");
      length = number(rest.substr(0, size));
      rest.remove_prefix(size);
      if (length > rest.size()) refuse_packet(what, "a packet is cut short");
    }
    packet.body = rest.substr(0, length);
    rest.remove_prefix(length);
    packet.whole = start.substr(0, start.size() - rest.size());
    packets.push_back(packet);
    if (packets.size() > kMaxPackets)
      refuse_packet(what, "it holds more than " + std::to_string(kMaxPackets) + " packets");
  }
  return packets;
}

std::optional<SignaturePacket> read_signature(std::string_view body) {
  if (body.size() < 6 || byte(body, 0) != 4) return std::nullopt;
  SignaturePacket result;
  result.version = 4;
  result.type = byte(body, 1);
  std::string_view rest = body.substr(4);
  for (const Area which : {Area::hashed, Area::unhashed}) {
    if (rest.size() < 2) return std::nullopt;
    const std::size_t length = number(rest.substr(0, 2));
    rest.remove_prefix(2);
    if (length > rest.size() || !read_subpackets(rest.substr(0, length), result, which))
      return std::nullopt;
    rest.remove_prefix(length);
  }
  return result;
}

std::optional<KeyPacket> read_key(std::string_view body) {
  // §12.2: SHA-1 over 0x99, the length in two octets, and the body.
  if (body.size() < 6 || body.size() > 0xffff || byte(body, 0) != 4) return std::nullopt;
  std::string hashed = "\x99";
  hashed += static_cast<char>(body.size() >> 8);
  hashed += static_cast<char>(body.size() & 0xff);
  hashed += body;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (::EVP_Digest(hashed.data(), hashed.size(), digest.data(), &size, ::EVP_sha1(), nullptr) != 1)
    throw Error("SHA-1, which names OpenPGP keys, is not to be had from libcrypto", ExitCode::host)
        .set_hint("a FIPS mode that forbids it altogether cannot be used");
  return KeyPacket{hex({reinterpret_cast<const char*>(digest.data()), size}),
                   number(body.substr(1, 4))};
}

bool names_key(std::string_view issuer, std::string_view fingerprint) {
  if (issuer.size() == fingerprint.size()) return issuer == fingerprint;
  return issuer.size() == 16 && fingerprint.ends_with(issuer);
}

}  // namespace gbox::portage
