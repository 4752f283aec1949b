// SHA-256, SHA-512 and BLAKE2b-512 (OpenSSL EVP, which uses the CPU's own instructions), and the
// OCI spelling "sha256:<hex>". Used by every module that names content.
#pragma once

#include <compare>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace gbox {

enum class HashAlgorithm {
  sha256,
  sha512,
  blake2b,  // of 512 bits, as Gentoo's Manifests and DIGESTS have it
};

// A checked digest: algorithm and lower-case hex of the right length.
class Digest {
 public:
  Digest() = default;  // empty: compares unequal to every real one
  // Takes "sha256:…", "sha512:…" or "blake2b:…". Throws Error (ExitCode::input) on anything else.
  static Digest parse(std::string_view text);
  Digest(HashAlgorithm algorithm, std::string hex);

  [[nodiscard]] bool empty() const noexcept { return hex_.empty(); }
  [[nodiscard]] HashAlgorithm algorithm() const noexcept { return algorithm_; }
  [[nodiscard]] std::string_view algorithm_name() const noexcept;
  [[nodiscard]] const std::string& hex() const noexcept { return hex_; }
  [[nodiscard]] std::string to_string() const;  // "sha256:…"
  auto operator<=>(const Digest&) const = default;

 private:
  HashAlgorithm algorithm_ = HashAlgorithm::sha256;
  std::string hex_;
};

// Feeds bytes, gives the digest once. Not copyable; one thread at a time.
class Hasher {
 public:
  explicit Hasher(HashAlgorithm algorithm = HashAlgorithm::sha256);
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  ~Hasher();
  void update(std::span<const std::byte> bytes);
  void update(std::string_view bytes);
  // Ends the stream; the hasher must not be used afterwards.
  Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Digest sha256(std::string_view bytes);

}  // namespace gbox
