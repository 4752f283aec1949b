// ASCII armour of OpenPGP (RFC 4880 §6) and cleartext signatures (§7), as text to bytes. Strict:
// what is not exactly as the standard writes it is refused, since every reader that guesses
// differently from the verifier is a way to show it one text and parse another. Nothing here
// decides whether a signature is good. Called by the rest of the OpenPGP code only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gbox::portage {

constexpr std::size_t kMaxArmorBytes = 16u << 20;

struct ArmorBlock {
  std::string type;  // "SIGNATURE", "PUBLIC KEY BLOCK", …
  std::string data;  // binary
};

// Every block of a text; what stands around blocks is skipped. None: an empty list. `what` names
// the text in errors. Throws Error (input) for a block that is cut short or damaged.
std::vector<ArmorBlock> dearmor(std::string_view text, std::string_view what);

// A clearsigned message taken apart.
struct Cleartext {
  // The signed lines, dash-escapes undone, blanks at their ends removed, joined by "\n": what may
  // be parsed.
  std::string text;
  // The same lines joined by CRLF: the bytes that the signature is over, for both types of
  // signature. A verifier is given these as a detached message, so that it and our parsers cannot
  // read two different texts out of one file.
  std::string signed_bytes;
  std::string signature;  // binary packets
};

// Whether a line of `text` begins a cleartext signature.
bool is_clearsigned(std::string_view text);
// Why `text` is not exactly one clearsigned message, in words for an error ("there is text before
// the signed part"); "" when it is one, and then `out` is filled.
std::string read_cleartext(std::string_view text, std::string_view what, Cleartext& out);

}  // namespace gbox::portage
