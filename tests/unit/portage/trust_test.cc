#include "gbox/portage/trust.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "../tree.h"
#include "gbox/portage/key_update.h"
#include "openpgp_fixture.h"

using namespace gbox;
using namespace gbox::portage;
using namespace gbox::test;

namespace {

constexpr std::int64_t kTrustDay = 86400;

// The built-in list, were the keys of data/openpgp Gentoo's.
std::vector<TrustedKey> trusted_fakes() {
  return {{certificate_of("release").primary.fingerprint, {Purpose::release}, "releases"},
          {certificate_of("snapshot").primary.fingerprint, {Purpose::snapshot}, "snapshots"}};
}

std::string ring_file(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += openpgp_file("keys/" + name + ".asc");
  return text;
}

KeySources sources_in(const Tree& tree) {
  KeySources sources;
  sources.user_directory = tree.path("keys");
  sources.system_files = {tree.path("system.asc")};
  return sources;
}

// A key server that has these files, by URL.
KeyFetch server(std::map<std::string, std::string> files) {
  return [files](const std::string& url) -> std::optional<std::string> {
    const auto found = files.find(url);
    if (found == files.end()) return std::nullopt;
    if (found->second == "down")
      throw Error("connect to 'keys.example': no answer", ExitCode::input);
    return found->second;
  };
}

}  // namespace

TEST_CASE("Gentoo's keys are built in, each with a purpose") {
  REQUIRE(trusted_keys().size() == 4);
  for (const TrustedKey& key : trusted_keys()) {
    CHECK(key.fingerprint.size() == 40);
    CHECK(key.fingerprint.find_first_not_of("0123456789ABCDEF") == std::string::npos);
    CHECK_FALSE(key.purposes.empty());
    CHECK_FALSE(key.about.empty());
  }
  for (const Purpose purpose : {Purpose::release, Purpose::snapshot, Purpose::git})
    CHECK(std::any_of(trusted_keys().begin(), trusted_keys().end(), [&](const TrustedKey& key) {
      return std::count(key.purposes.begin(), key.purposes.end(), purpose) == 1;
    }));
}

TEST_CASE("a certificate says its fingerprints, user id and end") {
  const Certificate release = certificate_of("release");
  CHECK(release.user_id == "release <release@example.org>");
  CHECK(iso_date(release.primary.created) == "2020-01-01");
  CHECK(iso_date(release.primary.expires) == "2040-01-01");
  CHECK_FALSE(release.primary.revoked);
  REQUIRE(release.subkeys.size() == 1);
  CHECK(release.subkeys[0].expires == 0);
  CHECK(release.find_key(release.subkeys[0].fingerprint) == &release.subkeys[0]);
  CHECK(release.find_key(release.primary.fingerprint.substr(24)) == &release.primary);
  CHECK(release.find_key("ABCD") == nullptr);
  CHECK(iso_date(certificate_of("expired").primary.expires) == "2021-01-01");
  CHECK(certificate_of("revoked").primary.revoked);
}

TEST_CASE("certificates are the same armoured, binary and armoured by us") {
  const auto both = read_certificates(ring_file({"release", "snapshot"}), "x");
  REQUIRE(both.size() == 2);
  CHECK(both[0].packets == certificate_of("release").packets);
  const auto binary = read_certificates(both[0].packets + both[1].packets, "x");
  REQUIRE(binary.size() == 2);
  CHECK(binary[1].primary.fingerprint == both[1].primary.fingerprint);
  const auto again = read_certificates("remark\n" + armored(both[1]), "x");
  CHECK(again.at(0).packets == both[1].packets);
}

