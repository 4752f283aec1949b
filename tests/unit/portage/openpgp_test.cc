#include "gbox/portage/openpgp.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include "openpgp_fixture.h"

using namespace gbox;
using namespace gbox::portage;
using namespace gbox::test;

namespace {

constexpr char kText[] = "first line\n- dash, then blanks\n\n-- two dashes\nlast line";
constexpr std::int64_t kSignedAt = 1754845200;  // 2025-08-10 17:00 UTC
constexpr char kRefetch[] =
    "it was damaged or changed on the way: nothing of it is kept; run again, and use another "
    "mirror "
    "if it stays so";
constexpr char kOtherMirror[] = "the mirror gives something else than the file; try another mirror";

std::string subkey(const std::string& name) {
  return certificate_of(name).subkeys.at(0).fingerprint;
}

KeyRing usual_ring() {
  return ring_of({"release", "expired", "revoked"}, {"snapshot"});
}

Refusal refusal_of_text(const std::string& content, const Verifier& verifier,
                        const KeyRing& ring = usual_ring()) {
  return refusal_of([&] { (void)verify_clearsigned(content, "DIGESTS", ring, verifier); });
}

Refusal refusal_of_file(const std::string& signature, const Verifier& verifier,
                        const std::string& file = "texts/text") {
  const sys::Fd fd = sys::open(openpgp_path(file), O_RDONLY);
  return refusal_of(
      [&] { (void)verify_detached(fd.get(), signature, "x.tar.xz", usual_ring(), verifier); });
}

}  // namespace

TEST_CASE("a clearsigned text comes back as it was signed, with who signed it and when") {
  for (const Verifier& verifier : verifiers()) {
    CAPTURE(verifier.program);
    const SignedText text =
        verify_clearsigned(openpgp_file("texts/good.asc"), "DIGESTS", usual_ring(), verifier);
    CHECK(text.text == kText);
    CHECK(text.signer.fingerprint == certificate_of("release").primary.fingerprint);
    CHECK(text.signer.key == subkey("release"));
    CHECK(text.signer.user_id == "release <release@example.org>");
    CHECK(text.signer.signed_at == kSignedAt);
  }
}

TEST_CASE("line ends and blanks that transport added do not matter") {
  std::string crlf;
  for (const char c : openpgp_file("texts/good.asc"))
    crlf += c == '\n' ? std::string(" \t\r\n") : std::string(1, c);
  for (const Verifier& verifier : verifiers())
    CHECK(verify_clearsigned(crlf, "DIGESTS", usual_ring(), verifier).text == kText);
}

TEST_CASE("of several signatures one that counts suffices") {
  for (const Verifier& verifier : verifiers()) {
    CAPTURE(verifier.program);
    const SignedText text =
        verify_clearsigned(openpgp_file("texts/both.asc"), "DIGESTS", usual_ring(), verifier);
    CHECK(text.signer.key == subkey("release"));
    CHECK(text.signer.signed_at == kSignedAt);
  }
}

TEST_CASE("each reason why a signature does not count has its own words and remedy") {
  struct Row {
    std::string file;
    SignatureFault fault;
    std::string message;
    std::string hint;
  };
  const Row rows[] = {
      {"stranger", SignatureFault::unknown_key,
       "verify 'DIGESTS': signed by '" + subkey("stranger") +
           "', which is not one of Gentoo's release keys",
       "if Gentoo has a new key, run 'gbox keys update'; a mirror of your own needs 'keyring'; "
       "else "
       "do not use this mirror"},
      {"other-purpose", SignatureFault::unknown_key,
       "verify 'DIGESTS': signed by '" + subkey("snapshot") +
           "', which is not one of Gentoo's release keys (snapshot <snapshot@example.org>)",
       "it is a key for something else; do not use this mirror"},
      {"expired-key", SignatureFault::expired_key,
       "verify 'DIGESTS': the key '" + subkey("expired") + "' expired on 2021-01-01",
       "run 'gbox keys update', or name a file of newer certificates with 'keyring'"},
      {"revoked", SignatureFault::revoked_key,
       "verify 'DIGESTS': the key '" + subkey("revoked") + "' that signed it is revoked",
       "do not use the file; fetch a newer one that another key has signed"},
      {"expired-signature", SignatureFault::expired_signature,
       "verify 'DIGESTS': its signature of 2025-08-10 ended on 2025-09-01",
       "fetch a newer file; this one was not meant to be used any longer"},
  };
  for (const Verifier& verifier : verifiers())
    for (const Row& row : rows) {
      CAPTURE(verifier.program);
      CAPTURE(row.file);
      const Refusal refusal = refusal_of_text(openpgp_file("texts/" + row.file + ".asc"), verifier);
      CHECK(refusal.fault == row.fault);
      CHECK(refusal.message == row.message);
      CHECK(refusal.hint == row.hint);
      CHECK(refusal.code == ExitCode::input);
    }
}

