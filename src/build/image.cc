#include "image.h"

#include <sys/utsname.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "gbox/base/text.h"
#include "gbox/layer/pack.h"
#include "gbox/oci/image.h"
#include "gbox/oci/layout.h"
#include "gbox/portage/base.h"
#include "gbox/sys/interrupt.h"
#include "root.h"

namespace gbox::build {

namespace {

// Raised when the same tree would be packed into other bytes: cached layers are then made anew.
constexpr char kPackFormat[] = "1";

layer::Compression codec(spec::Compression compression) {
  switch (compression) {
    case spec::Compression::gzip: return layer::Compression::gzip;
    case spec::Compression::zstd: return layer::Compression::zstd;
    case spec::Compression::none: return layer::Compression::none;
  }
  throw Error("internal error: unknown compression");
}

std::string_view media_type(spec::Compression compression) {
  switch (compression) {
    case spec::Compression::gzip: return oci::kLayerGzipType;
    case spec::Compression::zstd: return oci::kLayerZstdType;
    case spec::Compression::none: return oci::kLayerType;
  }
  throw Error("internal error: unknown compression");
}

// SOURCE_DATE_EPOCH (reproducible-builds.org): later times become this one.
std::optional<std::int64_t> source_date_epoch() {
  const char* text = std::getenv("SOURCE_DATE_EPOCH");
  if (text == nullptr || *text == '\0') return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text, text + std::strlen(text), value);
  if (error != std::errc() || *end != '\0' || value < 0)
    throw Error("'SOURCE_DATE_EPOCH' is " + quoted(text) + ", not a number of seconds",
                ExitCode::usage);
  return value;
}

struct Packed {
  std::optional<oci::LayerBlob> blob;  // nullopt: nothing changed
  bool hides_lower = false;
};

class ImageBuild {
 public:
  ImageBuild(const Inputs& inputs, store::Store& store, Observer& observer)
      : inputs_(inputs), store_(store), observer_(observer), epoch_(source_date_epoch()) {}

  oci::ImageSpec describe(const std::vector<Built>& steps) {
    oci::ImageSpec image;
    image.created = time_of(steps.back().record.created);
    image.platform = platform(steps);
    image.config = config();
    if (inputs_.spec.output.layers == spec::Layers::single)
      add_single(steps, image);
    else
      add_each(steps, image);
    return image;
  }

 private:
  std::string time_of(std::int64_t seconds) const {
    return oci::rfc3339(epoch_ ? std::min(*epoch_, seconds) : seconds);
  }

  // Of the base's programs, not of this machine: an i386 base gives an i386 image.
  oci::Platform platform(const std::vector<Built>& steps) const {
    utsname machine{};
    if (::uname(&machine) != 0) throw SysError(errno, "read the machine's architecture");
    const sys::Fd root = store_.open_snapshot(steps.front().record.snapshot);
    const portage::BaseInfo base = portage::check_base(root.get(), inputs_.spec, machine.machine);
    return {"linux", base.oci_architecture, base.oci_variant};
  }

  oci::ContainerConfig config() const {
    const spec::ImageConfig& from = inputs_.spec.output.config;
    oci::ContainerConfig config;
    config.user = from.user;
    config.exposed_ports = {from.ports.begin(), from.ports.end()};
    for (const auto& [name, value] : from.env) config.env.push_back(name + '=' + value);
    config.entrypoint = from.entrypoint;
    config.cmd = from.cmd;
    config.volumes = {from.volumes.begin(), from.volumes.end()};
    config.working_dir = from.working_dir;
    config.labels = {from.labels.begin(), from.labels.end()};
    config.stop_signal = from.stop_signal;
    return config;
  }

  static oci::ImageEntry entry_of(const Packed& packed, std::string created,
                                  std::string created_by) {
    oci::ImageEntry entry;
    entry.layer = packed.blob;
    entry.history.created = std::move(created);
    entry.history.created_by = std::move(created_by);
    return entry;
  }

  void add_single(const std::vector<Built>& steps, oci::ImageSpec& image) {
    std::vector<std::string> snapshots;
    for (const Built& step : steps) snapshots.push_back(step.record.snapshot);
    const Packed packed = pack(snapshots, layer::TreeKind::plain, "image");
    image.entries.push_back(entry_of(packed, image.created, steps.back().created_by));
  }

