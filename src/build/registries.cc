#include "gbox/build/registries.h"

#include <unistd.h>

#include "gbox/sys/idmap.h"
#include "gbox/sys/interrupt.h"
#include "gbox/sys/userns.h"

namespace gbox::build {

namespace {

// In gbox's namespace everybody is root: whose run-time directory is meant is another's word.
uid_t caller_uid() {
  const auto own = static_cast<std::uint32_t>(::getuid());
  uid_t found = own;
  for (const sys::IdExtent& extent : sys::current_uid_map()) {
    if (extent.inside == sys::kCallerId) return extent.outside;
    if (own >= extent.inside && own - extent.inside < extent.count)
      found = extent.outside + (own - extent.inside);
  }
  return found;
}

}  // namespace

oci::RegistryOptions registry_options(const std::string& ca, bool plain_http, Observer& observer) {
  oci::RegistryOptions options;
  options.transfers = net::Settings::from_environment();
  options.transfers.extra_ca = ca;
  net::check_extra_ca(options.transfers);
  options.transfers.warnings = &observer;
  options.transfers.check_interrupt = [&observer] {
    sys::check_interrupt();
    observer.tick();
  };
  options.transfers.on_note = [&observer](std::string_view name, std::string_view text) {
    observer.fact("registry", std::string(name) + ": " + std::string(text));
  };
  options.places.uid = caller_uid();
  options.plain_http = plain_http;
  return options;
}

}  // namespace gbox::build
