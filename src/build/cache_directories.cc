#include "cache_directories.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "caller.h"
#include "gbox/base/text.h"
#include "gbox/sys/file.h"
#include "share_take.h"
#include "share_write.h"

namespace gbox::build {

namespace {

constexpr const char* kSubject = "cache";

std::string packages_of(std::size_t count, std::uint64_t bytes) {
  return std::to_string(count) + (count == 1 ? " package (" : " packages (") + human_size(bytes) +
         ')';
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
                                   Observer& observer)
    : store_(store), observer_(observer) {
  for (const std::string& path : places.from) open(path);
  for (const std::string& path : places.to) prepare(path);
}

void CacheDirectories::open(const std::string& path) {
  const std::string option = "--cache-from";
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
    from_.push_back({path, std::move(directory)});
  } catch (const Error& error) {
    if (error.code() == ExitCode::usage) throw;
    observer_.warn({option + ": " + error.message(), "nothing is taken from there"});
  }
}

void CacheDirectories::prepare(const std::string& path) {
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
  for (const Place& place : from_) {
    std::string why;
    const auto shared = place.directory.find(key, why);
    if (shared && place.directory.open(*shared, why)) return place.path;
  }
  return std::nullopt;
}

void CacheDirectories::used(const std::vector<std::string>& keys) {
  for (const std::string& key : keys)
    if (known_.insert(key).second) asked_.push_back(key);
}

void CacheDirectories::refuse(const Place& place, const std::string& key, const std::string& what,
                              const std::string& why) {
  refused_.insert(key);
  observer_.warn(
      {"--cache-from: " + quoted(what) + " in " + quoted(place.path) + " is not taken: " + why,
       from_.size() > 1 ? "the other directories are asked, or the package is built"
                        : "the package is built"});
}

void CacheDirectories::bring(const std::string& what, const std::vector<std::string>& keys) {
  used(keys);
  // To look for them says that they are used: none of them goes for the sake of a limit.
  std::vector<std::string> missing;
  for (const std::string& key : keys)
    if (!store_.find_package(key)) missing.push_back(key);
  if (from_.empty()) return;
  std::optional<store::Work> work;
  CopyProgress progress{observer_, "packages from the cache", 0, 0};
  struct Taken {
    std::size_t count = 0;
    std::uint64_t bytes = 0;
  };
  std::vector<Taken> taken(from_.size());
  for (const std::string& key : missing) {
    for (std::size_t i = 0; i < from_.size(); ++i) {
      const Place& place = from_[i];
      std::string why;
      const auto shared = place.directory.find(key, why);
      if (!shared) {
        if (!why.empty()) refuse(place, key, shared_facts_name(key), why);
        continue;
      }
      const auto file = place.directory.open(*shared, why);
      if (file) {
        if (!work) work = store_.begin_step("cache");
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
                                   " from " + quoted(from_[i].path));
}

void CacheDirectories::write() {
  if (to_.empty() || asked_.empty()) return;  // no phase came so far as to ask for packages
  std::vector<store::Package> packages;
  for (const std::string& key : asked_)
    if (auto package = store_.peek_package(key)) packages.push_back(std::move(*package));
  for (const std::string& path : to_) {
    try {
      write_to(path, packages);
    } catch (const Interrupted&) {
      throw;
    } catch (const Error& error) {
      observer_.warn(
          {"--cache-to: " + error.message(),
           "the image is not concerned; a later build writes what is missing in " + quoted(path)});
    }
  }
}

void CacheDirectories::write_to(const std::string& path,
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
