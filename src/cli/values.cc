#include "values.h"

#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <vector>

#include "gbox/base/error.h"
#include "gbox/base/text.h"

namespace gbox::cli {

namespace {

[[noreturn]] void throw_not_one_of(std::string_view option, std::string_view text,
                                   const std::vector<std::string>& allowed) {
  Error error("option " + quoted(option) + ": unknown value " + quoted(text), ExitCode::usage);
  const std::string near = nearest(text, allowed);
  throw error.set_hint(near.empty() ? "it takes " + quoted_list(allowed)
                                    : "did you mean " + quoted(near) + "?");
}

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// A number and one of `units`; nullopt when it is neither or does not fit.
template <std::size_t Count>
std::optional<std::uint64_t> scaled(std::string_view text, const std::array<Unit, Count>& units) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  const std::string_view rest = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const Unit& unit : units) {
    if (rest != unit.name) continue;
    if (number > std::numeric_limits<std::uint64_t>::max() / unit.factor) return std::nullopt;
    return number * unit.factor;
  }
  return std::nullopt;
}

}  // namespace

ProgressMode parse_progress(std::string_view text) {
  if (text == "auto") return ProgressMode::automatic;
  if (text == "tty") return ProgressMode::tty;
  if (text == "plain") return ProgressMode::plain;
  if (text == "json") return ProgressMode::json;
  if (text == "none") return ProgressMode::none;
  throw_not_one_of("--progress", text, {"auto", "tty", "plain", "json", "none"});
}

spec::Network parse_network(std::string_view text) {
  if (text.empty()) return spec::Network::none;
  for (const auto network : {spec::Network::none, spec::Network::fetch, spec::Network::host})
    if (text == spec::to_string(network)) return network;
  throw_not_one_of("--network", text, {"none", "fetch", "host"});
}

sys::Level parse_level(std::string_view text) {
  if (const auto level = sys::level_from_string(text)) return *level;
  throw_not_one_of("--require-level", text,
                   {"full", "proc-bound", "no-kernel-overlay", "single-id", "none"});
}

sys::Storage parse_storage(std::string_view text) {
  if (const auto storage = sys::storage_from_string(text)) return *storage;
  throw_not_one_of("--storage", text, {"kernel", "fuse", "copy"});
}

sys::IdMapChoice parse_id_map(const std::string& what, std::string_view text) {
  if (const auto choice = sys::id_map_choice(text)) return *choice;
  throw Error(what + ": unknown value " + quoted(text), ExitCode::usage)
      .set_hint("it takes " + quoted_list({"auto", "single"}));
}

std::pair<std::string, std::string> parse_setting(std::string_view text) {
  const std::size_t position = text.find('=');
  if (position == std::string_view::npos || position == 0)
    throw Error("option '--set': " + quoted(text) + " is not NAME=VALUE", ExitCode::usage)
        .set_hint("NAME is a key of '[args]' in the spec, such as '--set suffix=-openrc'");
  return {std::string(text.substr(0, position)), std::string(text.substr(position + 1))};
}

std::vector<build::SecretSource> parse_secrets(const std::vector<std::string>& texts) {
  std::vector<build::SecretSource> secrets;
  for (const std::string& text : texts) {
    build::SecretSource secret;
    for (const std::string& field : split(text, ',')) {
      const std::size_t equals = field.find('=');
      const std::string name = field.substr(0, equals);
      std::string* const value = name == "id"    ? &secret.id
                                 : name == "src" ? &secret.file
                                 : name == "env" ? &secret.variable
                                                 : nullptr;
      // Not the whole text: it may be the secret itself.
      if (value == nullptr || equals == std::string::npos || !value->empty())
        throw Error("option '--secret': it is made of 'id', and 'src' or 'env', each once",
                    ExitCode::usage)
            .set_hint("such as '--secret id=token,src=FILE' or '--secret id=token,env=TOKEN'");
      *value = field.substr(equals + 1);
    }
    if (secret.id.empty() || secret.file.empty() == secret.variable.empty())
      throw Error("option '--secret': it needs 'id', and one of 'src' and 'env'", ExitCode::usage)
          .set_hint("such as '--secret id=token,src=FILE' or '--secret id=token,env=TOKEN'");
    secrets.push_back(std::move(secret));
  }
  return secrets;
}

