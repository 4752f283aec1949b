#include <sys/file.h>

#include <cerrno>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "files.h"
#include "gbox/base/error.h"
#include "gbox/base/json.h"
#include "gbox/base/text.h"
#include "gbox/oci/attachment.h"
#include "gbox/oci/layout.h"
#include "gbox/sys/file.h"
#include "layout_append.h"
#include "tar.h"
#include "target.h"
#include "transfer.h"

namespace gbox::oci {

namespace {

constexpr int kPublishTries = 16;  // of so many that write to one place at once, each has its turn
constexpr std::string_view kLegacyFile = "manifest.json";

struct PendingBlob {
  Descriptor descriptor;
  std::optional<BlobFile> file;  // else `bytes`
  bool linkable = false;         // it is the store's own
  std::string bytes;
};
using PendingBlobs = std::map<Digest, PendingBlob>;  // sorted: same image, same archive

void set_mode(int fd, mode_t mode, std::string_view what) {
  if (::fchmod(fd, mode) != 0) throw SysError(errno, "chmod " + gbox::quoted(what));
}

// What is written beside the target; removed again unless it was published.
class Draft {
 public:
  Draft(const TargetPlace& place, Transport transport) : place_(place), transport_(transport) {
    // Another gbox that publishes to the same target may take a draft for a dead one's in the
    // instant before the lock is held: it then is to be removed, or has no name any more.
    do {
      name_ = place.name + ".tmp-" + sys::random_hex(6);
      make();
    } while (!fd_ || (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) ||
             !sys::try_fstatat(place_.parent.get(), name_, AT_SYMLINK_NOFOLLOW));
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;
  ~Draft() {
    if (name_.empty()) return;
    try {
      sys::remove_tree(place_.parent.get(), name_);
    } catch (const std::exception&) {
      // The next gbox that writes to this target removes it.
    }
  }
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] const std::string& name() const { return name_; }
  void published() { name_.clear(); }

 private:
  void make() {
    const int parent = place_.parent.get();
    if (transport_ == Transport::archive) {
      fd_ = sys::openat(parent, name_, O_WRONLY | O_CREAT | O_EXCL, 0600);
    } else {
      sys::mkdirat(parent, name_, 0700);
      fd_ = sys::try_openat(parent, name_, O_RDONLY | O_DIRECTORY | O_NOFOLLOW).value_or(sys::Fd());
    }
  }

  const TargetPlace& place_;
  Transport transport_;
  std::string name_;
  sys::Fd fd_;
};

}  // namespace

struct LayoutWriter::State {
  OutputTarget target;
  WriteOptions options;
  PendingBlobs own;
  Digest root_digest;
  // What is there besides, as of the last look.
  std::optional<KeptImages> kept;
  PendingBlobs others;
  std::map<Digest, const PendingBlob*> blobs;  // all that is to be written
  std::uint64_t done_bytes = 0;
  std::uint64_t total_bytes = 0;

  void add(PendingBlob blob) { own.try_emplace(blob.descriptor.digest, std::move(blob)); }
  void add_other(PendingBlob blob) { others.try_emplace(blob.descriptor.digest, std::move(blob)); }

  // `replaced` is one of its own that nothing names any more.
  void gather_blobs(const std::optional<Digest>& replaced) {
    blobs.clear();
    for (const auto& [digest, blob] : own)
      if (digest != replaced) blobs.try_emplace(digest, &blob);
    for (const auto& [digest, blob] : others) blobs.try_emplace(digest, &blob);
  }

  void sync(int fd, std::string_view what) const {
    if (options.durable == sys::Durable::yes) sys::fsync(fd, what);
  }

  void copied(std::uint64_t bytes) {
    done_bytes += bytes;
    if (options.progress) options.progress(done_bytes, total_bytes);
  }

