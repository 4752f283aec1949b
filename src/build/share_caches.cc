#include "share_caches.h"

#include <algorithm>
#include <optional>

#include "cache_chain.h"
#include "gbox/base/text.h"
#include "gbox/layer/flatten.h"
#include "gbox/sys/file.h"
#include "gbox/sys/interrupt.h"
#include "share_archive.h"
#include "shared_directory.h"
#include "waiting.h"

namespace gbox::build {

namespace {

// All snapshots of a cache as one, for as long as this lives.
class Whole {
 public:
  Whole(store::Store& store, const std::string& id, const std::vector<std::string>& chain) {
    std::vector<sys::Fd> open;
    std::vector<int> layers;
    for (const std::string& snapshot : chain) {
      open.push_back(sys::open(store.snapshot_path(snapshot), O_RDONLY | O_DIRECTORY));
      layers.push_back(open.back().get());
    }
    if (open.size() == 1) {
      fd_ = std::move(open.front());
      return;
    }
    work_.emplace(store.begin_step(cache_step(id), chain.back()));
    (void)layer::flatten(layers, work_->fs_fd(), -1, [] { sys::check_interrupt(); });
    fd_ = sys::openat(work_->fs_fd(), ".", O_RDONLY | O_DIRECTORY);
  }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  std::optional<store::Work> work_;
  sys::Fd fd_;
};

layer::LayerResult pack(store::Store& store, const std::string& id,
                        const std::vector<std::string>& chain, int to, Observer& observer) {
  const Whole whole(store, id, chain);
  const std::string activity = "exporting cache " + id;
  return layer::pack_layer(whole.fd(), shared_pack_options(observer, activity), to);
}

// False when the directory has it as it is, or there is nothing in it.
bool write(store::Store& store, const ArchiveWriter& writer, const SharedCaches& known,
           const std::string& id, const std::vector<std::string>& chain, Observer& observer,
           ShareResult& result) {
  std::string why;
  if (const auto there = known.find(id, why);
      there && there->content == cache_content(chain) && known.open(*there, why))
    return false;
  std::string archive;
  const bool written = writer.write([&](int to) -> std::optional<ArchiveWriter::Made> {
    const auto cache = pack_cache(store, id, chain, to, observer);
    if (!cache) return std::nullopt;
    archive = shared_cache_archive(*cache);
    result.cache_bytes += cache->size_bytes;
    return ArchiveWriter::Made{archive, shared_cache_name(id), shared_cache_facts(*cache)};
  });
  if (!written) return false;
  const std::string prefix = cache_key(id) + '.';
  writer.remove_all([&](const std::string& other) {
    return other.starts_with(prefix) && other != archive && other != shared_cache_name(id);
  });
  ++result.caches_written;
  return true;
}

}  // namespace

std::vector<std::string> caches_in(const store::Store& store) {
  std::vector<std::string> ids;
  for (const store::Record& record : store.records())
    if (std::string id = cache_id(record); !id.empty()) ids.push_back(std::move(id));
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::string cache_content(const std::vector<std::string>& chain) {
  return sha256(join(chain, "\n")).hex();
}

std::optional<SharedCache> pack_cache(store::Store& store, const std::string& id,
                                      const std::vector<std::string>& chain, int to,
                                      Observer& observer) {
  const layer::LayerResult packed = pack(store, id, chain, to, observer);
  if (packed.empty) return std::nullopt;
  return SharedCache{id, cache_content(chain), packed.blob_digest, packed.blob_size};
}

void write_caches(store::Store& store, const std::string& directory,
                  const std::vector<std::string>& ids, Observer& observer, ShareResult& result) {
  std::optional<ArchiveWriter> writer;
  std::optional<SharedCaches> known;
  for (const std::string& id : ids) {
    const std::vector<std::string> chain = cache_chain(store, id);
    if (chain.empty()) continue;
    if (!writer) {
      writer.emplace(directory, kCachesDirectory, observer);
      known.emplace(sys::open(directory, O_RDONLY | O_DIRECTORY).get());
    }
    try {
      if (!write(store, *writer, *known, id, chain, observer, result)) ++result.caches_already;
    } catch (const Error& error) {
      // A name that no archive can hold; a full disk ends it all.
      if (error.code() != ExitCode::image) throw;
      ++result.caches_refused;
      observer.warn({"cache " + quoted(id) + " is not exported: " + error.message(), {}});
    }
  }
}

bool take_cache(store::Store& store, const SharedCache& cache, const sys::Fd& file,
                Observer& observer) {
  const sys::FileLock lock =
      store.lock_key(cache_key(cache.id), "take cache " + quoted(cache.id), waiting(observer));
  if (!cache_chain(store, cache.id).empty()) return false;
  store::Work work = store.begin_step(cache_step(cache.id));
  (void)unpack_shared(file, cache.sha256, cache.size_bytes, work.fs_fd(),
                      "importing cache " + cache.id, observer);
  (void)store.publish(std::move(work), blank_cache_record(cache.id));
  return true;
}

}  // namespace gbox::build
