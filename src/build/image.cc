#include "image.h"

#include <algorithm>
#include <chrono>

#include "base_image.h"
#include "bill.h"
#include "caller.h"
#include "gbox/base/text.h"
#include "gbox/oci/image.h"
#include "gbox/oci/layout.h"
#include "gbox/portage/base.h"
#include "gbox/sys/fd.h"
#include "gbox/sys/idmap.h"
#include "gbox/sys/interrupt.h"
#include "gbox/sys/userns.h"
#include "image_annotations.h"
#include "image_config.h"
#include "image_facts.h"
#include "provenance.h"

namespace gbox::build {

namespace {

class ImageBuild {
 public:
  ImageBuild(const Inputs& inputs, const LayerPacker& packer, Observer& observer)
      : inputs_(inputs), packer_(packer), observer_(observer) {}

  oci::ImageSpec describe(const std::vector<Built>& steps, const ImageFacts& facts) {
    oci::ImageSpec image;
    image.created = oci::rfc3339(packer_.image_epoch());
    image.platform = facts.platform;
    image.config = image_config(inputs_);
    image.config.user = facts.user;
    image.annotations = image_annotations(inputs_, image, facts);
    if (inputs_.spec.output.layers == spec::Layers::single)
      add_single(steps, image);
    else if (inputs_.spec.output.layers == spec::Layers::package)
      add_packages(steps, image);
    else
      add_each(steps, image);
    return image;
  }

 private:
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
    const Packed packed = packer_.pack_merged(snapshots, report("image"));
    image.entries.push_back(entry_of(packed, image.created, steps.back().created_by));
  }

  void add_packages(const std::vector<Built>& steps, oci::ImageSpec& image) {
    std::vector<std::string> chain;
    for (const Built& step : steps) chain.push_back(step.record.snapshot);
    for (PackedPart& part : packer_.pack_packages(chain, report("image"))) {
      Packed packed;
      packed.blob = std::move(part.blob);
      image.entries.push_back(entry_of(packed, image.created, "gbox: " + part.title));
    }
  }

  void add_each(const std::vector<Built>& steps, oci::ImageSpec& image) {
    // Layers of the base stay the blobs that they are: who has that image has them already.
    if (stacks_on_base(inputs_)) image.entries = base_entries(*inputs_.base_image);
    std::vector<std::string> chain;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const Built& step = steps[i];
      chain.push_back(step.record.snapshot);
      if (i == 0 && stacks_on_base(inputs_)) continue;
      const Packed packed = packer_.pack_top(chain, packer_.kind_of(i), report(step.record.step));
      // A step that emptied the output's root makes all below it dead weight.
      if (packed.hides_lower)
        for (oci::ImageEntry& entry : image.entries) entry.layer.reset();
      image.entries.push_back(entry_of(packed, image.created, step.created_by));
    }
  }

  PackReport report(const std::string& name) const {
    PackReport report;
    report.warnings = &observer_;
    report.progress = [this, name](std::uint64_t done, std::uint64_t total) {
      observer_.progress("pack " + name, done, total);
    };
    report.check_interrupt = [] { sys::check_interrupt(); };
    return report;
  }

  const Inputs& inputs_;
  const LayerPacker& packer_;
  Observer& observer_;
};

// What stands beside the image: none of it is part of its digest.
std::vector<oci::Attachment> attachments(Inputs& inputs, Sources& sources,
                                         const std::vector<Built>& steps,
                                         const oci::ImageSpec& image, std::int64_t epoch,
                                         std::int64_t begin) {
  std::vector<oci::Attachment> result;
  const std::string digest = oci::make_documents(image).manifest.digest.to_string();
  // The documents' own time is the image's: equal images have equal bills.
  const oci::StringMap annotations = {{"org.opencontainers.image.created", oci::rfc3339(epoch)}};
  if (inputs.spec.output.sbom) {
    std::vector<std::string> chain;
    for (const Built& step : steps) chain.push_back(step.record.snapshot);
    content::Bill bill{inputs.spec.name,
                       inputs.spec.tag,
                       digest,
                       epoch,
                       "gbox-" GBOX_VERSION,
                       components_of(inputs, sources, chain)};
    if (!bill.components.empty()) {
      result.push_back({std::string(oci::kSpdxType), content::write_spdx(bill), annotations});
      result.push_back(
          {std::string(oci::kCycloneDxType), content::write_cyclonedx(bill), annotations});
    }
  }
  if (inputs.spec.output.provenance) {
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(
                         std::chrono::system_clock::now().time_since_epoch())
                         .count();
    oci::StringMap predicate = annotations;
    predicate["in-toto.io/predicate-type"] = "https://slsa.dev/provenance/v1";
    result.push_back({std::string(oci::kInTotoType),
                      write_provenance(inputs, steps, digest, epoch, {begin, now}),
                      std::move(predicate)});
  }
  return result;
}

}  // namespace

