// Where an image is written to or read from, as a person spells it: 'oci:DIR[:REF]' and
// 'oci-archive:FILE[:REF]', and for outputs 'docker-archive:FILE[:REF]'. As with skopeo, the first
// colon after the transport ends the path, so a path cannot hold one; REF may ("oci:out:php:8.3" is
// directory 'out', reference 'php:8.3'). Pure text: nothing here looks at the file system.
#pragma once

#include <string>
#include <string_view>

namespace gbox::oci {

enum class Transport { directory, archive };

struct ImageLocation {
  Transport transport = Transport::directory;
  std::string path;       // as spelled, without trailing slashes
  std::string reference;  // may be empty
  // Of an archive: spelled 'docker-archive'. What is written is the same file, which both kinds of
  // readers take.
  bool docker = false;
  bool operator==(const ImageLocation&) const = default;
};
using OutputTarget = ImageLocation;

std::string to_string(const ImageLocation& location);  // what parsing it again gives back

// For '--output'. Throws Error (usage) that tells the allowed forms.
OutputTarget parse_output(std::string_view text);
// For 'base.image' and 'gbox run'; same grammar, its own words. Throws Error (usage).
ImageLocation parse_source(std::string_view text);

// The names an image is published under.
struct ImageName {
  std::string ref_name;   // org.opencontainers.image.ref.name: the reference, else the tag
  std::string full_name;  // io.containerd.image.name: "localhost/php:8.3", what podman shows
};
// `reference` is the target's (may be empty), `name` and `tag` the spec's. A reference without '/'
// and ':' is a tag of `name`. Throws Error (usage) when the result is no legal image name, such as
// one with upper case before the tag.
ImageName image_name(std::string_view reference, std::string_view name,
                     std::string_view tag = "latest");

}  // namespace gbox::oci
