#include "gbox/oci/reader.h"

#include <algorithm>
#include <utility>

#include "files.h"
#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "strict_json.h"

namespace gbox::oci {

namespace {

constexpr int kMaxIndexDepth = 4;  // the specification nests two; more only serves an attack

bool is_attestation(const Descriptor& entry) {
  return entry.platform &&
         (entry.platform->os == "unknown" || entry.platform->architecture == "unknown");
}

bool has_name(const Descriptor& entry, std::string_view reference) {
  const auto annotation = [&](std::string_view key) {
    const auto found = entry.annotations.find(std::string(key));
    return found != entry.annotations.end() && found->second == reference;
  };
  return annotation(kRefNameKey) || annotation(kImageNameKey);
}

struct Choice {
  std::vector<Descriptor> manifests;
  std::size_t visited = 0;
};

// A wanted variant must match; no wanted variant takes any.
std::vector<std::string> names_of(const std::vector<Descriptor>& entries) {
  std::vector<std::string> names;
  for (const Descriptor& entry : entries) {
    const std::string name = ref_name_of(entry);
    names.push_back(name.empty() ? entry.digest.to_string() : name);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace

struct LayoutReader::State {
  ImageLocation location;
  std::unique_ptr<LayoutFiles> files;
  Index index;

  [[noreturn]] void refuse_choice(const std::string& why, const std::string& hint = {}) const {
    Error error("open image " + gbox::quoted(to_string(location)) + ": " + why, ExitCode::input);
    error.add_hint(hint);
    throw error;
  }

  [[nodiscard]] BlobFile open(const Descriptor& descriptor) const {
    const std::string what = gbox::quoted(descriptor.digest.to_string());
    std::optional<BlobFile> blob = files->try_open(blob_name(descriptor.digest));
    if (!blob) refuse("blob " + what, "it is not in the image");
    if (blob->size != descriptor.size)
      refuse("blob " + what, "it has " + std::to_string(blob->size) + " bytes instead of " +
                                 std::to_string(descriptor.size));
    return std::move(*blob);
  }

  [[nodiscard]] std::string document(const Descriptor& descriptor) const {
    const std::string what = "blob " + gbox::quoted(descriptor.digest.to_string());
    if (descriptor.size > kMaxDocumentBytes)
      refuse(what, "larger than " + human_size(kMaxDocumentBytes));
    const BlobFile blob = open(descriptor);
    std::string text(static_cast<std::size_t>(blob.size), '\0');
    text.resize(sys::read_full(blob.fd.get(), std::as_writable_bytes(std::span(text)),
                               descriptor.digest.to_string()));
    Hasher hasher(descriptor.digest.algorithm());
    hasher.update(text);
    if (const Digest found = hasher.finish(); found != descriptor.digest)
      refuse(what, "its digest is '" + found.to_string() + "'",
             "the image is damaged or was tampered with; fetch or export it again");
    return text;
  }

  // The manifests below the entries, nested indexes opened.
  void collect(const std::vector<Descriptor>& entries, int depth, Choice& choice) const {
    if (depth > kMaxIndexDepth)
      refuse_choice("its indexes are nested deeper than " + std::to_string(kMaxIndexDepth));
    for (const Descriptor& entry : entries) {
      // Counted before it is opened: an index that names one other a thousand times, four levels
      // deep, is a few kilobytes on disk and 10^12 visits.
      if (++choice.visited > kMaxIndexEntries)
        refuse_choice("it holds more than " + std::to_string(kMaxIndexEntries) + " entries");
      if (entry.media_type == kIndexType) {
        const Index nested = parse_index(document(entry), gbox::quoted(entry.digest.to_string()));
        collect(nested.manifests, depth + 1, choice);
      } else if (entry.media_type == kManifestType && !is_attestation(entry)) {
        choice.manifests.push_back(entry);
      }  // other types are other things (signatures, artifacts), as the specification allows
    }
  }

  [[nodiscard]] std::vector<Descriptor> named_entries() const {
    std::vector<Descriptor> entries;
    for (const Descriptor& entry : index.manifests) {
      if (location.reference.empty() || has_name(entry, location.reference))
        entries.push_back(entry);
    }
    if (index.manifests.empty()) refuse_choice("it holds no image");
    if (entries.empty())
      refuse_choice("there is no " + gbox::quoted(location.reference) + " in it, only " +
                    quoted_list(names_of(index.manifests)));
    if (const auto names = names_of(entries); location.reference.empty() && names.size() > 1)
      refuse_choice(
          "it holds " + quoted_list(names),
          "say which: '" + to_string({location.transport, printable(location.path), "REF"}) + "'");
    return entries;
  }
};

LayoutReader::LayoutReader(const ImageLocation& location) : state_(std::make_unique<State>()) {
  state_->location = location;
  state_->files = open_files(location);
  state_->index = with_context("open image " + gbox::quoted(to_string(location)),
                               [&] { return read_index(*state_->files); });
}
LayoutReader::LayoutReader(LayoutReader&&) noexcept = default;
LayoutReader& LayoutReader::operator=(LayoutReader&&) noexcept = default;
LayoutReader::~LayoutReader() = default;

const ImageLocation& LayoutReader::location() const noexcept {
  return state_->location;
}
const Index& LayoutReader::index() const noexcept {
  return state_->index;
}

std::vector<Descriptor> LayoutReader::named() const {
  return state_->named_entries();
}

Image LayoutReader::pick(const std::optional<Platform>& platform) const {
  Choice choice;
  state_->collect(state_->named_entries(), 1, choice);
  if (choice.manifests.empty()) state_->refuse_choice("it holds no container image");
  std::vector<Descriptor> suitable;
  std::vector<std::string> offered;
  for (const Descriptor& entry : choice.manifests) {
    offered.push_back(entry.platform ? to_string(*entry.platform) : entry.digest.to_string());
    if (!platform || !entry.platform || entry.platform->suits(*platform)) suitable.push_back(entry);
  }
  if (suitable.empty())
    state_->refuse_choice("it is not for " + gbox::quoted(to_string(*platform)) + ", only for " +
                          quoted_list(offered));
  if (suitable.size() > 1)
    state_->refuse_choice("more than one manifest suits: " + quoted_list(offered),
                          "copy the one you mean with 'skopeo copy' and use that");
  Image image = read_image(suitable.front());
  if (platform && !image.config.platform.suits(*platform))
    state_->refuse_choice("it is not for " + gbox::quoted(to_string(*platform)) + " but for " +
                          gbox::quoted(to_string(image.config.platform)));
  return image;
}

Image LayoutReader::read_image(const Descriptor& manifest) const {
  return with_context("open image " + gbox::quoted(to_string(state_->location)), [&] {
    Image image{.descriptor = manifest};
    const std::string what = gbox::quoted(manifest.digest.to_string());
    if (manifest.media_type != kManifestType)
      refuse(what,
             "media type " + gbox::quoted(manifest.media_type) + " where a manifest is expected");
    image.manifest = parse_manifest(state_->document(manifest), what);
    const std::string config_what = gbox::quoted(image.manifest.config.digest.to_string());
    image.config = parse_image_config(state_->document(image.manifest.config), config_what);
    if (image.config.diff_ids.size() != image.manifest.layers.size())
      refuse(config_what, "it has " + std::to_string(image.config.diff_ids.size()) +
                              " diff ids for " + std::to_string(image.manifest.layers.size()) +
                              " layers");
    return image;
  });
}

std::string LayoutReader::read_document(const Descriptor& descriptor) const {
  return state_->document(descriptor);
}

BlobFile LayoutReader::open_blob(const Descriptor& descriptor) const {
  return state_->open(descriptor);
}

}  // namespace gbox::oci
