// Values of options as people write them. All throw Error (usage) with what is allowed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gbox/build/build.h"
#include "gbox/spec/spec.h"
#include "gbox/sys/probe.h"
#include "gbox/sys/userns.h"
#include "progress.h"

namespace gbox::cli {

ProgressMode parse_progress(std::string_view text);
// "none", "fetch" or "host"; "" is "none".
spec::Network parse_network(std::string_view text);
sys::Level parse_level(std::string_view text);
sys::Storage parse_storage(std::string_view text);
// `what` names the option or variable in errors.
sys::IdMapChoice parse_id_map(const std::string& what, std::string_view text);
// "suffix=-openrc": the first '=' ends the name.
std::pair<std::string, std::string> parse_setting(std::string_view text);
// The directories of all "dir=DIR"; "docker://HOST/REPOSITORY" of "registry=HOST/REPOSITORY".
std::vector<std::string> parse_caches(std::string_view option,
                                      const std::vector<std::string>& texts);
// "always" (or nothing) and "never".
build::ShareSnapshots parse_share_snapshots(std::string_view text);
// "id=NAME,src=FILE" or "id=NAME,env=VARIABLE".
std::vector<build::SecretSource> parse_secrets(const std::vector<std::string>& texts);
// "10GiB", "500M", "1048576": powers of 1024 in either spelling.
std::uint64_t parse_size(std::string_view option, std::string_view text);
// A number from `least` to 4096.
unsigned parse_count(std::string_view option, std::string_view text, unsigned least);
// "30d", "12h", "90m", "45s", "2w"; in seconds.
std::uint64_t parse_duration(std::string_view option, std::string_view text);

}  // namespace gbox::cli