  [[nodiscard]] std::string index_text(Descriptor manifest, const StringMap& annotations) const {
    manifest.annotations[std::string(kRefNameKey)] = options.name.ref_name;
    if (target.transport == Transport::archive && !options.name.full_name.empty())
      manifest.annotations[std::string(kImageNameKey)] = options.name.full_name;
    // One entry and no more unless asked for: skopeo and podman refuse a layout with two.
    Index index{.manifests = {}, .annotations = annotations};
    if (kept) index.manifests = kept->entries;
    index.manifests.push_back(std::move(manifest));
    return to_json(index);
  }

  // The images of other names that are there, with what is about them. Their files come by links
  // where that goes: nobody else will have them once this is published. Returns the digest of what
  // is about the own image alone, when one index now tells of all.
  std::optional<Digest> keep_others(StringMap& annotations) {
    kept = read_kept_images(target, options.name.ref_name);
    for (const Parcel::Document& document : kept->parcel.documents)
      add_other({.descriptor = document.descriptor, .file = std::nullopt, .bytes = document.text});
    for (const auto& [digest, descriptor] : kept->parcel.blobs)
      add_other({.descriptor = descriptor,
                 .file = kept->reader->open_blob(descriptor),
                 .linkable = target.transport == Transport::directory,
                 .bytes = {}});
    if (kept->about_them.empty()) return std::nullopt;
    const auto ours = referrers_of(annotations);
    PendingBlob index{.descriptor = {},
                      .file = std::nullopt,
                      .bytes = merge_referrers(
                          kept->referrers, ours ? own.at(ours->digest).bytes : "",
                          [&](const Digest& each) { return kept->about_them.contains(each); })};
    index.descriptor = {.media_type = std::string(kIndexType),
                        .digest = sha256(index.bytes),
                        .size = index.bytes.size()};
    annotations[std::string(kReferrersKey)] = referrers_annotation(index.descriptor);
    add_other(std::move(index));
    return ours ? std::optional(ours->digest) : std::nullopt;
  }

  // Everything that is to be written, and the text of index.json.
  std::string compose(const Descriptor& manifest, StringMap annotations) {
    kept.reset();
    others.clear();
    const sys::Fd lock = lock_target(target);
    const TargetPlace place = examine_target(target, options.name.ref_name, options.others);
    std::optional<Digest> replaced;
    if (options.others == Others::keep && place.occupied == Occupied::layout)
      replaced = keep_others(annotations);
    gather_blobs(replaced);
    done_bytes = 0;
    total_bytes = 0;
    for (const auto& [digest, blob] : blobs) total_bytes += blob->descriptor.size;
    return index_text(manifest, annotations);
  }

  void append(const PendingBlob& blob, int out_fd) {
    const std::string what = blob.descriptor.digest.to_string();
    if (blob.file) {
      append_blob(*blob.file, out_fd, what, [this](std::uint64_t bytes) { copied(bytes); });
    } else {
      sys::write_all(out_fd, blob.bytes, what);
      copied(blob.bytes.size());
    }
  }

  void write_blob(const PendingBlob& blob, int dirfd) {
    const std::string& name = blob.descriptor.digest.hex();
    // Of an archive, a name would be one of the whole; and what lies elsewhere stays the owner's.
    if (options.sharing == Sharing::hard_link && blob.file && blob.linkable &&
        try_link_blob(blob.file->fd.get(), dirfd, name)) {
      copied(blob.descriptor.size);
      return;
    }
    const sys::Fd out = sys::openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL, 0644);
    append(blob, out.get());
    set_mode(out.get(), 0644, name);  // whatever the umask says: an image is there to be read
    sync(out.get(), name);
  }

  void write_directory(int root, const std::string& index) {
    sys::mkdirat(root, "blobs", 0755);
    const sys::Fd blobs_fd = sys::openat(root, "blobs", O_RDONLY | O_DIRECTORY);
    std::map<std::string, sys::Fd> directories;
    for (const auto& [digest, blob] : blobs) {
      const std::string algorithm(digest.algorithm_name());
      sys::Fd& directory = directories[algorithm];
      if (!directory) {
        sys::mkdirat(blobs_fd.get(), algorithm, 0755);
        directory = sys::openat(blobs_fd.get(), algorithm, O_RDONLY | O_DIRECTORY);
      }
      write_blob(*blob, directory.get());
    }
    sys::write_file_atomically(root, std::string(kLayoutFile), kLayoutText, 0644, options.durable);
    sys::write_file_atomically(root, std::string(kIndexFile), index, 0644, options.durable);
    for (const auto& [algorithm, directory] : directories) {
      set_mode(directory.get(), 0755, algorithm);
      sync(directory.get(), algorithm);
    }
    set_mode(blobs_fd.get(), 0755, "blobs");
    sync(blobs_fd.get(), "blobs");
    set_mode(root, 0755, target.path);
    sync(root, target.path);
  }