TEST_CASE("files that are no key rings are refused, whatever is wrong with them") {
  const std::string armour = openpgp_file("keys/release.asc");
  const std::string binary = certificate_of("release").packets;
  struct Row {
    std::string content;
    std::string message;
  };
  const Row rows[] = {
      {"", "read 'x': it holds no public key"},
      {"<html>", "read 'x': it holds no public key"},
      {openpgp_file("texts/text.release.sig"), "read 'x': it holds no public key"},
      {armour.substr(0, armour.size() / 2), "read 'x': the armour ends early"},
      {binary.substr(0, binary.size() - 9), "read 'x': a packet is cut short"},
      {"\xff\xff\xff\xff\xff\xff", "read 'x': a packet is cut short"},
      {"\x99\xff\xff", "read 'x': a packet is cut short"},
      {"\xc6\xe1x", "read 'x': a packet is cut short"},  // a partial length
      {"\x9b", "read 'x': a packet is cut short"},       // an indeterminate one
      {binary + "x", "read 'x': it is no OpenPGP data"},
      {"\xc5\x01\x04", "read 'x': it holds a secret key"},
      {"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n!!!!\n-----END PGP PUBLIC KEY BLOCK-----\n",
       "read 'x': the armour is not base64"},
  };
  for (const Row& row : rows)
    CHECK(refusal_of([&] { (void)read_certificates(row.content, "x"); }).message == row.message);
  // Cut or changed anywhere: an error or fewer certificates, never more than there are.
  for (std::size_t i = 0; i < binary.size(); ++i) {
    std::string damaged = binary;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x55);
    for (const std::string& input : {binary.substr(0, i), damaged}) {
      const auto read = [&]() -> std::size_t {
        try {
          return read_certificates(input, "x").size();
        } catch (const Error&) {
          return 0;
        }
      };
      CHECK(read() <= 1);
    }
  }
}

TEST_CASE("a spec's own key ring is trusted whole, and nothing else is") {
  Tree tree;
  tree.file("own.asc", ring_file({"stranger", "expired"}))
      .file("system.asc", ring_file({"release"}));
  KeySources sources = sources_in(tree);
  sources.keyring = tree.path("own.asc");
  Warnings sink;
  const KeyRing ring = load_key_ring(Purpose::release, sources, sink);
  CHECK(ring.certificates.size() == 2);
  CHECK(ring.keyring == tree.path("own.asc"));
  CHECK(ring.others.empty());
  sources.keyring = tree.path("gone.asc");
  const Refusal gone = refusal_of([&] { (void)load_key_ring(Purpose::release, sources, sink); });
  CHECK(gone.message == "key ring '" + tree.path("gone.asc") + "': no such file");
  CHECK(gone.hint == "'keyring' names a file of OpenPGP certificates, armoured or not");
  tree.file("own.asc", "nothing");
  sources.keyring = tree.path("own.asc");
  CHECK(refusal_of([&] { (void)load_key_ring(Purpose::release, sources, sink); }).code ==
        ExitCode::input);
}

TEST_CASE("of the certificates on a machine those count that are trusted for the purpose") {
  Tree tree;
  tree.file("system.asc", ring_file({"release-2020", "snapshot", "stranger"}))
      .file("keys/a.asc", ring_file({"release"}))
      .file("keys/.hidden.asc", "x")
      .file("keys/notes.txt", "x");
  Warnings sink;
  const KeyRing ring = load_key_ring(Purpose::release, sources_in(tree), sink, trusted_fakes());
  REQUIRE(ring.certificates.size() == 1);
  // The user's copy is the newer.
  CHECK(iso_date(ring.certificates[0].primary.expires) == "2040-01-01");
  CHECK(ring.others.size() == 2);
  CHECK(sink.all.empty());
  // Not one of them is Gentoo's.
  const Refusal none =
      refusal_of([&] { (void)load_key_ring(Purpose::release, sources_in(tree), sink); });
  CHECK(none.message == "keys: no certificate of Gentoo's release keys is on this machine");
  CHECK(none.hint == "run 'gbox keys update', or name a file of certificates with 'keyring'");
  CHECK(none.code == ExitCode::input);
}

TEST_CASE("a damaged file of certificates is a warning, and its keys do not count") {
  Tree tree;
  tree.file("system.asc", ring_file({"release"})).file("keys/a.asc", "garbage");
  Warnings sink;
  CHECK(find_certificates(sources_in(tree), sink).size() == 1);
  REQUIRE(sink.all.size() == 1);
  CHECK(sink.all[0].message == "keys: read '" + tree.path("keys/a.asc") +
                                   "': it holds no public key; its keys do not count");
}

TEST_CASE("a key that ends within a month is warned of") {
  Certificate certificate = certificate_of("release");
  const std::int64_t end = certificate.primary.expires;
  for (const auto& [now, warnings] :
       {std::pair(end - 31 * kTrustDay, 0), std::pair(end - 29 * kTrustDay, 1),
        std::pair(end - 1, 1), std::pair(end, 0)}) {
    Warnings sink;
    warn_of_expiry(certificate, now, sink);
    CHECK(sink.all.size() == static_cast<std::size_t>(warnings));
    if (warnings == 1)
      CHECK(sink.all[0].message ==
            "keys: the key '" + certificate.primary.fingerprint + "' expires on 2040-01-01");
  }
}

