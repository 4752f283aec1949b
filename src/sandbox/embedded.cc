#include "embedded.h"

// Made by 'ld -r -b binary' from the file gbox-init; the names follow from the file's.
extern "C" const std::byte _binary_gbox_init_start[];
extern "C" const std::byte _binary_gbox_init_end[];

namespace gbox::sandbox {

std::span<const std::byte> init_program() {
  return {_binary_gbox_init_start, _binary_gbox_init_end};
}

}  // namespace gbox::sandbox
