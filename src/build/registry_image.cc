#include "registry_image.h"

#include "gbox/base/error.h"
#include "gbox/build/registries.h"
#include "gbox/oci/pull.h"
#include "gbox/oci/reader.h"
#include "gbox/sys/file.h"
#include "import.h"

namespace gbox::build {

RegistryImage open_registry_image(store::Store& store, const std::string& text,
                                  const SourceOptions& sources, Observer& observer) {
  oci::RegistryReference reference = oci::parse_registry(text, "run");
  const oci::RegistryOptions options = registry_options(sources.ca, sources.plain_http, observer);
  const oci::Platform platform = oci::own_platform();
  oci::Registry registry(options, reference.host, reference.repository, oci::Rights::pull);
  const oci::RemoteImage remote = oci::resolve_remote(registry, reference, platform);
  // From here on it is this very image, whatever becomes of the tag.
  reference.digest = remote.source;
  observer.fact("image", oci::to_string(reference));
  RegistryImage image{remote.image.config.config, {}};
  if (auto snapshots = find_layers(store, remote.image)) {
    image.snapshots = std::move(*snapshots);
    return image;
  }
  // Under a name of its own: what a cut has left is found again, and by nobody else.
  const sys::Fd incoming = store.open_incoming();
  const std::string name = "image-" + remote.image.descriptor.digest.hex();
  oci::PullRequest request;
  request.source = reference;
  request.target = {oci::Transport::directory,
                    "/proc/self/fd/" + std::to_string(incoming.get()) + '/' + name, "image"};
  request.platform = platform;
  request.registry = options;
  request.warnings = &observer;
  request.progress = [&](const std::string& what, std::uint64_t done, std::uint64_t total) {
    observer.progress(what, done, total);
  };
  (void)oci::pull(request);
  const oci::LayoutReader reader({request.target.transport, request.target.path, ""});
  image.snapshots = import_layers(store, reader, reader.pick(), observer);
  sys::remove_tree(incoming.get(), name);
  return image;
}

}  // namespace gbox::build