build::ShareSnapshots parse_share_snapshots(std::string_view text) {
  if (text.empty() || text == "always") return build::ShareSnapshots::yes;
  if (text == "never") return build::ShareSnapshots::no;
  throw_not_one_of("--cache-snapshots", text, {"always", "never"});
}

std::vector<std::string> parse_caches(std::string_view option,
                                      const std::vector<std::string>& texts) {
  std::vector<std::string> directories;
  for (const std::string& text : texts) {
    const std::size_t position = text.find('=');
    const std::string kind = text.substr(0, position);
    if (position == std::string::npos)
      throw Error("option " + quoted(option) + ": " + quoted(text) + " names no kind of cache",
                  ExitCode::usage)
          .set_hint(text.empty() ? "such as '" + std::string(option) + " dir=cache'"
                                 : "did you mean 'dir=" + text + "'?");
    if (kind != "dir" && kind != "registry")
      throw Error("option " + quoted(option) + ": unknown kind of cache " + quoted(kind) + " in " +
                      quoted(text),
                  ExitCode::usage)
          .set_hint("there are a directory and a registry: '" + std::string(option) +
                    " dir=DIR' and 'registry=HOST/REPOSITORY'");
    if (position + 1 == text.size())
      throw Error("option " + quoted(option) + ": " + quoted(text) + " names no " +
                      (kind == "dir" ? "directory" : "repository"),
                  ExitCode::usage)
          .set_hint("such as '" + std::string(option) +
                    (kind == "dir" ? " dir=cache'" : " registry=registry.example.org/team/cache'"));
    directories.push_back((kind == "dir" ? "" : "docker://") + text.substr(position + 1));
  }
  return directories;
}

std::uint64_t parse_size(std::string_view option, std::string_view text) {
  constexpr std::uint64_t kKibi = 1024;
  static constexpr std::array kUnits = {
      Unit{"", 1},
      Unit{"K", kKibi},
      Unit{"KiB", kKibi},
      Unit{"M", kKibi * kKibi},
      Unit{"MiB", kKibi * kKibi},
      Unit{"G", kKibi * kKibi * kKibi},
      Unit{"GiB", kKibi * kKibi * kKibi},
      Unit{"T", kKibi * kKibi * kKibi * kKibi},
      Unit{"TiB", kKibi * kKibi * kKibi * kKibi},
  };
  if (const auto size = scaled(text, kUnits)) return *size;
  throw Error("option " + quoted(option) + ": " + quoted(text) + " is not a size", ExitCode::usage)
      .set_hint("a size is a number and a unit, such as '500MiB' or '10GiB'");
}

unsigned parse_count(std::string_view option, std::string_view text, unsigned least) {
  constexpr unsigned kMost = 4096;
  const auto count = whole_number<unsigned>(text);
  if (count && *count >= least && *count <= kMost) return *count;
  throw Error("option " + quoted(option) + ": " + quoted(text) + " is not a number from " +
                  std::to_string(least) + " to " + std::to_string(kMost),
              ExitCode::usage);
}

std::uint64_t parse_duration(std::string_view option, std::string_view text) {
  static constexpr std::array kUnits = {Unit{"s", 1}, Unit{"m", 60}, Unit{"h", 3600},
                                        Unit{"d", 86400}, Unit{"w", 7 * 86400}};
  if (const auto seconds = scaled(text, kUnits)) return *seconds;
  throw Error("option " + quoted(option) + ": " + quoted(text) + " is not a duration",
              ExitCode::usage)
      .set_hint("a duration is a number and a unit, such as '12h' or '30d'");
}

}  // namespace gbox::cli
