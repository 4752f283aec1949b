#include "cache_directories.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "cache_chain.h"
#include "caller.h"
#include "gbox/base/text.h"
#include "gbox/oci/reference.h"
#include "gbox/sys/file.h"
#include "share_caches.h"
#include "share_take.h"
#include "share_write.h"

namespace gbox::build {

namespace {

constexpr const char* kSubject = "cache";

std::string packages_of(std::size_t count, std::uint64_t bytes) {
  return counted(count, "package") + " (" + human_size(bytes) + ')';
}

void refuse_store(int directory, const std::string& option, const std::string& path) {
  if (!sys::try_fstatat(directory, "gbox-store.json", AT_SYMLINK_NOFOLLOW)) return;
  throw Error(option + ": " + quoted(path) + " is a store, no directory of packages",
              ExitCode::usage)
      .set_hint("name a directory of its own; a store is taken as it is, by '--store'");
}

// Makes a file there and takes it away again: nothing else proves that it can be done.
void try_writing(int directory, const std::string& subject) {
  const std::string name = ".gbox-try-" + sys::random_hex(8);
  sys::Fd file = sys::openat(directory, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
  const int failed = ::write(file.get(), "x", 1) == 1 ? 0 : errno;
  (void)::unlinkat(directory, name.c_str(), 0);  // an empty file that stays harms nobody
  if (failed != 0) throw SysError(failed, "write to " + quoted(subject));
}

}  // namespace

CacheDirectories::CacheDirectories(const CachePlaces& places, store::Store& store,
                                   Observer& observer, SourceOptions sources)
    : store_(store), observer_(observer), sources_(std::move(sources)) {
  for (const std::string& path : places.from) open(path);
  for (const std::string& path : places.to) prepare(path);
  if (places.snapshots == ShareSnapshots::yes) snapshots_.emplace(from_, store_, observer_);
}

void CacheDirectories::open(const std::string& path) {
  const std::string option = "--cache-from";
  if (oci::names_registry(path)) {
    from_.emplace_back(path, std::make_shared<SharedRegistry>(path, option, sources_, observer_));
    return;
  }
  const auto status = sys::try_fstatat(AT_FDCWD, path, 0);
  if (status && !S_ISDIR(status->st_mode))
    throw Error(option + ": " + quoted(path) + " is not a directory", ExitCode::usage)
        .set_hint("name the directory that a build has written with '--cache-to dir=DIR'");
  // The first job of a pipeline finds nothing, and has nothing to learn from a warning.
  if (!status) return observer_.fact(kSubject, quoted(path) + " is not there yet");
  try {
    SharedDirectory directory(path);
    refuse_store(directory.fd(), option, path);
    if (!sys::try_fstatat(directory.fd(), kShareDirectory, AT_SYMLINK_NOFOLLOW))
      return observer_.fact(kSubject, quoted(path) + " has no packages yet");
    from_.emplace_back(path, std::move(directory));
  } catch (const Error& error) {
    if (error.code() == ExitCode::usage) throw;
    observer_.warn({option + ": " + error.message(), "nothing is taken from there"});
  }
}

void CacheDirectories::prepare(const std::string& path) {
  if (oci::names_registry(path)) {
    const auto [made, fresh] =
        to_registries_.try_emplace(path, path, "--cache-to", sources_, observer_);
    // Who may only read still builds: a pull request's job is not to fail for it.
    if (fresh && made->second.try_writing()) to_.push_back(path);
    return;
  }
  try {
    if (const auto status = sys::try_fstatat(AT_FDCWD, path, 0);
        status && !S_ISDIR(status->st_mode))
      throw Error(quoted(path) + " is not a directory", ExitCode::usage);
    make_shared_directory(path);
    const sys::Fd directory = sys::open(path, O_RDONLY | O_DIRECTORY);
    refuse_store(directory.get(), "--cache-to", path);
    const bool fresh =
        !sys::try_fstatat(directory.get(), kShareDirectory, AT_SYMLINK_NOFOLLOW).has_value();
    if (fresh) sys::ensure_directories(directory.get(), kShareDirectory, 0755);
    if (fresh) give_to_caller(path + '/' + kShareDirectory);
    const sys::Fd inner =
        sys::openat(directory.get(), kShareDirectory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    try_writing(directory.get(), path);
    try_writing(inner.get(), path + '/' + kShareDirectory);
  } catch (Error& error) {
    if (error.message().starts_with("--cache-to")) throw;
    throw error.add_context("--cache-to")
        .add_code(ExitCode::host)
        .add_hint("name a directory that you may write to, on a disk with room");
  }
  to_.push_back(path);
}

std::optional<std::string> CacheDirectories::find(const std::string& key) const {
  for (const CachePlace& place : from_) {
    std::string why;
    const auto shared = place.find(key, why);
    if (shared && place.offers(*shared)) return place.path();
  }
  return std::nullopt;
}

void CacheDirectories::look_for(const std::vector<std::string>& keys) const {
  for (const CachePlace& place : from_) place.look_for(keys);
}

void CacheDirectories::used(const std::vector<std::string>& keys) {
  for (const std::string& key : keys)
    if (known_.insert(key).second) asked_.push_back(key);
}

void CacheDirectories::refuse(const CachePlace& place, const std::string& key,
                              const std::string& what, const std::string& why) {
  refused_.insert(key);
  observer_.warn(
      {"--cache-from: " + quoted(what) + " in " + quoted(place.path()) + " is not taken: " + why,
       from_.size() > 1 ? "the other caches are asked, or the package is built"
                        : "the package is built"});
}

void CacheDirectories::bring(const std::string& what, const std::vector<std::string>& keys) {
  used(keys);
  // To look for them says that they are used: none of them goes for the sake of a limit.
  std::vector<std::string> missing;
  for (const std::string& key : keys)
    if (!store_.find_package(key)) missing.push_back(key);
  if (from_.empty() || missing.empty()) return;
  look_for(missing);
  std::optional<store::Work> work;
  CopyProgress progress{observer_, "packages from the cache", 0, 0};
  struct Taken {
    std::size_t count = 0;
    std::uint64_t bytes = 0;
  };
  std::vector<Taken> taken(from_.size());
  for (const std::string& key : missing) {
    for (std::size_t i = 0; i < from_.size(); ++i) {
      const CachePlace& place = from_[i];
      std::string why;
      const auto shared = place.find(key, why);
      if (!shared) {
        if (!why.empty()) refuse(place, key, shared_facts_name(key), why);
        continue;
      }
      const auto scratch = [&] {
        if (!work) work = store_.begin_step("cache");
        return work->fs_fd();
      };
      const auto file = place.open(*shared, scratch, why);
      if (file) {
        (void)scratch();
        progress.total = progress.done + shared->package.size_bytes;
        try {
          take_package(store_, *shared, *file, work->fs_fd(), progress);
          ++taken[i].count;
          taken[i].bytes += shared->package.size_bytes;
          break;
        } catch (const Error& error) {
          // A full disk here ends the build, which could not go on either.
          if (error.code() != ExitCode::input) throw;
          why = error.message();
        }
      }
      refuse(place, key, shared->place, why);
    }
  }
  for (std::size_t i = 0; i < from_.size(); ++i)
    if (taken[i].count != 0)
      observer_.fact(kSubject, what + ": " + packages_of(taken[i].count, taken[i].bytes) +
                                   " from " + quoted(from_[i].path()));
}

void CacheDirectories::bring_caches(const std::vector<std::string>& ids) {
  for (const std::string& id : ids) {
    caches_.push_back(id);
    std::optional<store::Work> work;
    const Scratch scratch = [&] {
      if (!work) work = store_.begin_step("cache");
      return work->fs_fd();
    };
    for (const CachePlace& place : from_) {
      if (!cache_chain(store_, id).empty()) break;
      std::string why;
      const auto cache = place.find_cache(id, why);
      if (const auto file = cache ? place.open(*cache, scratch, why) : std::nullopt) {
        try {
          if (take_cache(store_, *cache, *file, observer_))
            observer_.fact(kSubject, "cache " + quoted(id) + " (" + human_size(cache->size_bytes) +
                                         ") from " + quoted(place.path()));
        } catch (const Error& error) {
          // A full disk here ends the build, which could not go on either.
          if (error.code() != ExitCode::input) throw;
          why = error.message();
        }
      }
      if (!why.empty())
        observer_.warn({"--cache-from: the cache " + quoted(id) + " in " + quoted(place.path()) +
                            " is not taken: " + why,
                        "it begins empty, and costs time alone"});
    }
  }
}

void CacheDirectories::write_or_warn(const std::string& path, const std::function<void()>& write) {
  try {
    write();
  } catch (const Interrupted&) {
    throw;
  } catch (const Error& error) {
    observer_.warn(
        {"--cache-to: " + error.message(),
         "the image is not concerned; a later build writes what is missing in " + quoted(path)});
  }
}

void CacheDirectories::write() {
  if (to_.empty()) return;
  std::vector<store::Package> packages;
  for (const std::string& key : asked_)
    if (auto package = store_.peek_package(key)) packages.push_back(std::move(*package));
  for (const std::string& path : to_) {
    const auto found = to_registries_.find(path);
    SharedRegistry* const registry = found == to_registries_.end() ? nullptr : &found->second;
    write_or_warn(path, [&] {
      if (registry != nullptr)
        write_packages_to(*registry, path, packages);
      else if (!asked_.empty())  // else no phase came so far as to ask
        write_packages_to(path, packages);
    });
    write_or_warn(path, [&] {
      ShareResult result;
      if (registry != nullptr)
        result = write_caches_to(*registry);
      else
        with_context("write caches to " + quoted(path),
                     [&] { write_caches(store_, path, caches_, observer_, result); });
      tell_caches(result, path);
    });
    if (!snapshots_) continue;
    write_or_warn(path, [&] {
      const auto written = with_context("write snapshots to " + quoted(path), [&] {
        return registry != nullptr ? snapshots_->write_to(*registry) : snapshots_->write_to(path);
      });
      tell_snapshots(written, path);
    });
  }
}

void CacheDirectories::tell_caches(const ShareResult& result, const std::string& path) {
  if (result.caches_written != 0)
    observer_.fact(kSubject, counted(result.caches_written, "cache") + " (" +
                                 human_size(result.cache_bytes) + ") written to " + quoted(path));
}

void CacheDirectories::tell_snapshots(const CacheSnapshots::Written& result,
                                      const std::string& path) {
  if (result.written + result.already != 0)
    observer_.fact(kSubject, counted(result.written, "snapshot") + " (" + human_size(result.bytes) +
                                 ") written to " + quoted(path) + ", " +
                                 std::to_string(result.already) + " were there");
  if (!result.other.empty())
    observer_.fact(kSubject, quoted(path) + " has another build of phase " + quoted(result.other) +
                                 ": snapshots from there on are not written");
}

void CacheDirectories::write_packages_to(SharedRegistry& registry, const std::string& path,
                                         const std::vector<store::Package>& packages) {
  if (packages.empty()) return;
  const ShareResult result = registry.write(store_, packages, refused_);
  observer_.fact(kSubject, packages_of(result.written, result.bytes) + " sent to " + quoted(path) +
                               ", " + std::to_string(result.already) + " were there");
}

ShareResult CacheDirectories::write_caches_to(SharedRegistry& registry) {
  ShareResult result;
  for (const std::string& id : caches_) {
    const std::vector<std::string> chain = cache_chain(store_, id);
    if (chain.empty()) continue;
    std::string why;
    const auto there = registry.find_cache(id, why);
    if (there && there->content == cache_content(chain)) {
      ++result.caches_already;
      continue;
    }
    with_context("cache " + quoted(id), [&] {
      const store::Work work = store_.begin_step("cache");
      const sys::Fd file = sys::openat(work.fs_fd(), ".", O_TMPFILE | O_RDWR, 0600);
      const auto cache = pack_cache(store_, id, chain, file.get(), observer_);
      if (!cache) return;
      registry.put(*cache, file);
      ++result.caches_written;
      result.cache_bytes += cache->size_bytes;
    });
  }
  return result;
}

void CacheDirectories::write_packages_to(const std::string& path,
                                         const std::vector<store::Package>& packages) {
  std::vector<store::Package> missing;
  ShareResult result;
  {
    // When all is there, the directory need not be read through.
    const SharedDirectory directory(path);
    for (const store::Package& package : packages) {
      std::string why;
      const auto shared = directory.find(package.key, why);
      if (shared && !refused_.contains(package.key) && directory.open(*shared, why))
        ++result.already;
      else
        missing.push_back(package);
    }
  }
  if (!missing.empty()) {
    const ShareResult written = with_context("write packages to " + quoted(path), [&] {
      return write_packages(store_, path, missing, refused_, observer_);
    });
    result.written = written.written;
    result.bytes = written.bytes;
    result.already += written.already;
  }
  observer_.fact(kSubject, packages_of(result.written, result.bytes) + " written to " +
                               quoted(path) + ", " + std::to_string(result.already) +
                               " were there");
}

}  // namespace gbox::build
