// Portage's configuration out of a spec: which files belong below /etc/portage, and putting them
// there. The list is pure, so that `plan` can hash it; nothing that may differ between two equal
// builds (jobs, colours) is in it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/spec/spec.h"

namespace gbox::portage {

constexpr std::string_view kConfigDirectory = "etc/portage";
constexpr std::string_view kRepositoriesDirectory = "/var/db/repos";  // /NAME below it, mounted
constexpr std::string_view kDistfilesDirectory = "/var/cache/distfiles";
constexpr std::string_view kBinaryPackagesDirectory = "/var/cache/binpkgs";
constexpr std::string_view kTemporaryDirectory = "/var/tmp";  // emerge makes portage/ in it
constexpr std::uint64_t kMaxPatchBytes = 16u << 20;

struct ConfigFile {
  enum class Kind { file, symlink };
  std::string path;  // relative to the root file system: "etc/portage/make.conf/50-gbox"
  Kind kind = Kind::file;
  std::string content;  // of the file, or the link's target
};

// Where a repository is mounted: "/var/db/repos/NAME".
std::string repository_location(std::string_view name);

// The repository that holds the profile and whose eclasses the others inherit: the one named
// 'gentoo', else the one of the highest priority (absent counts as 0), the first by name among
// equals. nullptr when the spec has none.
const spec::Repository* main_repository(const spec::BuildSpec& spec);

// The repository that holds the chosen profile ("REPOSITORY:PATH", else the main one) and its path
// below profiles/. Throws SpecError when there is no such repository.
struct ProfileChoice {
  const spec::Repository* repository = nullptr;
  std::string path;
};
ProfileChoice chosen_profile(const spec::BuildSpec& spec);

// Gives the content of a patch that the spec names.
using PatchReader = std::function<std::string(const spec::Text& file)>;

// The files, sorted by path. Throws SpecError when a profile is chosen but no repository given.
// What "native" means must have been put into the spec before.
std::vector<ConfigFile> config_files(const spec::BuildSpec& spec, const PatchReader& read_patch);

// `value` as one word for bash and for make.conf's own reader: '…', with quotes taken apart.
// Throws Error (usage) for a value that no quoting carries through both (newline, NUL, and what
// make.conf's reader would still expand).
std::string make_conf_quoted(std::string_view value);

// Writes `files` below the root file system at `rootfd`, every path resolved as after chroot.
// Portage reads make.conf, repos.conf and package.* as a file or as a directory; where the base
// has a file and `files` needs a directory, the base's file stays in force as DIRECTORY/00-base.
// Writing twice is harmless. Modes 0644 and 0755, owner: whoever runs.
void write_config(int rootfd, const std::vector<ConfigFile>& files);

// Copies the tree at `config_dirfd` (regular files, directories, symbolic links) onto
// /etc/portage. A file whose name is a directory there lands as DIRECTORY/60-config_dir.
// Throws Error (input) when it would replace one of `files` or holds another kind of file.
void copy_config_dir(int config_dirfd, int rootfd, const std::vector<ConfigFile>& files);

}  // namespace gbox::portage
