#include "opaque.h"

#include <sys/xattr.h>

#include <cerrno>
#include <string>

#include "gbox/base/error.h"
#include "gbox/layer/whiteout.h"

namespace gbox::layer {

const char* opaque_name() {
  static const std::string name(kOpaqueXattr);
  return name.c_str();
}

// As the kernel reads it: exactly "y" ('x' says only that there may be whiteouts of another kind).
bool is_opaque(int fd) {
  char value = 0;
  const ssize_t size = ::fgetxattr(fd, opaque_name(), &value, 1);
  if (size < 0 && errno != ENODATA && errno != ENOTSUP && errno != ERANGE)
    throw SysError(errno, "read its opaque mark");
  return size == 1 && value == 'y';
}

void set_opaque(int fd) {
  if (::fsetxattr(fd, opaque_name(), "y", 1, 0) != 0) throw SysError(errno, "mark it as opaque");
}

}  // namespace gbox::layer
