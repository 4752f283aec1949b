// The commands as functions, and their arguments as parsed. main.cc fills these structs and calls;
// doctor.cc and commands_build.cc hold the bodies. A body throws on failure (main prints it and
// gives the exit code) and returns an exit code only where it is not an error's: what a program
// run by `gbox run` exited with, `gbox doctor` on a host that lacks something.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "console.h"
#include "gbox/build/build.h"
#include "gbox/build/describe.h"
#include "gbox/build/session.h"
#include "gbox/sys/probe.h"

namespace gbox::cli {

// Which spec, and the values given for its [args]. The order of --set is kept; the last one wins.
struct SpecArgs {
  std::string path = "stage4.toml";
  std::vector<std::pair<std::string, std::string>> set;
};

// Absolute once main has called the command: --store, else $GBOX_STORE, else $XDG_DATA_HOME/gbox.
struct StoreArgs {
  std::string directory;
};

// How inputs from elsewhere are had.
struct InputArgs {
  bool locked = false;      // the lock must hold all of them
  bool offline = false;     // the store must hold all of them
  std::string ca;           // PEM file trusted besides the system's; "" = none
  std::string keyring;      // OpenPGP certificates, where the spec names none; "" = Gentoo's
  bool plain_http = false;  // registries are spoken to without TLS
};

// How strong the sandboxes must be, and how roots are put together.
struct SandboxArgs {
  std::optional<sys::Level> require_level;  // absent: any that steps can run at
  std::optional<sys::Storage> storage;      // absent: the best that works here
};

struct BuildArgs {
  SpecArgs spec;
  StoreArgs store;
  std::vector<std::string> outputs;        // as given: "oci:DIR[:REF]", "oci-archive:FILE"
  std::vector<std::string> repos_outputs;  // likewise, of the ebuild repositories
  build::Append append = build::Append::no;
  std::string from;   // phase to run anew with all after it; "" = by keys alone
  std::string until;  // last phase to run; "" = all
  bool dry_run = false;
  InputArgs inputs;
  SandboxArgs sandbox;
  std::vector<std::string> cache_from;  // directories, as given
  std::vector<std::string> cache_to;
  build::ShareSnapshots cache_snapshots = build::ShareSnapshots::yes;
  std::optional<std::uint64_t> store_limit;  // bytes
  build::EffortOptions effort;
  std::vector<build::SecretSource> secrets;
};

struct PlanArgs {
  SpecArgs spec;
  StoreArgs store;
  InputArgs inputs;
  bool json = false;
  bool tree = false;
  bool write = false;                   // into the spec, what Portage asks for
  std::vector<std::string> cache_from;  // directories, as given
  build::ShareSnapshots cache_snapshots = build::ShareSnapshots::yes;
  SandboxArgs sandbox;
};

struct LockArgs {
  SpecArgs spec;
  StoreArgs store;
  InputArgs inputs;
  std::vector<std::string> update;  // names to look up again
  bool update_all = false;
  bool dry_run = false;
  SandboxArgs sandbox;
};

struct FetchArgs {
  SpecArgs spec;
  StoreArgs store;
  InputArgs inputs;
  SandboxArgs sandbox;
};

// How registries are spoken to.
struct RegistryArgs {
  std::string ca;           // PEM file trusted besides the system's; "" = none
  bool plain_http = false;  // without TLS
};

struct RunArgs {
  StoreArgs store;
  std::string image;  // "oci:DIR[:REF]", "oci-archive:FILE", "docker://…" or a snapshot's name
  std::string repositories;          // an image of ebuild repositories; "" = none
  std::vector<std::string> command;  // empty: what the image's config says
  spec::Network network = spec::Network::none;
  SandboxArgs sandbox;
  build::Trace trace = build::Trace::no;
  RegistryArgs registry;
};

struct PushArgs {
  StoreArgs store;  // of which no use is made
  std::vector<std::string> sources;
  std::vector<std::string> targets;  // "docker://HOST/REPOSITORY:TAG"
  RegistryArgs registry;
};

struct PullArgs {
  StoreArgs store;  // likewise
  std::string source;
  std::string target;    // "" = "oci:NAME", after the repository
  std::string platform;  // "" = this machine's
  bool all = false;      // platforms
  bool append = false;   // images of other names in the target are kept
  RegistryArgs registry;
};

// An interactive shell in what a step left behind, finished or failed.
struct ShellArgs {
  SpecArgs spec;
  StoreArgs store;
  std::string step;
  SandboxArgs sandbox;
  build::Trace trace = build::Trace::no;
  std::vector<build::SecretSource> secrets;
};

struct LogArgs {
  StoreArgs store;
  std::string step;
  bool path_only = false;  // print where the log is, not what it says
};

// What changed between the last two builds of a step or package.
struct WhyArgs {
  StoreArgs store;
  std::string step;
};

// What differs between two images.
struct ImageDiffArgs {
  StoreArgs store;
  std::string before;  // "oci:DIR[:REF]", "oci-archive:FILE[:REF]"
  std::string after;
  bool json = false;
};

struct ImageSbomArgs {
  StoreArgs store;
  std::string image;
  build::BillFormat format = build::BillFormat::spdx;
};

// Builds an image again, elsewhere and otherwise.
struct VerifyArgs {
  SpecArgs spec;
  StoreArgs store;
  InputArgs inputs;
  SandboxArgs sandbox;
  std::string image;    // that is to come out; "" = what the spec gives now
  std::string scratch;  // where the other store is made; "" = beside the store
  bool json = false;
  build::EffortOptions effort;
  std::vector<build::SecretSource> secrets;
};

struct CacheListArgs {
  StoreArgs store;
  bool json = false;
};

struct CacheGcArgs {
  StoreArgs store;
  std::optional<std::uint64_t> keep_bytes;      // remove, least recently used first, down to this
  std::optional<std::uint64_t> unused_seconds;  // remove what was not used for so long
};

struct CacheUsageArgs {
  StoreArgs store;
  bool json = false;
};

struct CacheVerifyArgs {
  StoreArgs store;
  bool json = false;
};

// Packages between the store and a directory.
struct CacheExportArgs {
  StoreArgs store;
  std::string directory;
  std::vector<std::string> steps;  // names of phases, steps, packages; empty: all
};

struct CacheImportArgs {
  StoreArgs store;
  std::string directory;
};

// Which images an image layout holds; no use is made of the store.
struct ImageListArgs {
  StoreArgs store;
  std::string image;
  bool json = false;
};

// Whether an image is what the specification and other tools want; no use is made of the store.
struct ImageVerifyArgs {
  StoreArgs store;
  std::string image;  // "oci:DIR", "oci-archive:FILE", "docker://HOST/REPOSITORY:TAG"
  bool json = false;
  RegistryArgs registry;
};

// What takes the space in an image, or after a step.
struct ImageUsageArgs {
  StoreArgs store;
  std::string image;                      // or a finished step
  std::string root;                       // a directory of it; "" = the phase's own root
  std::vector<std::string> keep_locales;  // as 'trim' would have it
  bool json = false;
  SandboxArgs sandbox;
};

struct DoctorArgs {
  StoreArgs store;
  bool json = false;
  std::optional<sys::Level> require_level;  // absent: any that steps can run at
  bool apparmor = false;                    // print a profile instead
  bool seccomp = false;                     // likewise
};

// Of both: no use is made of the store.
struct KeysListArgs {
  StoreArgs store;
  bool json = false;
};

struct KeysUpdateArgs {
  StoreArgs store;
  std::vector<std::string> from;  // key servers, or files of certificates; empty: the usual servers
  std::string ca;                 // PEM file trusted besides the system's; "" = none
};

// Of all four: no use is made of the store.
struct PolicyListArgs {
  StoreArgs store;
  bool json = false;
};

struct PolicyShowArgs {
  StoreArgs store;
  std::string policy;  // a name, or a file
  bool json = false;
};

struct PolicyExplainArgs {
  StoreArgs store;
  std::string call;
  std::string policy;  // a name, or a file; "" = all of gbox's own
  SpecArgs spec;       // of `phase`
  std::string phase;   // "" = none: by policy
  bool json = false;
};

struct PolicyCheckArgs {
  StoreArgs store;
  std::string file;
};

using Command =
    std::variant<BuildArgs, PlanArgs, LockArgs, FetchArgs, RunArgs, ShellArgs, LogArgs, WhyArgs,
                 CacheListArgs, CacheGcArgs, CacheUsageArgs, CacheVerifyArgs, CacheExportArgs,
                 CacheImportArgs, KeysListArgs, KeysUpdateArgs, PolicyListArgs, PolicyShowArgs,
                 PolicyExplainArgs, PolicyCheckArgs, ImageListArgs, ImageUsageArgs, DoctorArgs,
                 PushArgs, PullArgs, ImageDiffArgs, ImageSbomArgs, ImageVerifyArgs, VerifyArgs>;

// All but cmd_doctor, cmd_image_ls, cmd_keys_*, cmd_policy_*, cmd_push and cmd_pull are called
// inside gbox's namespace (sys::enter_namespace), as its root.
int cmd_build(const BuildArgs& args, Console& console);
int cmd_plan(const PlanArgs& args, Console& console);
int cmd_lock(const LockArgs& args, Console& console);
int cmd_fetch(const FetchArgs& args, Console& console);
int cmd_run(const RunArgs& args, Console& console);
int cmd_shell(const ShellArgs& args, Console& console);
int cmd_log(const LogArgs& args, Console& console);
int cmd_why(const WhyArgs& args, Console& console);
int cmd_image_diff(const ImageDiffArgs& args, Console& console);
int cmd_image_sbom(const ImageSbomArgs& args, Console& console);
int cmd_verify(const VerifyArgs& args, Console& console);
int cmd_cache_ls(const CacheListArgs& args, Console& console);
int cmd_cache_gc(const CacheGcArgs& args, Console& console);
int cmd_cache_du(const CacheUsageArgs& args, Console& console);
int cmd_cache_verify(const CacheVerifyArgs& args, Console& console);
int cmd_cache_export(const CacheExportArgs& args, Console& console);
int cmd_cache_import(const CacheImportArgs& args, Console& console);
int cmd_keys_ls(const KeysListArgs& args, Console& console);
int cmd_keys_update(const KeysUpdateArgs& args, Console& console);
int cmd_policy_ls(const PolicyListArgs& args, Console& console);
int cmd_policy_show(const PolicyShowArgs& args, Console& console);
int cmd_policy_explain(const PolicyExplainArgs& args, Console& console);
int cmd_policy_check(const PolicyCheckArgs& args, Console& console);
int cmd_image_verify(const ImageVerifyArgs& args, Console& console);
int cmd_push(const PushArgs& args, Console& console);
int cmd_pull(const PullArgs& args, Console& console);
int cmd_image_ls(const ImageListArgs& args, Console& console);
int cmd_image_du(const ImageUsageArgs& args, Console& console);
int cmd_doctor(const DoctorArgs& args, Console& console);

}  // namespace gbox::cli
