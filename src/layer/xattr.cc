#include "xattr.h"

#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/sys/owner.h"

namespace gbox::layer {

namespace {

// Grows the buffer until the kernel's answer fits: it may change between two calls.
template <class Call>
std::string call_growing(Call call, const std::string& deed) {
  std::string buffer(256, '\0');
  for (;;) {
    const ssize_t size = call(buffer.data(), buffer.size());
    if (size >= 0) {
      buffer.resize(static_cast<std::size_t>(size));
      return buffer;
    }
    if (errno == ENOTSUP) return {};
    if (errno != ERANGE || buffer.size() > (1u << 20)) throw SysError(errno, deed);
    buffer.resize(buffer.size() * 4);
  }
}

}  // namespace

bool belongs_in_image(std::string_view xattr_name) noexcept {
  if (xattr_name.starts_with(sys::kOwnXattrPrefix)) return false;
  return xattr_name.starts_with("user.") || xattr_name == "security.capability" ||
         xattr_name == "system.posix_acl_access" || xattr_name == "system.posix_acl_default";
}

Xattrs read_xattrs(int dirfd, const std::string& name) {
  // The l* calls take a path only. This one starts at our descriptor, and its last component is
  // not followed, so that it needs no opening, which would block or act on FIFOs and devices.
  const std::string path =
      "/proc/self/fd/" + std::to_string(dirfd) + '/' + (name.empty() ? std::string(".") : name);
  const std::string names = call_growing(
      [&](char* data, std::size_t size) { return ::llistxattr(path.c_str(), data, size); },
      "list the attributes of " + quoted(name));
  Xattrs result;
  for (std::size_t start = 0; start < names.size();) {
    const std::size_t end = std::min(names.find('\0', start), names.size());
    const std::string key = names.substr(start, end - start);
    start = end + 1;
    result.emplace_back(key, call_growing(
                                 [&](char* data, std::size_t size) {
                                   return ::lgetxattr(path.c_str(), key.c_str(), data, size);
                                 },
                                 "read the attribute " + quoted(key) + " of " + quoted(name)));
  }
  std::sort(result.begin(), result.end());
  return result;
}

}  // namespace gbox::layer
