#include "gbox/oci/credentials.h"

#include <map>

#include "fixture.h"

using namespace gbox;
using namespace gbox::oci;

namespace {

struct Home : Fixture {
  std::map<std::string, std::string> environment;
  AuthPlaces places;
  Home() {
    environment = {{"HOME", dir.path()}, {"XDG_RUNTIME_DIR", at("run")}};
    places.variable = [this](const char* name) -> std::optional<std::string> {
      const auto found = environment.find(name);
      return found == environment.end() ? std::nullopt : std::optional(found->second);
    };
    places.uid = 1234;
    for (const char* name : {"run/containers", ".config/containers", ".docker"})
      sys::ensure_directories(dir.fd(), name);
  }
  void file(const std::string& name, const std::string& key, const std::string& user) const {
    put(name,
        R"({"auths": {")" + key + R"(": {"auth": ")" + encode_base64(user + ":secret") + "\"}}}");
  }
  std::string user_of(const std::string& host, const std::string& repository = "team/php") const {
    const auto found = find_credentials(places, host, repository);
    return found ? found->user : "";
  }
};

}  // namespace

TEST_CASE("credentials are looked for where podman, skopeo and docker keep them, in that order") {
  Home home;
  CHECK(auth_files(home.places) == std::vector<std::string>{home.at("run/containers/auth.json"),
                                                            home.at(".config/containers/auth.json"),
                                                            home.at(".docker/config.json")});
  CHECK(home.user_of("r.example.org").empty());
  home.file(".docker/config.json", "r.example.org", "docker");
  CHECK(home.user_of("r.example.org") == "docker");
  home.file(".config/containers/auth.json", "r.example.org", "config");
  CHECK(home.user_of("r.example.org") == "config");
  home.file("run/containers/auth.json", "other.example.org", "run");
  CHECK(home.user_of("r.example.org") == "config");
  home.file("run/containers/auth.json", "r.example.org", "run");
  CHECK(home.user_of("r.example.org") == "run");
  const auto found = find_credentials(home.places, "r.example.org", "x");
  REQUIRE(found);
  CHECK(found->password == "secret");
  CHECK(found->origin == "'" + home.at("run/containers/auth.json") + "'");
  home.environment["REGISTRY_AUTH_FILE"] = home.at("absent.json");
  CHECK(home.user_of("r.example.org").empty());
  home.environment = {};
  CHECK(auth_files(home.places) == std::vector<std::string>{"/run/containers/1234/auth.json"});
}

TEST_CASE("the entry of the longest path counts, and one of another host never") {
  Home home;
  home.environment["REGISTRY_AUTH_FILE"] = home.at("a.json");
  home.put("a.json", R"({"auths": {
    "r.example.org": {"auth": ")" +
                         encode_base64("host:p") + R"("},
    "r.example.org/team": {"auth": ")" +
                         encode_base64("team:p:q") + R"("},
    "https://old.example.org/v1/": {"auth": ")" +
                         encode_base64("old:p") + R"("},
    "empty.example.org": {},
    "token.example.org": {"identitytoken": "t"}}})");
  CHECK(home.user_of("r.example.org", "team/php") == "team");
  CHECK(find_credentials(home.places, "r.example.org", "team/php")->password == "p:q");
  CHECK(home.user_of("r.example.org", "teams/php") == "host");
  CHECK(home.user_of("r.example.org", "x") == "host");
  CHECK(home.user_of("old.example.org") == "old");
  CHECK(home.user_of("r.example.org:5000").empty());
  CHECK(home.user_of("xr.example.org").empty());
  CHECK(home.user_of("empty.example.org").empty());
  CHECK(find_credentials(home.places, "token.example.org", "x")->identity_token == "t");
}

TEST_CASE("docker's registry is known by its names of old") {
  Home home;
  home.environment["REGISTRY_AUTH_FILE"] = home.at("a.json");
  for (const char* key :
       {"docker.io", "https://index.docker.io/v1/", "registry-1.docker.io", "docker.io/library"}) {
    home.file("a.json", key, "hub");
    CHECK_MESSAGE(home.user_of("docker.io", "library/php") == "hub", key);
    CHECK(home.user_of("index.example.org", "library/php").empty());
  }
  // A helper knows it by the oldest of them.
  sys::ensure_directories(home.dir.fd(), "bin");
  home.put("bin/docker-credential-told",
           "#!/bin/sh\nread -r key\nprintf '{\"Username\": \"%s\", \"Secret\": \"s\"}' \"$key\"\n");
  REQUIRE(::chmod(home.at("bin/docker-credential-told").c_str(), 0755) == 0);
  const std::string path = std::getenv("PATH") != nullptr ? std::getenv("PATH") : "";
  ::setenv("PATH", (home.at("bin") + ":/usr/bin:/bin").c_str(), 1);
  for (const char* text : {R"({"credHelpers": {"docker.io": "told"}})",
                           R"({"credHelpers": {"https://index.docker.io/v1/": "told"}})",
                           R"({"credsStore": "told"})"}) {
    home.put("a.json", text);
    CHECK_MESSAGE(home.user_of("docker.io", "library/php") == "https://index.docker.io/v1/", text);
  }
  home.put("a.json", R"({"credHelpers": {"docker.io": "absent"}, "credsStore": "told"})");
  CHECK(home.user_of("r.example.org") == "r.example.org");
  ::setenv("PATH", path.c_str(), 1);
}

TEST_CASE("a file that cannot be understood is named, not passed over") {
  Home home;
  home.environment["REGISTRY_AUTH_FILE"] = home.at("a.json");
  const auto said = [&](const std::string& text) {
    home.put("a.json", text);
    CHECK(code_of([&] { (void)home.user_of("r.example.org"); }) == ExitCode::usage);
    return error_of([&] { (void)home.user_of("r.example.org"); });
  };
  CHECK(said("{") == "read credentials: '" + home.at("a.json") +
                         "': it is not JSON | 'podman login' or 'skopeo login' writes it anew; see "
                         "containers-auth.json(5)");
  CHECK(said(R"({"auths": {"r.example.org": {"auth": "%%%="}}})")
            .find("the 'auth' of 'r.example.org' is no user name and password") !=
        std::string::npos);
  CHECK(said(R"({"credsStore": "../x"})").find("is no name of a credential helper") !=
        std::string::npos);
  CHECK(said(R"({"credHelpers": {"r.example.org": "gbox-absent"}})")
            .find("there is no 'docker-credential-gbox-absent'") != std::string::npos);
  home.put("a.json", "\n");
  CHECK(home.user_of("r.example.org").empty());
}

TEST_CASE("base64 is read strictly and comes back as it was") {
  for (const char* text : {"", "a", "ab", "abc", "user:pass", "\xff\x00\x7f"})
    CHECK(decode_base64(encode_base64(text)) == text);
  CHECK(encode_base64("user:pass") == "dXNlcjpwYXNz");
  for (const char* text : {"a", "ab=", "a===", "ab=c", "ab\n=", "====", "dXNl cjpw"})
    CHECK_FALSE(decode_base64(text));
}
