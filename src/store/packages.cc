// Packages: found, published, listed, verified, removed.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "gbox/base/text.h"
#include "gbox/sys/file.h"
#include "impl.h"
#include "names.h"

namespace gbox::store {

namespace {

struct Contents {
  Digest sha256;
  std::uint64_t size_bytes = 0;
};

Contents read_contents(int fd, const std::string& subject) {
  Contents contents;
  Hasher hasher;
  std::vector<std::byte> buffer(kHashBlock);
  while (const std::size_t size = sys::read_full(fd, buffer, subject)) {
    hasher.update(std::span(buffer).first(size));
    contents.size_bytes += size;
  }
  contents.sha256 = hasher.finish();
  return contents;
}

std::string file_of(const Package& package) {
  require_key(package.key);
  if (!is_package_file(package.file))
    throw Error("internal error: " + quoted(package.file) + " is no package's file");
  return package_dir(package.key) + '/' + package.file;
}

// Opened once, so that what is hashed is what is linked, whoever else knows its name.
sys::Fd open_regular(int dirfd, const std::string& name) {
  if (!is_package_file(name))
    throw Error(quoted(name) + " cannot be the name of a package", ExitCode::input);
  sys::Fd file = sys::openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!S_ISREG(sys::fstat(file.get()).st_mode))
    throw Error(quoted(name) + " is not a file", ExitCode::input);
  return file;
}

}  // namespace

std::optional<Stored<Package>> Store::Impl::load_package(std::string_view key,
                                                         std::string& why) const {
  why.clear();
  try {
    if (!sys::try_fstatat(root.get(), package_dir(key), AT_SYMLINK_NOFOLLOW)) return std::nullopt;
    const auto facts = sys::try_openat(root.get(), package_facts(key), O_RDONLY | O_NOFOLLOW);
    if (!facts) {
      why = "what is known of it is gone";
      return std::nullopt;
    }
    Stored<Package> stored = parse_package(sys::read_file(root.get(), package_facts(key)));
    Package& package = stored.value;
    package.used = sys::fstat(facts->get()).st_mtime;
    const auto file =
        sys::try_fstatat(root.get(), package_dir(key) + '/' + package.file, AT_SYMLINK_NOFOLLOW);
    if (package.key != key)
      why = "it is of another key";
    else if (!boot_is_ours(stored.boot))
      why = "it was not yet on disk when the machine stopped";
    else if (!file || !S_ISREG(file->st_mode))
      why = "its file is gone";
    else if (static_cast<std::uint64_t>(file->st_size) != package.size_bytes)
      why = "its file has " + std::to_string(file->st_size) + " bytes instead of " +
            std::to_string(package.size_bytes);
    else
      return stored;
  } catch (const Error& error) {
    why = error.message();
  }
  return std::nullopt;
}

void Store::Impl::drop_package(std::string_view key) {
  (void)discard(package_dir(key));  // gone already is as good
  const std::lock_guard guard(listing_mutex);
  package_listing.reset();
}

std::vector<Package> Store::Impl::list_packages() const {
  std::vector<Package> packages;
  for (const std::string& key : list(root.get(), "packages")) {
    std::string why;
    if (!is_key(key)) continue;
    if (auto stored = load_package(key, why)) packages.push_back(std::move(stored->value));
  }
  std::stable_sort(packages.begin(), packages.end(),
                   [](const Package& a, const Package& b) { return a.used < b.used; });
  return packages;
}

std::optional<Package> Store::peek_package(std::string_view key) const {
  require_key(key);
  std::string why;
  auto stored = impl_->load_package(key, why);
  if (!stored) return std::nullopt;
  return std::move(stored->value);
}

std::optional<Package> Store::find_package(std::string_view key) {
  require_key(key);
  impl_->uses.add({package_dir(key)});
  std::string why;
  auto stored = impl_->load_package(key, why);
  if (!stored) {
    if (why.empty()) return std::nullopt;
    impl_->drop_package(key);
    impl_->warn("package " + short_key(key) + " is dropped and will be built again: " + why);
    return std::nullopt;
  }
  if (stamp(fd(), package_facts(key))) stored->value.used = unix_now();
  if (!stored->boot.empty()) {
    const std::lock_guard guard(impl_->mutex);
    impl_->unsynced_packages.insert(std::string(key));
  }
  return std::move(stored->value);
}

