// Files from elsewhere: fetched into incoming/, verified by the caller, kept by their SHA-256.
#include <unistd.h>

#include <cerrno>

#include "gbox/base/text.h"
#include "gbox/sys/file.h"
#include "impl.h"

namespace gbox::store {

namespace {

std::string input_file(const Digest& digest) {
  if (digest.empty() || digest.algorithm() != HashAlgorithm::sha256)
    throw Error("internal error: inputs are named by sha256, not by " + quoted(digest.to_string()));
  return "inputs/" + digest.hex();
}

void require_plain(const std::string& name) {
  if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos)
    throw Error("internal error: " + quoted(name) + " is no name of an incoming file");
}

}  // namespace

std::optional<sys::Fd> Store::open_input(const Digest& sha256) {
  const std::string file = input_file(sha256);
  impl_->uses.add({file});
  const auto status = sys::try_fstatat(this->fd(), file, AT_SYMLINK_NOFOLLOW);
  if (!status || !S_ISREG(status->st_mode)) return std::nullopt;
  auto fd = sys::try_openat(this->fd(), file, O_RDONLY | O_NOFOLLOW);
  if (!fd) return std::nullopt;
  (void)stamp(this->fd(), file);  // only gc's order is lost without it
  return fd;
}

sys::Fd Store::open_incoming() const {
  return sys::openat(fd(), "incoming", O_RDONLY | O_DIRECTORY);
}

void Store::adopt_input(const std::string& name, const Digest& sha256) {
  require_plain(name);
  impl_->uses.add({input_file(sha256)});
  const std::string from = "incoming/" + name;
  const sys::Fd file = sys::openat(fd(), from, O_RDONLY | O_NOFOLLOW);
  if (!S_ISREG(sys::fstat(file.get()).st_mode))
    throw Error("internal error: " + quoted(name) + " is not a file");
  if (::fsync(file.get()) != 0) throw SysError(errno, "write " + quoted(impl_->absolute(from)));
  sys::renameat(fd(), from, fd(), input_file(sha256));
  const sys::Fd directory = sys::openat(fd(), "inputs", O_RDONLY | O_DIRECTORY);
  if (::fsync(directory.get()) != 0)
    throw SysError(errno, "write " + quoted(impl_->absolute("inputs")));
  (void)stamp(fd(), input_file(sha256));
}

void Store::discard_incoming(const std::string& name) noexcept {
  (void)::unlinkat(fd(), ("incoming/" + name).c_str(), 0);  // gc takes what stays
}

GitCache Store::open_git_cache(const Digest& url_sha256, const sys::LockWait& wait) {
  const std::string name = url_sha256.hex();
  impl_->uses.add({"git/" + name});
  sys::FileLock lock = sys::FileLock::lock(fd(), "locks/git-" + name, sys::LockMode::exclusive,
                                           "gbox, a fetch by git", wait);
  sys::ensure_directories(fd(), "git/" + name, 0700);
  (void)stamp(fd(), "git/" + name);  // only gc's order is lost without it
  return {impl_->absolute("git/" + name), std::move(lock)};
}

std::string Store::distfiles_path() const {
  return impl_->absolute("distfiles");
}

std::string Store::binpkgs_path() const {
  return impl_->absolute("binpkgs");
}

}  // namespace gbox::store
