// What goes with an image without being part of it: bills of materials, provenance. Each is an OCI
// artifact (image-spec 1.1): a manifest with an artifact type, one blob, and the image's manifest
// as its subject; a registry lists them as the image's referrers.
//
// In a layout the artifacts cannot stand in index.json. skopeo 1.9.3 and podman 4.3.1 refuse
// 'oci:DIR' as soon as there are two entries ("more than one image in oci, choose an image");
// nested in one index under the image's name both take it, but umoci 0.4.7 does not ("tag is
// ambiguous"), and the digest by that name is no longer the image's. So index.json keeps the image
// as its only entry, and an annotation of the whole index names an index of the artifacts: readers
// that do not know it see an ordinary layout, whose further blobs mean nothing to them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/oci/layout.h"
#include "gbox/oci/reader.h"
#include "gbox/oci/types.h"

namespace gbox::oci {

// Of index.json: the descriptor, as JSON, of an image index whose entries are artifact manifests.
inline constexpr std::string_view kReferrersKey = "gbox.referrers";
inline constexpr std::string_view kSpdxType = "application/spdx+json";
inline constexpr std::string_view kCycloneDxType = "application/vnd.cyclonedx+json";
inline constexpr std::string_view kInTotoType = "application/vnd.in-toto+json";
inline constexpr std::uint64_t kMaxAttachmentBytes = 64u << 20;
inline constexpr std::size_t kMaxAttachments = 100;

struct Attachment {
  std::string type;  // of the artifact and of its blob
  std::string bytes;
  StringMap annotations;  // of the manifest
};

// An artifact manifest, with its own descriptor and those of its blobs.
struct ArtifactDocuments {
  Descriptor manifest;
  std::string manifest_text;
  Descriptor config;  // "{}"
  Descriptor blob;
};
ArtifactDocuments make_artifact(const Attachment& attachment, const Descriptor& subject);

// Registers all of it with the writer. Returns the annotations that index.json needs: none when
// there is nothing to attach.
StringMap add_attachments(LayoutWriter& writer, const Descriptor& subject,
                          const std::vector<Attachment>& attachments);

// One index of what the index `text` names and `keep` is true of, and of what `more` names ("": of
// nothing). Throws Error (input), also for more than kMaxAttachments.
std::string merge_referrers(std::string_view text, std::string_view more,
                            const std::function<bool(const Digest& artifact)>& keep);
// What the annotation says of such an index.
std::string referrers_annotation(const Descriptor& index);

// --- reading; each throws Error (input) for what is damaged ---
// Where index.json with these annotations says that the index of artifacts is; nullopt: nowhere.
std::optional<Descriptor> referrers_of(const StringMap& annotations);
// The artifact manifests that it names.
std::vector<Descriptor> parse_referrers(std::string_view text);
struct Artifact {
  std::string type;
  Descriptor config;
  Descriptor blob;
  Descriptor subject;
  StringMap annotations;
};
Artifact parse_artifact(std::string_view text, std::string_view what);
// Those whose subject is the image with this digest.
std::vector<Attachment> read_attachments(const LayoutReader& reader, const Digest& image);

}  // namespace gbox::oci
