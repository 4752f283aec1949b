// From a registry to an image layout: what is not there yet is fetched, checked and published by
// one rename. What was fetched before an error stays beside the target, as DIR.pull, and the next
// run goes on from there. Called by 'gbox pull', and by `build` for images that builds start from.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "gbox/base/sink.h"
#include "gbox/oci/layout.h"
#include "gbox/oci/location.h"
#include "gbox/oci/reader.h"
#include "gbox/oci/reference.h"
#include "gbox/oci/registry.h"

namespace gbox::oci {

// What a reference means for one platform: the image's documents, verified. Docker's own types are
// turned into OCI's (their layers and configs are the same bytes).
struct RemoteImage {
  Image image;
  std::string manifest_text;
  std::string config_text;
  Digest source;  // of the manifest as the registry has it; another one only of docker's own types
};
RemoteImage resolve_remote(Registry& registry, const RegistryReference& reference,
                           const Platform& platform);

Platform own_platform();  // this machine's. Throws SysError.

struct PullRequest {
  RegistryReference source;
  OutputTarget target;
  std::optional<Platform> platform;  // none: this machine's
  bool all = false;                  // the whole index, with all its platforms
  Others others = Others::refuse;    // images of other names in the target
  RegistryOptions registry;
  std::function<void(const std::string& what, std::uint64_t done, std::uint64_t total)> progress;
  WarningSink* warnings = nullptr;
};

struct PullSummary {
  Digest digest;  // of what the layout's index names
  std::size_t fetched = 0;
  std::size_t kept = 0;  // were in the target already
  std::uint64_t fetched_bytes = 0;
};

// Throws Error: usage, input for what the registry does not give, image for the target.
PullSummary pull(const PullRequest& request);

}  // namespace gbox::oci
