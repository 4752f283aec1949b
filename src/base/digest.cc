#include "gbox/base/digest.h"

#include <openssl/evp.h>

#include <array>
#include <cstddef>
#include <utility>

#include "gbox/base/error.h"
#include "gbox/base/text.h"

namespace gbox {

namespace {

std::size_t hex_length(HashAlgorithm algorithm) {
  return algorithm == HashAlgorithm::sha256 ? 64 : 128;
}

std::string_view name_of(HashAlgorithm algorithm) {
  switch (algorithm) {
    case HashAlgorithm::sha256:
      return "sha256";
    case HashAlgorithm::sha512:
      return "sha512";
    case HashAlgorithm::blake2b:
      break;
  }
  return "blake2b";
}

const EVP_MD* method_of(HashAlgorithm algorithm) {
  switch (algorithm) {
    case HashAlgorithm::sha256:
      return EVP_sha256();
    case HashAlgorithm::sha512:
      return EVP_sha512();
    case HashAlgorithm::blake2b:
      break;
  }
  return EVP_blake2b512();
}

bool is_lower_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

Digest::Digest(HashAlgorithm algorithm, std::string hex)
    : algorithm_(algorithm), hex_(std::move(hex)) {
  if (hex_.size() != hex_length(algorithm) || !is_lower_hex(hex_))
    throw Error(quoted(hex_) + " is not a digest of " + std::string(algorithm_name()) + " (" +
                    std::to_string(hex_length(algorithm)) + " lower-case hex digits)",
                ExitCode::input);
}

Digest Digest::parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  if (colon != std::string_view::npos)
    for (const HashAlgorithm algorithm :
         {HashAlgorithm::sha256, HashAlgorithm::sha512, HashAlgorithm::blake2b})
      if (name == name_of(algorithm)) return {algorithm, std::string(text.substr(colon + 1))};
  throw Error(quoted(text) + " is not a digest: 'sha256:…', 'sha512:…' or 'blake2b:…' is expected",
              ExitCode::input);
}

std::string_view Digest::algorithm_name() const noexcept {
  return name_of(algorithm_);
}

std::string Digest::to_string() const {
  return empty() ? std::string() : std::string(algorithm_name()) + ':' + hex_;
}

struct Hasher::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  HashAlgorithm algorithm;
  explicit State(HashAlgorithm a) : algorithm(a) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { EVP_MD_CTX_free(context); }
};

Hasher::Hasher(HashAlgorithm algorithm) : state_(std::make_unique<State>(algorithm)) {
  if (state_->context == nullptr ||
      EVP_DigestInit_ex(state_->context, method_of(algorithm), nullptr) != 1)
    throw Error("internal error: libcrypto refuses to start a digest");
}
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;
Hasher::~Hasher() = default;

void Hasher::update(std::span<const std::byte> bytes) {
  if (EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) != 1)
    throw Error("internal error: libcrypto refuses to update a digest");
}

void Hasher::update(std::string_view bytes) {
  update(std::as_bytes(std::span(bytes)));
}

Digest Hasher::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
  unsigned length = 0;
  if (EVP_DigestFinal_ex(state_->context, raw.data(), &length) != 1)
    throw Error("internal error: libcrypto refuses to finish a digest");
  static constexpr char kHex[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * length);
  for (unsigned i = 0; i < length; ++i) {
    hex += kHex[raw[i] >> 4];
    hex += kHex[raw[i] & 15];
  }
  return {state_->algorithm, std::move(hex)};
}

Digest sha256(std::string_view bytes) {
  Hasher hasher;
  hasher.update(bytes);
  return hasher.finish();
}

}  // namespace gbox
