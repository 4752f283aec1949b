#include "image.h"

#include <algorithm>

#include "caller.h"
#include "gbox/base/text.h"
#include "gbox/oci/image.h"
#include "gbox/oci/layout.h"
#include "gbox/portage/base.h"
#include "gbox/sys/fd.h"
#include "gbox/sys/idmap.h"
#include "gbox/sys/interrupt.h"
#include "gbox/sys/userns.h"
#include "labels.h"

namespace gbox::build {

namespace {

class ImageBuild {
 public:
  ImageBuild(const Inputs& inputs, store::Store& store, const LayerPacker& packer,
             Observer& observer)
      : inputs_(inputs), store_(store), packer_(packer), observer_(observer) {}

  oci::ImageSpec describe(const std::vector<Built>& steps) {
    oci::ImageSpec image;
    image.created = time_of(steps.back().record.created);
    image.platform = image_platform(inputs_, store_, steps.front());
    image.config = config();
    if (inputs_.spec.output.layers == spec::Layers::single)
      add_single(steps, image);
    else
      add_each(steps, image);
    return image;
  }

 private:
  std::string time_of(std::int64_t seconds) const {
    return oci::rfc3339(packer_.epoch() ? std::min(*packer_.epoch(), seconds) : seconds);
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
    config.labels.merge(own_labels(inputs_.spec, inputs_.policies));  // which leaves what is there
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
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const Built& step = steps[i];
      const Packed packed = pack({step.record.snapshot}, packer_.kind_of(i), step.record.step);
      // A step that emptied the output's root makes all below it dead weight.
      if (packed.hides_lower)
        for (oci::ImageEntry& entry : image.entries) entry.layer.reset();
      image.entries.push_back(entry_of(packed, time_of(step.record.created), step.created_by));
    }
  }

  Packed pack(const std::vector<std::string>& snapshots, layer::TreeKind kind,
              const std::string& name) const {
    PackReport report;
    report.warnings = &observer_;
    report.progress = [&](std::uint64_t done, std::uint64_t total) {
      observer_.progress("pack " + name, done, total);
    };
    report.check_interrupt = [] { sys::check_interrupt(); };
    return packer_.pack(snapshots, kind, report);
  }

  const Inputs& inputs_;
  store::Store& store_;
  const LayerPacker& packer_;
  Observer& observer_;
};

}  // namespace

std::vector<oci::OutputTarget> check_outputs(const std::vector<std::string>& outputs,
                                             const spec::BuildSpec& spec, bool written) {
  std::vector<oci::OutputTarget> targets;
  for (const std::string& output : outputs) targets.push_back(oci::parse_output(output));
  // What lies at a place that is not written to is no matter.
  if (!written) return {};
  if (targets.empty()) {
    // The last part of a name such as 'team/php': a directory of that name, here.
    const std::size_t slash = spec.name.rfind('/');
    targets.push_back(oci::parse_output(
        "oci:" + (slash == std::string::npos ? spec.name : spec.name.substr(slash + 1))));
  }
  for (const oci::OutputTarget& target : targets)
    oci::check_target(target, oci::image_name(target.reference, spec.name, spec.tag).ref_name);
  return targets;
}

oci::Platform image_platform(const Inputs& inputs, const store::Store& store, const Built& base) {
  const sys::Fd root = store.open_snapshot(base.record.snapshot);
  const portage::BaseInfo info = portage::check_base(root.get(), inputs.spec, inputs.machine);
  return {"linux", info.oci_architecture, info.oci_variant};
}

std::vector<OutputInfo> emit_image(const Inputs& inputs, store::Store& store,
                                   const std::vector<Built>& steps,
                                   const std::vector<oci::OutputTarget>& targets,
                                   const LayerPacker& packer, Observer& observer) {
  const oci::ImageSpec image = ImageBuild(inputs, store, packer, observer).describe(steps);
  return write_image(image, inputs.spec.name, inputs.spec.tag, targets, observer);
}

std::vector<OutputInfo> write_image(const oci::ImageSpec& image, const std::string& name,
                                    const std::string& tag,
                                    const std::vector<oci::OutputTarget>& targets,
                                    Observer& observer) {
  std::vector<OutputInfo> written;
  for (const oci::OutputTarget& target : targets) {
    oci::WriteOptions options;
    options.name = oci::image_name(target.reference, name, tag);
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
      give_to_caller(target.path);
    }
    written.push_back({oci::to_string(target), documents.manifest.digest.to_string(),
                       documents.layers, documents.size_bytes});
  }
  return written;
}

}  // namespace gbox::build
