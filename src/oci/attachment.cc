#include "gbox/oci/attachment.h"

#include <set>

#include <span>

#include "gbox/base/error.h"
#include "gbox/base/json.h"
#include "gbox/base/text.h"
#include "gbox/sys/fd.h"
#include "linked.h"

namespace gbox::oci {

namespace {

constexpr std::string_view kEmptyType = "application/vnd.oci.empty.v1+json";
constexpr std::string_view kEmptyText = "{}";

Descriptor descriptor_of(const Json& json, std::string_view what) {
  Descriptor descriptor;
  descriptor.media_type = json_string(json, "mediaType", what);
  descriptor.digest = Digest::parse(json_string(json, "digest", what));
  descriptor.size = json_size(json, "size", what);
  return descriptor;
}

Descriptor describe(std::string_view bytes, std::string_view type) {
  Descriptor descriptor;
  descriptor.media_type = type;
  descriptor.digest = sha256(bytes);
  descriptor.size = bytes.size();
  return descriptor;
}

std::string read_blob(const LayoutReader& reader, const Descriptor& descriptor,
                      std::string_view what) {
  if (descriptor.size > kMaxAttachmentBytes)
    throw Error(std::string(what) + " is larger than " + human_size(kMaxAttachmentBytes),
                ExitCode::input);
  const BlobFile blob = reader.open_blob(descriptor);
  verify_blob(blob, descriptor, what);
  std::string bytes(static_cast<std::size_t>(blob.size), '\0');
  if (sys::read_full(blob.fd.get(), std::as_writable_bytes(std::span(bytes)), std::string(what)) !=
      bytes.size())
    throw Error(std::string(what) + " is cut short", ExitCode::input);
  return bytes;
}

}  // namespace

ArtifactDocuments make_artifact(const Attachment& attachment, const Descriptor& subject) {
  ArtifactDocuments documents;
  documents.config = describe(kEmptyText, kEmptyType);
  documents.blob = describe(attachment.bytes, attachment.type);
  OrderedJson manifest = {{"schemaVersion", 2},
                          {"mediaType", kManifestType},
                          {"artifactType", attachment.type},
                          {"config", descriptor_json(documents.config)},
                          {"layers", OrderedJson::array({descriptor_json(documents.blob)})},
                          {"subject", descriptor_json(subject)}};
  if (!attachment.annotations.empty()) manifest["annotations"] = attachment.annotations;
  documents.manifest_text = manifest.dump();
  documents.manifest = describe(documents.manifest_text, kManifestType);
  return documents;
}

StringMap add_attachments(LayoutWriter& writer, const Descriptor& subject,
                          const std::vector<Attachment>& attachments) {
  if (attachments.empty()) return {};
  OrderedJson entries = OrderedJson::array();
  for (const Attachment& attachment : attachments) {
    const ArtifactDocuments documents = make_artifact(attachment, subject);
    (void)writer.add_bytes(std::string(kEmptyText), kEmptyType);
    (void)writer.add_bytes(attachment.bytes, attachment.type);
    (void)writer.add_bytes(documents.manifest_text, kManifestType);
    OrderedJson entry = descriptor_json(documents.manifest);
    entry["artifactType"] = attachment.type;
    if (!attachment.annotations.empty()) entry["annotations"] = attachment.annotations;
    entries.push_back(std::move(entry));
  }
  const std::string index = OrderedJson{
      {"schemaVersion", 2},
      {"mediaType", kIndexType},
      {"manifests",
       std::move(entries)}}.dump();
  const Descriptor descriptor = writer.add_bytes(index, kIndexType);
  return {{std::string(kReferrersKey), referrers_annotation(descriptor)}};
}

std::string merge_referrers(std::string_view text, std::string_view more,
                            const std::function<bool(const Digest& artifact)>& keep) {
  constexpr std::string_view kWhat = "the index of attachments";
  Json merged = Json::array();
  std::set<Digest> seen;
  const auto add = [&](std::string_view index, const auto& wanted) {
    const std::vector<Descriptor> descriptors = parse_referrers(index);
    const Json entries = parse_json(index, kWhat);
    for (std::size_t i = 0; i < descriptors.size(); ++i)
      if (wanted(descriptors[i].digest) && seen.insert(descriptors[i].digest).second)
        merged.push_back(entries["manifests"][i]);
  };
  add(text, keep);
  if (!more.empty()) add(more, [](const Digest&) { return true; });
  if (merged.size() > kMaxAttachments)
    throw Error("there are more than " + std::to_string(kMaxAttachments) + " attachments",
                ExitCode::input);
  return canonical_json(
      {{"schemaVersion", 2}, {"mediaType", kIndexType}, {"manifests", std::move(merged)}});
}

std::string referrers_annotation(const Descriptor& index) {
  return descriptor_json(index).dump();
}

std::optional<Descriptor> referrers_of(const StringMap& annotations) {
  const auto found = annotations.find(std::string(kReferrersKey));
  if (found == annotations.end()) return std::nullopt;
  const std::string what = "annotation '" + std::string(kReferrersKey) + "' of 'index.json'";
  return descriptor_of(parse_json(found->second, what), what);
}

std::vector<Descriptor> parse_referrers(std::string_view text) {
  constexpr std::string_view kWhat = "the index of attachments";
  const Json entries = parse_json(text, kWhat);
  const Json& manifests = json_member(entries, "manifests", kWhat);
  if (!manifests.is_array() || manifests.size() > kMaxAttachments)
    throw Error(std::string(kWhat) + " names no list of at most " +
                    std::to_string(kMaxAttachments) + " artifacts",
                ExitCode::input);
  std::vector<Descriptor> descriptors;
  for (const Json& entry : manifests) descriptors.push_back(descriptor_of(entry, kWhat));
  return descriptors;
}

Artifact parse_artifact(std::string_view text, std::string_view what) {
  const Json manifest = parse_json(text, what);
  const Json& layers = json_member(manifest, "layers", what);
  if (!layers.is_array() || layers.size() != 1)
    throw Error(std::string(what) + " has not one blob", ExitCode::input);
  Artifact artifact;
  artifact.type = json_string_or_empty(manifest, "artifactType", what);
  artifact.config = descriptor_of(json_member(manifest, "config", what), what);
  artifact.blob = descriptor_of(layers[0], what);
  artifact.subject = descriptor_of(json_member(manifest, "subject", what), what);
  if (const auto found = manifest.find("annotations");
      found != manifest.end() && found->is_object())
    for (const auto& [name, value] : found->items())
      if (value.is_string()) artifact.annotations[name] = value.get<std::string>();
  return artifact;
}

std::vector<Attachment> read_attachments(const LayoutReader& reader, const Digest& image) {
  std::vector<Attachment> attachments;
  const auto referrers = referrers_of(reader.index().annotations);
  if (!referrers) return attachments;
  for (const Descriptor& descriptor : parse_referrers(reader.read_document(*referrers))) {
    const std::string what = "attachment " + descriptor.digest.hex().substr(0, 12);
    Artifact artifact = parse_artifact(reader.read_document(descriptor), what);
    if (artifact.subject.digest == image)
      attachments.push_back({std::move(artifact.type), read_blob(reader, artifact.blob, what),
                             std::move(artifact.annotations)});
  }
  return attachments;
}

}  // namespace gbox::oci
