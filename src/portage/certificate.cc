#include "gbox/portage/certificate.h"

#include <algorithm>
#include <ctime>
#include <memory>

#include "armor.h"
#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "packets.h"

namespace gbox::portage {

namespace {

// RFC 4880 §5.2.1.
constexpr unsigned kGenericCertification = 0x10;
constexpr unsigned kPositiveCertification = 0x13;
constexpr unsigned kSubkeyBinding = 0x18;
constexpr unsigned kDirectKey = 0x1f;
constexpr unsigned kKeyRevocation = 0x20;
constexpr unsigned kSubkeyRevocation = 0x28;

constexpr char kPublicKeyBlock[] = "PUBLIC KEY BLOCK";

[[noreturn]] void refuse_certificate(const std::string& source, const std::string& why,
                                     const std::string& hint) {
  throw Error("read " + quoted(source) + ": " + why, ExitCode::input).set_hint(hint);
}

// Builds one certificate out of its packets, in their order.
class Builder {
 public:
  Builder(const KeyPacket& primary, std::string source) {
    certificate_.primary = {primary.fingerprint, primary.created, 0, false};
    certificate_.source = std::move(source);
  }

  void add(const Packet& packet) {
    switch (packet.tag) {
      case kPublicSubkeyPacket:
        add_subkey(packet.body);
        break;
      case kUserIdPacket:
        if (certificate_.user_id.empty()) certificate_.user_id = packet.body;
        break;
      case kSignaturePacket:
        if (const auto signature = read_signature(packet.body)) add_signature(*signature);
        break;
      case kPublicKeyPacket:
      case kUserAttributePacket:
        break;
      default:  // trust packets and what later standards bring: only of use to who wrote it
        return;
    }
    certificate_.packets += packet.whole;
  }

  Certificate finish() { return std::move(certificate_); }

 private:
  void add_subkey(std::string_view body) {
    bound_ = 0;
    in_subkeys_ = true;
    skipped_ = true;
    if (const auto key = read_key(body)) {
      certificate_.subkeys.push_back({key->fingerprint, key->created, 0, false});
      skipped_ = false;
    }
  }

  void add_signature(const SignaturePacket& signature) {
    if (!names_key(signature.issuer, certificate_.primary.fingerprint)) return;  // of others
    certificate_.newest = std::max(certificate_.newest, signature.created);
    const auto end_of = [&](const CertificateKey& key) {
      return signature.key_lifetime == 0 ? 0 : key.created + signature.key_lifetime;
    };
    if (!in_subkeys_) {
      CertificateKey& key = certificate_.primary;
      if (signature.type == kKeyRevocation) key.revoked = true;
      const bool certifies =
          (signature.type >= kGenericCertification && signature.type <= kPositiveCertification) ||
          signature.type == kDirectKey;
      if (certifies && signature.created >= certified_) {
        certified_ = signature.created;
        key.expires = end_of(key);
      }
    } else if (!skipped_) {
      CertificateKey& key = certificate_.subkeys.back();
      if (signature.type == kSubkeyRevocation) key.revoked = true;
      if (signature.type == kSubkeyBinding && signature.created >= bound_) {
        bound_ = signature.created;
        key.expires = end_of(key);
      }
    }
  }

  Certificate certificate_;
  std::int64_t certified_ = 0;  // when the self-signature that counts was made
  std::int64_t bound_ = 0;      // likewise for the current subkey
  bool in_subkeys_ = false;
  bool skipped_ = false;  // the current subkey is of a version that is not read
};

void read_packets_into(std::string_view data, const std::string& source,
                       std::vector<Certificate>& out, bool& seen) {
  std::unique_ptr<Builder> builder;
  const auto finish = [&] {
    if (builder) out.push_back(builder->finish());
    builder.reset();
  };
  for (const Packet& packet : read_packets(data, source)) {
    if (packet.tag == kSecretKeyPacket || packet.tag == kSecretSubkeyPacket)
      refuse_certificate(source, "it holds a secret key",
                         "export the public one: 'gpg --export --armor'");
    if (packet.tag == kPublicKeyPacket) {
      finish();
      seen = true;
      if (const auto key = read_key(packet.body)) builder = std::make_unique<Builder>(*key, source);
    }
    if (builder) builder->add(packet);
  }
  finish();
}

std::string base64_lines(std::string_view data) {
  static constexpr char kAlphabet[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  constexpr std::size_t kBytesPerLine = 48;  // 64 characters
  std::string text;
  for (std::size_t i = 0; i < data.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, data.size() - i);
    unsigned group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = (group << 8) | (k < count ? static_cast<unsigned char>(data[i + k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k)
      text += k <= count ? kAlphabet[(group >> (18 - 6 * k)) & 63] : '=';
    if ((i + 3) % kBytesPerLine == 0 || i + 3 >= data.size()) text += '\n';
  }
  return text;
}

}  // namespace

const CertificateKey* Certificate::find_key(std::string_view fingerprint_or_id) const {
  if (names_key(fingerprint_or_id, primary.fingerprint)) return &primary;
  for (const CertificateKey& key : subkeys)
    if (names_key(fingerprint_or_id, key.fingerprint)) return &key;
  return nullptr;
}

std::vector<Certificate> read_certificates(std::string_view content, const std::string& source) {
  std::vector<Certificate> certificates;
  bool seen = false;
  if (!content.empty() && (static_cast<unsigned char>(content.front()) & 0x80) != 0) {
    read_packets_into(content, source, certificates, seen);
  } else {
    for (const ArmorBlock& block : dearmor(content, source)) {
      if (block.type.starts_with("PRIVATE"))
        refuse_certificate(source, "it holds a secret key",
                           "export the public one: 'gpg --export --armor'");
      if (block.type == kPublicKeyBlock) read_packets_into(block.data, source, certificates, seen);
    }
  }
  if (!seen)
    refuse_certificate(source, "it holds no public key",
                       "name a file that 'gpg --export' wrote, armoured or not");
  return certificates;
}

std::vector<Certificate> newest_copies(std::vector<Certificate> certificates) {
  std::vector<Certificate> result;
  for (Certificate& candidate : certificates) {
    const auto known =
        std::find_if(result.begin(), result.end(), [&](const Certificate& certificate) {
          return certificate.primary.fingerprint == candidate.primary.fingerprint;
        });
    if (known == result.end()) {
      result.push_back(std::move(candidate));
    } else if (candidate.primary.revoked != known->primary.revoked
                   ? candidate.primary.revoked
                   : candidate.newest > known->newest) {
      *known = std::move(candidate);
    }
  }
  return result;
}

std::string armored(const Certificate& certificate) {
  const std::string mark = std::string("PGP ") + kPublicKeyBlock + "-----\n";
  return "-----BEGIN " + mark + '\n' + base64_lines(certificate.packets) + "-----END " + mark;
}

std::string iso_date(std::int64_t seconds) {
  const auto when = static_cast<std::time_t>(seconds);
  std::tm parts{};
  char buffer[32];
  if (::gmtime_r(&when, &parts) == nullptr ||
      std::strftime(buffer, sizeof buffer, "%Y-%m-%d", &parts) == 0)
    return std::to_string(seconds);
  return buffer;
}

}  // namespace gbox::portage
