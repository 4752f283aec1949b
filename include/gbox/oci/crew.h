// A few threads that talk to a registry at once, watched by the caller's: latency is what many
// small blobs cost, and one connection seldom fills a line.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "gbox/oci/registry.h"

namespace gbox::oci {

class Crew {
 public:
  // Makes one Registry a thread; `options`' callbacks are called on the caller's thread alone.
  struct Place {
    RegistryOptions options;
    std::string host;
    std::string repository;
    Rights rights = Rights::pull;
    std::vector<std::string> mount_from;
  };
  using Work = std::function<void(Registry& registry, std::size_t index)>;

  explicit Crew(Place place) : place_(std::move(place)) {}

  // work(…, 0) … work(…, count-1), in no order, at most `parallel` of the settings at once. The
  // first error stops all and is thrown; `tick` is called several times a second and may throw.
  void run(std::size_t count, const Work& work, const std::function<void()>& tick);

 private:
  Place place_;
};

}  // namespace gbox::oci
