#include "gbox/oci/verify.h"

#include <algorithm>
#include <map>
#include <set>

#include "files.h"
#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/oci/attachment.h"
#include "gbox/oci/layout.h"
#include "gbox/oci/reader.h"
#include "linked.h"

namespace gbox::oci {

namespace {

class Verifier {
 public:
  Verifier(const LayoutFiles& files, const DiffIdOf& diff_id_of)
      : files_(files), diff_id_of_(diff_id_of) {}

  std::vector<std::string> run() {
    attempt([&] {
      const Index index = read_index(files_);
      if (index.manifests.size() != 1 && !have_own_names(index))
        complain(gbox::quoted(kIndexFile), "it has " + std::to_string(index.manifests.size()) +
                                               " entries; skopeo and podman want exactly one, or a "
                                               "name of its own for each");
      for (const Descriptor& entry : index.manifests) attempt([&] { visit(entry, 1); });
      attempt([&] { visit_attachments(index); });
      find_strays();
    });
    return std::move(complaints_);
  }

 private:
  // Then each of several can be asked for.
  static bool have_own_names(const Index& index) {
    std::set<std::string> names;
    for (const Descriptor& entry : index.manifests)
      if (const std::string name = ref_name_of(entry); name.empty() || !names.insert(name).second)
        return false;
    return !names.empty();
  }

  template <class Action>
  void attempt(Action&& action) {
    try {
      action();
    } catch (const Interrupted&) {
      throw;
    } catch (const Error& error) {
      complaints_.push_back(error.message());
    }
  }

  void complain(const std::string& subject, const std::string& what) {
    complaints_.push_back(subject + ": " + what);
  }

  // The blob is there, and is what the descriptor says. Each blob is read once, however often it is
  // named; nullopt after a complaint.
  std::optional<BlobFile> check_blob(const Descriptor& descriptor) {
    const std::string what = "blob " + gbox::quoted(descriptor.digest.to_string());
    const auto [known, first] = named_.try_emplace(descriptor.digest, descriptor);
    if (!first && (known->second.media_type != descriptor.media_type ||
                   known->second.size != descriptor.size))
      complain(what, "it is named with two types or sizes");
    std::optional<BlobFile> blob = files_.try_open(blob_name(descriptor.digest));
    if (!blob) {
      if (first) complain(what, "it is not in the image");
      return std::nullopt;
    }
    if (first) verify_blob(*blob, descriptor, what);
    return blob;
  }

  std::optional<std::string> check_document(const Descriptor& descriptor) {
    const std::optional<BlobFile> blob = check_blob(descriptor);
    if (!blob) return std::nullopt;
    return try_read_text(files_, blob_name(descriptor.digest));
  }

  void visit(const Descriptor& entry, int depth) {
    const std::string what = gbox::quoted(entry.digest.to_string());
    if (depth > kMaxNesting || named_.size() > kMaxIndexEntries + 2 * kMaxLayers)
      return complain(what, "indexes are nested too deep or name too much");
    const bool seen = named_.contains(entry.digest);
    if (entry.media_type != kIndexType && entry.media_type != kManifestType) {
      (void)check_blob(entry);  // something else, which is allowed; only its bytes are checked
      return;
    }
    const std::optional<std::string> text = check_document(entry);
    if (!text || seen) return;
    if (entry.media_type == kManifestType) return visit_manifest(entry, *text, what);
    for (const Descriptor& nested : parse_index(*text, what).manifests)
      attempt([&] { visit(nested, depth + 1); });
  }

  // What gbox keeps beside an image: artifacts, each of an image that is here.
  void visit_attachments(const Index& index) {
    const std::optional<Descriptor> referrers = referrers_of(index.annotations);
    if (!referrers) return;
    const std::optional<std::string> list = check_document(*referrers);
    if (!list) return;
    for (const Descriptor& entry : parse_referrers(*list)) {
      attempt([&] {
        const std::string what = gbox::quoted(entry.digest.to_string());
        const std::optional<std::string> text = check_document(entry);
        if (!text) return;
        const Artifact artifact = parse_artifact(*text, what);
        if (!named_.contains(artifact.subject.digest))
          complain(what, "its subject is no image of the layout");
        (void)check_blob(artifact.config);
        (void)check_blob(artifact.blob);
      });
    }
  }

