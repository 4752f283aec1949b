// What a reference in a registry means for one platform.
#include <algorithm>

#include "docker_types.h"
#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/oci/pull.h"
#include "linked.h"

namespace gbox::oci {

namespace {

[[noreturn]] void refuse_remote(const RegistryReference& reference, const std::string& why,
                                const std::string& hint = {}) {
  throw Error("open image " + gbox::quoted(to_string(reference)) + ": " + why, ExitCode::input)
      .set_hint(hint);
}

// The one manifest of an index that is for this platform.
Descriptor choose(const std::vector<Descriptor>& entries, const RegistryReference& reference,
                  const Platform& platform) {
  std::vector<const Descriptor*> suitable;
  std::vector<std::string> offered;
  for (const Descriptor& entry : entries) {
    if (!is_manifest_type(entry.media_type) && !is_index_type(entry.media_type)) continue;
    if (entry.platform && entry.platform->os == "unknown") continue;  // an attestation
    if (entry.platform && entry.platform->suits(platform)) suitable.push_back(&entry);
    offered.push_back(entry.platform ? to_string(*entry.platform) : entry.digest.to_string());
  }
  std::sort(offered.begin(), offered.end());
  offered.erase(std::unique(offered.begin(), offered.end()), offered.end());
  if (suitable.empty())
    refuse_remote(reference,
                  "it is not for " + gbox::quoted(to_string(platform)) +
                      (offered.empty() ? "" : ", only for " + quoted_list(offered)),
                  "'--platform OS/ARCHITECTURE' asks for another one");
  // Several variants: without one is the plain one.
  for (const Descriptor* entry : suitable)
    if (entry->platform->variant == platform.variant) return *entry;
  return *suitable.front();
}

}  // namespace

RemoteImage resolve_remote(Registry& registry, const RegistryReference& reference,
                           const Platform& platform) {
  std::optional<Registry::Document> document = registry.try_manifest(reference.wanted());
  if (!document)
    refuse_remote(reference, "there is no " + gbox::quoted(reference.wanted()),
                  "is the name right, and may you read it? 'skopeo list-tags docker://" +
                      reference.name() + "' lists the tags");
  Linked linked;
  const auto parse = [&] {
    linked = parse_linked(document->text, document->descriptor.media_type,
                          gbox::quoted(document->descriptor.digest.to_string()));
  };
  return with_context("open image " + gbox::quoted(to_string(reference)), [&] {
    parse();
    for (int depth = 1; is_index_type(linked.media_type); ++depth) {
      if (depth > kMaxNesting) throw Error("its indexes are nested too deep", ExitCode::input);
      document = registry.manifest(choose(linked.manifests, reference, platform));
      parse();
    }
    RemoteImage remote;
    remote.source = document->descriptor.digest;
    const std::string what = gbox::quoted(remote.source.to_string());
    remote.manifest_text = linked.media_type == kDockerManifestType
                               ? convert_docker_manifest(document->text, what)
                               : document->text;
    remote.image.manifest = parse_manifest(remote.manifest_text, what);
    const Descriptor& config = remote.image.manifest.config;
    remote.config_text = registry.get_small_blob(config, kMaxDocumentBytes);
    const std::string config_what = gbox::quoted(config.digest.to_string());
    remote.image.config = parse_image_config(remote.config_text, config_what);
    if (remote.image.config.diff_ids.size() != remote.image.manifest.layers.size())
      throw Error("read " + config_what + ": it has " +
                      std::to_string(remote.image.config.diff_ids.size()) + " diff ids for " +
                      std::to_string(remote.image.manifest.layers.size()) + " layers",
                  ExitCode::input);
    if (!remote.image.config.platform.suits(platform))
      throw Error("it is for " + gbox::quoted(to_string(remote.image.config.platform)) +
                      ", not for " + gbox::quoted(to_string(platform)),
                  ExitCode::input)
          .set_hint("'--platform OS/ARCHITECTURE' asks for another one");
    remote.image.descriptor = {.media_type = std::string(kManifestType),
                               .digest = sha256(remote.manifest_text),
                               .size = remote.manifest_text.size(),
                               .platform = remote.image.config.platform};
    return remote;
  });
}

}  // namespace gbox::oci
