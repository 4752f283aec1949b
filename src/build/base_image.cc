#include "base_image.h"

#include <algorithm>

#include "gbox/base/text.h"
#include "gbox/build/registries.h"
#include "gbox/layer/flatten.h"
#include "gbox/oci/pull.h"
#include "gbox/oci/reference.h"
#include "gbox/sys/interrupt.h"
#include "import.h"

namespace gbox::build {

namespace {

std::string what_of(const spec::Base& base) {
  return to_string(base.image_where) + ": base.image";
}

oci::RegistryReference reference_of(const spec::Base& base) {
  return oci::parse_registry(base.image, what_of(base));
}

oci::ImageLocation location_of(const Inputs& inputs) {
  oci::ImageLocation location = with_context(to_string(inputs.spec.base.image_where), [&] {
    return oci::parse_source(inputs.spec.base.image);
  });
  location.path = resolve_path(inputs, location.path);
  return location;
}

std::shared_ptr<BaseImage> read_image(const oci::ImageLocation& location, sys::Fd file,
                                      const std::string& machine) {
  oci::LayoutReader reader(location);
  oci::Image image = reader.pick(oci::platform_of_machine(machine));
  return std::make_shared<BaseImage>(
      BaseImage{std::move(file), std::move(reader), std::move(image)});
}

// The same bytes for the same manifest, wherever and whenever it is fetched: the archive's names
// are made of nothing else.
struct FetchedImage {
  std::uint64_t size = 0;
  Digest sha256;
};
FetchedImage fetch_image(const oci::RegistryReference& reference, const std::string& name,
                         const Digest& expected, const oci::Platform& platform, Sources& sources) {
  store::Store& store = sources.store();
  const sys::Fd incoming = store.open_incoming();
  oci::PullRequest request;
  request.source = reference;
  request.target = {oci::Transport::archive,
                    "/proc/self/fd/" + std::to_string(incoming.get()) + '/' + name, "base"};
  request.platform = platform;
  request.registry =
      registry_options(sources.options().ca, sources.options().plain_http, sources.observer());
  request.warnings = &sources.observer();
  request.progress = [&](const std::string& what, std::uint64_t done, std::uint64_t total) {
    sources.observer().progress(what, done, total);
  };
  (void)oci::pull(request);
  const sys::Fd file = sys::openat(incoming.get(), name, O_RDONLY | O_NOFOLLOW);
  Hasher hasher;
  std::vector<std::byte> buffer(1u << 20);
  while (const std::size_t count = sys::read_full(file.get(), buffer, name)) {
    hasher.update(std::span(buffer).first(count));
    sys::check_interrupt();
  }
  const Digest found = hasher.finish();
  if (!expected.empty() && found != expected) {
    store.discard_incoming(name);
    throw Error("fetch base " + quoted(oci::to_string(reference)) + ": as an archive it is " +
                    quoted(found.to_string()) + ", the lock says " + quoted(expected.to_string()),
                ExitCode::input)
        .set_hint("'gbox lock --update base' takes what is there now");
  }
  const auto size = static_cast<std::uint64_t>(sys::fstat(file.get()).st_size);
  store.adopt_input(name, found);
  return {size, found};
}

oci::RegistryReference locked_reference(const spec::LockedFile& file) {
  return oci::parse_registry(file.urls.empty() ? "" : file.urls.front(), "the lock's base");
}

}  // namespace

bool is_remote_image(const spec::Base& base) {
  return !base.image.empty() && oci::names_registry(base.image);
}

void digest_base_image(Inputs& inputs) {
  inputs.base_name = inputs.spec.base.image;
  inputs.base_image = with_context(to_string(inputs.spec.base.image_where), [&] {
    return read_image(location_of(inputs), {}, inputs.machine);
  });
  inputs.base_digest = inputs.base_image->image.descriptor.digest.to_string();
}

spec::LockedFile lock_base_image(const Inputs& inputs, const oci::Platform& platform,
                                 Sources& sources) {
  oci::RegistryReference reference = reference_of(inputs.spec.base);
  oci::Registry registry(
      registry_options(sources.options().ca, sources.options().plain_http, sources.observer()),
      reference.host, reference.repository, oci::Rights::pull);
  const oci::RemoteImage remote = oci::resolve_remote(registry, reference, platform);
  reference.tag.clear();
  reference.digest = remote.source;
  spec::LockedFile file;
  file.name = "image-" + remote.image.descriptor.digest.hex() + ".tar";
  file.urls = {oci::to_string(reference)};
  const FetchedImage fetched = fetch_image(reference, file.name, {}, platform, sources);
  file.size = fetched.size;
  file.digests = {fetched.sha256};
  return file;
}

std::string locked_image_digest(const spec::LockedFile& file) {
  const std::string_view name = file.name;
  constexpr std::string_view kBefore = "image-";
  constexpr std::size_t kHex = 64;
  if (!name.starts_with(kBefore) || name.size() < kBefore.size() + kHex)
    throw Error("the lock's base is no image", ExitCode::usage)
        .set_hint("'gbox lock --update base' writes it anew");
  return Digest(HashAlgorithm::sha256, std::string(name.substr(kBefore.size(), kHex))).to_string();
}

void open_base_image(Inputs& inputs, Sources& sources) {
  if (inputs.base_image) return;
  const spec::LockedFile& locked = inputs.lock.base->file;
  auto file = sources.store().open_input(locked.sha256());
  if (!file) {
    sources.require_network(quoted(inputs.spec.base.image));
    (void)fetch_image(locked_reference(locked), locked.name, locked.sha256(),
                      oci::platform_of_machine(inputs.machine), sources);
    file = sources.store().open_input(locked.sha256());
  }
  if (!file) throw Error("internal error: input " + quoted(locked.name) + " is gone");
  const oci::ImageLocation location = {oci::Transport::archive,
                                       "/proc/self/fd/" + std::to_string(file->get()), ""};
  inputs.base_image = read_image(location, std::move(*file), inputs.machine);
  if (inputs.base_image->image.descriptor.digest.to_string() != inputs.base_digest)
    throw Error("open base " + quoted(inputs.spec.base.image) +
                    ": the lock names one image and "
                    "its archive holds another",
                ExitCode::input)
        .set_hint("'gbox lock --update base' writes it anew");
}

void unpack_base_image(const Inputs& inputs, store::Store& store, const store::Work& work,
                       Observer& observer) {
  const BaseImage& base = *inputs.base_image;
  const std::vector<std::string> snapshots =
      import_layers(store, base.reader, base.image, observer);
  std::vector<sys::Fd> open;
  std::vector<int> layers;
  for (const std::string& snapshot : snapshots) {
    open.push_back(store.open_snapshot(snapshot));
    layers.push_back(open.back().get());
  }
  // One snapshot, as every base is: its files are those of the layers', by hard links.
  (void)layer::flatten(layers, work.fs_fd(), -1, [] { sys::check_interrupt(); });
}

std::vector<oci::ImageEntry> base_entries(const BaseImage& base) {
  std::vector<oci::ImageEntry> entries = oci::entries_of(base.image);
  for (oci::ImageEntry& entry : entries) {
    if (!entry.layer) continue;
    oci::BlobFile blob = base.reader.open_blob({.media_type = entry.layer->media_type,
                                                .digest = entry.layer->digest,
                                                .size = entry.layer->size});
    entry.layer->file = std::make_shared<const oci::BlobFile>(std::move(blob));
    if (entry.history.created.empty()) entry.history.created = base.image.config.created;
  }
  return entries;
}

oci::ContainerConfig inherit_config(const oci::ContainerConfig& base,
                                    const oci::ContainerConfig& own) {
  oci::ContainerConfig config = base;
  const auto take = [](auto& into, const auto& from) {
    if (!from.empty()) into = from;
  };
  take(config.user, own.user);
  take(config.working_dir, own.working_dir);
  take(config.stop_signal, own.stop_signal);
  // What follows an entrypoint is meant for that one alone.
  if (!own.entrypoint.empty()) config.cmd.clear();
  take(config.entrypoint, own.entrypoint);
  take(config.cmd, own.cmd);
  config.exposed_ports.insert(own.exposed_ports.begin(), own.exposed_ports.end());
  config.volumes.insert(own.volumes.begin(), own.volumes.end());
  for (const auto& [name, value] : own.labels) config.labels[name] = value;
  for (const std::string& variable : own.env) {
    const std::string prefix = variable.substr(0, variable.find('=')) + '=';
    std::erase_if(config.env, [&](const std::string& old) { return old.starts_with(prefix); });
    config.env.push_back(variable);
  }
  return config;
}

}  // namespace gbox::build
