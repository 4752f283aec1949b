// The 'Packages' file of a binary package host.
#include "gbox/portage/binary_host.h"
#include "target.h"

using namespace gbox;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::refusing([&] { (void)portage::parse_index(fuzz::text_of(data, size)); });
  return 0;
}
