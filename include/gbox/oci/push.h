// From image layouts to a registry: what it lacks is sent, the names come last, so that a tag never
// stands for half an image. Called by 'gbox push'.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "gbox/oci/location.h"
#include "gbox/oci/reference.h"
#include "gbox/oci/registry.h"

namespace gbox::oci {

struct PushRequest {
  // Several become one index of all their images, for as many platforms.
  std::vector<ImageLocation> sources;
  std::vector<RegistryReference> targets;  // tags; of one repository or of several
  RegistryOptions registry;
  // Bytes of blobs dealt with and in all; several times a second. May throw to stop.
  std::function<void(const std::string& what, std::uint64_t done, std::uint64_t total)> progress;
};

struct PushSummary {
  Digest digest;  // of what the tags name
  std::size_t sent = 0;
  std::size_t mounted = 0;  // taken over from another repository there
  std::size_t there = 0;
  std::uint64_t sent_bytes = 0;
  std::size_t referrers = 0;  // documents about the image that were pushed with it
};

// Throws Error: usage for what cannot be meant, input for a source, image for what the registry
// refuses. Running it again sends only what is still missing.
PushSummary push(const PushRequest& request);

}  // namespace gbox::oci
