// Bringing what the lock names into the store: fetched, verified, and only then kept. A file that
// lies beside the spec or among its distfiles under its own name is taken from there: its digest
// is checked all the same.
#pragma once

#include <optional>
#include <string>

#include "gbox/build/build.h"
#include "gbox/build/observer.h"
#include "gbox/net/transfer.h"
#include "gbox/portage/mirror.h"
#include "gbox/spec/lock.h"
#include "gbox/store/store.h"
#include "inputs.h"

namespace gbox::build {

class Sources {
 public:
  // All are borrowed.
  Sources(const SourceOptions& options, const Inputs& inputs, store::Store& store,
          Observer& observer);

  [[nodiscard]] const SourceOptions& options() const noexcept { return options_; }
  [[nodiscard]] const net::Settings& settings() const noexcept { return settings_; }
  [[nodiscard]] store::Store& store() const noexcept { return store_; }
  [[nodiscard]] Observer& observer() const noexcept { return observer_; }

  // The locked file, from the store or else fetched into it. `deed` begins errors ("fetch stage3");
  // `key` is what 'gbox lock --update' calls it.
  sys::Fd open(const spec::LockedFile& file, const std::string& deed, const std::string& key);

  // A file whose digests may not all be known yet: fetched when they are not, verified as
  // `resolved` says. `ring` nullptr: verification is off.
  spec::LockedFile settle(const portage::ResolvedFile& resolved, const portage::KeyRing* ring,
                          const std::string& deed);

  // Throws Error (input) when nothing may be fetched. `what` is a noun: "stage3 'openrc'".
  void require_network(const std::string& what) const;

 private:
  struct Arrived;
  Arrived fetch(const net::Transfer& transfer, const std::string& deed, const std::string& hint);
  Arrived fetch_verified(net::Transfer transfer, const portage::ResolvedFile& resolved,
                         const portage::KeyRing* ring, const std::string& deed,
                         std::string& signer);
  [[nodiscard]] std::vector<std::string> nearby(const std::string& name) const;

  const SourceOptions& options_;
  const Inputs& inputs_;
  store::Store& store_;
  Observer& observer_;
  sys::Fd incoming_;
  net::Settings settings_;
};

}  // namespace gbox::build