  void visit_manifest(const Descriptor& entry, const std::string& text, const std::string& what) {
    const Linked linked = parse_linked(text, entry.media_type, what);
    const bool unknown = entry.platform && entry.platform->os == "unknown";
    if (linked.subject || !linked.artifact_type.empty() || unknown) {
      // An artifact beside the images, such as an attestation: only its bytes are checked.
      for (const Descriptor& blob : linked.blobs) attempt([&] { (void)check_blob(blob); });
      return;
    }
    const Manifest manifest = parse_manifest(text, what);
    std::optional<ImageConfig> config;
    attempt([&] {
      const std::optional<std::string> config_text = check_document(manifest.config);
      if (!config_text) return;
      const std::string config_what = gbox::quoted(manifest.config.digest.to_string());
      config = parse_image_config(*config_text, config_what);
      check_config(*config, entry, manifest, config_what);
    });
    for (std::size_t i = 0; i < manifest.layers.size(); ++i) {
      attempt([&] {
        const std::optional<BlobFile> blob = check_blob(manifest.layers[i]);
        if (blob && config && i < config->diff_ids.size())
          check_diff_id(*blob, manifest.layers[i], config->diff_ids[i]);
      });
    }
  }

  void check_config(const ImageConfig& config, const Descriptor& entry, const Manifest& manifest,
                    const std::string& what) {
    if (config.diff_ids.size() != manifest.layers.size())
      complain(what, "it has " + std::to_string(config.diff_ids.size()) + " diff ids for " +
                         std::to_string(manifest.layers.size()) + " layers");
    const auto with_layer = static_cast<std::size_t>(
        std::count_if(config.history.begin(), config.history.end(),
                      [](const History& line) { return !line.empty_layer; }));
    if (!config.history.empty() && with_layer != config.diff_ids.size())
      complain(what, "its history has " + std::to_string(with_layer) + " lines with a layer for " +
                         std::to_string(config.diff_ids.size()) + " diff ids");
    for (const History& line : config.history) {
      if (is_rfc3339(line.created)) continue;
      complain(what, "a line of its history has no time, which umoci needs");
      break;
    }
    if (!config.created.empty() && !is_rfc3339(config.created))
      complain(what, "its time " + gbox::quoted(config.created) + " is not as rfc 3339 wants it");
    if (entry.platform && *entry.platform != config.platform)
      complain(what, "it is for " + gbox::quoted(to_string(config.platform)) +
                         ", but the index says " + gbox::quoted(to_string(*entry.platform)));
  }

  void check_diff_id(const BlobFile& blob, const Descriptor& layer, const Digest& expected) {
    if (!diff_id_of_) return;
    const std::string what = "layer " + gbox::quoted(layer.digest.to_string());
    const Digest found = with_context(what, [&] { return diff_id_of_(blob, layer.media_type); });
    if (found != expected)
      complain(what, "its tar is '" + found.to_string() + "', but the config says '" +
                         expected.to_string() + "'");
  }

  void find_strays() {
    std::set<std::string> expected;
    for (const auto& [digest, descriptor] : named_) expected.insert(blob_name(digest));
    for (const std::string& name : files_.list_blobs()) {
      if (!expected.contains(name)) complain(gbox::quoted(name), "nothing in the image names it");
    }
  }

  const LayoutFiles& files_;
  const DiffIdOf& diff_id_of_;
  std::vector<std::string> complaints_;
  std::map<Digest, Descriptor> named_;
};

}  // namespace

std::vector<std::string> verify_layout(const ImageLocation& location, const DiffIdOf& diff_id_of) {
  std::unique_ptr<LayoutFiles> files;
  try {
    files = open_files(location);
  } catch (const Error& error) {
    return {error.message()};
  }
  return Verifier(*files, diff_id_of).run();
}

bool is_up_to_date(const OutputTarget& target, const ImageName& name, const Digest& manifest,
                   const std::vector<std::string>& annotations) {
  try {
    const LayoutReader reader({target.transport, target.path, {}});
    if (reader.index().manifests.size() != 1) return false;
    for (const std::string& each : annotations)
      if (!reader.index().annotations.contains(each)) return false;
    const Descriptor& entry = reader.index().manifests.front();
    if (entry.digest != manifest || ref_name_of(entry) != name.ref_name) return false;
    const auto full = entry.annotations.find(std::string(kImageNameKey));
    if (target.transport == Transport::archive &&
        (full == entry.annotations.end() ? "" : full->second) != name.full_name)
      return false;
    const Image image = reader.read_image(entry);
    for (const Descriptor& layer : image.manifest.layers) (void)reader.open_blob(layer);  // throws
    return true;
  } catch (const Error&) {
    return false;  // whatever is there, it is not this image
  }
}

}  // namespace gbox::oci
