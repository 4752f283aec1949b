// An archive in any compression, as a base and as a layer of an image: it stays in its directory.
#include <sys/mman.h>
#include <unistd.h>

#include "gbox/layer/unpack.h"
#include "gbox/sys/file.h"
#include "target.h"

using namespace gbox;

namespace {

void unpack(int archive, layer::ArchiveKind kind) {
  static const sys::TempDir around("/dev/shm", "gbox-fuzz-");
  sys::mkdirat(around.fd(), "target", 0755);
  {
    const sys::Fd target = sys::openat(around.fd(), "target", O_RDONLY | O_DIRECTORY);
    layer::UnpackOptions options;
    options.kind = kind;
    options.access = layer::Access::readable;  // owners need a namespace
    options.threads = 1;
    options.limits.total_bytes = options.limits.entry_bytes = 1u << 20;
    options.limits.entries = 1000;
    options.limits.ratio_free_bytes = 8u << 20;
    fuzz::refusing([&] {
      if (::lseek(archive, 0, SEEK_SET) != 0) throw SysError(errno, "lseek");
      (void)layer::unpack_archive(archive, "fuzz", target.get(), options);
    });
  }
  fuzz::require(sys::list_directory(around.fd(), "around").size() == 1,
                "an archive makes nothing outside its directory");
  sys::remove_tree(around.fd(), "target");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const sys::Fd archive(::memfd_create("fuzz", MFD_CLOEXEC));
  sys::write_all(archive.get(), fuzz::text_of(data, size), "fuzz");
  unpack(archive.get(), layer::ArchiveKind::tarball);
  unpack(archive.get(), layer::ArchiveKind::oci_layer);
  return 0;
}
