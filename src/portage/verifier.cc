#include "verifier.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>

#include "gbox/base/text.h"
#include "gbox/sys/file.h"
#include "gbox/sys/process.h"
#include "packets.h"

namespace gbox::portage {

namespace {

constexpr std::string_view kStatusMark = "[GNUPG:] ";
// RFC 4880 §9.4, by number: MD5, SHA-1 and RIPEMD-160 can be made to collide, or nearly.
constexpr std::array kBrokenHashes = {1, 2, 3};
constexpr std::int64_t kNoKey = 9;  // GPG_ERR_NO_PUBKEY

[[noreturn]] void not_understood(std::string_view line) {
  throw Error("gpgv said " + quoted(printable(line)) + ", which is not understood", ExitCode::input)
      .set_hint("use a gpgv of GnuPG 2.2 or later");
}

std::int64_t number(std::string_view text, std::string_view line) {
  const auto value = whole_number<std::int64_t>(text);
  if (!value || *value < 0) not_understood(line);
  return *value;
}

bool is_hex(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789ABCDEF") == std::string_view::npos;
}

// Signatures are told apart by NEWSIG; each gets one line of judgement (GOODSIG, BADSIG, …), and
// VALIDSIG behind it when the mathematics are right: also for expired and revoked keys, so that
// VALIDSIG alone is worth nothing.
class StatusReader {
 public:
  void line(std::string_view line) {
    if (!line.starts_with(kStatusMark)) not_understood(line);
    const std::vector<std::string> words = split_words(line.substr(kStatusMark.size()));
    if (words.empty()) not_understood(line);
    const std::string& keyword = words[0];
    if (keyword == "NEWSIG") {
      end_signature();
      open_ = true;
    } else if (keyword == "GOODSIG") {
      judge(words, line, SignatureFault::bad);
      said_good_ = true;
    } else if (keyword == "BADSIG") {
      judge(words, line, SignatureFault::bad);
    } else if (keyword == "EXPSIG") {
      judge(words, line, SignatureFault::expired_signature);
    } else if (keyword == "EXPKEYSIG") {
      judge(words, line, SignatureFault::expired_key);
    } else if (keyword == "REVKEYSIG") {
      judge(words, line, SignatureFault::revoked_key);
    } else if (keyword == "ERRSIG") {
      error_signature(words, line);
    } else if (keyword == "VALIDSIG") {
      valid_signature(words, line);
    }
    // What else there is (KEY_CONSIDERED, SIG_ID, NOTATION_…) adds to these and takes nothing back.
  }

  std::vector<Finding> finish() {
    end_signature();
    return std::move(findings_);
  }

 private:
  void judge(const std::vector<std::string>& words, std::string_view line, SignatureFault fault) {
    if (!open_ || judged_ || words.size() < 2 || !is_hex(words[1])) not_understood(line);
    judged_ = true;
    current_.fault = fault;
    current_.key = words[1];
  }

  // ERRSIG KEYID PKALGO HASHALGO CLASS TIME RC [FINGERPRINT|-]
  void error_signature(const std::vector<std::string>& words, std::string_view line) {
    if (words.size() < 7) not_understood(line);
    const std::int64_t code = number(words[6], line);
    judge(words, line, code == kNoKey ? SignatureFault::unknown_key : SignatureFault::bad);
    if (words.size() > 7 && words[7].size() == kFingerprintDigits && is_hex(words[7]))
      current_.key = words[7];
    current_.signed_at = number(words[5], line);
    current_.detail = "gpgv's error " + std::to_string(code);
  }

  // VALIDSIG FPR DATE TIME EXPIRES VERSION RESERVED PKALGO HASHALGO CLASS PRIMARY
  void valid_signature(const std::vector<std::string>& words, std::string_view line) {
    if (!open_ || !judged_ || valid_ || words.size() != 11 || !is_hex(words[1]) ||
        !is_hex(words[10]) || !names_key(current_.key, words[1]))
      not_understood(line);
    valid_ = true;
    current_.key = words[1];
    current_.primary = words[10];
    current_.signed_at = number(words[3], line);
    current_.expired_at = number(words[4], line);
    const std::int64_t hash = number(words[8], line);
    if (std::count(kBrokenHashes.begin(), kBrokenHashes.end(), hash) != 0) {
      said_good_ = false;
      current_.fault = SignatureFault::bad;
      current_.detail = "it is made with a hash that is broken (MD5, SHA-1 or RIPEMD-160)";
    }
    // Of a document: other classes sign keys and the like.
    if (words[9] != "00" && words[9] != "01") not_understood(line);
  }

  void end_signature() {
    if (open_) {
      current_.good = said_good_ && valid_;
      findings_.push_back(std::move(current_));
    }
    current_ = {};
    open_ = judged_ = said_good_ = valid_ = false;
  }

