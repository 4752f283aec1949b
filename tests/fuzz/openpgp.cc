// Clearsigned texts, armor, certificates and the packets in them.
#include "armor.h"
#include "gbox/portage/certificate.h"
#include "packets.h"
#include "target.h"

using namespace gbox;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  fuzz::refusing([&] {
    portage::Cleartext message;
    if (!portage::read_cleartext(text, "fuzz", message).empty()) return;
    // At the beginning of a line, unless it was escaped there.
    fuzz::require(
        ('\n' + message.text).find("\n-----BEGIN PGP SIGNATURE-----") == std::string::npos ||
            text.find("- -----BEGIN PGP SIGNATURE-----") != std::string::npos,
        "what is signed ends where the signature begins");
  });
  fuzz::refusing([&] { (void)portage::dearmor(text, "fuzz"); });
  fuzz::refusing([&] { (void)portage::read_certificates(text, "fuzz"); });
  fuzz::refusing([&] {
    for (const portage::Packet& packet : portage::read_packets(text, "fuzz")) {
      (void)portage::read_signature(packet.body);
      (void)portage::read_key(packet.body);
    }
  });
  return 0;
}