  static void write_padding(int fd, std::uint64_t size, std::string_view what) {
    sys::write_all(fd, std::string(static_cast<std::size_t>(tar_padding(size)), '\0'), what);
  }

  // What 'docker save' wrote before there was an image layout, and still writes beside it: docker
  // 24 and older, and skopeo's 'docker-archive', read nothing else. Only one image fits it.
  [[nodiscard]] std::string legacy_text() const {
    const auto root = own.find(root_digest);
    if ((kept && !kept->entries.empty()) || root == own.end() ||
        root->second.descriptor.media_type != kManifestType)
      return {};
    const Manifest manifest = parse_manifest(root->second.bytes, "the manifest");
    OrderedJson layers = OrderedJson::array();
    for (const Descriptor& layer : manifest.layers) layers.push_back(blob_name(layer.digest));
    OrderedJson tags = OrderedJson::array();
    if (!options.name.full_name.empty()) tags.push_back(options.name.full_name);
    OrderedJson image;
    image["Config"] = blob_name(manifest.config.digest);
    image["RepoTags"] = std::move(tags);
    image["Layers"] = std::move(layers);
    OrderedJson list = OrderedJson::array();
    list.push_back(std::move(image));
    return list.dump();
  }

  // Small documents first, so that a reader of a stream knows the image before the layers come.
  void write_archive(int fd, const std::string& index) {
    const std::string& what = target.path;
    const auto add_text = [&](std::string_view name, std::string_view text) {
      sys::write_all(fd, tar_header(name, TarKind::file, text.size()), what);
      sys::write_all(fd, text, what);
      write_padding(fd, text.size(), what);
    };
    add_text(kLayoutFile, kLayoutText);
    add_text(kIndexFile, index);
    if (const std::string legacy = legacy_text(); !legacy.empty()) add_text(kLegacyFile, legacy);
    sys::write_all(fd, tar_header("blobs/", TarKind::directory, 0), what);
    std::set<std::string_view> directories;
    for (const auto& [digest, blob] : blobs) {
      if (directories.insert(digest.algorithm_name()).second)
        sys::write_all(fd,
                       tar_header("blobs/" + std::string(digest.algorithm_name()) + '/',
                                  TarKind::directory, 0),
                       what);
      const std::uint64_t size = blob->descriptor.size;
      sys::write_all(fd, tar_header(blob_name(digest), TarKind::file, size), what);
      append(*blob, fd);
      write_padding(fd, size, what);
    }
    sys::write_all(fd, std::string(2 * kTarBlock, '\0'), what);
    set_mode(fd, 0644, target.path);
    sync(fd, target.path);
  }

  void remove_old(const TargetPlace& place, const std::string& old) const {
    try {
      sys::remove_tree(place.parent.get(), old);
    } catch (const Error& error) {
      if (options.warnings != nullptr)
        options.warnings->warn({.message = deed_of(target) + ": the old image stays as " +
                                           gbox::quoted(place.parent_path + '/' + old) + ": " +
                                           error.message(),
                                .hint = "remove it by hand"});
    }
  }

