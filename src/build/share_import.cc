// Packages of a directory into the store.
#include "gbox/base/text.h"
#include "gbox/build/share.h"
#include "gbox/sys/file.h"
#include "share_caches.h"
#include "share_take.h"
#include "waiting.h"

namespace gbox::build {

void take_package(store::Store& store, const SharedPackage& shared, const sys::Fd& from,
                  int scratch, CopyProgress& progress) {
  const std::string name = shared.package.path.substr(shared.package.path.rfind('/') + 1);
  struct Remove {
    int directory;
    const std::string& name;
    ~Remove() { (void)::unlinkat(directory, name.c_str(), 0); }  // the store has a link of its own
  } remove{scratch, name};
  {
    const sys::Fd to = sys::openat(scratch, name, O_WRONLY | O_CREAT | O_EXCL, 0644);
    const Digest digest = copy_bytes(from.get(), to.get(), shared.package.size_bytes, progress);
    if (digest != shared.package.sha256)
      throw Error("its SHA-256 is " + digest.hex() + " instead of " + shared.package.sha256.hex(),
                  ExitCode::input);
  }
  (void)store.put_package(scratch, name, shared.package);
}

namespace {

void import_caches(store::Store& store, const SharedDirectory& from, Observer& observer,
                   ShareResult& result) {
  const SharedCaches shared(from.fd());
  for (const auto& [id, cache] : shared.list(observer, result.caches_refused)) {
    std::string why;
    if (const auto file = shared.open(cache, why)) {
      try {
        if (take_cache(store, cache, *file, observer)) {
          ++result.caches_written;
          result.cache_bytes += cache.size_bytes;
        } else {
          ++result.caches_already;
        }
      } catch (const Error& error) {
        if (error.code() != ExitCode::input) throw;
        why = error.message();
      }
    }
    if (why.empty()) continue;
    ++result.caches_refused;
    observer.warn({"cache " + quoted(id) + " is not imported: " + why, {}});
  }
}

}  // namespace

ShareResult import_packages(store::Store& store, const std::string& directory, Observer& observer) {
  return with_context("import " + quoted(directory), [&] {
    const SharedDirectory from(directory);
    const sys::FileLock lease = store.lease("gbox cache import", waiting(observer));
    ShareResult result;
    import_caches(store, from, observer, result);
    std::map<std::string, SharedPackage> packages = from.list(observer, result.refused);
    CopyProgress progress{observer, "importing", 0, 0};
    for (auto it = packages.begin(); it != packages.end();) {
      if (store.find_package(it->first)) {
        ++result.already;
        it = packages.erase(it);
        continue;
      }
      progress.total += it->second.package.size_bytes;
      ++it;
    }
    if (packages.empty()) return result;
    const store::Work work = store.begin_step("import");
    for (const auto& [key, shared] : packages) {
      std::string why;
      if (const auto file = from.open(shared, why)) {
        const std::uint64_t before = progress.done;
        try {
          take_package(store, shared, *file, work.fs_fd(), progress);
          ++result.written;
          result.bytes += shared.package.size_bytes;
        } catch (const Error& error) {
          // Only what is wrong with this one is passed over: a full disk ends it all.
          if (error.code() != ExitCode::input) throw;
          why = error.message();
          progress.done = before + shared.package.size_bytes;
        }
      }
      if (why.empty()) continue;
      ++result.refused;
      observer.warn({quoted(shared.place) + " is not imported: " + why, {}});
    }
    observer.progress(progress.activity, progress.total, progress.total);
    store.sync();
    return result;
  });
}

}  // namespace gbox::build
