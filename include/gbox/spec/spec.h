// The spec as typed values: what a person wrote in stage4.toml, checked and with its defaults.
// Pure: no file is opened here, so that relative paths stay as written and whoever opens them
// ('build') resolves them against the spec's directory. `plan` hashes everything but `options`.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gbox/base/digest.h"
#include "gbox/base/error.h"

namespace gbox::spec {

constexpr std::size_t kMaxSpecBytes = 1u << 20;  // a spec is written by hand
constexpr std::size_t kMaxPhases = 400;          // the kernel stacks at most 500 lowerdirs
constexpr std::size_t kMaxFaults = 50;           // past these, reading on helps nobody
constexpr unsigned kMaxPasses = 10;

// What the first snapshot is unpacked from.
struct Base {
  Location where;
  std::string tarball;          // as written: relative to the spec's directory, or absolute
  std::vector<Digest> digests;  // what the spec says the file's digests are; all must match
};

struct Repository {
  Location where;       // of its table
  Location path_where;  // of `path`, for errors about what is found there
  std::string name;
  std::string path;  // as written: relative to the spec's directory, or absolute
  std::optional<int> priority;
};

// One line of a package.* file.
struct PackageRule {
  Location where;
  std::string atom;
  std::vector<std::string> values;  // flags, keywords, licences or env files; as written
};

// What becomes files below /etc/portage. Tables are sorted by key: TOML gives them no order.
struct PortageConfig {
  Location where;  // of [portage]; line 0 when the spec has none
  std::string profile;
  Location profile_where;
  std::string common_flags;
  std::vector<std::string> use;
  std::map<std::string, std::string> make_conf;
  std::vector<PackageRule> package_use;
  std::vector<PackageRule> package_accept_keywords;
  std::vector<PackageRule> package_license;
  std::vector<PackageRule> package_env;
  std::vector<std::string> package_mask;
  std::vector<std::string> package_unmask;
  std::string config_dir;  // as written; empty: none
  Location config_dir_where;
};

struct Emerge {
  std::vector<std::string> atoms;    // packages and sets; empty: the phase merges nothing
  std::vector<std::string> options;  // handed to emerge as they are, before the atoms
  bool oneshot = false;
  bool empty_tree = false;
  bool deep = false;
  bool changed_use = false;
  unsigned passes = 1;
};

struct Copy {
  Location where;
  std::string from;           // as written: relative to the spec's directory, or absolute
  std::string to;             // absolute, beneath the phase's root; a trailing '/' means 'into'
  std::string owner = "0:0";  // "user", "user:group"; names of the target, or numbers
  std::optional<std::uint32_t> mode;  // of files; absent: 0755 for programs, 0644 else
};

enum class Network { none, host };
enum class Shell { bash, sh };

// One phase. What it asks for is done in this order, whatever the order in the file:
// copy, emerge, unmerge, run, remove. At least one of them is present.
struct Phase {
  Location where;
  std::string name;        // [a-z0-9][a-z0-9._-]*, unique
  std::string root = "/";  // normalized and absolute: ROOT of emerge, target of copy and remove
  std::vector<Copy> copy;
  Emerge emerge;
  std::vector<std::string> unmerge;  // atoms
  std::string run;                   // a script; runs in '/', with ROOT set to `root`; may be empty
  Shell shell = Shell::bash;
  std::vector<std::string> remove;         // absolute globs beneath `root`, no '..'
  std::map<std::string, std::string> env;  // for `run` only
  Network network = Network::none;
  std::string policy;  // name of a sandbox policy; empty: the default one
};

enum class Layers { phase, single };
enum class Compression { gzip, zstd, none };

// The image's configuration, in the OCI image spec's words.
struct ImageConfig {
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  std::map<std::string, std::string> env;
  std::string user;
  std::string working_dir;
  std::vector<std::string> ports;    // "8080/tcp", sorted, no doubles
  std::vector<std::string> volumes;  // absolute paths, sorted, no doubles
  std::map<std::string, std::string> labels;
  std::string stop_signal;
};

struct Output {
  Location where;          // of [output]; line 0 when the spec has none
  std::string root = "/";  // normalized and absolute
  Layers layers = Layers::phase;
  Compression compression = Compression::gzip;
  std::optional<int> level;  // the codec's own scale; absent: gbox's default
  ImageConfig config;
};

// What must not change a result, and therefore never enters a key.
struct BuildOptions {
  std::optional<unsigned> jobs;  // make jobs of one package
  std::optional<double> load_average;
  std::optional<unsigned> emerge_jobs;       // packages at once
  std::optional<std::uint64_t> tmpfs_bytes;  // size of the build directory's tmpfs; absent: none
  std::string distfiles;  // directory of source archives, as written; Portage verifies each file
  Location distfiles_where;
};

struct BuildSpec {
  std::string file;  // as shown to a person
  std::string name;  // a valid OCI repository name
  std::string tag = "latest";
  std::map<std::string, std::string> args;  // with overrides applied
  Base base;
  std::vector<Repository> repositories;  // sorted by name
  PortageConfig portage;
  std::vector<Phase> phases;  // in the order of the file
  Output output;
  BuildOptions options;
  std::vector<SpecFault> warnings;  // what is odd but survivable, such as a likely secret
};

// Reads one spec. `path_shown` names it in errors. `overrides` replace values of [args].
// Throws SpecError with every fault found, each with its place and, where one helps, a hint.
BuildSpec read_spec(const std::string& path_shown, std::string_view text,
                    const std::map<std::string, std::string>& overrides = {});

// Splits "name=value", as given to --set. Throws Error (usage) when there is no name or no '='.
std::pair<std::string, std::string> parse_override(std::string_view text);

// The words the spec uses for these values.
std::string_view to_string(Network network);
std::string_view to_string(Shell shell);
std::string_view to_string(Layers layers);
std::string_view to_string(Compression compression);

}  // namespace gbox::spec
