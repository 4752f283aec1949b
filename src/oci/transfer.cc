#include "transfer.h"

#include <linux/fs.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "gbox/base/error.h"
#include "gbox/base/text.h"

namespace gbox::oci {

namespace {

constexpr std::uint64_t kChunkBytes = 16u << 20;  // so that clocks move and Ctrl-C is heard

bool try_clone(const BlobFile& blob, int out_fd) {
  if (blob.offset != 0 || ::lseek(out_fd, 0, SEEK_CUR) != 0) return false;
  if (static_cast<std::uint64_t>(sys::fstat(blob.fd.get()).st_size) != blob.size) return false;
  // Most file systems say EOPNOTSUPP, different ones EXDEV: every refusal means "copy".
  if (::ioctl(out_fd, FICLONE, blob.fd.get()) != 0) return false;
  return ::lseek(out_fd, 0, SEEK_END) >= 0;
}

[[noreturn]] void throw_short(std::string_view what) {
  throw Error("copy " + gbox::quoted(what) + ": the file became shorter meanwhile",
              ExitCode::image);
}

// Returns how much was copied; less than all when the kernel cannot do it for these two files.
std::uint64_t copy_in_kernel(const BlobFile& blob, int out_fd, std::string_view what,
                             const Copied& copied) {
  auto from = static_cast<off_t>(blob.offset);
  std::uint64_t done = 0;
  while (done < blob.size) {
    const std::uint64_t want = std::min(blob.size - done, kChunkBytes);
    const ssize_t count =
        ::copy_file_range(blob.fd.get(), &from, out_fd, nullptr, static_cast<std::size_t>(want), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP ||
                      errno == EBADF || errno == EPERM))
      return done;
    if (count < 0) {
      SysError error(errno, "copy " + gbox::quoted(what));
      if (error.error_number() == ENOSPC)
        error.set_hint("free space or inodes ('df -h', 'df -i'), or use a larger disk");
      throw error;
    }
    // Some file systems answer 0 before the end (5.x, procfs-like): let read() have the last word.
    if (count == 0) return done;
    done += static_cast<std::uint64_t>(count);
    if (copied) copied(static_cast<std::uint64_t>(count));
  }
  return done;
}

void copy_by_reading(const BlobFile& blob, std::uint64_t done, int out_fd, std::string_view what,
                     const Copied& copied) {
  if (::lseek(blob.fd.get(), static_cast<off_t>(blob.offset + done), SEEK_SET) < 0)
    throw SysError(errno, "seek in " + gbox::quoted(what));
  std::vector<std::byte> buffer(kBufferBytes);
  while (done < blob.size) {
    const auto want =
        static_cast<std::size_t>(std::min<std::uint64_t>(blob.size - done, buffer.size()));
    const std::span<std::byte> part = std::span(buffer).first(want);
    if (sys::read_full(blob.fd.get(), part, what) != want) throw_short(what);
    sys::write_all(out_fd, part, what);
    done += want;
    if (copied) copied(want);
  }
}

}  // namespace

void append_blob(const BlobFile& blob, int out_fd, std::string_view what, const Copied& copied,
                 Kernel kernel) {
  std::uint64_t done = 0;
  if (kernel == Kernel::copies) {
    if (try_clone(blob, out_fd)) {
      if (copied) copied(blob.size);
      return;
    }
    done = copy_in_kernel(blob, out_fd, what, copied);
  }
  copy_by_reading(blob, done, out_fd, what, copied);
}

bool try_link_blob(int fd, int dirfd, const std::string& name) {
  constexpr mode_t kAllRead = S_IRUSR | S_IRGRP | S_IROTH;
  if ((sys::fstat(fd).st_mode & kAllRead) != kAllRead) return false;
  // Through /proc: AT_EMPTY_PATH would ask for CAP_DAC_READ_SEARCH.
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  return ::linkat(AT_FDCWD, link.c_str(), dirfd, name.c_str(), AT_SYMLINK_FOLLOW) == 0;
}

}  // namespace gbox::oci
