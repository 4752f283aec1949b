#include "packer.h"

#include <chrono>
#include <csignal>

#include "epoch.h"
#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "root.h"
#include "shown_root.h"

namespace gbox::build {

namespace {

// Raised when the same tree would be packed into other bytes: cached layers are then made anew.
constexpr char kPackFormat[] = "2";
constexpr char kTreePackFormat[] = "1";  // likewise, of trees that no step made

layer::Compression codec(spec::Compression compression) {
  switch (compression) {
    case spec::Compression::gzip:
      return layer::Compression::gzip;
    case spec::Compression::zstd:
      return layer::Compression::zstd;
    case spec::Compression::none:
      return layer::Compression::none;
  }
  throw Error("internal error: unknown compression");
}

std::string_view media_type(spec::Compression compression) {
  switch (compression) {
    case spec::Compression::gzip:
      return oci::kLayerGzipType;
    case spec::Compression::zstd:
      return oci::kLayerZstdType;
    case spec::Compression::none:
      return oci::kLayerType;
  }
  throw Error("internal error: unknown compression");
}

std::vector<std::string> roots_of_phases(const spec::BuildSpec& spec) {
  std::vector<std::string> roots;
  for (const spec::Phase& phase : spec.phases) roots.push_back(phase.root);
  return roots;
}

// Keeps what another thread warned of until the one that may speak asks for it.
class Collected : public WarningSink {
 public:
  explicit Collected(std::vector<Warning>& warnings) : warnings_(warnings) {}
  void warn(const Warning& warning) override { warnings_.push_back(warning); }

