#include "gbox/portage/md5.h"

#include <openssl/evp.h>

#include <array>
#include <cstdio>

namespace gbox::portage {

std::string md5_hex(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_md5(), nullptr) != 1)
    return {};
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    std::array<char, 3> pair{};
    (void)std::snprintf(pair.data(), pair.size(), "%02x", digest[i]);  // two digits always fit
    hex += pair.data();
  }
  return hex;
}

}  // namespace gbox::portage
