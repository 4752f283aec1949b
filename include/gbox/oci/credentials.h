// Who a person is to a registry: looked up where podman, skopeo and docker keep it, and never
// written. Formats: containers-auth.json(5), docker's config.json, docker-credential helpers.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gbox::oci {

// Where to look. The defaults are those of this process.
struct AuthPlaces {
  // The environment's variables; empty is getenv.
  std::function<std::optional<std::string>(const char* name)> variable;
  uid_t uid = 0;  // whose run-time directory, where $XDG_RUNTIME_DIR is not set
};

struct Credentials {
  std::string user;
  std::string password;
  std::string identity_token;  // instead of a password, for registries with a token service
  std::string origin;          // for people: "'/home/x/.docker/config.json'"
};

// The files that are read, in order; the first that knows the registry counts.
// $REGISTRY_AUTH_FILE alone when it is set, else $XDG_RUNTIME_DIR/containers/auth.json,
// $XDG_CONFIG_HOME/containers/auth.json, $DOCKER_CONFIG/config.json, or what stands for them.
std::vector<std::string> auth_files(const AuthPlaces& places);

// For "HOST/REPOSITORY": the entry of the longest path that fits ("host/team" for "host/team/php"),
// a credential helper of the host, or nothing. Throws Error (usage) for a file that cannot be
// understood, and for a helper that fails.
std::optional<Credentials> find_credentials(const AuthPlaces& places, const std::string& host,
                                            const std::string& repository);

// Standard base64 (RFC 4648, 4), padding needed; nullopt for anything else.
std::optional<std::string> decode_base64(std::string_view text);
std::string encode_base64(std::string_view bytes);

}  // namespace gbox::oci
