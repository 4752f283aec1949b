#include "part.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "gbox/base/json.h"
#include "gbox/base/text.h"
#include "gbox/sys/file.h"

namespace gbox::net {

namespace {

constexpr std::uint64_t kMaxSourceBytes = 64u << 10;

// With digests a file is what they say, wherever it comes from; without, where it comes from.
std::string identity(const Transfer& transfer) {
  std::vector<std::string> parts;
  for (const Digest& digest : transfer.digests) parts.push_back(digest.to_string());
  std::sort(parts.begin(), parts.end());
  if (parts.empty()) {
    parts = transfer.urls;
    parts.push_back(transfer.file);
  }
  return sha256(join(parts, "\n")).hex();
}

Source read_source(int dirfd, const std::string& path) {
  try {
    if (const auto text = sys::try_read_file(dirfd, path, kMaxSourceBytes)) {
      const Json json = parse_json(*text, quoted(path));
      return {json_string(json, "url", path), json_string(json, "etag", path)};
    }
  } catch (const Error&) {
    // Only a help: without it the file is fetched from its beginning, or checked by its digests.
  }
  return {};
}

}  // namespace

std::optional<Part> Part::try_open(int dirfd, const Transfer& transfer) {
  Part part;
  part.dirfd_ = dirfd;
  part.name_ = identity(transfer);
  part.shown_ = transfer.name;
  auto lock = sys::FileLock::try_lock(dirfd, part.name_ + ".lock", sys::LockMode::exclusive,
                                      "fetch " + transfer.name);
  if (!lock) return std::nullopt;
  part.lock_ = std::move(*lock);
  part.fd_ = sys::openat(dirfd, part.name_ + ".part", O_RDWR | O_CREAT | O_NOFOLLOW, 0644);
  part.size_ = static_cast<std::uint64_t>(sys::fstat(part.fd_.get()).st_size);
  if (part.size_ > 0) part.source_ = read_source(dirfd, part.name_ + ".source");
  return part;
}

Part Part::anonymous() {
  Part part;
  part.name_ = part.shown_ = "a text in memory";
  part.fd_ = sys::Fd(::memfd_create("gbox-text", MFD_CLOEXEC));
  if (!part.fd_) throw SysError(errno, "make a file in memory");
  return part;
}

Part::~Part() {
  if (!named()) return;
  // Best effort: what is left costs space only. The lock's file goes last, while it is still held.
  if (published_ || size_ == 0) {
    if (!published_) (void)::unlinkat(dirfd_, (name_ + ".part").c_str(), 0);
    (void)::unlinkat(dirfd_, (name_ + ".source").c_str(), 0);
  }
  (void)::unlinkat(dirfd_, (name_ + ".lock").c_str(), 0);
}

void Part::restart(const Source& source) {
  // The old source must be gone before bytes of the new one can be taken for its.
  if (named()) (void)::unlinkat(dirfd_, (name_ + ".source").c_str(), 0);
  if (::ftruncate(fd_.get(), 0) != 0) throw SysError(errno, "empty " + quoted(name_ + ".part"));
  size_ = 0;
  source_ = source;
  if (named() && !source.etag.empty())
    sys::write_file_atomically(dirfd_, name_ + ".source",
                               canonical_json({{"url", source.url}, {"etag", source.etag}}) + "\n",
                               0600, sys::Durable::no);
}

void Part::append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count =
        ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_unwritten(errno);
    size_ += static_cast<std::uint64_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

void Part::throw_unwritten(int error_number) const {
  if (!named()) throw SysError(error_number, "write " + quoted(shown_));
  // Where there must be room: the file's own name, a digest, tells nobody.
  const std::string directory =
      sys::readlinkat(AT_FDCWD, "/proc/self/fd/" + std::to_string(dirfd_));
  SysError error(error_number, "fetch " + quoted(shown_) + ": write below " + quoted(directory),
                 ExitCode::host);
  const std::string kept = "; what has arrived is kept, and the next run goes on from there";
  if (error_number == ENOSPC)
    error.set_hint("free space on that disk, or use '--store' on a larger one" + kept);
  if (error_number == EDQUOT)
    error.set_hint("the quota is used up: use '--store' on another disk" + kept);
  throw error;
}

void Part::publish(int dirfd, const std::string& file) {
  if (::fchmod(fd_.get(), 0644) != 0) throw SysError(errno, "chmod " + quoted(file));
  sys::fsync(fd_.get(), file);
  sys::renameat(dirfd_, name_ + ".part", dirfd, file);
  published_ = true;
}

}  // namespace gbox::net
