// Blobs, and which blob a snapshot was packed into.
#include "gbox/store/blob.h"

#include <sys/stat.h>

#include <cerrno>

#include "gbox/base/text.h"
#include "gbox/sys/file.h"
#include "impl.h"

namespace gbox::store {

namespace {

constexpr const char* kBlobs = "blobs/sha256";

const std::string& blob_name(const Digest& digest) {
  if (digest.empty() || digest.algorithm() != HashAlgorithm::sha256)
    throw Error("internal error: blobs are named by sha256, not by " + quoted(digest.to_string()));
  return digest.hex();
}

std::string blob_file(const Digest& digest) {
  return std::string(kBlobs) + '/' + blob_name(digest);
}

}  // namespace

BlobWriter::BlobWriter(std::string scratch, std::string blobs, Uses& uses, sys::Fd fd,
                       sys::FileLock lock, sys::FileLock lease) noexcept
    : scratch_(std::move(scratch)),
      blobs_(std::move(blobs)),
      uses_(&uses),
      fd_(std::move(fd)),
      lock_(std::move(lock)),
      lease_(std::move(lease)) {}

BlobWriter::BlobWriter(BlobWriter&& other) noexcept
    : scratch_(std::exchange(other.scratch_, {})),
      blobs_(std::move(other.blobs_)),
      uses_(other.uses_),
      fd_(std::move(other.fd_)),
      lock_(std::move(other.lock_)),
      lease_(std::move(other.lease_)) {}

BlobWriter& BlobWriter::operator=(BlobWriter&& other) noexcept {
  if (this != &other) {
    discard();
    scratch_ = std::exchange(other.scratch_, {});
    blobs_ = std::move(other.blobs_);
    uses_ = other.uses_;
    fd_ = std::move(other.fd_);
    lock_ = std::move(other.lock_);
    lease_ = std::move(other.lease_);
  }
  return *this;
}

BlobWriter::~BlobWriter() {
  discard();
}

void BlobWriter::discard() noexcept {
  fd_.reset();
  if (!scratch_.empty()) {
    try {
      sys::remove_tree(AT_FDCWD, scratch_);
    } catch (const std::exception&) {
      // Swept as a leftover when the store is next opened.
    }
    scratch_.clear();
  }
  lock_.reset();
  lease_.reset();
}

std::string BlobWriter::commit(const Digest& digest) {
  const std::string target = blobs_ + '/' + blob_name(digest);
  uses_->add({blob_file(digest)});
  const struct stat ours = sys::fstat(fd_.get());
  const auto there = sys::try_fstatat(AT_FDCWD, target, AT_SYMLINK_NOFOLLOW);
  if (there && S_ISREG(there->st_mode) && there->st_size == ours.st_size) {
    (void)stamp(AT_FDCWD, target);  // only gc's order is lost without it
  } else {
    sys::renameat(AT_FDCWD, scratch_ + "/blob", AT_FDCWD, target);
  }
  discard();
  return target;
}

BlobWriter Store::new_blob() {
  sys::FileLock shared = lease("write a blob");
  Impl::Scratch scratch = impl_->make_scratch();
  BlobWriter writer(impl_->absolute(scratch.relative), impl_->absolute(kBlobs), impl_->uses, {},
                    std::move(scratch.lock), std::move(shared));
  // Readable by all, as blobs may be linked into an image layout; the store itself is 0700.
  writer.fd_ = sys::openat(writer.lock_.fd(), "blob", O_RDWR | O_CREAT | O_EXCL, 0644);
  return writer;
}

std::string Store::blob_path(const Digest& digest) const {
  return impl_->absolute(std::string(kBlobs) + '/' + blob_name(digest));
}

bool Store::has_blob(const Digest& digest) const {
  const auto status =
      sys::try_fstatat(fd(), std::string(kBlobs) + '/' + blob_name(digest), AT_SYMLINK_NOFOLLOW);
  return status && S_ISREG(status->st_mode);
}

std::string Store::Impl::blob_fault(const CachedLayer& layer) const {
  const auto status = sys::try_fstatat(
      root.get(), std::string(kBlobs) + '/' + blob_name(layer.digest), AT_SYMLINK_NOFOLLOW);
  if (!status || !S_ISREG(status->st_mode)) return "its blob is gone";
  if (static_cast<std::uint64_t>(status->st_size) != layer.size_bytes)
    return "its blob has " + std::to_string(status->st_size) + " bytes instead of " +
           std::to_string(layer.size_bytes);
  return {};
}

std::optional<Stored<LayerEntry>> Store::Impl::load_layer(const std::string& file,
                                                          std::string& why) const {
  why.clear();
  try {
    const auto text = sys::try_read_file(root.get(), "layers/" + file);
    if (!text) return std::nullopt;
    Stored<LayerEntry> stored = parse_layer(*text);
    why = blob_fault(stored.value.layer);
    if (why.empty() && layer_file_name(stored.value.key) != file) why = "it is of other snapshots";
    if (why.empty() && !boot_is_ours(stored.boot))
      why = "it was not yet on disk when the machine stopped";
    if (why.empty()) return stored;
  } catch (const Error& error) {
    why = error.message();
  }
  return std::nullopt;
}

std::optional<CachedLayer> Store::find_layer(const LayerKey& key) {
  const std::string file = layer_file_name(key);
  std::string why;
  const sys::FileLock gate = impl_->uses.enter();
  const auto stored = impl_->load_layer(file, why);
  if (!stored) {
    if (!why.empty()) {
      (void)::unlinkat(fd(), ("layers/" + file).c_str(), 0);  // gone already is as good
      impl_->warn("a packed layer is dropped and will be packed again: " + why);
    }
    return std::nullopt;
  }
  impl_->uses.note(gate, {"layers/" + file, blob_file(stored->value.layer.digest)});
  (void)stamp(fd(), "layers/" + file);  // only gc's order is lost without these
  (void)stamp(fd(), std::string(kBlobs) + '/' + blob_name(stored->value.layer.digest));
  if (!stored->boot.empty()) {
    const std::lock_guard guard(impl_->mutex);
    impl_->unsynced_layers.insert(file);
  }
  return stored->value.layer;
}

void Store::put_layer(const LayerKey& key, const CachedLayer& layer) {
  if (const std::string fault = impl_->blob_fault(layer); !fault.empty())
    throw Error("internal error: packed layer " + quoted(layer.digest.to_string()) + ": " + fault);
  const std::string file = layer_file_name(key);
  impl_->uses.add({"layers/" + file});
  sys::write_file_atomically(fd(), "layers/" + file, layer_text({key, layer}, impl_->boot()), 0600,
                             sys::Durable::no);
  impl_->note_growth(layer.size_bytes);
  const std::lock_guard guard(impl_->mutex);
  impl_->unsynced_layers.insert(file);
}

}  // namespace gbox::store
