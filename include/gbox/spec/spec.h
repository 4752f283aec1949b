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
#include "gbox/spec/limits.h"

namespace gbox::spec {

constexpr std::size_t kMaxSpecBytes = 1u << 20;  // a spec is written by hand
constexpr std::size_t kMaxPhases = 400;          // the kernel stacks at most 500 lowerdirs
constexpr std::size_t kMaxFaults = 50;           // past these, reading on helps nobody
constexpr unsigned kMaxPasses = 10;
constexpr std::string_view kDefaultMirror = "https://distfiles.gentoo.org";
constexpr std::string_view kLatest = "latest";

// A value and where it stands, for checks that come later than reading.
struct Text {
  Text() = default;
  Text(std::string text, Location place = {}) : value(std::move(text)), where(std::move(place)) {}
  Text(const char* text) : value(text) {}
  std::string value;
  Location where;
  // By value alone: two specs that say the same are the same.
  bool operator==(const Text& other) const { return value == other.value; }
};
std::vector<std::string> values_of(const std::vector<Text>& texts);

// Where files of a mirror come from, and whose word is taken for them.
struct Origin {
  std::vector<std::string> mirrors;  // URLs or absolute paths, tried in order; never empty
  std::string keyring;               // a file of certificates, as written; empty: gbox's own trust
  Location keyring_where;
  bool verify = true;  // false: signatures are not looked at; loud, and recorded in the lock
  Location verify_where;
};

// What the first snapshot is unpacked from: a file the spec names, or a stage3 of a mirror.
struct Base {
  Location where;
  std::string tarball;  // as written: a URL, absolute, or relative to the spec's directory
  std::string image;    // as written: 'oci:DIR[:REF]', 'oci-archive:FILE' or 'docker://…'
  Location image_where;
  std::vector<Digest> digests;  // what the spec says the file's digests are; all must match
  std::string stage3;           // a variant such as "nomultilib-openrc"; empty: `tarball`
  Location stage3_where;
  std::string arch;           // Gentoo's word, such as "amd64"; empty: this machine's
  std::string date{kLatest};  // or "YYYYMMDD", "YYYYMMDDTHHMMSSZ"
  Location date_where;
  Origin origin;  // of `stage3`
  // Whether it comes from elsewhere, and so has an entry in the lock.
  [[nodiscard]] bool is_fetched() const;
};

enum class SnapshotFormat { tar, squashfs };

// An ebuild repository: a directory, a snapshot of a mirror, or a commit. One of `path`,
// `snapshot` and `git` is set.
struct Repository {
  Location where;         // of its table
  Location source_where;  // of that one, for errors about what is found there
  std::string name;
  std::string path;      // as written: relative to the spec's directory, or absolute
  std::string snapshot;  // "latest" or "YYYYMMDD"
  SnapshotFormat format = SnapshotFormat::tar;
  std::string git;  // URL or path of a repository
  std::string rev;  // a branch, tag or commit; empty: what the URL's HEAD is
  std::optional<int> priority;
  Origin origin;  // of `snapshot`
};

// A host of binary packages.
struct BinaryHost {
  Location where;
  std::string name;
  std::string uri;                   // the directory that holds 'Packages'; empty: `official`
  std::string official;              // one of Gentoo's own, such as "x86-64-v3"
  std::vector<std::string> mirrors;  // of `official`, tried in order; empty: those of [base]
  std::optional<int> priority;
  bool verify_signature = true;
};

// One line of a package.* file.
struct PackageRule {
  Location where;
  std::string atom;
  std::vector<Text> values;  // flags, keywords, licences or env files; as written
};

// A file of variables for package_env to name: /etc/portage/env/NAME.
struct EnvFile {
  Location where;
  std::string name;
  std::map<std::string, std::string> variables;
};

// A set of packages for emerge: "@NAME".
struct PackageSet {
  Location where;
  std::string name;
  std::vector<Text> atoms;
};

// Patches that Portage applies to a package, in this order.
struct PatchRule {
  Location where;
  std::string package;      // "category/name", or with a version or slot as Portage takes it
  std::vector<Text> files;  // as written: relative to the spec's directory, or absolute
};

// What becomes files below /etc/portage. Tables are sorted by key: TOML gives them no order.
struct PortageConfig {
  Location where;  // of [portage]; line 0 when the spec has none
  std::string profile;
  Location profile_where;
  std::string common_flags;
  Location common_flags_where;
  std::vector<Text> use;
  std::vector<Text> accept_keywords;  // ACCEPT_KEYWORDS
  std::vector<Text> license;          // ACCEPT_LICENSE
  std::vector<Text> cpu_flags;  // CPU_FLAGS_<ARCH>; the one word "native": what this machine has
  std::map<std::string, std::string> make_conf;
  std::map<std::string, Location> make_conf_where;
  std::vector<PackageRule> package_use;
  std::vector<PackageRule> package_accept_keywords;
  std::vector<PackageRule> package_license;
  std::vector<PackageRule> package_env;
  std::vector<Text> package_mask;
  std::vector<Text> package_unmask;
  std::vector<EnvFile> env;
  std::vector<PackageSet> sets;
  std::vector<PatchRule> patches;
  std::string config_dir;  // as written; empty: none
  Location config_dir_where;
};

struct Emerge {
  std::vector<Text> atoms;           // packages and sets; empty: the phase merges nothing
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

// What a phase takes from its policy.
struct PolicyNarrowing {
  Location where;
  std::vector<Text> capabilities;
  std::vector<Text> groups;  // of system calls
  std::vector<Text> calls;
};

// What a phase adds to its policy, and why. With neither capabilities nor calls it gives the reason
// for a policy file that allows more than gbox's own.
struct PolicyWidening {
  Location where;
  std::vector<Text> capabilities;
  std::vector<Text> calls;
  std::string why;
};

// What a phase sees besides its own files: nothing of it is part of a snapshot.
struct PhaseMount {
  enum class Kind {
    bind,    // a file or directory beside the spec, read-only
    cache,   // a directory that outlives the step and is found again by its id
    tmpfs,   // an empty directory in memory
    secret,  // a file with what --secret gives for its id
  };
  Location where;
  Kind kind = Kind::tmpfs;
  std::string target;  // normalized and absolute, not one of gbox's own mounts
  std::string from;    // of a bind: as written, relative to the spec's directory and within it
  std::string id;      // of a cache or secret
  std::optional<std::uint64_t> size_bytes;  // of a tmpfs; absent: half of the memory
  std::string owner = "0:0";                // of a cache or secret, as in Copy
  std::optional<std::uint32_t> mode;        // absent: 0755, of a tmpfs 1777, of a secret 0400
};

// What a phase takes out of its root by name.
struct Trim {
  Location where;
  std::vector<Text> presets;
  std::vector<Text> keep_locales;  // of the preset 'locales'
};

enum class Network { none, fetch, host };
enum class Shell { bash, sh };

// One phase. What it asks for is done in this order, whatever the order in the file:
// copy, copy_package, emerge, unmerge, depclean, run, trim, remove. At least one of them is
// present.
struct Phase {
  Location where;
  std::string name;        // [a-z0-9][a-z0-9._-]*, unique
  std::string root = "/";  // normalized and absolute: ROOT of emerge, target of copy and remove
  std::vector<Copy> copy;
  std::vector<Text> copy_package;  // atoms of what is installed in '/' and taken over into `root`
  Emerge emerge;
  std::vector<Text> unmerge;  // atoms
  bool depclean = false;
  std::string run;  // a script; runs in '/', with ROOT set to `root`; may be empty
  Shell shell = Shell::bash;
  std::optional<Trim> trim;
  std::vector<std::string> remove;         // absolute globs beneath `root`, no '..'
  std::map<std::string, std::string> env;  // for `run` only
  std::vector<PhaseMount> mounts;          // in the order of the file
  Network network = Network::none;
  // Name of a sandbox policy, or a file as written when it holds a '/'; empty: the default one.
  std::string policy;
  Location policy_where;
  std::optional<PolicyNarrowing> narrow;
  std::optional<PolicyWidening> widen;
  Limits limits;
};

enum class Layers { phase, single, package };
constexpr unsigned kDefaultMaxLayers = 60;
enum class Compression { gzip, zstd, none };

// The image's configuration, in the OCI image spec's words.
struct ImageConfig {
  std::vector<std::string> entrypoint;
  Location entrypoint_where;  // line 0 when the key is not there; so with the next
  std::vector<std::string> cmd;
  Location cmd_where;
  std::map<std::string, std::string> env;
  std::string user;  // as written: names or numbers
  Location user_where;
  std::string working_dir;
  std::vector<std::string> ports;    // "8080/tcp", sorted, no doubles
  std::vector<std::string> volumes;  // absolute paths, sorted, no doubles
  std::map<std::string, std::string> labels;
  std::string stop_signal;
};

// What must hold of the finished root.
struct ImageCheck {
  Location where;
  std::optional<bool> closure;  // whether all that files need is there; absent: for roots but '/'
  std::vector<Text> allow;      // globs of what may lack something, or be lacking
  std::vector<Text> answer;     // commands that must succeed in it
};

struct Output {
  Location where;          // of [output]; line 0 when the spec has none
  std::string root = "/";  // normalized and absolute
  Layers layers = Layers::phase;
  unsigned max_layers = kDefaultMaxLayers;  // of Layers::package
  Compression compression = Compression::gzip;
  std::optional<int> level;  // the codec's own scale; absent: gbox's default
  ImageConfig config;
  ImageCheck check;
  bool sbom = true;
  bool provenance = true;
  std::optional<std::int64_t> source_date_epoch;  // seconds; absent: the newest of the inputs
};

// What must not change a result, and therefore never enters a key.
struct BuildOptions {
  std::optional<unsigned> jobs;  // make jobs, of all packages that are built at once
  std::optional<double> load_average;
  std::optional<unsigned> emerge_jobs;        // packages at once
  std::optional<std::uint64_t> memory_bytes;  // for building, of all of them
  std::optional<std::uint64_t> tmpfs_bytes;   // size of the build directory's tmpfs; absent: none
  std::string distfiles;  // directory of source archives, as written; Portage verifies each file
  Location distfiles_where;
  std::vector<std::string> mirrors;  // of distfiles, tried in order; empty: the base's
};

struct BuildSpec {
  std::string file;  // as shown to a person
  std::string name;  // a valid OCI repository name
  std::string tag = "latest";
  std::map<std::string, std::string> args;  // with overrides applied
  Base base;
  std::vector<Repository> repositories;  // sorted by name
  std::vector<BinaryHost> binary_hosts;  // sorted by name
  PortageConfig portage;
  std::vector<Phase> phases;  // in the order of the file
  Output output;
  BuildOptions options;
  Limits limits;                    // of every phase
  std::vector<SpecFault> warnings;  // what is odd but survivable, such as a likely secret
};

// Reads one spec. `path_shown` names it in errors. `overrides` replace values of [args].
// Throws SpecError with every fault found, each with its place and, where one helps, a hint.
BuildSpec read_spec(const std::string& path_shown, std::string_view text,
                    const std::map<std::string, std::string>& overrides = {});

// "scheme://…": what the spec names is fetched, and is no path.
bool is_url(std::string_view text);

// Splits "name=value", as given to --set. Throws Error (usage) when there is no name or no '='.
std::pair<std::string, std::string> parse_override(std::string_view text);

// The words the spec uses for these values.
std::string_view to_string(Network network);
std::string_view to_string(PhaseMount::Kind kind);
std::string_view to_string(Shell shell);
std::string_view to_string(Layers layers);
std::string_view to_string(Compression compression);
std::string_view to_string(SnapshotFormat format);

}  // namespace gbox::spec
