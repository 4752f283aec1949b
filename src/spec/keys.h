// Every key of the spec, table by table: the one place that says what exists. Tables are read
// against these lists, and an unknown key's hint is looked up in them.
#pragma once

#include <array>
#include <span>
#include <string_view>

namespace gbox::spec {

using KeyList = std::span<const std::string_view>;

struct TableKeys {
  std::string_view shown;  // the table as a person writes it; "" is the top level
  KeyList keys;
  KeyList unsupported{};  // of the contract, but not of this version
};

namespace keys {

inline constexpr std::array<std::string_view, 11> kTopList = {
    "name",    "tag",   "args",  "base",   "repos", "binhost",
    "portage", "build", "phase", "limits", "output"};
inline constexpr std::array<std::string_view, 10> kBaseList = {
    "stage3", "arch",    "date",   "mirror", "keyring",
    "verify", "tarball", "sha256", "sha512", "image"};
inline constexpr std::array<std::string_view, 9> kReposList = {
    "path", "snapshot", "format", "git", "rev", "priority", "mirror", "keyring", "verify"};
inline constexpr std::array<std::string_view, 6> kBinhostList = {
    "name", "uri", "official", "mirror", "priority", "verify_signature"};
inline constexpr std::array<std::string_view, 17> kPortageList = {"profile",
                                                                  "common_flags",
                                                                  "use",
                                                                  "cpu_flags",
                                                                  "accept_keywords",
                                                                  "license",
                                                                  "make_conf",
                                                                  "package_use",
                                                                  "package_accept_keywords",
                                                                  "package_mask",
                                                                  "package_unmask",
                                                                  "package_license",
                                                                  "package_env",
                                                                  "env",
                                                                  "sets",
                                                                  "patches",
                                                                  "config_dir"};
inline constexpr std::array<std::string_view, 7> kBuildList = {
    "jobs", "load_average", "emerge_jobs", "memory", "tmpfs", "distfiles", "mirror"};
inline constexpr std::array<std::string_view, 25> kPhaseList = {
    "name",   "root",         "copy",     "emerge",      "options", "oneshot", "empty_tree",
    "deep",   "changed_use",  "passes",   "unmerge",     "run",     "shell",   "env",
    "remove", "network",      "policy",   "narrow",      "widen",   "limits",  "mount",
    "trim",   "keep_locales", "depclean", "copy_package"};
inline constexpr std::array<std::string_view, 3> kNarrowList = {"capabilities", "groups", "calls"};
inline constexpr std::array<std::string_view, 3> kWidenList = {"capabilities", "calls", "why"};
inline constexpr std::array<std::string_view, 5> kLimitsList = {"time", "memory", "processes",
                                                                "file_size", "disk"};
inline constexpr std::array<std::string_view, 7> kMountList = {"kind", "target", "from", "id",
                                                               "size", "owner",  "mode"};
inline constexpr std::array<std::string_view, 4> kCopyList = {"from", "to", "owner", "mode"};
inline constexpr std::array<std::string_view, 10> kOutputList = {
    "root", "layers",     "max_layers",        "compression", "level",
    "sbom", "provenance", "source_date_epoch", "config",      "check"};
inline constexpr std::array<std::string_view, 3> kCheckList = {"closure", "allow", "answer"};
inline constexpr std::array<std::string_view, 9> kConfigList = {
    "entrypoint", "cmd", "env", "user", "working_dir", "ports", "volumes", "labels", "stop_signal"};

inline constexpr TableKeys kTop{"", kTopList};
inline constexpr TableKeys kBase{"[base]", kBaseList};
inline constexpr TableKeys kRepos{"[repos.NAME]", kReposList};
inline constexpr TableKeys kBinhost{"[[binhost]]", kBinhostList};
inline constexpr TableKeys kPortage{"[portage]", kPortageList};
inline constexpr TableKeys kBuild{"[build]", kBuildList};
inline constexpr TableKeys kPhase{"[[phase]]", kPhaseList};
inline constexpr TableKeys kMount{"[[phase.mount]]", kMountList};
inline constexpr TableKeys kCopy{"'copy'", kCopyList};
inline constexpr TableKeys kNarrow{"'narrow'", kNarrowList};
inline constexpr TableKeys kWiden{"'widen'", kWidenList};
inline constexpr TableKeys kLimits{"[limits]", kLimitsList};
inline constexpr TableKeys kOutput{"[output]", kOutputList};
inline constexpr TableKeys kConfig{"[output.config]", kConfigList};
inline constexpr TableKeys kCheck{"[output.check]", kCheckList};

inline constexpr std::array<const TableKeys*, 15> kAll = {
    &kTop,    &kBase,  &kRepos,  &kBinhost, &kPortage, &kBuild,  &kPhase, &kCopy,
    &kNarrow, &kWiden, &kLimits, &kMount,   &kOutput,  &kConfig, &kCheck};

}  // namespace keys
}  // namespace gbox::spec
