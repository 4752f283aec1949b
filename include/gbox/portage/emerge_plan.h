// What an emerge would do, as the image's own Portage answered: every package of a phase in merge
// order, what it needs and fetches, and why there is no plan when there is none. The answer comes
// out of a sandbox, so it is hostile until it has been read here: names follow PMS's grammar,
// sizes, counts and text are bounded, digests have their length. What it *claims* stays a claim of
// the image: it decides what is shown, fetched and linked, never what a path on this host is.
// Pure: build/ask.h runs the commands that these functions give and hands back what they printed.
//
// Two ways to ask. The helper (src/portage/ask/plan_helper.py, handed to the image's python3 on
// standard input) tells everything; where Portage's internals are not as the helper knows them it
// says so, and the text that emerge prints gives packages and URIs only (Source::text).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gbox/base/digest.h"
#include "gbox/portage/command.h"

namespace gbox::portage {

constexpr std::size_t kMaxPlanBytes = 128u << 20;      // a package takes some 2 KiB
constexpr std::size_t kMaxPlanTextBytes = 1u << 20;    // of what Portage prints meanwhile
constexpr std::size_t kMaxPlannedPackages = 20'000;    // a whole desktop is a tenth of it
constexpr std::size_t kMaxDistfilesOfPackage = 4'000;  // rust and go packages name many crates
constexpr std::uint64_t kMaxDistfileBytes = std::uint64_t{64} << 30;

// A version of a package in a root.
struct PackageId {
  std::string cpv;         // "dev-lang/php-8.3.1-r1"
  std::string slot;        // empty: unknown (text)
  std::string sub_slot;    // likewise
  std::string repository;  // empty: unknown
  std::string root = "/";  // normalized: no trailing '/'

  [[nodiscard]] std::string_view category() const;
  [[nodiscard]] std::string_view package() const;  // "dev-lang/php"
};

// A file that an ebuild's SRC_URI names, with the package's USE applied.
struct Distfile {
  std::string name;                   // one path component, not hidden
  std::optional<std::uint64_t> size;  // of the Manifest; absent: the Manifest lacks the file
  std::vector<Digest> digests;        // of the Manifest, those gbox knows; likewise
  std::vector<std::string> uris;      // as the ebuild has them, for people
  std::vector<std::string> urls;      // where it may be fetched from, mirror:// expanded, in order
  std::vector<std::string> closed_urls;  // where a person gets it: RESTRICT=fetch
  bool mirrors = true;                   // mirrors may have it: no RESTRICT=mirror or =fetch
  bool urls_first = false;               // RESTRICT=primaryuri

  // RESTRICT=fetch, and nothing that lifts it.
  [[nodiscard]] bool manual() const { return !mirrors && urls.empty(); }
};

// A binary package. Its digests are those of its host's index (MD5, SHA1 and what else it has),
// which only a signature on the package itself makes trustworthy.
struct BinaryPackage {
  std::string path;  // relative to the host or PKGDIR: "dev-lang/php/php-8.3.1-2.gpkg.tar"
  std::string build_id;
  std::string build_time;
  std::optional<std::uint64_t> size;
  std::vector<std::pair<std::string, std::string>> digests;  // ("SHA1", lower-case hex)
  bool remote = false;    // of a host: it would have to be fetched
  std::string base_uri;   // of the host; `path` is below it
  std::string index_uri;  // the host's 'Packages'
};

// A need of a package: another entry of the plan, for building, running or afterwards (PDEPEND);
// `…_slot` where a rebuild follows a change of its sub-slot (':=').
struct Need {
  std::size_t node = 0;  // see EmergePlan::node
  bool build = false;
  bool build_slot = false;
  bool run = false;
  bool run_slot = false;
  bool post = false;
};

struct PlannedPackage {
  enum class Operation { merge, uninstall };
  enum class Kind { ebuild, binary, installed };
  PackageId id;
  Operation operation = Operation::merge;
  Kind kind = Kind::ebuild;
  std::string eapi;
  std::vector<std::string> keywords;
  std::vector<std::string> licenses;      // named by LICENSE with USE applied
  std::vector<std::string> use_enabled;   // of IUSE, as resolved; USE_EXPAND as PREFIX_value
  std::vector<std::string> use_disabled;  // likewise
  std::vector<std::string> restricts;     // RESTRICT, with USE applied: "fetch", "mirror", "test"
  std::vector<std::string> properties;    // "live", "interactive"
  std::vector<std::string> inherited;     // eclasses
  std::vector<std::string> masks;         // why it is masked, in Portage's words; empty: it is not
  std::vector<std::string> replaces;      // installed versions of its slot
  std::vector<std::string> asked_by;      // the arguments that ask for it: atoms and "@sets"
  std::string ebuild;                     // its path inside
  std::vector<Distfile> distfiles;
  std::optional<BinaryPackage> binary;
  std::vector<Need> needs;

