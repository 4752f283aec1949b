#include "hosts.h"

#include <algorithm>

#include "gbox/base/text.h"
#include "gbox/portage/binary_host.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/digest.h"
#include "gbox/sys/file.h"
#include "resolve.h"

namespace gbox::build {

namespace {

bool has(int rootfd, std::string_view path) {
  return sys::try_open_beneath(rootfd, std::string(path), O_PATH, sys::Resolve::in_root)
      .has_value();
}

}  // namespace

std::vector<std::string> host_locations(const Inputs& inputs, const spec::BinaryHost& host) {
  if (host.official.empty()) return {host.uri};
  std::vector<std::string> locations;
  for (const std::string& mirror :
       host.mirrors.empty() ? inputs.spec.base.origin.mirrors : host.mirrors)
    locations.push_back(
        portage::official_host(mirror, gentoo_arch(inputs.spec, inputs.machine), host.official));
  return locations;
}

portage::BinaryIndex read_index(const std::string& name, const sys::Fd& fd,
                                const spec::LockedFile& file) {
  return with_context("binary package host " + quoted(name), [&] {
    std::string text(std::min<std::uint64_t>(file.size, portage::kMaxIndexBytes + 1), '\0');
    text.resize(sys::read_full(fd.get(), std::as_writable_bytes(std::span(text)), file.name));
    return portage::parse_index(text);
  });
}

std::vector<BinaryHostMirror>& Hosts::mirrors() {
  if (!mirrors_.empty()) return mirrors_;
  std::vector<BinaryHostMirror> opened;
  for (const spec::BinaryHost& host : inputs_.spec.binary_hosts) {
    const spec::LockedFile& locked = inputs_.lock.binary_hosts.at(host.name).index;
    const sys::Fd file = sources_.open(
        locked, "fetch the index of binary package host " + quoted(host.name), host.name);
    // By the URI alone: a later index of the host names mostly the same files.
    const std::string directory = sha256(host.uri).hex();
    sources_.store().keep({"binpkgs/" + directory});
    opened.emplace_back(host.name, host_locations(inputs_, host),
                        sources_.store().binpkgs_path() + '/' + directory,
                        read_index(host.name, file, locked));
  }
  mirrors_ = std::move(opened);
  return mirrors_;
}

void Hosts::fetch(std::span<const portage::EmergePlan> plans) {
  if (!any()) return;
  for (BinaryHostMirror& mirror : mirrors()) {
    if (sources_.options().offline) {
      const std::vector<std::string> names = mirror.missing(plans);
      if (!names.empty())
        sources_.require_network("binary packages of host " + quoted(mirror.name()) + ": " +
                                 quoted_list(names));
    } else {
      note_digests(mirror, mirror.fetch_packages(plans, sources_.settings()));
    }
  }
}

// The index has no digest better than SHA-1.
void Hosts::note_digests(const BinaryHostMirror& mirror, const std::vector<std::string>& places) {
  const std::string below = mirror.directory().substr(sources_.store().path().size() + 1);
  for (const std::string& place : places) {
    const std::string path = below + '/' + place;
    const sys::Fd file = sys::openat(sources_.store().fd(), path, O_RDONLY | O_NOFOLLOW);
    sources_.store().note_digest(path, sys::sha256_of(file.get(), place));
  }
}

std::vector<std::string> Hosts::missing(std::span<const portage::EmergePlan> plans) {
  std::vector<std::string> names;
  if (!any()) return names;
  for (const BinaryHostMirror& mirror : mirrors())
    for (std::string& name : mirror.missing(plans)) names.push_back(std::move(name));
  return names;
}

void Hosts::show(const std::string& directory, std::span<const portage::EmergePlan> plans) {
  sys::ensure_directories(AT_FDCWD, directory + "/config", 0755);
  const sys::Fd config = sys::open(directory + "/config", O_RDONLY | O_DIRECTORY);
  sys::write_file_atomically(
      config.get(), "50-gbox",
      portage::binrepos_conf(inputs_.spec.binary_hosts, portage::HostsFor::step), 0644,
      sys::Durable::no);
  for (const BinaryHostMirror& mirror : mirrors()) {
    const std::string path = directory + "/hosts/" + mirror.name();
    sys::ensure_directories(AT_FDCWD, path, 0755);
    mirror.show(path, plans);
  }
}

std::vector<sandbox::Mount> host_mounts(const std::string& directory) {
  using sandbox::Access;
  std::vector<sandbox::Mount> mounts;
  mounts.push_back(sandbox::bind_mount(AT_FDCWD, directory + "/config",
                                       std::string(portage::kBinaryHostsConfig),
                                       Access::read_only));
  mounts.push_back(sandbox::bind_mount(AT_FDCWD, directory + "/hosts",
                                       std::string(portage::kBinaryHostsDirectory),
                                       Access::read_only));
  mounts.push_back(sandbox::tmpfs_mount(std::string(portage::kBinaryHostsCache), "", "0755"));
  return mounts;
}

std::vector<std::string> host_targets(const Inputs& inputs) {
  if (inputs.spec.binary_hosts.empty()) return {};
  return {std::string(portage::kBinaryHostsConfig), std::string(portage::kBinaryHostsDirectory),
          std::string(portage::kBinaryHostsCache)};
}

void require_signature_tools(const Inputs& inputs, const portage::EmergePlan& plan,
                             const spec::Phase& phase, int rootfd) {
  for (const spec::BinaryHost& host : inputs.spec.binary_hosts) {
    if (!host.verify_signature) continue;
    const std::string base = "file://" + binary_host_target(host.name);
    for (const portage::PlannedPackage& package : plan.packages) {
      if (!package.binary || !package.binary->remote || package.binary->base_uri != base) continue;
      // Signatures are in packages of the newer format alone; Portage passes over the others.
      if (!package.binary->path.ends_with(".gpkg.tar")) continue;
      const auto refuse = [&](const std::string& lack, const std::string& remedy) {
        throw Error(to_string(phase.where) + ": phase " + quoted(phase.name) +
                        ": the signature of " + quoted(package.id.cpv) +
                        " from binary package host " + quoted(host.name) +
                        " cannot be verified: " + lack,
                    ExitCode::plan)
            .set_hint(remedy + ", or trust the host as it is: verify_signature = false");
      };
      if (!has(rootfd, portage::kSignatureProgram))
        refuse("the image has no '/usr/bin/gpg'",
               "emerge app-crypt/gnupg in an earlier phase, with --usepkg=n among its options");
      if (!has(rootfd, portage::kSignatureKeys) && !has(rootfd, portage::kTrustHelper))
        refuse("the image has neither keys in '/etc/portage/gnupg' nor '/usr/bin/getuto'",
               "emerge app-portage/getuto in an earlier phase, with --usepkg=n among its options");
      break;
    }
  }
}

}  // namespace gbox::build
