#include "gbox/oci/credentials.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "gbox/base/error.h"
#include "gbox/base/json.h"
#include "gbox/base/text.h"
#include "gbox/sys/file.h"
#include "gbox/sys/process.h"

namespace gbox::oci {

namespace {

constexpr std::uint64_t kMaxAuthBytes = 4u << 20;
constexpr std::size_t kMaxAskedBytes = 4096;  // what a pipe takes without a reader
constexpr char kDockerHubName[] = "docker.io";
constexpr char kDockerHubKey[] = "https://index.docker.io/v1/";  // of its credential helpers
constexpr char kTokenUser[] = "<token>";  // docker's: the secret is an identity token

std::optional<std::string> variable(const AuthPlaces& places, const char* name) {
  std::optional<std::string> value;
  if (places.variable) {
    value = places.variable(name);
  } else if (const char* text = std::getenv(name)) {
    value = text;
  }
  if (value && value->empty()) value.reset();
  return value;
}

[[noreturn]] void refuse_file(const std::string& path, const std::string& why) {
  throw Error("read credentials: " + gbox::quoted(path) + ": " + why, ExitCode::usage)
      .set_hint("'podman login' or 'skopeo login' writes it anew; see containers-auth.json(5)");
}

// "https://host/v1/" of old docker files is "host".
std::string registry_of(std::string key) {
  const bool url = key.starts_with("https://") || key.starts_with("http://");
  if (url) key.erase(0, key.find("://") + 3);
  while (key.ends_with('/')) key.pop_back();
  if (url) key = key.substr(0, key.find('/'));
  // 'docker login' writes down where it once was.
  if (key == "index.docker.io" || key == "registry-1.docker.io") return kDockerHubName;
  return key;
}

// The keys that "host/team/php" may be found by, the most exact one first.
std::vector<std::string> keys_of(const std::string& host, const std::string& repository) {
  std::vector<std::string> keys;
  for (std::string key = host + '/' + repository;;) {
    keys.push_back(key);
    const std::size_t slash = key.rfind('/');
    if (slash == std::string::npos) return keys;
    key.erase(slash);
  }
}

const Json* object_in(const Json& document, const char* key) {
  const auto found = document.find(key);
  return found != document.end() && found->is_object() ? &*found : nullptr;
}

std::string text_in(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

void split_user(Credentials& credentials, const std::string& path, const std::string& key,
                const std::string& encoded) {
  const auto decoded = decode_base64(encoded);
  const std::size_t colon = decoded ? decoded->find(':') : std::string::npos;
  if (colon == std::string::npos)
    refuse_file(path, "the 'auth' of " + gbox::quoted(key) + " is no user name and password");
  credentials.user = decoded->substr(0, colon);
  credentials.password = decoded->substr(colon + 1);
  // Old podmans filled the end with NUL bytes.
  while (credentials.password.ends_with('\0')) credentials.password.pop_back();
}

std::optional<Credentials> entry_of(const Json& document, const std::string& path,
                                    const std::vector<std::string>& keys) {
  const Json* auths = object_in(document, "auths");
  if (auths == nullptr) return std::nullopt;
  for (const std::string& key : keys) {
    for (const auto& [name, value] : auths->items()) {
      if (registry_of(name) != key || !value.is_object()) continue;
      Credentials credentials;
      credentials.origin = gbox::quoted(path);
      credentials.identity_token = text_in(value, "identitytoken");
      if (const std::string encoded = text_in(value, "auth"); !encoded.empty())
        split_user(credentials, path, name, encoded);
      // A credential store leaves an empty entry behind, which only says that it has one.
      if (credentials.user.empty() && credentials.identity_token.empty()) continue;
      return credentials;
    }
  }
  return std::nullopt;
}

std::vector<std::string> own_environment() {
  std::vector<std::string> all;
  for (char** each = ::environ; each != nullptr && *each != nullptr; ++each)
    all.emplace_back(*each);
  return all;
}

// A credential helper: the host on its standard input, JSON on its standard output.
std::optional<Credentials> ask_helper(const std::string& name, const std::string& host,
                                      const std::string& path) {
  if (name.empty() || name.find('/') != std::string::npos || host.size() > kMaxAskedBytes)
    refuse_file(path, gbox::quoted(name) + " is no name of a credential helper");
  const std::string program = "docker-credential-" + name;
  const std::string found = sys::find_in_path(program);
  if (found.empty())
    throw Error("credentials for " + gbox::quoted(host) + ": there is no " + gbox::quoted(program),
                ExitCode::usage)
        .set_hint("it is named in " + gbox::quoted(path) + ": install it, or remove it there");
  sys::Pipe pipe = sys::pipe();
  sys::write_all(pipe.write.get(), host, "pipe");
  pipe.write.reset();
  sys::HelperInput input;
  input.standard_input = pipe.read.get();
  input.environment = own_environment();
  const sys::HelperOutput answer =
      sys::capture_helper({found, "get"}, "ask " + gbox::quoted(program), input);
  if (answer.status.code != 0) {
    // The helpers' own way to say that they have none.
    if (answer.output.find("not found") != std::string::npos) return std::nullopt;
    throw Error("credentials for " + gbox::quoted(host) + ": " + gbox::quoted(program) +
                    " exits with " + std::to_string(answer.status.code) + ": " +
                    printable(trim(answer.errors.empty() ? answer.output : answer.errors)),
                ExitCode::usage)
        .set_hint("'" + program + " get' asks for the same by hand; it is named in " +
                  gbox::quoted(path));
  }
  const Json json = parse_json(answer.output, "the answer of " + gbox::quoted(program));
  Credentials credentials;
  credentials.origin = gbox::quoted(program);
  credentials.user = text_in(json, "Username");
  credentials.password = text_in(json, "Secret");
  if (credentials.user == kTokenUser)
    credentials.identity_token = std::exchange(credentials.password, {});
  if (credentials.user.empty()) return std::nullopt;
  return credentials;
}

// The helper of the host, or the one that holds all credentials.
std::string helper_of(const Json& document, const std::string& host) {
  if (const Json* helpers = object_in(document, "credHelpers"))
    for (const auto& [key, value] : helpers->items())
      if (registry_of(key) == host && value.is_string() && value != "")
        return value.get<std::string>();
  return text_in(document, "credsStore");
}

}  // namespace

std::vector<std::string> auth_files(const AuthPlaces& places) {
  if (const auto file = variable(places, "REGISTRY_AUTH_FILE")) return {*file};
  std::vector<std::string> files;
  const auto home = variable(places, "HOME");
  const auto runtime = variable(places, "XDG_RUNTIME_DIR");
  files.push_back(
      (runtime ? *runtime + "/containers" : "/run/containers/" + std::to_string(places.uid)) +
      "/auth.json");
  if (const auto config = variable(places, "XDG_CONFIG_HOME"))
    files.push_back(*config + "/containers/auth.json");
  else if (home)
    files.push_back(*home + "/.config/containers/auth.json");
  if (const auto docker = variable(places, "DOCKER_CONFIG"))
    files.push_back(*docker + "/config.json");
  else if (home)
    files.push_back(*home + "/.docker/config.json");
  return files;
}

std::optional<Credentials> find_credentials(const AuthPlaces& places, const std::string& host,
                                            const std::string& repository) {
  const std::vector<std::string> keys = keys_of(host, repository);
  for (const std::string& path : auth_files(places)) {
    std::optional<std::string> text;
    try {
      text = sys::try_read_file(AT_FDCWD, path, kMaxAuthBytes);
    } catch (const SysError& error) {
      // A run-time directory that is not ours is as good as none.
      if (error.error_number() == EACCES) continue;
      refuse_file(path, error.message());
    }
    if (!text || trim(*text).empty()) continue;
    Json document;
    try {
      document = parse_json(*text, gbox::quoted(path));
    } catch (const Error&) {
      refuse_file(path, "it is not JSON");
    }
    if (!document.is_object()) refuse_file(path, "it is no object");
    if (auto found = entry_of(document, path, keys)) return found;
    if (const std::string helper = helper_of(document, host); !helper.empty())
      if (auto found = ask_helper(helper, host == kDockerHubName ? kDockerHubKey : host, path))
        return found;
  }
  return std::nullopt;
}

}  // namespace gbox::oci