 private:
  std::vector<Warning>& warnings_;
};

}  // namespace

LayerPacker::LayerPacker(const spec::BuildSpec& spec, store::Store& store)
    : output_(spec.output),
      roots_(shown_roots(spec.output.root, roots_of_phases(spec))),
      store_(store),
      epoch_(environment_epoch()) {}

std::int64_t LayerPacker::image_epoch() const {
  if (!image_epoch_) throw Error("internal error: an image is packed before its time is known");
  return *image_epoch_;
}

Packed LayerPacker::pack_top(const std::vector<std::string>& chain, layer::TreeKind kind,
                             const PackReport& report) const {
  return pack({chain.back()}, chain, kind, report);
}

Packed LayerPacker::pack_merged(const std::vector<std::string>& chain,
                                const PackReport& report) const {
  return pack(chain, chain, layer::TreeKind::plain, report);
}

Packed LayerPacker::pack(const std::vector<std::string>& snapshots,
                         const std::vector<std::string>& chain, layer::TreeKind kind,
                         const PackReport& report) const {
  // What a snapshot was built upon need not be named: it is only ever upon that.
  const store::LayerKey key{snapshots,
                            options_text(kind == layer::TreeKind::plain ? "plain" : "upper")};
  if (const auto cached = store_.find_layer(key)) return {blob_of(*cached), false};

  const ShownRoot shown(store_, chain, roots_, image_epoch());
  layer::PackOptions options = image_options(shown, report);
  options.kind = kind;
  const MountedChain tree = mount_chain(store_, snapshots);
  store::BlobWriter writer = store_.new_blob();
  const layer::LayerResult result = layer::pack_layer(tree.get(), options, writer.fd());
  if (result.empty) return {std::nullopt, result.hides_lower};
  (void)writer.commit(result.blob_digest);
  const store::CachedLayer layer = {result.blob_digest, result.blob_size, result.diff_id,
                                    result.uncompressed_size};
  // A layer that hides those below it is rare, and its mark is not part of the cache's format.
  if (!result.hides_lower) store_.put_layer(key, layer);
  return {blob_of(layer), result.hides_lower};
}

oci::LayerBlob LayerPacker::pack_tree(const layer::Adoption& adoption, const std::string& anchor,
                                      const std::function<int()>& open,
                                      const PackReport& report) const {
  const store::LayerKey key{
      {anchor},
      std::string("tree=") + kTreePackFormat + ";prefix=" + adoption.prefix +
          ";file-mtime=" + (adoption.file_mtime ? std::to_string(*adoption.file_mtime) : "own") +
          ";directory-mtime=" + std::to_string(adoption.directory_mtime) + codec_text()};
  if (!anchor.empty())
    if (const auto cached = store_.find_layer(key)) return blob_of(*cached);
  layer::PackOptions options = pack_options(report);
  options.kind = layer::TreeKind::plain;
  options.adoption = &adoption;
  store::BlobWriter writer = store_.new_blob();
  const layer::LayerResult result = layer::pack_layer(open(), options, writer.fd());
  (void)writer.commit(result.blob_digest);
  const store::CachedLayer layer = {result.blob_digest, result.blob_size, result.diff_id,
                                    result.uncompressed_size};
  if (!anchor.empty()) store_.put_layer(key, layer);
  return blob_of(layer);
}

std::string LayerPacker::options_text(std::string_view kind) const {
  return std::string("format=") + kPackFormat + ";normal=" + content::kNormalFormat +
         ";epoch=" + std::to_string(image_epoch()) + ";root=" + join(roots_, ",") +
         ";kind=" + std::string(kind) + codec_text();
}

layer::PackOptions LayerPacker::image_options(const layer::Rewriter& rewriter,
                                              const PackReport& report) const {
  layer::PackOptions options = pack_options(report);
  options.kind = layer::TreeKind::plain;
  options.subtree = output_.root.substr(1);
  options.clamp_mtime.reset();  // the rewriter knows better
  options.rewriter = &rewriter;
  return options;
}

std::string LayerPacker::codec_text() const {
  return ";codec=" + std::string(spec::to_string(output_.compression)) +
         ";level=" + (output_.level ? std::to_string(*output_.level) : "default") +
         ";clamp=" + (epoch_ ? std::to_string(*epoch_) : "none");
}

layer::PackOptions LayerPacker::pack_options(const PackReport& report) const {
  layer::PackOptions options;
  options.compression = codec(output_.compression);
  options.level = output_.level;
  options.threads = report.threads;
  options.clamp_mtime = epoch_;
  options.warnings = report.warnings;
  options.progress = report.progress;
  options.check_interrupt = report.check_interrupt;
  return options;
}

oci::LayerBlob LayerPacker::blob_of(const store::CachedLayer& layer) const {
  return {AT_FDCWD,
          store_.blob_path(layer.digest),
          layer.digest,
          layer.size_bytes,
          std::string(media_type(output_.compression)),
          layer.diff_id};
}

BackgroundPacker::BackgroundPacker(const LayerPacker& packer) : packer_(packer) {
  // Signals are for the thread that runs the steps: a new thread inherits the mask.
  sigset_t all, before;
  (void)::sigfillset(&all);
  (void)::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { work(); });
  (void)::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

BackgroundPacker::~BackgroundPacker() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void BackgroundPacker::add(std::vector<std::string> chain, layer::TreeKind kind) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back({std::move(chain), kind});
  }
  changed_.notify_all();
}

void BackgroundPacker::finish(WarningSink& warnings, const std::function<void()>& on_tick) {
  std::unique_lock lock(mutex_);
  while (busy_ || !jobs_.empty()) {
    changed_.wait_for(lock, std::chrono::milliseconds(100));
    lock.unlock();
    on_tick();
    lock.lock();
  }
  for (const Warning& warning : warnings_) warnings.warn(warning);
  warnings_.clear();
}

void BackgroundPacker::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stop_ || !jobs_.empty(); });
    if (stop_) return;
    const Job job = std::move(jobs_.front());
    jobs_.pop_front();
    busy_ = true;
    lock.unlock();
    pack_one(job);
    lock.lock();
    busy_ = false;
    changed_.notify_all();
  }
}

void BackgroundPacker::pack_one(const Job& job) {
  std::vector<Warning> warnings;
  Collected sink(warnings);
  PackReport report;
  report.warnings = &sink;
  report.threads = 1;  // the step that runs meanwhile comes first
  report.check_interrupt = [this] {
    if (stop_) throw Error("stopped");
  };
  try {
    (void)packer_.pack_top(job.chain, job.kind, report);
  } catch (const std::exception&) {
    return;  // whoever asks for this layer tries again and tells what is wrong
  }
  const std::lock_guard lock(mutex_);
  warnings_.insert(warnings_.end(), warnings.begin(), warnings.end());
}

}  // namespace gbox::build
