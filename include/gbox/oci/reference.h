// Names in registries, as a person spells them: 'docker://HOST[:PORT]/REPOSITORY[:TAG][@DIGEST]'.
// The host is never left out: which registry is asked must not depend on the machine. Pure text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gbox/base/digest.h"

namespace gbox::oci {

struct RegistryReference {
  std::string host;              // with its port, as spelled; docker's is always "docker.io"
  std::string repository;        // "team/php"
  std::string tag;               // "" when there is a digest only
  std::optional<Digest> digest;  // of the manifest; wins over the tag
  bool operator==(const RegistryReference&) const = default;

  // What is asked for: the digest's text, else the tag.
  [[nodiscard]] std::string wanted() const;
  // "registry.example.org/team/php", for people and for names of images.
  [[nodiscard]] std::string name() const;
};

// Where the API of the registry of that name is: elsewhere for 'docker.io' alone.
std::string api_host(const std::string& host);

// Whether the text begins with 'docker://'.
bool names_registry(std::string_view text);

// What parsing gives back.
std::string to_string(const RegistryReference& reference);

// The tag is 'latest' when there is neither tag nor digest. `what` begins errors: "push", "option
// '--output'". Throws Error (usage) with the right form.
RegistryReference parse_registry(std::string_view text, std::string_view what);

// "HOST[:PORT]/REPOSITORY" alone, as caches have it.
RegistryReference parse_repository(std::string_view text, std::string_view what);

}  // namespace gbox::oci
