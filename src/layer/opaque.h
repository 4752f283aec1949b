// Overlayfs' mark on a directory that hides what lies below it. Used by flatten.cc and replica.cc.
#pragma once

namespace gbox::layer {

const char* opaque_name();
bool is_opaque(int fd);
void set_opaque(int fd);

}  // namespace gbox::layer
