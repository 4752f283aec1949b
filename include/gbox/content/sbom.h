// What is in an image, as documents that others read: SPDX 2.3 and CycloneDX 1.6, both JSON. A list
// of packages goes in, text comes out, the same for the same list: no clock, no random numbers.
// Who gathers the list is `build`; reading one back is for an image whose database of packages is
// gone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/base/digest.h"
#include "gbox/content/owners.h"

namespace gbox::content {

// A source archive that a package was built from.
struct SourceFile {
  std::string name;
  std::string url;              // where upstream has it; may be empty
  std::vector<Digest> digests;  // as the repository's Manifest has them
};

struct Component {
  std::string category;
  std::string name;
  std::string version;  // with its revision
  std::string slot;
  std::string repository;
  std::string description;
  std::string license;  // in Gentoo's words, reduced by USE
  std::vector<std::string> homepages;
  std::vector<std::string> use;   // flags that are on
  std::vector<std::string> cpes;  // "cpe:2.3:a:vendor:product", without a version
  std::vector<SourceFile> sources;

  [[nodiscard]] std::string package() const { return category + '/' + name; }
};

// From what the VDB says; sources and cpes are for others to fill in.
Component component_of(const InstalledPackage& package);

struct Bill {
  std::string name;  // of the image
  std::string tag;
  std::string image;  // digest of its manifest, "sha256:…"
  std::int64_t time = 0;
  std::string tool;                   // "gbox-0.1.0"
  std::vector<Component> components;  // by package and version
};

std::string write_spdx(const Bill& bill);
std::string write_cyclonedx(const Bill& bill);

// "pkg:ebuild/dev-lang/php@8.3.1-r1?repository=gentoo&slot=8.3"
std::string package_url(const Component& component);
// "cpe:2.3:a:php:php:8.3.1:*:*:*:*:*:*:*": versions without Gentoo's revision.
std::string versioned_cpe(const std::string& cpe, const std::string& version);

// The licence of an ebuild as an SPDX expression: "|| ( GPL-2 MIT )" is "GPL-2.0-only OR MIT". What
// SPDX has no name for is "LicenseRef-gentoo-NAME".
std::string spdx_license(std::string_view gentoo);
// Those of all components, each once; "" when no component names one.
std::string licenses_of(const std::vector<Component>& components);

// --- what a repository knows besides the VDB; both are outside text ---
// The value of "cpe" among the remote ids of a metadata.xml (GLEP 68), as "cpe:2.3:…".
std::vector<std::string> cpes_of_metadata(std::string_view xml);
// The files that SRC_URI names with these flags on, with their first URI.
std::vector<SourceFile> sources_of(std::string_view src_uri, const std::vector<std::string>& use);

}  // namespace gbox::content