TEST_CASE("key servers are asked in their own ways") {
  CHECK(key_url("https://keys.gentoo.org", "AB") ==
        "https://keys.gentoo.org/pks/lookup?op=get&options=mr&search=0xAB");
  CHECK(key_url("https://keys.openpgp.org/", "AB") ==
        "https://keys.openpgp.org/vks/v1/by-fingerprint/AB");
  CHECK(key_url("https://example.org/keys.asc", "AB") == "https://example.org/keys.asc");
  CHECK(key_url("/root/keys.asc", "AB") == "/root/keys.asc");
  CHECK(key_url("file:///root/keys.asc", "AB") == "file:///root/keys.asc");
}

TEST_CASE("an update writes what is new, keeps what is newer, and takes no stranger") {
  Tree tree;
  const std::string directory = tree.path("config/keys");
  const std::vector<TrustedKey> trusted = trusted_fakes();
  const std::vector<std::string> servers = {"https://one.example", "https://two.example"};
  const auto at = [&](int which, std::size_t key) {
    return key_url(servers.at(static_cast<std::size_t>(which)), trusted[key].fingerprint);
  };
  Warnings sink;
  auto updates = update_keys(directory, servers,
                             server({{at(0, 0), openpgp_file("keys/release-2020.asc")},
                                     {at(0, 1), openpgp_file("keys/stranger.asc")}}),
                             sink, trusted);
  REQUIRE(updates.size() == 2);
  CHECK(updates[0].change == KeyChange::added);
  CHECK(updates[0].from == at(0, 0));
  CHECK(updates[1].change == KeyChange::missing);
  CHECK(tree.exists("config/keys/" + trusted[0].fingerprint + ".asc"));
  CHECK_FALSE(tree.exists("config/keys/" + trusted[1].fingerprint + ".asc"));
  // Renewed, and the other by the second server.
  updates = update_keys(directory, servers,
                        server({{at(0, 0), openpgp_file("keys/release.asc")},
                                {at(0, 1), "down"},
                                {at(1, 1), openpgp_file("keys/snapshot.asc")}}),
                        sink, trusted);
  CHECK(updates[0].change == KeyChange::renewed);
  CHECK(iso_date(updates[0].certificate->primary.expires) == "2040-01-01");
  CHECK(updates[1].change == KeyChange::added);
  REQUIRE(sink.all.size() == 1);
  CHECK(sink.all[0].message == "keys: connect to 'keys.example': no answer");
  // An old copy of a server does not undo that; two keys in one file are both had from it.
  updates =
      update_keys(directory, {"/all.asc"},
                  server({{"/all.asc", ring_file({"release-2020", "snapshot"})}}), sink, trusted);
  CHECK(updates[0].change == KeyChange::unchanged);
  CHECK(updates[1].change == KeyChange::unchanged);
  KeySources sources;
  sources.user_directory = directory;
  sources.system_files.clear();
  const auto states = key_states(sources, sink, trusted);
  REQUIRE(states.size() == 2);
  CHECK(iso_date(states[0].certificate->primary.expires) == "2040-01-01");
  CHECK(states[1].certificate.has_value());
}

TEST_CASE("an update that reaches no server is an error") {
  Tree tree;
  Warnings sink;
  const Refusal refusal = refusal_of([&] {
    (void)update_keys(tree.path("keys"), {"/x.asc"}, server({{"/x.asc", "down"}}), sink,
                      trusted_fakes());
  });
  CHECK(refusal.message == "keys: connect to 'keys.example': no answer");
  CHECK(refusal.hint ==
        "try '--from' with another key server, or with a file of certificates brought from another "
        "machine");
  CHECK(refusal.code == ExitCode::input);
  CHECK_FALSE(tree.exists("keys"));
  const Refusal strangers = refusal_of([&] {
    (void)update_keys(tree.path("keys"), {"/x.asc"},
                      server({{"/x.asc", openpgp_file("keys/stranger.asc")}}), sink,
                      trusted_fakes());
  });
  CHECK(strangers.message == "keys: none of Gentoo's keys is at '/x.asc'");
  CHECK(strangers.hint == refusal.hint);
}
