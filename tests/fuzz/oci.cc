// The documents of an image layout, by the first byte; and a whole archive of one.
#include <sys/mman.h>
#include <unistd.h>

#include "gbox/oci/types.h"
#include "gbox/oci/verify.h"
#include "gbox/sys/fd.h"
#include "target.h"

using namespace gbox;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text = fuzz::text_of(data + 1, size - 1);
  fuzz::refusing([&] {
    switch (data[0]) {
      case 'i':
        (void)oci::parse_index(text, "index");
        break;
      case 'm':
        (void)oci::parse_manifest(text, "manifest");
        break;
      case 'c':
        (void)oci::parse_image_config(text, "config");
        break;
      default: {
        const sys::Fd file(::memfd_create("fuzz", MFD_CLOEXEC));
        sys::write_all(file.get(), fuzz::text_of(data, size), "fuzz");
        const std::string path = "/proc/self/fd/" + std::to_string(file.get());
        (void)oci::verify_layout(oci::parse_source("oci-archive:" + path));
      }
    }
  });
  return 0;
}