  void add_each(const std::vector<Built>& steps, oci::ImageSpec& image) {
    for (const Built& step : steps) {
      const bool first = &step == &steps.front();
      const Packed packed =
          pack({step.record.snapshot}, first ? layer::TreeKind::plain : layer::TreeKind::upper,
               step.record.step);
      // A step that emptied the output's root makes all below it dead weight.
      if (packed.hides_lower)
        for (oci::ImageEntry& entry : image.entries) entry.layer.reset();
      image.entries.push_back(entry_of(packed, time_of(step.record.created), step.created_by));
    }
  }

  Packed pack(const std::vector<std::string>& snapshots, layer::TreeKind kind,
              const std::string& name) {
    const spec::Output& output = inputs_.spec.output;
    const std::string options =
        std::string("format=") + kPackFormat + ";root=" + output.root +
        ";kind=" + (kind == layer::TreeKind::plain ? "plain" : "upper") +
        ";codec=" + std::string(spec::to_string(output.compression)) +
        ";level=" + (output.level ? std::to_string(*output.level) : "default") +
        ";clamp=" + (epoch_ ? std::to_string(*epoch_) : "none");
    const store::LayerKey key{snapshots, options};
    if (const auto cached = store_.find_layer(key)) return {blob_of(*cached), false};

    layer::PackOptions pack_options;
    pack_options.kind = kind;
    pack_options.subtree = output.root.substr(1);
    pack_options.compression = codec(output.compression);
    pack_options.level = output.level;
    pack_options.clamp_mtime = epoch_;
    pack_options.warnings = &observer_;
    pack_options.progress = [&](std::uint64_t done, std::uint64_t total) {
      observer_.progress("pack " + name, done, total);
    };
    pack_options.check_interrupt = [] { sys::check_interrupt(); };
    const sys::Fd tree = mount_chain(store_, snapshots);
    store::BlobWriter writer = store_.new_blob();
    const layer::LayerResult result = layer::pack_layer(tree.get(), pack_options, writer.fd());
    if (result.empty) return {std::nullopt, result.hides_lower};
    (void)writer.commit(result.blob_digest);
    const store::CachedLayer layer = {result.blob_digest, result.blob_size, result.diff_id,
                                      result.uncompressed_size};
    // A layer that hides those below it is rare, and its mark is not part of the cache's format.
    if (!result.hides_lower) store_.put_layer(key, layer);
    return {blob_of(layer), result.hides_lower};
  }

  oci::LayerBlob blob_of(const store::CachedLayer& layer) const {
    return {AT_FDCWD, store_.blob_path(layer.digest), layer.digest, layer.size_bytes,
            std::string(media_type(inputs_.spec.output.compression)), layer.diff_id};
  }

  const Inputs& inputs_;
  store::Store& store_;
  Observer& observer_;
  std::optional<std::int64_t> epoch_;
};

}  // namespace

std::vector<oci::OutputTarget> check_outputs(const std::vector<std::string>& outputs,
                                             const spec::BuildSpec& spec) {
  std::vector<oci::OutputTarget> targets;
  if (outputs.empty()) {
    // The last part of a name such as 'team/php': a directory of that name, here.
    const std::size_t slash = spec.name.rfind('/');
    targets.push_back(oci::parse_output(
        "oci:" + (slash == std::string::npos ? spec.name : spec.name.substr(slash + 1))));
  }
  for (const std::string& output : outputs) targets.push_back(oci::parse_output(output));
  for (const oci::OutputTarget& target : targets)
    oci::check_target(target, oci::image_name(target.reference, spec.name, spec.tag).ref_name);
  return targets;
}

std::vector<OutputInfo> emit_image(const Inputs& inputs, store::Store& store,
                                   const std::vector<Built>& steps,
                                   const std::vector<oci::OutputTarget>& targets,
                                   Observer& observer) {
  const oci::ImageSpec image = ImageBuild(inputs, store, observer).describe(steps);
  std::vector<OutputInfo> written;
  for (const oci::OutputTarget& target : targets) {
    oci::WriteOptions options;
    options.name = oci::image_name(target.reference, inputs.spec.name, inputs.spec.tag);
    options.sharing = oci::Sharing::hard_link;
    options.progress = [&](std::uint64_t done, std::uint64_t total) {
      sys::check_interrupt();
      observer.progress("write " + oci::to_string(target), done, total);
    };
    options.warnings = &observer;
    const oci::ImageDocuments documents = oci::make_documents(image);
    if (!oci::is_up_to_date(target, options.name, documents.manifest.digest)) {
      oci::LayoutWriter writer(target, options);
      (void)oci::assemble(image, writer);
    }
    written.push_back({oci::to_string(target), documents.manifest.digest.to_string(),
                       documents.layers, documents.size_bytes});
  }
  return written;
}

}  // namespace gbox::build