std::vector<Package> Store::packages() const {
  return impl_->list_packages();
}

std::optional<Package> Store::latest_package_of(std::string_view step,
                                                std::string_view spec) const {
  const std::lock_guard guard(impl_->listing_mutex);
  if (!impl_->package_listing) impl_->package_listing = impl_->list_packages();
  const Package* latest = nullptr;
  const auto rank = [&](const Package& package) {
    return std::pair(package.spec == spec, package.created);
  };
  for (const Package& package : *impl_->package_listing)
    if (package.step == step && (latest == nullptr || rank(package) >= rank(*latest)))
      latest = &package;
  if (latest == nullptr) return std::nullopt;
  return *latest;
}

sys::Fd Store::open_package(const Package& package) const {
  impl_->uses.add({package_dir(package.key)});
  return sys::openat(fd(), file_of(package), O_RDONLY | O_NOFOLLOW);
}

std::string Store::package_file(const Package& package) const {
  return impl_->absolute(file_of(package));
}

bool Store::verify_package(const Package& package) const {
  const std::string path = file_of(package);
  const auto file = sys::try_openat(fd(), path, O_RDONLY | O_NOFOLLOW);
  if (!file) return false;
  const Contents contents = read_contents(file->get(), path);
  return contents.size_bytes == package.size_bytes && contents.sha256 == package.sha256;
}

Package Store::put_package(int dirfd, const std::string& name, Package package) {
  require_key(package.key);
  return with_context("keep package " + quoted(package.cpv), [&] {
    require_repository_path(package.path);
    if (package.stanza.size() > kMaxStanzaBytes)
      throw Error("its entry for the index takes " + human_size(package.stanza.size()) +
                      ", more than " + human_size(kMaxStanzaBytes),
                  ExitCode::input);
    impl_->uses.add({package_dir(package.key)});
    std::string why;
    if (auto earlier = impl_->load_package(package.key, why)) return std::move(earlier->value);
    const sys::Fd file = open_regular(dirfd, name);
    const Contents contents = read_contents(file.get(), name);
    package.file = name;
    package.sha256 = contents.sha256;
    package.size_bytes = contents.size_bytes;
    package.created = moment_now();
    package.used = package.created.seconds;
    package.gbox = GBOX_VERSION;

    Impl::Scratch scratch = impl_->make_scratch();
    struct Remove {
      int root;
      std::string relative;  // empty once it was published
      ~Remove() {
        try {
          if (!relative.empty()) sys::remove_tree(root, relative);
        } catch (const std::exception&) {
          // Swept as a leftover when the store is next opened.
        }
      }
    } remove{fd(), scratch.relative};
    const std::string opened = "/proc/self/fd/" + std::to_string(file.get());
    if (::linkat(AT_FDCWD, opened.c_str(), scratch.lock.fd(), name.c_str(), AT_SYMLINK_FOLLOW) != 0)
      throw SysError(errno, "link " + quoted(name) + " into the store");
    if (::fchmod(file.get(), 0644) != 0) throw SysError(errno, "chmod " + quoted(name));
    sys::write_file_atomically(scratch.lock.fd(), std::string(kPackageFacts),
                               package_text(package, impl_->boot()), 0600, sys::Durable::no);
    for (int attempt = 0;; ++attempt) {
      // Onto a directory that is not empty rename(2) fails: exactly one publisher wins.
      if (::renameat(fd(), scratch.relative.c_str(), fd(), package_dir(package.key).c_str()) == 0)
        break;
      if (errno != ENOTEMPTY && errno != EEXIST) throw SysError(errno, "rename it into place");
      if (auto earlier = impl_->load_package(package.key, why)) return std::move(earlier->value);
      if (attempt == kMaxPublishAttempts) throw Error("others keep replacing it");
      impl_->drop_package(package.key);  // damaged
    }
    remove.relative.clear();
    {
      const std::lock_guard guard(impl_->listing_mutex);
      impl_->package_listing.reset();
    }
    {
      const std::lock_guard guard(impl_->mutex);
      impl_->unsynced_packages.insert(package.key);
    }
    if (package.seconds >= kWorthSyncSeconds || !impl_->boot_known()) sync();
    impl_->note_growth(package.size_bytes);
    return package;
  });
}

void Store::forget_package(std::string_view key) {
  require_key(key);
  impl_->drop_package(key);
}

}  // namespace gbox::store