  // What decides its build, besides ebuild, distfiles and USE; for a merge of an ebuild only, and
  // only by the helper (Source::data). Paths are the image's, absolute and normalized; what is
  // there is for the caller to digest.
  //
  // Of the configuration that Portage gives to the ebuild (package.env applied), the variables
  // that can change what it makes: not places, jobs, terminals, fetching or merging. FEATURES:
  // those that change a package. USE: what `use` tells besides IUSE (amd64, elibc_musl).
  std::map<std::string, std::string> variables;
  std::map<std::string, std::string> eclasses;  // all inherited: name → path
  std::vector<std::string> bashrcs;  // sourced for it, in order, besides EmergePlan's: of
                                     // package.bashrc, /etc/portage/bashrc, /etc/portage/env
  std::vector<std::string> patches;  // that eapply_user takes, in order; behind them what
                                     // savedconfig.eclass takes of /etc/portage/savedconfig
  // Nodes that are in '/' at its turn in the merge order and that its build may read: what its
  // DEPEND and BDEPEND mean (each alternative of '||' that is there), their RDEPEND and so on,
  // and the toolchain. Ascending; never itself. A package that the plan replaces is meant in the
  // version of that moment, so the numbers below its own are merged before it.
  std::vector<std::size_t> builds_with;

  [[nodiscard]] bool live() const;
};

// A package that another one excludes, and why it is there.
struct Side {
  std::string cpv;
  bool installed = false;              // before this plan
  std::vector<std::string> asked_by;   // arguments: atoms and "@sets"
  std::vector<std::string> wanted_by;  // cpvs
};

struct Blocker {
  std::string atom;  // "!!sys-apps/systemd"
  std::string root;
  bool satisfied = false;       // by an uninstall of the plan
  std::vector<std::string> of;  // cpvs of the packages that block
  std::vector<Side> by;         // the same, and
  std::vector<Side> blocks;     // those they exclude
};

// A change of configuration that autounmask proposes.
struct Proposal {
  enum class Kind { use, keywords, unmask, license };
  Kind kind = Kind::use;
  PackageId id;
  std::vector<std::string> values;     // flags ("shout", "-ssl"), keywords or licences
  std::vector<std::string> wanted_by;  // cpvs and arguments
};

// A version that an unsatisfied atom could have meant, and what is against it.
struct Refused {
  PackageId id;
  std::vector<std::string> masks;      // "~amd64 keyword", "package.mask"
  std::vector<std::string> licenses;   // not accepted
  std::vector<std::string> needs_use;  // flags the atom asks for and USE does not have
  std::string required_use;            // the clause of REQUIRED_USE that is not met
};

// Who wants a version that its slot cannot have beside another one.
struct Demand {
  std::string package;     // the cpv that is wanted
  std::string by;          // a cpv or an argument
  std::string atom;        // how: what the other versions do not meet
  bool installed = false;  // `by`, before this plan
};

struct Problem {
  enum class Kind {
    missing,        // no ebuild for `atom`
    unsatisfied,    // `refused` would have it, newest first
    circular,       // each of `of` needs the next to build; each of `refused`, a change of USE
                    // (needs_use), would break the circle
    slot_conflict,  // `of` want one slot, as `demands` say
    blocked,        // `of` and `atom` exclude each other: `by` and `blocks`
  };
  Kind kind = Kind::missing;
  std::string atom;
  std::vector<std::string> of;  // cpvs: who asks, or who is in it
  std::vector<Refused> refused;
  std::vector<Demand> demands;
  std::vector<Side> by;
  std::vector<Side> blocks;
};

struct EmergePlan {
  enum class Source { data, text };
  Source source = Source::data;
  std::string portage;                   // its version; empty: unknown
  bool tested = false;                   // gbox's tests have run with this version's internals
  std::string fallback_why;              // for Source::text: what the helper missed
  int exit_status = 0;                   // of emerge --pretend; 0: the plan can be run as it is
  std::string text;                      // what Portage printed, for people and logs; hostile bytes
  std::vector<PlannedPackage> packages;  // in merge order; also of a plan that needs proposals
  std::vector<PackageId> installed;      // what is there now and is needed, also what is replaced
  std::vector<Blocker> blockers;
  std::vector<Proposal> proposals;
  std::vector<Problem> problems;
  std::vector<std::string> use_expand;       // names of USE_EXPAND variables: "PYTHON_TARGETS"
  std::vector<std::string> mirrors;          // GENTOO_MIRRORS of the image
  std::vector<std::string> local_mirrors;    // 'local' of its /etc/portage/mirrors
  std::vector<std::string> profile_bashrcs;  // profile.bashrc of the profiles: paths, in order

  [[nodiscard]] bool ok() const { return exit_status == 0; }
  // An entry of `packages` (numbers below their count) or of `installed` (those behind).
  [[nodiscard]] const PackageId& node(std::size_t number) const;
};

// The helper's text, to be standard input of helper_command().
std::string_view plan_helper();
// What asks for the plan of `emerge` (one of emerge_commands()): python3 with its arguments.
Command helper_command(const Command& emerge);

// Reads the helper's answer. nullopt when the helper says that this Portage is not as it knows it;
// `why` then receives what it misses. Throws Error (plan) for anything else that is no answer.
std::optional<EmergePlan> parse_emerge_plan(std::string_view json, std::string* why = nullptr);

// The other way: two commands whose standard output parse_emerge_text() takes.
struct TextQuestion {
  Command packages;         // emerge --pretend --columns --quiet
  Command uris;             // emerge --pretend --fetchonly
  Environment environment;  // for `uris`, on top of the step's
};
TextQuestion text_question(const Command& emerge);
// Tolerant: lines that are no package or URI are passed over. Sizes and digests are unknown.
// A file belongs to the package of the plan whose name begins it, else to the first.
EmergePlan parse_emerge_text(std::string_view packages, std::string_view uris);

// The text of a plan that failed, cut down to what is the matter: "" when Portage said nothing.
std::string plan_failure(const EmergePlan& plan);

}  // namespace gbox::portage
