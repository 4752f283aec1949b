// The driver: from a spec to a published image. Everything else in gbox is called from here, in
// the order of DESIGN's flow: read, gather inputs, plan, run what has no record, emit. Runs inside
// the store's namespace. It prints nothing: an Observer is told.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gbox/build/observer.h"
#include "gbox/plan/explain.h"
#include "gbox/spec/spec.h"

namespace gbox::build {

struct SpecSource {
  std::string path;  // of the spec; relative paths in it start at its directory
  std::map<std::string, std::string> overrides;
};

// How inputs from elsewhere are had. Changes no result.
struct SourceOptions {
  bool locked = false;   // the lock must hold all of them: it is not written
  bool offline = false;  // the store must hold all of them: nothing is fetched
  std::string ca;        // PEM file of certificates trusted besides the system's; empty: none
  std::string keyring;   // OpenPGP certificates trusted where the spec names none; empty: Gentoo's
  bool plain_http = false;  // registries are spoken to without TLS
};

enum class ShareSnapshots { yes, no };

// Where packages, caches and snapshots are shared: directories (gbox/build/share.h), by absolute
// path, or repositories of registries, as "docker://HOST/REPOSITORY". They change no result.
struct CachePlaces {
  std::vector<std::string> from;  // what the plan asks for is taken from there; may be missing
  std::vector<std::string> to;    // what the build used is written there, even when it fails
  ShareSnapshots snapshots = ShareSnapshots::yes;  // of phases; no: packages and caches alone
};

// How a build goes about it. Changes no result.
struct EffortOptions {
  std::optional<unsigned> jobs;               // make jobs; absent: the spec's, or the processors
  std::optional<unsigned> packages;           // at once; absent: the spec's 'emerge_jobs', or a few
  std::optional<std::uint64_t> memory_bytes;  // absent: the spec's, or what there is
  unsigned retries = 0;                       // of a package that fails
  bool keep_going = false;                    // a package that fails ends only what depends on it
  bool trace_policy = false;                  // each refused call is told, with its rule
  spec::Limits limits;                        // these win over the spec's
  std::string host_name;                      // that steps see; empty: "gbox"
};

// Where the bytes of a secret are: one of `file` and `variable` is set.
struct SecretSource {
  std::string id;
  std::string file;
  std::string variable;  // of gbox's environment
};

enum class Append { no, yes };

struct BuildRequest {
  SpecSource spec;
  SourceOptions sources;
  std::string store;                       // absolute path
  std::vector<std::string> outputs;        // "oci:DIR[:REF]"; empty: "oci:NAME" beside the caller
  std::vector<std::string> repos_outputs;  // likewise, of the ebuild repositories; empty: none
  Append append = Append::no;              // to images of other names in such a place
  std::string from;                        // a phase: it and all after it run again; empty: none
  std::string until;                       // a phase: nothing after it runs, no image; empty: all
  CachePlaces caches;
  std::optional<std::uint64_t> store_limit;  // bytes; see store::Store::set_limit()
  EffortOptions effort;
  std::vector<SecretSource> secrets;
};

// Builds and publishes; returns one line's worth for each output. Throws what went wrong, with
// everything finished so far kept in the store.
std::vector<OutputInfo> build(const BuildRequest& request, Observer& observer);

struct LockRequest {
  SpecSource spec;
  SourceOptions sources;
  std::string store;
  std::set<std::string> update;  // "base", repositories and binary package hosts by name, "cpu"
  bool update_all = false;
  bool dry_run = false;  // nothing is written
};
struct LockResult {
  std::string path;                  // of the lock
  std::vector<std::string> changes;  // a line each; empty: it says all of this already
};

// Writes down what the spec's names mean. Throws Error (usage) for a name in `update` that is
// none of the spec's.
LockResult lock(const LockRequest& request, Observer& observer);

// Brings everything that a build needs from elsewhere into the store: the base, repositories, and
// what the emerge phases of the spec fetch, as far as the image's Portage can tell before they run.
void fetch(const BuildRequest& request, Observer& observer);

}  // namespace gbox::build
