#include "gbox/portage/openpgp.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>

#include "armor.h"
#include "gbox/base/text.h"
#include "gbox/sys/file.h"
#include "gbox/sys/process.h"
#include "packets.h"
#include "verifier.h"

namespace gbox::portage {

namespace {

constexpr std::size_t kMaxSignatures = 16;
constexpr char kSignatureBlock[] = "SIGNATURE";
constexpr char kOtherMirror[] = "the mirror gives something else than the file; try another mirror";

std::string deed_of(std::string_view name) {
  return "verify " + quoted(name);
}

// "Gentoo's release keys", "the keys of 'keys.asc'".
std::string trusted_by(const KeyRing& ring) {
  return ring.keyring.empty() ? "Gentoo's " + std::string(to_string(ring.purpose)) + " keys"
                              : "the keys of " + quoted(ring.keyring);
}

// Where a newer certificate comes from.
std::string renewal(const KeyRing& ring) {
  return ring.keyring.empty()
             ? "run 'gbox keys update', or name a file of newer certificates with 'keyring'"
             : "put the renewed certificate into " + quoted(ring.keyring);
}

const Certificate* holder(const std::vector<Certificate>& certificates, const std::string& key) {
  for (const Certificate& certificate : certificates)
    if (!key.empty() && certificate.find_key(key) != nullptr) return &certificate;
  return nullptr;
}

std::string user_id_of(const Certificate& certificate) {
  return certificate.user_id.empty() ? "" : " (" + printable(certificate.user_id) + ')';
}

SignatureError unknown_key(const std::string& deed, const Finding& finding, const KeyRing& ring) {
  const std::string key = finding.key.empty() ? "a key that it does not name" : quoted(finding.key);
  std::string message = deed + ": signed by " + key + ", which is not one of " + trusted_by(ring);
  std::string hint;
  if (const Certificate* other = holder(ring.others, finding.key)) {
    message += user_id_of(*other);
    hint = "it is a key for something else; do not use this mirror";
  } else if (ring.keyring.empty()) {
    hint =
        "if Gentoo has a new key, run 'gbox keys update'; a mirror of your own needs 'keyring'; "
        "else do not use this mirror";
  } else {
    hint = "if you trust that key, add its certificate to " + quoted(ring.keyring) +
           "; else do not use this mirror";
  }
  return {SignatureFault::unknown_key, message, hint};
}

SignatureError expired_key(const std::string& deed, const Finding& finding, const KeyRing& ring) {
  const auto now = static_cast<std::int64_t>(std::time(nullptr));
  std::string message = deed + ": the key " + quoted(finding.key);
  if (const Certificate* certificate = holder(ring.certificates, finding.key)) {
    // A subkey ends with its primary key, whatever it says itself.
    std::int64_t end = certificate->find_key(finding.key)->expires;
    const std::int64_t all = certificate->primary.expires;
    if (all != 0 && (end == 0 || all < end)) end = all;
    if (end != 0 && end <= now)
      message += " expired on " + iso_date(end);
    else
      message += " has expired";
  } else {
    message += " has expired";
  }
  return {SignatureFault::expired_key, message, renewal(ring)};
}

SignatureError bad_signature(const std::string& deed, const Finding& finding, const KeyRing& ring) {
  const auto now = static_cast<std::int64_t>(std::time(nullptr));
  const Certificate* certificate = holder(ring.certificates, finding.key);
  // gpgv then only says that it cannot check the signature.
  if (certificate != nullptr && !finding.detail.empty() && certificate->primary.created > now)
    return {SignatureFault::clock,
            deed + ": this machine says it is " + iso_date(now) + ", the key " +
                quoted(certificate->primary.fingerprint) + " was made on " +
                iso_date(certificate->primary.created),
            "set the clock ('timedatectl set-ntp true') and run again"};
  std::string message =
      deed + ": the signature by " + quoted(finding.key) + " is not one of this content";
  if (!finding.detail.empty()) message += ": " + finding.detail;
  return {SignatureFault::bad, message,
          "it was damaged or changed on the way: nothing of it is kept; run again, and use another "
          "mirror if it stays so"};
}

SignatureError error_of(const std::string& deed, const Finding& finding, const KeyRing& ring) {
  switch (finding.fault) {
    case SignatureFault::unknown_key:
      return unknown_key(deed, finding, ring);
    case SignatureFault::expired_key:
      return expired_key(deed, finding, ring);
    case SignatureFault::revoked_key:
      return {SignatureFault::revoked_key,
              deed + ": the key " + quoted(finding.key) + " that signed it is revoked",
              "do not use the file; fetch a newer one that another key has signed"};
    case SignatureFault::expired_signature:
      return {SignatureFault::expired_signature,
              deed + ": its signature of " + iso_date(finding.signed_at) + " ended on " +
                  iso_date(finding.expired_at),
              "fetch a newer file; this one was not meant to be used any longer"};
    default:
      return bad_signature(deed, finding, ring);
  }
}

// Of several that are not good the one that says most: that the content is not what somebody
// signed comes before whose key has ended, and a stranger's signature says least.
int weight(SignatureFault fault) {
  switch (fault) {
    case SignatureFault::unknown_key:
      return 0;
    case SignatureFault::expired_signature:
      return 1;
    case SignatureFault::expired_key:
      return 2;
    case SignatureFault::revoked_key:
      return 3;
    default:
      return 4;
  }
}

// gpgv says nothing of a signature that is yet to be made. A day is no fault: the signer's clock
// and ours are not one.
void refuse_future(const Finding& finding, const std::string& deed) {
  constexpr std::int64_t kTolerance = 86400;
  const auto now = static_cast<std::int64_t>(std::time(nullptr));
  if (finding.signed_at <= now + kTolerance) return;
  throw SignatureError(SignatureFault::clock,
                       deed + ": it was signed on " + iso_date(finding.signed_at) +
                           ", and this machine says it is " + iso_date(now),
                       "set the clock ('timedatectl set-ntp true') and run again; if it is right, "
                       "use another mirror");
}

Signer judge(const std::vector<Finding>& findings, const std::string& deed, const KeyRing& ring) {
  const Finding* worst = nullptr;
  for (const Finding& finding : findings) {
    const Certificate* certificate = holder(ring.certificates, finding.primary);
    // The ring held nothing else, so that this only guards against a verifier gone wrong.
    if (finding.good && certificate != nullptr &&
        certificate->primary.fingerprint == finding.primary) {
      refuse_future(finding, deed);
      return {finding.primary, finding.key, certificate->user_id, finding.signed_at};
    }
    if (worst == nullptr || weight(finding.fault) > weight(worst->fault)) worst = &finding;
  }
  if (worst == nullptr) throw Error("internal error: " + deed + ": no finding");
  Finding named = *worst;
  // The verifier may know it by its short id only, which others can have too.
  if (const Certificate* certificate = holder(ring.certificates, named.key))
    named.key = certificate->find_key(named.key)->fingerprint;
  throw error_of(deed, named, ring);
}

const Verifier& require(const std::optional<Verifier>& verifier, const std::string& deed) {
  if (!verifier)
    throw SignatureError(SignatureFault::no_verifier,
                         deed + ": neither 'gpgv' nor 'sqv' is in PATH",
                         "install 'gpgv' (debian, ubuntu), 'gnupg2' (fedora) or 'app-crypt/gnupg' "
                         "(gentoo)");
  return *verifier;
}

// A verifier that is given a signed message where a detached signature should be may check the
// message instead of the file: nothing but signature packets goes to it.
void require_signatures_only(std::string_view binary, const std::string& deed) {
  std::vector<Packet> packets;
  try {
    packets = read_packets(binary, "signature");
  } catch (const Error& error) {
    throw SignatureError(SignatureFault::bad, deed + ": " + error.message(), error.hint());
  }
  if (packets.size() > kMaxSignatures)
    throw SignatureError(
        SignatureFault::something_else,
        deed + ": it carries more than " + std::to_string(kMaxSignatures) + " signatures",
        kOtherMirror);
  for (const Packet& packet : packets)
    if (packet.tag != kSignaturePacket)
      throw SignatureError(SignatureFault::something_else,
                           deed + ": its signature holds something else than signatures",
                           kOtherMirror);
}

// Binary packets of a detached signature's file.
std::string binary_signature(std::string_view content, const std::string& deed) {
  if (!content.empty() && (static_cast<unsigned char>(content.front()) & 0x80) != 0)
    return std::string(content);
  if (is_clearsigned(content))
    throw SignatureError(SignatureFault::something_else,
                         deed + ": its signature file is a signed text of its own", kOtherMirror);
  std::vector<ArmorBlock> blocks;
  try {
    blocks = dearmor(content, "signature");
  } catch (const Error& error) {
    throw SignatureError(SignatureFault::bad, deed + ": " + error.message(), error.hint());
  }
  std::string binary;
  for (const ArmorBlock& block : blocks) {
    if (block.type != kSignatureBlock)
      throw SignatureError(
          SignatureFault::something_else,
          deed + ": where its signature should be is a " + quoted("PGP " + block.type),
          kOtherMirror);
    binary += block.data;
  }
  if (binary.empty())
    throw SignatureError(SignatureFault::absent, deed + ": there is no OpenPGP signature",
                         kOtherMirror);
  return binary;
}

}  // namespace

SignatureError::SignatureError(SignatureFault fault, std::string message, std::string hint)
    : Error(std::move(message),
            fault == SignatureFault::no_verifier || fault == SignatureFault::clock
                ? ExitCode::host
                : ExitCode::input),
      fault_(fault) {
  set_hint(std::move(hint));
}

std::optional<Verifier> find_verifier() {
  if (const std::string gpgv = sys::find_in_path("gpgv"); !gpgv.empty())
    return Verifier{Verifier::Kind::gpgv, gpgv};
  if (const std::string sqv = sys::find_in_path("sqv"); !sqv.empty())
    return Verifier{Verifier::Kind::sqv, sqv};
  return std::nullopt;
}

Signer verify_detached(int fd, std::string_view signature, std::string_view name,
                       const KeyRing& ring, const std::optional<Verifier>& verifier) {
  const std::string deed = deed_of(name);
  const std::string binary = binary_signature(signature, deed);
  require_signatures_only(binary, deed);
  return judge(run_verifier(require(verifier, deed), fd, binary, ring, deed), deed, ring);
}

SignedText verify_clearsigned(std::string_view content, std::string_view name, const KeyRing& ring,
                              const std::optional<Verifier>& verifier) {
  const std::string deed = deed_of(name);
  if (!is_clearsigned(content)) {
    const bool page = trim(content).starts_with('<');
    throw SignatureError(SignatureFault::absent,
                         deed + ": it is " + (page ? "a page of HTML" : "not signed"),
                         page ? "does this network want you to log in? a browser shows it; else "
                                "use another mirror"
                              : kOtherMirror);
  }
  Cleartext cleartext;
  try {
    const std::string why = read_cleartext(content, name, cleartext);
    if (!why.empty())
      throw SignatureError(SignatureFault::something_else,
                           deed + ": its signature does not cover all of it: " + why, kOtherMirror);
  } catch (const SignatureError&) {
    throw;
  } catch (const Error& error) {  // the armour of the signature
    throw SignatureError(SignatureFault::bad, deed + ": " + error.message(), error.hint());
  }
  require_signatures_only(cleartext.signature, deed);
  const sys::TempDir directory("/tmp", "gbox-text-");
  sys::write_file_atomically(directory.fd(), "text", cleartext.signed_bytes, 0600,
                             sys::Durable::no);
  const sys::Fd text = sys::openat(directory.fd(), "text", O_RDONLY);
  Signer signer =
      judge(run_verifier(require(verifier, deed), text.get(), cleartext.signature, ring, deed),
            deed, ring);
  return {std::move(cleartext.text), std::move(signer)};
}

std::string unverified_text(std::string_view content, std::string_view name) {
  if (!is_clearsigned(content)) return std::string(content);
  Cleartext cleartext;
  const std::string why = read_cleartext(content, name, cleartext);
  if (!why.empty())
    throw SignatureError(SignatureFault::something_else, "read " + quoted(name) + ": " + why,
                         kOtherMirror);
  return cleartext.text;
}

std::optional<std::int64_t> claimed_time(std::string_view signature) noexcept {
  try {
    std::optional<std::int64_t> newest;
    const std::string binary = binary_signature(signature, "read a signature");
    for (const Packet& packet : read_packets(binary, "signature"))
      if (const auto read =
              packet.tag == kSignaturePacket ? read_signature(packet.body) : std::nullopt)
        newest = std::max(newest.value_or(0), read->created);
    return newest;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace gbox::portage
