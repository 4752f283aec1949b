#include "import.h"

#include "gbox/base/text.h"
#include "gbox/layer/unpack.h"
#include "gbox/sys/file.h"
#include "gbox/sys/interrupt.h"

namespace gbox::build {

namespace {

constexpr char kImportFormat[] = "oci-layer-1";

// Of the layers up to this one; before the first, `below` is "".
std::string layer_key(const std::string& below, const Digest& diff_id) {
  return sha256((below.empty() ? sha256(kImportFormat).hex() : below) + '\n' + diff_id.to_string())
      .hex();
}

// A layer inside an archive is a stretch of a larger file, and unpacking reads to the end: it gets
// a file of its own first, checked while it is copied.
sys::Fd layer_file(const oci::LayoutReader& reader, const oci::Descriptor& descriptor,
                   const store::Work& work, const std::string& what) {
  oci::BlobFile blob = reader.open_blob(descriptor);
  if (reader.location().transport == oci::Transport::directory) return std::move(blob.fd);
  sys::Fd copy = sys::openat(work.fd(), "layer", O_RDWR | O_CREAT | O_EXCL, 0600);
  oci::copy_blob(blob, descriptor, copy.get(), what);
  if (::lseek(copy.get(), 0, SEEK_SET) != 0) throw SysError(errno, "read " + what);
  return copy;
}

store::Record import_layer(store::Store& store, const oci::LayoutReader& reader,
                           const oci::Image& image, std::size_t index, const std::string& key,
                           const std::vector<std::string>& parents, Observer& observer) {
  const oci::Descriptor& descriptor = image.manifest.layers[index];
  const std::string what = "layer " + descriptor.digest.hex().substr(0, 12);
  store::Work work = store.begin_step("image layer", parents.empty() ? "" : parents.back());
  layer::UnpackOptions options;
  options.kind = layer::ArchiveKind::oci_layer;
  options.digests = {descriptor.digest.algorithm()};
  options.warnings = &observer;
  options.progress = [&](std::uint64_t done) {
    observer.progress("unpack " + what, done, descriptor.size);
  };
  options.check_interrupt = [] { sys::check_interrupt(); };
  const sys::Fd file = layer_file(reader, descriptor, work, what);
  const layer::UnpackSummary summary =
      layer::unpack_archive(file.get(), what, work.fs_fd(), options);
  if (summary.digests.front() != descriptor.digest ||
      summary.diff_id != image.config.diff_ids[index])
    throw Error("verify " + what + ": its content is not what the image's manifest and config say",
                ExitCode::input)
        .set_hint("the image is damaged: fetch or build it again");
  store::Record record;
  record.key = key;
  record.step = "image layer";
  record.kind = "image";
  record.parts = Json::array({Json::array({"layer", image.config.diff_ids[index].to_string()}),
                              Json::array({"hides_lower", summary.hides_lower})});
  record.parents = parents;
  return store.publish(std::move(work), std::move(record));
}

bool hides_lower(const store::Record& record) {
  for (const Json& part : record.parts)
    if (part.is_array() && part.size() == 2 && part[0] == "hides_lower") return part[1] == true;
  return false;
}

}  // namespace

std::optional<std::vector<std::string>> find_layers(store::Store& store, const oci::Image& image) {
  std::vector<std::string> snapshots;
  std::string key;
  for (const Digest& diff_id : image.config.diff_ids) {
    key = layer_key(key, diff_id);
    const auto record = store.find_record(key, snapshots);
    if (!record) return std::nullopt;
    if (hides_lower(*record)) snapshots.clear();
    snapshots.push_back(record->snapshot);
  }
  if (snapshots.empty()) return std::nullopt;
  return snapshots;
}

std::vector<std::string> import_layers(store::Store& store, const oci::LayoutReader& reader,
                                       const oci::Image& image, Observer& observer) {
  std::vector<std::string> snapshots;
  std::string key;
  for (std::size_t i = 0; i < image.manifest.layers.size(); ++i) {
    key = layer_key(key, image.config.diff_ids[i]);
    const sys::FileLock lock = store.lock_key(key, "gbox run");
    auto record = store.find_record(key, snapshots);
    if (!record) record = import_layer(store, reader, image, i, key, snapshots, observer);
    if (hides_lower(*record)) snapshots.clear();
    snapshots.push_back(record->snapshot);
  }
  if (snapshots.empty())
    throw Error("read " + quoted(oci::to_string(reader.location())) + ": it has no layers",
                ExitCode::input);
  return snapshots;
}

}  // namespace gbox::build
