#include "gbox/oci/pull.h"

#include <sys/utsname.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <mutex>

#include "files.h"
#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/oci/crew.h"
#include "gbox/oci/layout.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/file.h"
#include "gbox/sys/lock.h"
#include "linked.h"
#include "parcel.h"

namespace gbox::oci {

namespace {

// Blobs that are on their way, beside the target, under the digests they will have.
class Staging {
 public:
  explicit Staging(const std::string& target)
      : parent_path_(parent_of(target)), name_(name_of(target)) {
    try {
      parent_ = sys::open(parent_path_, O_RDONLY | O_DIRECTORY);
      sys::ensure_directories(parent_.get(), name_, 0700);
      auto lock = sys::FileLock::try_lock_directory(parent_.get(), name_);
      if (!lock)
        throw Error("another gbox pulls to the same place", ExitCode::image)
            .set_hint("wait for it, or name another target");
      lock_ = std::move(*lock);
      fd_ = sys::openat(parent_.get(), name_, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    } catch (Error& error) {
      throw error.add_context("open " + gbox::quoted(parent_path_ + '/' + name_))
          .add_code(ExitCode::image);
    }
  }
  [[nodiscard]] int fd() const { return fd_.get(); }
  // When the image is published: nothing in it is needed any more.
  void remove() { sys::remove_tree(parent_.get(), name_); }

 private:
  static std::string parent_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  }
  static std::string name_of(const std::string& path) {
    return path.substr(path.rfind('/') + 1) + ".pull";
  }

  std::string parent_path_;
  std::string name_;
  sys::Fd parent_;
  sys::FileLock lock_;
  sys::Fd fd_;
};

// A regular file that is this blob, beneath `dirfd`.
bool is_blob(int dirfd, const std::string& name, const Descriptor& descriptor) {
  try {
    const auto fd = sys::try_open_beneath(dirfd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY,
                                          sys::Resolve::no_symlinks);
    if (!fd || !S_ISREG(sys::fstat(fd->get()).st_mode)) return false;
    verify_blob(fd->get(), descriptor, gbox::quoted(descriptor.digest.to_string()));
    return true;
  } catch (const Interrupted&) {
    throw;
  } catch (const Error&) {
    return false;  // damaged: it is fetched
  }
}

class Pull {
 public:
  explicit Pull(const PullRequest& request)
      : request_(request), writer_(request.target, options()), staging_(request.target.path) {}

  PullSummary run() {
    resolve();
    take_kept();
    fetch();
    for (const Descriptor& blob : missing_)
      writer_.add_file(staging_.fd(), blob.digest.hex(), blob);
    for (const auto& [text, type] : documents_) (void)writer_.add_bytes(text, type);
    writer_.publish(root_);
    staging_.remove();
    summary_.digest = root_.digest;
    return summary_;
  }

 private:
  WriteOptions options() const {
    WriteOptions write;
    const std::string& repository = request_.source.repository;
    write.name = image_name(request_.target.reference, repository.substr(repository.rfind('/') + 1),
                            request_.source.tag.empty() ? "latest" : request_.source.tag);
    write.others = request_.others;
    write.sharing = Sharing::hard_link;
    write.warnings = request_.warnings;
    return write;
  }

  void resolve() {
    Registry registry(request_.registry, request_.source.host, request_.source.repository,
                      Rights::pull);
    if (!request_.all) {
      const RemoteImage remote =
          resolve_remote(registry, request_.source, request_.platform.value_or(own_platform()));
      root_ = remote.image.descriptor;
      documents_ = {{remote.manifest_text, std::string(kManifestType)},
                    {remote.config_text, std::string(kConfigType)}};
      if (remote.source != root_.digest && request_.warnings != nullptr)
        request_.warnings->warn({gbox::quoted(to_string(request_.source)) +
                                     " is of docker's own types: as an OCI "
                                     "image it has another digest, " +
                                     root_.digest.to_string(),
                                 {}});
      for (const Descriptor& layer : remote.image.manifest.layers) add(layer);
      return;
    }
    const auto document = registry.try_manifest(request_.source.wanted());
    if (!document)
      throw Error("open image " + gbox::quoted(to_string(request_.source)) + ": there is no " +
                      gbox::quoted(request_.source.wanted()),
                  ExitCode::input)
          .set_hint("is the name right, and may you read it?");
    root_ = document->descriptor;
    root_.media_type =
        parse_linked(document->text, root_.media_type, gbox::quoted(root_.digest.to_string()))
            .media_type;
    Parcel parcel;
    gather(parcel, root_, [&](const Descriptor& each) {
      if (each.media_type != kIndexType && each.media_type != kManifestType)
        throw Error(gbox::quoted(each.digest.to_string()) + " is of docker's own type " +
                        gbox::quoted(each.media_type),
                    ExitCode::input)
            .set_hint("pull without '--all': one platform is converted");
      return each.digest == root_.digest ? document->text : registry.manifest(each).text;
    });
    for (const Parcel::Document& each : parcel.documents)
      documents_.emplace_back(each.text, each.descriptor.media_type);
    for (const auto& [digest, blob] : parcel.blobs) add(blob);
  }