TEST_CASE("with a key ring of the spec's own, the hints name that file") {
  KeyRing ring = usual_ring();
  ring.keyring = "/etc/own.asc";
  for (const Verifier& verifier : verifiers()) {
    const Refusal unknown = refusal_of_text(openpgp_file("texts/stranger.asc"), verifier, ring);
    CHECK(unknown.message == "verify 'DIGESTS': signed by '" + subkey("stranger") +
                                 "', which is not one of the keys of '/etc/own.asc'");
    CHECK(unknown.hint ==
          "if you trust that key, add its certificate to '/etc/own.asc'; else do not use this "
          "mirror");
    const Refusal expired = refusal_of_text(openpgp_file("texts/expired-key.asc"), verifier, ring);
    CHECK(expired.hint == "put the renewed certificate into '/etc/own.asc'");
  }
}

TEST_CASE("a renewed certificate makes an expired key good again") {
  // The one with the newer self-signature counts, in whatever order the files come.
  for (const auto& [first, second] :
       {std::pair("release", "release-2020"), std::pair("release-2020", "release")}) {
    const auto merged = newest_copies({certificate_of(first), certificate_of(second)});
    REQUIRE(merged.size() == 1);
    CHECK(iso_date(merged[0].primary.expires) == "2040-01-01");
  }
  CHECK(certificate_of("release-2020").primary.expires == 0);
  const auto revoked = newest_copies({certificate_of("revoked"), certificate_of("expired")});
  CHECK(revoked.size() == 2);
}

TEST_CASE("a changed text, or a signature of another one, is bad") {
  const std::string good = openpgp_file("texts/good.asc");
  for (const Verifier& verifier : verifiers()) {
    CAPTURE(verifier.program);
    std::string changed = good;
    changed.replace(changed.find("first"), 5, "First");
    const Refusal refusal = refusal_of_text(changed, verifier);
    CHECK(refusal.fault == SignatureFault::bad);
    CHECK(refusal.message.starts_with("verify 'DIGESTS': the signature by '" + subkey("release") +
                                      "' is not one of this content"));
    CHECK(refusal.hint == kRefetch);
  }
}

TEST_CASE("a signature made with a broken hash does not count") {
  const Refusal refusal = refusal_of_text(openpgp_file("texts/sha1.asc"), verifiers().front());
  CHECK(refusal.fault == SignatureFault::bad);
  CHECK(refusal.message == "verify 'DIGESTS': the signature by '" + subkey("release") +
                               "' is not one of this content: it is made with a hash that is "
                               "broken (MD5, SHA-1 or RIPEMD-160)");
  for (const Verifier& verifier : verifiers())
    CHECK(refusal_of_text(openpgp_file("texts/sha1.asc"), verifier).fault == SignatureFault::bad);
}