  // Returns false when somebody else published to the same place since it was looked at.
  [[nodiscard]] bool try_publish(const Draft& draft) const {
    const sys::Fd lock = lock_target(target);
    const TargetPlace place = examine_target(target, options.name.ref_name, options.others);
    const bool is_known = kept ? kept->is_current(target) : place.occupied != Occupied::layout;
    if (options.others == Others::keep && !is_known) return false;
    try {
      if (target.transport == Transport::archive) {
        replace_file(place, draft.name());
      } else {
        const std::string old = replace_directory(place, draft.name());
        if (!old.empty()) remove_old(place, old);
      }
    } catch (const SysError& error) {
      if (error.error_number() == ENOTEMPTY || error.error_number() == EEXIST) return false;
      throw;
    }
    sync(place.parent.get(), place.parent_path);
    return true;
  }

  void publish(const Descriptor& manifest, const StringMap& annotations) {
    root_digest = manifest.digest;
    for (int tries = 0; tries < kPublishTries; ++tries) {
      const std::string index = compose(manifest, annotations);
      const TargetPlace place = find_place(target);
      remove_stale_leftovers(place);
      Draft draft(place, target.transport);
      if (target.transport == Transport::archive)
        write_archive(draft.fd(), index);
      else
        write_directory(draft.fd(), index);
      if (!try_publish(draft)) continue;
      draft.published();
      return;
    }
    throw Error("others keep writing to the same place", ExitCode::image)
        .set_hint("run again: all that was made is kept");
  }
};

LayoutWriter::LayoutWriter(OutputTarget target, WriteOptions options)
    : state_(std::make_unique<State>()) {
  state_->target = std::move(target);
  state_->options = std::move(options);
  check_target(state_->target, state_->options.name.ref_name, state_->options.others);
}
LayoutWriter::LayoutWriter(LayoutWriter&&) noexcept = default;
LayoutWriter& LayoutWriter::operator=(LayoutWriter&&) noexcept = default;
LayoutWriter::~LayoutWriter() = default;

void LayoutWriter::add_file(int dirfd, const std::string& path, const Descriptor& descriptor) {
  const std::string what = gbox::quoted(path);
  BlobFile file{.fd = sys::openat(dirfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY)};
  const struct stat status = sys::fstat(file.fd.get());
  file.size = static_cast<std::uint64_t>(status.st_size);
  if (!S_ISREG(status.st_mode) || file.size != descriptor.size)
    throw Error("add blob " + what + ": it has " + std::to_string(file.size) +
                    " bytes instead of " + std::to_string(descriptor.size),
                ExitCode::image);
  state_->add({.descriptor = descriptor, .file = std::move(file), .linkable = true, .bytes = {}});
}

void LayoutWriter::add_blob(const BlobFile& blob, const Descriptor& descriptor) {
  if (blob.size != descriptor.size)
    throw Error("add blob " + gbox::quoted(descriptor.digest.to_string()) + ": it has " +
                    std::to_string(blob.size) + " bytes instead of " +
                    std::to_string(descriptor.size),
                ExitCode::image);
  // An offset of its own, so that one image may be written to several targets.
  BlobFile own{.fd = sys::open("/proc/self/fd/" + std::to_string(blob.fd.get()), O_RDONLY),
               .offset = blob.offset,
               .size = blob.size};
  if (::lseek(own.fd.get(), static_cast<off_t>(own.offset), SEEK_SET) < 0)
    throw SysError(errno, "seek in blob " + gbox::quoted(descriptor.digest.to_string()));
  state_->add({.descriptor = descriptor, .file = std::move(own), .bytes = {}});
}

Descriptor LayoutWriter::add_bytes(std::string bytes, std::string_view media_type) {
  Descriptor descriptor{
      .media_type = std::string(media_type), .digest = sha256(bytes), .size = bytes.size()};
  state_->add({.descriptor = descriptor, .file = std::nullopt, .bytes = std::move(bytes)});
  return descriptor;
}

void LayoutWriter::publish(const Descriptor& manifest, const StringMap& annotations) {
  if (!state_->own.contains(manifest.digest))
    throw Error("internal error: publishing an image whose manifest was not added");
  try {
    state_->publish(manifest, annotations);
  } catch (Error& error) {
    if (!error.message().starts_with(deed_of(state_->target)))
      error.add_context(deed_of(state_->target));
    error.add_code(ExitCode::image);
    throw;
  }
}

}  // namespace gbox::oci
