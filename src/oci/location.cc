#include "gbox/oci/location.h"

#include <algorithm>
#include <utility>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "names.h"

namespace gbox::oci {

namespace {

constexpr std::string_view kForms = "'oci:DIR[:REF]' and 'oci-archive:FILE[:REF]'";
constexpr std::size_t kMaxReferenceBytes = 255;  // a full image name's limit in registries

[[noreturn]] void refuse_usage(std::string message, std::string hint) {
  Error error(std::move(message), ExitCode::usage);
  error.add_hint(std::move(hint));
  throw error;
}

// What skopeo and podman accept behind 'oci:DIR:'.
bool is_reference(std::string_view text) {
  constexpr std::string_view kSeparators = "-._:@+/";
  if (text.empty() || text.size() > kMaxReferenceBytes) return false;
  if (!is_alnum(text.front()) || !is_alnum(text.back())) return false;
  char before = 'a';
  for (const char c : text) {
    const bool separator = kSeparators.find(c) != std::string_view::npos;
    if (!separator && !is_alnum(c)) return false;
    if (separator && !is_alnum(before) && !(c == '-' && before == '-')) return false;
    before = c;
  }
  return true;
}

ImageLocation parse(std::string_view text, std::string_view option, std::string_view deed) {
  const std::string prefix = std::string(option) + ' ' + gbox::quoted(text) + ": ";
  const std::string forms = "write " + std::string(kForms);
  ImageLocation location;
  const std::size_t colon = text.find(':');
  const std::string_view transport = text.substr(0, colon);
  if (colon == std::string_view::npos)
    refuse_usage(prefix + "no transport before the path",
                 "for a directory: 'oci:" + printable(text) +
                     "', for a tar file: 'oci-archive:" + printable(text) + "'");
  location.docker = transport == "docker-archive" && deed == "write to";
  if (transport == "oci-archive" || location.docker)
    location.transport = Transport::archive;
  else if (transport != "oci")
    refuse_usage(prefix + "unknown transport " + gbox::quoted(transport) +
                     (deed == "write to" ? " (known: 'oci', 'oci-archive' and 'docker-archive')"
                                         : " (known: 'oci' and 'oci-archive')"),
                 forms + "; 'skopeo copy' converts to others");
  std::string_view path = text.substr(colon + 1);
  if (const std::size_t end = path.find(':'); end != std::string_view::npos) {
    location.reference = path.substr(end + 1);
    path = path.substr(0, end);
    if (!is_reference(location.reference))
      refuse_usage(prefix + gbox::quoted(location.reference) + " is no reference",
                   "the path ends at its first colon and cannot hold one; a reference has letters "
                   "and digits with single '-', '.', '_', ':', '+', '@' or '/' between them");
  }
  if (path.find('\0') != std::string_view::npos)
    refuse_usage(prefix + "the path holds a NUL byte", forms);
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  if (path.empty()) refuse_usage(prefix + "no path to " + std::string(deed), forms);
  location.path = path;
  return location;
}

void check_name(std::string_view repository, std::string_view tag, const std::string& shown) {
  if (!is_tag(tag))
    refuse_usage("image name " + shown + ": " + gbox::quoted(tag) + " is no tag",
                 "a tag has letters, digits, '_', '.' and '-', at most 128");
  bool first = true;
  for (const std::string& component : split(repository, '/')) {
    const bool domain = std::exchange(first, false) && is_domain(component);
    if (domain) continue;  // host names and ports are the registry's business
    if (is_name_component(component)) continue;
    if (std::any_of(component.begin(), component.end(), is_upper))
      refuse_usage("image name " + shown + ": upper case in " + gbox::quoted(component),
                   "only the tag may hold upper case: write the name in lower case");
    refuse_usage("image name " + shown + ": " + gbox::quoted(component) + " is no part of a name",
                 "use lower-case letters and digits, with '.', '_' or '-' between them");
  }
}

}  // namespace

std::string to_string(const ImageLocation& location) {
  std::string text = location.docker                            ? "docker-archive:"
                     : location.transport == Transport::archive ? "oci-archive:"
                                                                : "oci:";
  text += location.path;
  if (!location.reference.empty()) text += ':' + location.reference;
  return text;
}

OutputTarget parse_output(std::string_view text) {
  return parse(text, "output", "write to");
}

ImageLocation parse_source(std::string_view text) {
  return parse(text, "image", "read from");
}

ImageName image_name(std::string_view reference, std::string_view name, std::string_view tag) {
  std::string full;
  if (reference.empty()) {
    full = std::string(name) + ':' + std::string(tag);
  } else if (reference.find_first_of(":/") == std::string_view::npos) {
    full = std::string(name) + ':' + std::string(reference);
  } else {
    full = reference;
  }
  const std::string shown = gbox::quoted(full);
  if (full.find('@') != std::string::npos)
    refuse_usage("image name " + shown + ": a digest cannot be chosen",
                 "leave out '@' and what follows; the digest is printed when the image is written");
  const std::size_t slash = full.rfind('/');
  std::size_t colon = full.find(':', slash == std::string::npos ? 0 : slash);
  if (colon == std::string::npos) {
    colon = full.size();
    full += ":latest";
  }
  check_name(std::string_view(full).substr(0, colon), std::string_view(full).substr(colon + 1),
             shown);
  // podman shows a name without a registry under localhost/ anyway; say so from the start.
  if (slash == std::string::npos || !is_domain(std::string_view(full).substr(0, full.find('/'))))
    full.insert(0, "localhost/");
  return {.ref_name = std::string(reference.empty() ? tag : reference), .full_name = full};
}

}  // namespace gbox::oci
