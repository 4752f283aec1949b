// Snapshots become layer blobs, each once: what was packed before is found in the store. Packing
// a finished snapshot overlaps with running the next step.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "gbox/base/sink.h"
#include "gbox/layer/pack.h"
#include "gbox/oci/image.h"
#include "gbox/spec/spec.h"
#include "gbox/store/store.h"

namespace gbox::build {

struct Packed {
  std::optional<oci::LayerBlob> blob;  // nullopt: nothing changed
  bool hides_lower = false;            // the layers below are dead weight
};

// One of several layers made of one tree.
struct PackedPart {
  std::string title;  // for the image's history
  oci::LayerBlob blob;
};

// How one pack call reports; nothing of it changes the bytes.
struct PackReport {
  WarningSink* warnings = nullptr;
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;
  std::function<void()> check_interrupt;
  unsigned threads = 0;  // 0: all
};

// May be used from several threads at once.
class LayerPacker {
 public:
  // Throws Error (usage) when SOURCE_DATE_EPOCH is no number.
  LayerPacker(const spec::BuildSpec& spec, store::Store& store);

  // The image's time, which pack() needs: not everybody who has a packer makes an image.
  void set_image_epoch(std::int64_t epoch) noexcept { image_epoch_ = epoch; }
  [[nodiscard]] std::int64_t image_epoch() const;

  // How to read the snapshot of the step of this index. The lowest one is a tree like any other,
  // but when only a directory is to become the image, that may be a later step's: then the lowest
  // one has no part of it, which only an upper layer may.
  [[nodiscard]] layer::TreeKind kind_of(std::size_t step) const noexcept {
    return step == 0 && output_.root == "/" ? layer::TreeKind::plain : layer::TreeKind::upper;
  }
  // The topmost snapshot of `chain` (lowest first) as a layer of its own.
  [[nodiscard]] Packed pack_top(const std::vector<std::string>& chain, layer::TreeKind kind,
                                const PackReport& report) const;
  // All of them merged as one layer.
  [[nodiscard]] Packed pack_merged(const std::vector<std::string>& chain,
                                   const PackReport& report) const;
  // All of them as layers by package: see gbox/content/grouping.h.
  [[nodiscard]] std::vector<PackedPart> pack_packages(const std::vector<std::string>& chain,
                                                      const PackReport& report) const;
  // A tree that no step made. `anchor` is a snapshot that stands for its content: under it the
  // layer is found again, and with it collected; empty: it is packed each time. `open` gives the
  // directory when there is something to pack.
  [[nodiscard]] oci::LayerBlob pack_tree(const layer::Adoption& adoption, const std::string& anchor,
                                         const std::function<int()>& open,
                                         const PackReport& report) const;
  // Of gbox's environment, for what is no build's result.
  [[nodiscard]] const std::optional<std::int64_t>& epoch() const noexcept { return epoch_; }

 private:
  [[nodiscard]] Packed pack(const std::vector<std::string>& snapshots,
                            const std::vector<std::string>& chain, layer::TreeKind kind,
                            const PackReport& report) const;
  // What decides a layer's bytes besides its snapshots.
  [[nodiscard]] std::string options_text(std::string_view kind) const;
  [[nodiscard]] layer::PackOptions image_options(const layer::Rewriter& rewriter,
                                                 const PackReport& report) const;
  [[nodiscard]] std::string codec_text() const;
  [[nodiscard]] layer::PackOptions pack_options(const PackReport& report) const;
  [[nodiscard]] oci::LayerBlob blob_of(const store::CachedLayer& layer) const;

  const spec::Output& output_;
  std::vector<std::string> roots_;  // see shown_roots()
  store::Store& store_;
  std::optional<std::int64_t> epoch_;
  std::optional<std::int64_t> image_epoch_;
};

// One thread that packs what it is given, in order. It only fills the store: a failure here is
// met again, and told, by whoever asks for the layer. The destructor stops it where it is.
class BackgroundPacker {
 public:
  explicit BackgroundPacker(const LayerPacker& packer);
  BackgroundPacker(const BackgroundPacker&) = delete;
  BackgroundPacker& operator=(const BackgroundPacker&) = delete;
  ~BackgroundPacker();

  void add(std::vector<std::string> chain, layer::TreeKind kind);  // see pack_top()
  // Waits until all that was added is packed; `on_tick` is called several times a second. What
  // there was to warn of goes to `warnings`.
  void finish(WarningSink& warnings, const std::function<void()>& on_tick);

 private:
  struct Job {
    std::vector<std::string> chain;
    layer::TreeKind kind;
  };
  void work();
  void pack_one(const Job& job);

  const LayerPacker& packer_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  std::vector<Warning> warnings_;
  bool busy_ = false;
  std::atomic<bool> stop_{false};
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace gbox::build