  // Each blob once, however often it is named.
  void add(const Descriptor& blob) {
    const bool known = std::any_of(blobs_.begin(), blobs_.end(), [&](const Descriptor& each) {
      return each.digest == blob.digest;
    });
    if (!known) blobs_.push_back(blob);
  }

  // What an older image in the target has already.
  void take_kept() {
    std::optional<sys::Fd> old;
    if (request_.target.transport == Transport::directory)
      old = sys::try_openat(AT_FDCWD, request_.target.path, O_RDONLY | O_DIRECTORY);
    for (const Descriptor& blob : blobs_) {
      const std::string name = blob_name(blob.digest);
      if (old && is_blob(old->get(), name, blob)) {
        writer_.add_file(old->get(), name, blob);
        ++summary_.kept;
      } else {
        missing_.push_back(blob);
      }
    }
  }

  void fetch() {
    std::stable_sort(missing_.begin(), missing_.end(),
                     [](const Descriptor& a, const Descriptor& b) { return a.size > b.size; });
    std::uint64_t total = 0;
    for (const Descriptor& blob : missing_) total += blob.size;
    require_room(total);
    std::atomic<std::int64_t> moved = 0;
    std::mutex mutex;
    const std::string what = "pull " + request_.source.name();
    const auto report = [&] {
      if (request_.progress)
        request_.progress(what, static_cast<std::uint64_t>(std::max<std::int64_t>(0, moved)),
                          total);
    };
    Crew({.options = request_.registry,
          .host = request_.source.host,
          .repository = request_.source.repository})
        .run(
            missing_.size(),
            [&](Registry& registry, std::size_t index) {
              const Descriptor& blob = missing_[index];
              const std::string name = blob.digest.hex();
              const auto count = [&](std::int64_t bytes) { moved += bytes; };
              // One file from beginning to end: a part is known by being too short, and what an
              // earlier run has finished is read once more, as somebody may have changed it.
              const sys::Fd fd =
                  sys::openat(staging_.fd(), name, O_RDWR | O_CREAT | O_NOFOLLOW, 0644);
              const auto before = static_cast<std::uint64_t>(sys::fstat(fd.get()).st_size);
              registry.get_blob(blob, fd.get(), count);
              const std::lock_guard lock(mutex);
              if (before == blob.size) {
                ++summary_.kept;
              } else {
                ++summary_.fetched;
                summary_.fetched_bytes += blob.size - std::min(before, blob.size);
              }
            },
            report);
    report();
  }

  void require_room(std::uint64_t bytes) const {
    const std::uint64_t free = sys::free_space(staging_.fd()).bytes;
    if (bytes <= free) return;
    throw Error("pull to " + gbox::quoted(request_.target.path) + ": the image takes up to " +
                    human_size(bytes) + ", " + human_size(free) + " are free there",
                ExitCode::image)
        .set_hint("make room, or name a target on another disk");
  }

  const PullRequest& request_;
  LayoutWriter writer_;
  Staging staging_;
  Descriptor root_;
  std::vector<std::pair<std::string, std::string>> documents_;  // text and type
  std::vector<Descriptor> blobs_;
  std::vector<Descriptor> missing_;
  PullSummary summary_;
};

}  // namespace

Platform own_platform() {
  utsname machine{};
  if (::uname(&machine) != 0) throw SysError(errno, "read the machine's architecture");
  return platform_of_machine(machine.machine);
}

PullSummary pull(const PullRequest& request) {
  return Pull(request).run();
}

}  // namespace gbox::oci
