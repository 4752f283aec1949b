#include "store_path.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "gbox/base/error.h"

namespace gbox::cli {

namespace {

std::string home_directory() {
  if (std::string home = environment("HOME"); !home.empty()) return home;
  if (const passwd* entry = ::getpwuid(::geteuid()); entry != nullptr && entry->pw_dir != nullptr)
    return entry->pw_dir;
  throw Error("find the store: 'HOME' is not set and uid " + std::to_string(::geteuid()) +
                  " has no entry in passwd",
              ExitCode::host)
      .set_hint("say where it is: '--store DIR' or 'GBOX_STORE'");
}

std::string absolute(const std::string& path) {
  std::string result = std::filesystem::absolute(path).lexically_normal().string();
  while (result.size() > 1 && result.back() == '/') result.pop_back();
  return result;
}

}  // namespace

std::string absolute_path(const std::string& path) {
  return path.empty() ? path : std::filesystem::absolute(path).lexically_normal().string();
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string default_store() {
  if (const std::string store = environment("GBOX_STORE"); !store.empty()) return absolute(store);
  // The base directory specification says to ignore a relative XDG_DATA_HOME.
  const std::string data = environment("XDG_DATA_HOME");
  if (!data.empty() && data.front() == '/') return absolute(data + "/gbox");
  return absolute(home_directory() + "/.local/share/gbox");
}

std::string store_directory(const std::string& given) {
  return given.empty() ? default_store() : absolute(given);
}

}  // namespace gbox::cli
