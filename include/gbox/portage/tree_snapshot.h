// Which snapshot of the ebuild repository 'latest' or a day means on a mirror. Called by build when
// it locks or fetches inputs.
//
// A tarball has a detached signature, which names no file, so that 'latest' must become a day by
// other means than believing its name: the signature of gentoo-latest.tar.xz says when it was made
// (00:45 UTC of the day after the one in the name), and the dated name whose signature is the same
// is it. No clock of this machine is needed, and the URL in the lock stays true when tomorrow's
// snapshot comes. Where a mirror has no gentoo-latest, the last days are tried one by one. Only
// when the signature has been verified over the fetched file is its time believed, and held against
// the day in the name: an old snapshot under a new name is refused. Squashfs snapshots are named,
// with their digests, in one signed sha512sum.txt.
#pragma once

#include <string>
#include <vector>

#include "gbox/portage/mirror.h"
#include "gbox/spec/spec.h"

namespace gbox::portage {

struct SnapshotWish {
  std::string date = "latest";  // or "YYYYMMDD"
  spec::SnapshotFormat format = spec::SnapshotFormat::tar;
  std::vector<std::string> mirrors;  // URLs or absolute paths, one or more
  std::string known_stamp;           // what the lock has: for 'latest' nothing older is taken
  std::int64_t now = 0;              // seconds since 1970
};
// As resolve_stage3(). `ring` is of Purpose::snapshot; nullptr: verification is off.
ResolvedFile resolve_tree_snapshot(const SnapshotWish& wish, Downloader& mirror,
                                   const KeyRing* ring, WarningSink& sink);

}  // namespace gbox::portage
