// Is a file, or a text, signed by a key that counts? Asked of gpgv(1), or of sqv(1) where that is
// missing; every other answer than a plain yes is an error that says which, and what to do. It
// never uses the user's own key rings, agent or configuration. Called by the resolvers of stage3.h
// and tree_snapshot.h for small texts, and by build for large files before they are published.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gbox/base/error.h"
#include "gbox/portage/trust.h"

namespace gbox::portage {

inline constexpr std::size_t kFingerprintDigits = 40;

enum class SignatureFault {
  absent,             // no signature at all
  something_else,     // it does not cover just this: other text around it, another kind of file
  bad,                // does not match what it should be over, or cannot be checked
  unknown_key,        // made by a key that does not count
  expired_key,        // …that has ended
  revoked_key,        // …that was withdrawn
  expired_signature,  // the signature itself has ended
  clock,              // this machine's clock is before the key or the signature was made
  no_verifier,        // neither gpgv nor sqv is here
};

// ExitCode::input, or host for no_verifier.
class SignatureError : public Error {
 public:
  SignatureError(SignatureFault fault, std::string message, std::string hint);
  [[nodiscard]] SignatureFault fault() const noexcept { return fault_; }

 private:
  SignatureFault fault_;
};

// Who made a good signature.
struct Signer {
  std::string fingerprint;  // of the primary key; "": nobody was asked (verification is off)
  std::string key;          // of the key that signed, perhaps a subkey
  std::string user_id;
  std::int64_t signed_at = 0;  // seconds since 1970
  bool operator==(const Signer&) const = default;
};

struct Verifier {
  enum class Kind { gpgv, sqv };
  Kind kind = Kind::gpgv;
  std::string program;  // path
};
// gpgv, else sqv, by PATH; nullopt when there is neither.
std::optional<Verifier> find_verifier();

// The file open as `fd` (any offset; read anew, never into memory) against a detached signature,
// the content of its .asc, .sig or .gpgsig. Of several signatures one that is good suffices.
// `name` is what errors call the file. Throws SignatureError.
Signer verify_detached(int fd, std::string_view signature, std::string_view name,
                       const KeyRing& ring,
                       const std::optional<Verifier>& verifier = find_verifier());

struct SignedText {
  std::string text;  // exactly what the signature covers, lines ended by '\n'; parse nothing else
  Signer signer;
};
// A clearsigned text, such as DIGESTS. The whole of `content` must be one: text before or behind
// it is refused. Throws SignatureError.
SignedText verify_clearsigned(std::string_view content, std::string_view name, const KeyRing& ring,
                              const std::optional<Verifier>& verifier = find_verifier());

// For when verification was turned off: the text within the signature's frame, or all of it when
// there is none.
std::string unverified_text(std::string_view content, std::string_view name);

// When a detached signature says it was made (its newest), unverified: to look for the file it
// belongs to, never to believe. nullopt for what is no signature.
std::optional<std::int64_t> claimed_time(std::string_view signature) noexcept;

}  // namespace gbox::portage
