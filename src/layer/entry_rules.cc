#include "entry_rules.h"

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/layer/whiteout.h"
#include "gbox/sys/beneath.h"

namespace gbox::layer {

namespace {

constexpr std::size_t kNameMax = 255;  // NAME_MAX of Linux' file systems

}  // namespace

void refuse(const std::string& reason) {
  throw Error(reason, ExitCode::input);
}

std::string checked_path(std::string_view name, const UnpackLimits& limits) {
  if (name.empty()) refuse("its name is empty");
  if (name.size() > limits.path_bytes)
    refuse("its name has " + std::to_string(name.size()) + " bytes, the limit is " +
           std::to_string(limits.path_bytes));
  if (name.front() == '/') refuse("its name is absolute");
  std::string path;
  std::uint64_t depth = 0;
  for (const std::string& part : split(name, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") refuse("its name leaves the directory by '..'");
    if (part.find('\0') != std::string::npos) refuse("its name holds a NUL byte");
    if (part.size() > kNameMax)
      refuse("a part of its name has " + std::to_string(part.size()) + " bytes, the limit is " +
             std::to_string(kNameMax));
    if (++depth > limits.path_depth)
      refuse("it is nested more than " + std::to_string(limits.path_depth) + " levels deep");
    if (!path.empty()) path += '/';
    path += part;
  }
  return path;
}

LayerName interpret_layer_path(const std::string& path) {
  const auto [parent, name] = sys::split_last(path);
  for (const std::string& part : split(parent, '/'))
    if (is_reserved_name(part)) refuse("it lies below the reserved name " + quoted(part));
  if (!is_reserved_name(name)) return {LayerName::Kind::plain, path};
  if (name == kOpaqueMarker) return {LayerName::Kind::opaque, parent};
  const std::string gone = name.substr(kWhiteoutPrefix.size());
  if (gone.empty() || gone == "." || gone == ".." || is_reserved_name(gone))
    refuse("the whiteout " + quoted(name) + " names nothing");
  return {LayerName::Kind::whiteout, parent.empty() ? gone : parent + '/' + gone};
}

}  // namespace gbox::layer
