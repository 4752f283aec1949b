#include "share_archive.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "caller.h"
#include "gbox/base/text.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/file.h"
#include "gbox/sys/interrupt.h"
#include "shared_package.h"

namespace gbox::build {

ArchiveWriter::ArchiveWriter(const std::string& directory, const std::string& name,
                             Observer& observer)
    : path_(directory + '/' + name) {
  const sys::Fd top = sys::open(directory, O_RDONLY | O_DIRECTORY);
  if (!sys::try_fstatat(top.get(), name, AT_SYMLINK_NOFOLLOW)) {
    sys::ensure_directories(top.get(), name, 0755);
    give_to_caller(path_);
  }
  while (true) {
    if (auto held = sys::FileLock::try_lock_directory(top.get(), name)) {
      lock_ = std::move(*held);
      break;
    }
    sys::check_interrupt();
    observer.waiting("another gbox that writes to " + quoted(path_));
    observer.tick();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  // Of one that was killed.
  remove_all([](const std::string& each) { return each.starts_with(kUnfinished); });
}

bool ArchiveWriter::write(const std::function<std::optional<Made>(int to)>& make) const {
  const std::string name = std::string(kUnfinished) + sys::random_hex(8);
  struct Remove {
    int directory;
    const std::string& name;
    ~Remove() { (void)::unlinkat(directory, name.c_str(), 0); }  // gone already is as good
  } remove{fd(), name};
  std::optional<Made> made;
  {
    const sys::Fd to = sys::openat(fd(), name, O_RDWR | O_CREAT | O_EXCL, 0644);
    made = make(to.get());
    if (!made) return false;
    if (::fchmod(to.get(), 0644) != 0) throw SysError(errno, "chmod " + quoted(name));
    sys::fsync(to.get(), name);
  }
  // The archive first, under a name of its own: what is told of it never names another one.
  give_to_caller(path_ + '/' + name);
  sys::renameat(fd(), name, fd(), made->archive);
  sys::write_file_atomically(fd(), made->facts_name, made->facts, 0644);
  give_to_caller(path_ + '/' + made->facts_name);
  return true;
}

void ArchiveWriter::remove_all(const std::function<bool(const std::string& name)>& is_old) const {
  for (const std::string& name : sys::list_directory(fd(), path_))
    if (is_old(name)) (void)::unlinkat(fd(), name.c_str(), 0);  // another time, then
}

layer::PackOptions shared_pack_options(Observer& observer, const std::string& activity) {
  layer::PackOptions options;
  options.compression = layer::Compression::zstd;
  options.warnings = &observer;
  options.progress = [&](std::uint64_t done, std::uint64_t total) {
    observer.progress(activity, done, total);
    observer.tick();
  };
  options.check_interrupt = [] { sys::check_interrupt(); };
  return options;
}

layer::UnpackSummary unpack_shared(const sys::Fd& file, const Digest& sha256,
                                   std::uint64_t size_bytes, int to, const std::string& activity,
                                   Observer& observer) {
  layer::UnpackOptions options;
  options.kind = layer::ArchiveKind::oci_layer;
  options.digests = {HashAlgorithm::sha256};
  options.warnings = &observer;
  options.progress = [&](std::uint64_t done) {
    observer.progress(activity, done, size_bytes);
    observer.tick();
  };
  options.check_interrupt = [] { sys::check_interrupt(); };
  layer::UnpackSummary summary = layer::unpack_archive(file.get(), "it", to, options);
  if (summary.digests.front() != sha256)
    throw Error("its SHA-256 is " + summary.digests.front().hex() + " instead of " + sha256.hex(),
                ExitCode::input);
  return summary;
}

}  // namespace gbox::build
