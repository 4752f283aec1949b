// Binary package hosts ([[binhost]]): Portage's own machinery uses them, but steps have no network.
// So gbox fetches a host's index, shows it to the step as a local mirror, asks for the plan, and
// fetches just the packages that the plan takes from there.
//
// How Portage is brought to it (tried with 3.0.82; each is a line of binrepos_conf()):
//   - A host is a section of /etc/portage/binrepos.conf. The image keeps the real URI; while a step
//     runs, a directory with `sync-uri = file:///var/db/binhosts/NAME` is mounted over it
//     read-only, which also hides the hosts that a base brings: a step could not reach them.
//     Portage opens the index of a file: URI by itself: no fetch program is needed.
//   - An index may carry a `URI:` header, which Portage prefers to sync-uri: it has to go.
//   - `location` is where Portage keeps what it fetched, /var/cache/binhost/NAME by default, in the
//     image. With the mirror's own directory as location a package is used in place, and nothing
//     is copied, as long as size and mtime are the index's SIZE and MTIME; read-only will do.
//   - The index is cached below /var/cache/edb/binhost, which belongs under a tmpfs in the step.
//   - Use needs --getbinpkg (or FEATURES=getbinpkg); without it a host changes nothing.
//   - verify-signature = true: Portage checks the signature of each gpkg (xpak packages are passed
//     over) with the image's own /usr/bin/gpg, as 'nobody', against /etc/portage/gnupg, whose keys
//     need owner trust. Before that, unless it only pretends, it calls PORTAGE_TRUST_HELPER
//     (/usr/bin/getuto, which makes that directory of Gentoo's release key, with a secret key of
//     its own, unless it is there already); one that is missing is a message, one that fails ends
//     emerge. Without gpg: "[Errno 2] … '/usr/bin/gpg'"; without
//     the key: "binpkg signed with at least one unknown key"; both end the package's merge.
//   - FEATURES=binpkg-request-signature asks the same of all packages, PKGDIR's own included.
// The digests of an index (MD5, SHA1) only tell that a transfer is whole: trust is the signature's.
// Pure. Called by build/binhosts.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/spec/spec.h"

namespace gbox::portage {

constexpr std::string_view kBinaryHostsDirectory = "/var/db/binhosts";  // /NAME below it, mounted
constexpr std::string_view kBinaryHostsCache = "/var/cache/edb/binhost";
constexpr std::string_view kBinaryHostsConfig = "/etc/portage/binrepos.conf";
constexpr std::string_view kBinaryHostsFile = "etc/portage/binrepos.conf/50-gbox";
constexpr std::string_view kSignatureProgram = "usr/bin/gpg";
constexpr std::string_view kSignatureKeys = "etc/portage/gnupg";
constexpr std::string_view kTrustHelper = "usr/bin/getuto";
constexpr std::size_t kMaxIndexBytes = 512u << 20;  // ::gentoo's own are some 20 MiB

struct IndexEntry {
  std::string path;  // below the host: "dev-lang/php/php-8.3.1-2.gpkg.tar"
  std::uint64_t size = 0;
  std::int64_t mtime = 0;
  std::string sha1;  // lower-case hex; empty: the index has none
  std::string md5;
};

// A host's 'Packages', checked.
struct BinaryIndex {
  std::string timestamp;            // the header's, in seconds since 1970
  std::string text;                 // as the local mirror has it: without URI and what fetches
  std::vector<IndexEntry> entries;  // by path, for those with PATH, SIZE and MTIME
};

// Throws Error (input) for what is no index: a page of HTML, a header without TIMESTAMP, another
// VERSION than 0, a PATH that leaves the host.
BinaryIndex parse_index(std::string_view text);

// The entry of that path, or nullptr.
const IndexEntry* find_entry(const BinaryIndex& index, std::string_view path);

// The directory of Gentoo's own packages, such as "x86-64-v3", on a mirror:
// "MIRROR/releases/amd64/binpackages/23.0/x86-64-v3". `arch` is Gentoo's word.
std::string official_host(std::string_view mirror, std::string_view arch, std::string_view name);

enum class HostsFor {
  image,  // the URIs as they are
  step,   // the local mirrors
};
// binrepos.conf of the hosts; `uri` of each must be set (see official_host).
std::string binrepos_conf(const std::vector<spec::BinaryHost>& hosts, HostsFor where);

}  // namespace gbox::portage