TEST_CASE("only a text that is wholly covered by its signature is taken") {
  const std::string good = openpgp_file("texts/good.asc");
  const std::string signed_part = good.substr(good.find("first"));
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    return text;
  };
  struct Row {
    std::string content;
    std::string why;
  };
  const Row rows[] = {
      {"x\n" + good, "there is text before the signed part"},
      {good + "x\n", "there is text behind the signed part"},
      {good + good, "there is text behind the signed part"},
      {with("Hash: SHA256\n", "Hash: SHA256\nComment: # SHA512 HASH\n"),
       "there is text between its head and the signed part"},
      {with("Hash: SHA256\n", "Hash: SHA256\nNotDashEscaped: You need GnuPG\n"),
       "there is text between its head and the signed part"},
      {with("- - dash", "- dash - x\n-dash"), "a line of the signed part is not escaped"},
      {with("first", std::string("fi\0rst", 6)), "it holds bytes that are no text"},
      {with("first line", "first line\f"), "it holds bytes that are no text"},
      {with("first line", "first\rline"), "it holds bytes that are no text"},
      {with("first line", std::string(5000, 'x')), "a line is longer than 4096 bytes"},
      {good.substr(0, good.find("-----BEGIN PGP SIGNATURE")), "the signed part does not end"},
  };
  for (const Row& row : rows) {
    const Refusal refusal = refusal_of_text(row.content, verifiers().front());
    CHECK(refusal.fault == SignatureFault::something_else);
    CHECK(refusal.message ==
          "verify 'DIGESTS': its signature does not cover all of it: " + row.why);
    CHECK(refusal.hint == kOtherMirror);
  }
}

TEST_CASE("a text without a signature is told from one with a bad one") {
  const Verifier verifier = verifiers().front();
  const Refusal plain = refusal_of_text("# SHA512 HASH\n", verifier);
  CHECK(plain.fault == SignatureFault::absent);
  CHECK(plain.message == "verify 'DIGESTS': it is not signed");
  CHECK(plain.hint == kOtherMirror);
  const std::string good = openpgp_file("texts/good.asc");
  const Refusal cut = refusal_of_text(good.substr(0, good.size() - 40), verifier);
  CHECK(cut.fault == SignatureFault::bad);
  CHECK(cut.message == "verify 'DIGESTS': read 'DIGESTS': the armour ends early");
  std::string damaged = good;
  const std::size_t digit = damaged.find("\n\n", damaged.find("BEGIN PGP SIGNATURE")) + 10;
  damaged[digit] = damaged[digit] == 'A' ? 'B' : 'A';
  CHECK(refusal_of_text(damaged, verifier).message ==
        "verify 'DIGESTS': read 'DIGESTS': the armour's checksum differs");
}

TEST_CASE("a file is verified against its detached signature, armoured or binary") {
  const sys::Fd fd = sys::open(openpgp_path("texts/text"), O_RDONLY);
  REQUIRE(::lseek(fd.get(), 0, SEEK_END) > 0);  // where a download would leave it
  for (const Verifier& verifier : verifiers())
    for (const char* signature : {"texts/text.release.sig", "texts/text.release.bin"}) {
      CAPTURE(verifier.program);
      CAPTURE(signature);
      const Signer signer =
          verify_detached(fd.get(), openpgp_file(signature), "text", usual_ring(), verifier);
      CHECK(signer.fingerprint == certificate_of("release").primary.fingerprint);
      CHECK(signer.signed_at == kSignedAt);
    }
}

TEST_CASE("a file's signature that is another's, a stranger's, or none at all is refused") {
  for (const Verifier& verifier : verifiers()) {
    CAPTURE(verifier.program);
    const Refusal swapped =
        refusal_of_file(openpgp_file("texts/text.release.sig"), verifier, "keys/release.asc");
    CHECK(swapped.fault == SignatureFault::bad);
    CHECK(swapped.hint == kRefetch);
    CHECK(refusal_of_file(openpgp_file("texts/text.stranger.sig"), verifier).fault ==
          SignatureFault::unknown_key);
  }
  const Verifier verifier = verifiers().front();
  for (const char* nothing : {"", "<html>404</html>\n"}) {
    const Refusal refusal = refusal_of_file(nothing, verifier);
    CHECK(refusal.fault == SignatureFault::absent);
    CHECK(refusal.message == "verify 'x.tar.xz': there is no OpenPGP signature");
    CHECK(refusal.hint == kOtherMirror);
  }
}

