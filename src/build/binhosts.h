// Binary package hosts for steps that have no network: the index of each host and the packages that
// a plan takes from it, in a directory of the store that the step sees as a local mirror (see
// gbox/portage/binary_host.h for how and why).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "gbox/net/transfer.h"
#include "gbox/portage/binary_host.h"
#include "gbox/portage/emerge_plan.h"

namespace gbox::build {

// One host's directory of the store: 'Packages' and below it what was fetched of it.
class BinaryHostMirror {
 public:
  // `directory` is <store>/binpkgs/<hex>, made when missing; `host` has its `uri`.
  BinaryHostMirror(const spec::BinaryHost& host, std::string directory);

  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] const std::string& name() const { return name_; }

  // Fetches the index and writes the mirror's. Once before a build asks for plans. Throws Error
  // (input) when the host does not answer or what it sends is no index.
  void fetch_index(const net::Settings& settings);
  // The same without a network: the index that an earlier fetch_index() wrote.
  void read_index();

  // Fetches what the plans take from this host and the mirror lacks. Size and SHA-1 are those of
  // the index, never the plan's, and the time is the index's, so that Portage uses the file in
  // place. Throws Error (input) naming every package that is not to be had.
  void fetch_packages(std::span<const portage::EmergePlan> plans, const net::Settings& settings);

 private:
  [[nodiscard]] std::vector<const portage::IndexEntry*> lacking(
      std::span<const portage::EmergePlan> plans) const;

  std::string name_;
  std::string uri_;
  std::string directory_;
  portage::BinaryIndex index_;
};

// The file to mount over /etc/portage/binrepos.conf/50-gbox in a step is binrepos_conf(…, step);
// these are the directories: each mirror at /var/db/binhosts/NAME, read-only.
std::string binary_host_target(const BinaryHostMirror& mirror);

}  // namespace gbox::build