  std::vector<Finding> findings_;
  Finding current_;
  bool open_ = false;       // NEWSIG was read
  bool judged_ = false;     // …and what becomes of it
  bool said_good_ = false;  // GOODSIG
  bool valid_ = false;      // VALIDSIG
};

std::string first_line(std::string_view said) {
  const std::string_view text = trim(said);
  return printable(trim(text.substr(0, text.find('\n'))));
}

std::vector<Finding> findings_of_gpgv(const sys::HelperOutput& said, std::string_view deed) {
  std::vector<Finding> findings = read_gpgv_status(said.output);
  const bool all_good = !findings.empty() && std::all_of(findings.begin(), findings.end(),
                                                         [](const Finding& f) { return f.good; });
  if (findings.empty() || (all_good && said.status.code != 0))
    throw Error(std::string(deed) + ": gpgv ended with status " + std::to_string(said.status.code) +
                    " and says '" + first_line(said.errors) + '\'',
                ExitCode::input)
        .set_hint("the signature is damaged, or of a kind that this gpgv does not know");
  return findings;
}

const Certificate* certificate_of(const KeyRing& ring, std::string_view issuer) {
  for (const Certificate& certificate : ring.certificates)
    if (!issuer.empty() && certificate.find_key(issuer) != nullptr) return &certificate;
  return nullptr;
}

// sqv says yes, with the primary fingerprint, or no in free words. Whether a key has ended since
// it signed, which sqv does not mind and gpgv does, is asked of the certificate; and the reason for
// a no is what the signature and the certificates make likely.
Finding judge_with_sqv(const SignaturePacket& signature, const KeyRing& ring,
                       const std::vector<std::string>& good, const std::string& said) {
  const auto now = static_cast<std::int64_t>(std::time(nullptr));
  Finding finding;
  finding.key = signature.issuer;
  finding.signed_at = signature.created;
  const Certificate* certificate = certificate_of(ring, signature.issuer);
  if (certificate == nullptr) {
    finding.fault = SignatureFault::unknown_key;
    return finding;
  }
  const CertificateKey& key = *certificate->find_key(signature.issuer);
  finding.key = key.fingerprint;
  finding.primary = certificate->primary.fingerprint;
  const auto ended = [&](const CertificateKey& which) {
    return which.expires != 0 && which.expires <= now;
  };
  if (certificate->primary.revoked || key.revoked) {
    finding.fault = SignatureFault::revoked_key;
  } else if (ended(certificate->primary) || ended(key)) {
    finding.fault = SignatureFault::expired_key;
  } else if (signature.lifetime != 0 && signature.created + signature.lifetime <= now) {
    finding.fault = SignatureFault::expired_signature;
    finding.expired_at = signature.created + signature.lifetime;
  } else {
    finding.good = std::count(good.begin(), good.end(), finding.primary) != 0;
    finding.detail = "sqv says '" + said + '\'';
  }
  return finding;
}

Finding finding_of_sqv(const sys::HelperOutput& said, const Packet& packet, const KeyRing& ring,
                       std::string_view deed) {
  std::vector<std::string> good;
  if (said.status.code == 0)
    for (const std::string& line : split(trim(said.output), '\n')) {
      if (line.size() != kFingerprintDigits || !is_hex(line))
        throw Error(std::string(deed) + ": sqv said " + quoted(printable(line)) +
                        ", which is not understood",
                    ExitCode::input)
            .set_hint("install gpgv, which gbox prefers");
      good.push_back(line);
    }
  const auto signature = read_signature(packet.body);
  if (!signature) return {.detail = "it is of a version that gbox does not know"};
  return judge_with_sqv(*signature, ring, good, first_line(said.errors));
}

std::string temporary_directory() {
  const char* place = std::getenv("TMPDIR");
  return place == nullptr || *place != '/' ? "/tmp" : place;
}

}  // namespace

std::vector<Finding> read_gpgv_status(std::string_view status) {
  StatusReader reader;
  for (const std::string& line : split(status, '\n'))
    if (!line.empty()) reader.line(line);
  return reader.finish();
}

std::vector<Finding> run_verifier(const Verifier& verifier, int data_fd, std::string_view signature,
                                  const KeyRing& ring, std::string_view deed) {
  // Both read only files, gpgv only binary rings; the ring holds nothing but the keys that count,
  // so that no other can be good.
  const sys::TempDir directory(temporary_directory(), "gbox-verify-");
  std::string packets;
  for (const Certificate& certificate : ring.certificates) packets += certificate.packets;
  const std::string ring_path = directory.path() + "/ring.gpg";
  sys::write_file_atomically(AT_FDCWD, ring_path, packets, 0600, sys::Durable::no);
  const auto run = [&](std::string_view one, std::vector<std::string> argv,
                       const std::vector<std::string>& behind) {
    const std::string path = directory.path() + "/signature";
    sys::write_file_atomically(AT_FDCWD, path, one, 0600, sys::Durable::no);
    argv.push_back(path);
    argv.insert(argv.end(), behind.begin(), behind.end());
    // A description of its own, from the start of the file, whatever `data_fd` was used for.
    const sys::Fd data = sys::open("/proc/self/fd/" + std::to_string(data_fd), O_RDONLY);
    sys::HelperInput input;
    input.standard_input = data.get();
    const char* places = std::getenv("PATH");
    input.environment = {std::string("PATH=") + (places == nullptr ? "/usr/bin:/bin" : places),
                         "LC_ALL=C", "HOME=" + directory.path()};
    return sys::capture_helper(argv, deed, input);
  };
  if (verifier.kind == Verifier::Kind::gpgv)
    return findings_of_gpgv(run(signature,
                                {verifier.program, "--homedir", directory.path(), "--keyring",
                                 ring_path, "--status-fd", "1", "--"},
                                {"-"}),
                            deed);
  // One at a time: sqv does not say which of several signatures is the good one.
  std::vector<Finding> findings;
  for (const Packet& packet : read_packets(signature, deed))
    findings.push_back(finding_of_sqv(
        run(packet.whole, {verifier.program, "--keyring", ring_path}, {"/dev/stdin"}), packet, ring,
        deed));
  return findings;
}

}  // namespace gbox::portage