TEST_CASE("what is no detached signature never reaches the verifier as one") {
  struct Row {
    std::string content;
    std::string why;
  };
  const Row rows[] = {
      {openpgp_file("texts/good.asc"), "its signature file is a signed text of its own"},
      {openpgp_file("texts/message.sig"), "where its signature should be is a 'PGP MESSAGE'"},
      {openpgp_file("keys/release.asc"),
       "where its signature should be is a 'PGP PUBLIC KEY BLOCK'"},
      {certificate_of("release").packets, "its signature holds something else than signatures"},
      {openpgp_file("texts/text.release.bin") + certificate_of("release").packets,
       "its signature holds something else than signatures"},
  };
  for (const Row& row : rows) {
    const Refusal refusal = refusal_of_file(row.content, verifiers().front());
    CHECK(refusal.fault == SignatureFault::something_else);
    CHECK(refusal.message == "verify 'x.tar.xz': " + row.why);
    CHECK(refusal.hint == kOtherMirror);
  }
}

TEST_CASE("without a verifier nothing is verified, and the packages that have one are named") {
  const Refusal refusal = refusal_of([] {
    (void)verify_clearsigned(openpgp_file("texts/good.asc"), "DIGESTS", usual_ring(), std::nullopt);
  });
  CHECK(refusal.fault == SignatureFault::no_verifier);
  CHECK(refusal.message == "verify 'DIGESTS': neither 'gpgv' nor 'sqv' is in PATH");
  CHECK(refusal.hint ==
        "install 'gpgv' (debian, ubuntu), 'gnupg2' (fedora) or 'app-crypt/gnupg' (gentoo)");
  CHECK(refusal.code == ExitCode::host);
}

TEST_CASE("a verifier that says nothing, or yes without a signature, is not believed") {
  const sys::TempDir directory("/tmp", "gbox-verifier-");
  const auto refusal = [&](const std::string& script) {
    sys::write_file_atomically(directory.fd(), "gpgv", "#!/bin/sh\n" + script, 0755,
                               sys::Durable::no);
    return refusal_of_text(openpgp_file("texts/good.asc"),
                           {Verifier::Kind::gpgv, directory.path() + "/gpgv"});
  };
  CHECK(refusal("exit 0").message == "verify 'DIGESTS': gpgv ended with status 0 and says ''");
  CHECK(refusal("echo yes").message == "gpgv said 'yes', which is not understood");
  const std::string good = subkey("release");
  const std::string id = good.substr(24);
  const std::string primary = certificate_of("release").primary.fingerprint;
  const std::string mark = "echo '[GNUPG:] ";
  const std::string valid = mark + "VALIDSIG " + good + " 2025-08-10 1754845200 0 4 0 22 8 01 ";
  const std::string begin = mark + "NEWSIG'\n" + mark + "GOODSIG " + id + " release'\n";
  // Good, but not valid; valid for a stranger's certificate; good words and a bad exit status.
  CHECK(refusal(begin).fault == SignatureFault::bad);
  CHECK(refusal(begin + valid + std::string(40, 'A') + "'\n").fault == SignatureFault::bad);
  CHECK(refusal(begin + valid + primary + "'\nexit 1\n").message ==
        "verify 'DIGESTS': gpgv ended with status 1 and says ''");
  CHECK(refusal(begin + valid + primary + "'\n").message == "no error");
}

TEST_CASE("the time a signature claims is readable without believing it") {
  CHECK(claimed_time(openpgp_file("texts/text.release.sig")) == kSignedAt);
  CHECK(claimed_time("nothing") == std::nullopt);
  CHECK(unverified_text(openpgp_file("texts/good.asc"), "x") == kText);
  CHECK(unverified_text("plain\n", "x") == "plain\n");
}
