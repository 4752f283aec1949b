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

// One host's directory of the store, with what was fetched of it.
class BinaryHostMirror {
 public:
  // `locations` are the URIs of the host's directory, tried in order; `directory` is
  // <store>/binpkgs/<hex>, made when missing; `index` is the one to go by.
  BinaryHostMirror(std::string name, std::vector<std::string> locations, std::string directory,
                   portage::BinaryIndex index);

  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] const std::string& name() const { return name_; }

  // Fetches what the plans take from this host and the mirror lacks. Size and SHA-1 are those of
  // the index, never the plan's, and the time is the index's, so that Portage uses the file in
  // place. Throws Error (input) naming every package that is not to be had. Returns what was
  // fetched, by its place in directory().
  std::vector<std::string> fetch_packages(std::span<const portage::EmergePlan> plans,
                                          const net::Settings& settings);
  // File names of what it would fetch.
  [[nodiscard]] std::vector<std::string> missing(std::span<const portage::EmergePlan> plans) const;

  // Makes of the empty directory `path` what a step sees of the host: the index, and links to the
  // packages that the plans take from here.
  void show(const std::string& path, std::span<const portage::EmergePlan> plans) const;

 private:
  // What the plans take from here, each once.
  [[nodiscard]] std::vector<const portage::IndexEntry*> taken(
      std::span<const portage::EmergePlan> plans) const;
  [[nodiscard]] std::vector<const portage::IndexEntry*> lacking(
      std::span<const portage::EmergePlan> plans) const;

  std::string name_;
  std::vector<std::string> locations_;
  std::string directory_;
  portage::BinaryIndex index_;
};

// Where a step has it: /var/db/binhosts/NAME.
std::string binary_host_target(std::string_view name);

}  // namespace gbox::build
