// The source archives that a plan of emerge needs: which ones, whether they are here, fetching
// what is not, and showing a step just those. Network is used here and in no step.
//
// They are kept in one flat directory of the store, as Portage names them, so that a person can
// put a file there, too. A name is no identity, though: a file counts only with the size and the
// BLAKE2b or SHA-512 of the Manifest, and one of other content is replaced. That needs no lease
// on the name, because no step sees the directory: link_distfiles() gives each one a directory of
// hard links to what its plan names, and a file replaced in the store lives on under them.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "gbox/net/transfer.h"
#include "gbox/portage/emerge_plan.h"

namespace gbox::build {

struct NeededFile {
  portage::Distfile file;
  std::vector<std::string> owners;  // "dev-lang/php-8.3.1", in the order of the plans
};

// The files of all ebuilds that the plans merge, each name once, in byte order. Throws Error
// (input) when two packages mean different content by one name.
std::vector<NeededFile> needed_distfiles(std::span<const portage::EmergePlan> plans);

struct DistfilePlaces {
  std::string directory;             // the store's: verified files end up here
  std::string own;                   // [build] distfiles of the spec, absolute; empty: none
  std::vector<std::string> mirrors;  // URLs or paths that hold distfiles/, tried in order
};

// A file that is not to be had.
struct MissingFile {
  portage::Distfile file;
  std::vector<std::string> owners;
  bool manual = false;  // RESTRICT=fetch: nobody tried
  std::string reason;   // "mirror.example: 404; upstream.example: no answer in 10 s"
};

// Makes every needed file be in `places.directory`: those already there or in `places.own` with
// the right content are kept or taken over (reflink, hard link or copy), the others fetched:
// from mirrors first and then where the ebuild says, or the other way around, as RESTRICT wants.
// Returns what is missing, all of it; what is here stays. `settings.warnings` hears of mirrors
// that do not answer. `on_here` is told the name of each file once it is there. Throws Interrupted,
// and Error for what is wrong on this machine.
std::vector<MissingFile> fetch_distfiles(
    std::span<const NeededFile> files, const DistfilePlaces& places, net::Settings settings,
    const std::function<void(const std::string& name)>& on_here = {});

// The same without a network: what fetch_distfiles() would have to fetch.
std::vector<MissingFile> missing_distfiles(std::span<const NeededFile> files,
                                           const DistfilePlaces& places);

// Throws Error (input) when files are missing: each with its owners and why, and where to put it.
// `total` is how many were needed.
void require_distfiles(std::span<const MissingFile> missing, std::size_t total,
                       const DistfilePlaces& places);

// Links the files into the empty directory at `dirfd`, which a step then sees read-only as
// /var/cache/distfiles: those of the store's directory, and of `places.own` where that one lacks
// them (offline, nothing was taken over). Copies where links are not possible. Throws Error
// (input) for a file that is in neither.
void link_distfiles(std::span<const NeededFile> files, const DistfilePlaces& places, int dirfd);

}  // namespace gbox::build