std::vector<oci::OutputTarget> check_outputs(const std::vector<std::string>& outputs,
                                             const spec::BuildSpec& spec, bool written,
                                             oci::Others others) {
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
    oci::check_target(target, oci::image_name(target.reference, spec.name, spec.tag).ref_name,
                      others);
  return targets;
}

oci::Platform image_platform(const Inputs& inputs, const store::Store& store, const Built& base) {
  const sys::Fd root = store.open_snapshot(base.record.snapshot);
  const auto info = portage::check_base(root.get(), inputs.spec, inputs.machine);
  if (inputs.base_image && (!info || info->oci_variant.empty()))
    if (const oci::Platform& told = inputs.base_image->image.config.platform;
        !info || told.architecture == info->oci_architecture)
      return told;
  if (!info) return oci::platform_of_machine(inputs.machine);
  return {"linux", info->oci_architecture, info->oci_variant};
}

std::vector<OutputInfo> emit_image(Inputs& inputs, Sources& sources,
                                   const std::vector<Built>& steps, const ImageFacts& facts,
                                   const std::vector<oci::OutputTarget>& targets,
                                   const LayerPacker& packer, std::int64_t begin,
                                   oci::Others others) {
  const oci::ImageSpec image =
      ImageBuild(inputs, packer, sources.observer()).describe(steps, facts);
  Attached attached;
  if (inputs.spec.output.sbom || inputs.spec.output.provenance)
    attached = {{std::string(oci::kReferrersKey)}, [&] {
                  return attachments(inputs, sources, steps, image, packer.image_epoch(), begin);
                }};
  return write_image(image, inputs.spec.name, inputs.spec.tag, targets, sources.observer(), others,
                     attached);
}

std::vector<OutputInfo> write_image(const oci::ImageSpec& image, const std::string& name,
                                    const std::string& tag,
                                    const std::vector<oci::OutputTarget>& targets,
                                    Observer& observer, oci::Others others,
                                    const Attached& attached) {
  std::optional<std::vector<oci::Attachment>> attachments;
  std::vector<OutputInfo> written;
  for (const oci::OutputTarget& target : targets) {
    oci::WriteOptions options;
    options.name = oci::image_name(target.reference, name, tag);
    options.others = others;
    options.sharing = oci::Sharing::hard_link;
    options.progress = [&](std::uint64_t done, std::uint64_t total) {
      sys::check_interrupt();
      observer.progress("write " + oci::to_string(target), done, total);
    };
    options.warnings = &observer;
    const oci::ImageDocuments documents = oci::make_documents(image);
    if (!oci::is_up_to_date(target, options.name, documents.manifest.digest, attached.index_keys)) {
      if (!attachments)
        attachments = attached.make ? attached.make() : std::vector<oci::Attachment>();
      oci::LayoutWriter writer(target, options);
      (void)oci::assemble(image, writer, *attachments);
      give_to_caller(target.path);
    }
    // The name is in the archive, and the next command is what people look for.
    if (target.transport == oci::Transport::archive)
      observer.fact("next", "'podman load -i " + target.path + "' or 'docker load -i " +
                                target.path + "' gives " + quoted(options.name.full_name));
    written.push_back({oci::to_string(target), documents.manifest.digest.to_string(),
                       documents.layers, documents.size_bytes});
  }
  return written;
}

}  // namespace gbox::build
