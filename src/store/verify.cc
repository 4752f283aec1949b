// Everything with a digest of its own, read and compared: bits rot, and disks lie.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "gbox/store/verify.h"

#include "digests.h"
#include "gbox/base/text.h"
#include "gbox/sys/file.h"
#include "impl.h"
#include "names.h"

namespace gbox::store {

namespace {

std::string_view name_of(HashAlgorithm algorithm) {
  switch (algorithm) {
    case HashAlgorithm::sha256:
      return "SHA-256";
    case HashAlgorithm::sha512:
      return "SHA-512";
    case HashAlgorithm::blake2b:
      return "BLAKE2b";
  }
  return "digest";
}

std::uint64_t size_of(const struct stat& status) {
  return static_cast<std::uint64_t>(status.st_size);
}

class Verifier {
 public:
  Verifier(Store::Impl& impl, const VerifyProgress& progress) : impl_(impl), progress_(progress) {}

  VerifyResult run() {
    const std::vector<std::string> packages = list(root(), "packages");
    const std::vector<std::string> blobs = list(root(), "blobs/sha256");
    const std::vector<std::string> inputs = list(root(), "inputs");
    for (const std::string& key : packages)
      if (is_key(key)) add_size(package_of(key));
    for (const std::string& name : blobs) add_size("blobs/sha256/" + name);
    for (const std::string& name : inputs) add_size("inputs/" + name);
    const std::vector<NotedDigest> fetched = noted_digests(root());
    for (const NotedDigest& file : fetched) add_size(file.path);
    progress_(0, total_);
    for (const std::string& key : packages)
      if (is_key(key)) verify_package(key);
    for (const std::string& name : blobs)
      verify_file("blob", "blobs/sha256/" + name, named(name), short_key(name), result_.blobs);
    for (const std::string& name : inputs)
      verify_file("input", "inputs/" + name, named(name), short_key(name), result_.inputs);
    for (const NotedDigest& file : fetched) verify_fetched(file);
    result_.bytes = done_;
    return std::move(result_);
  }

 private:
  [[nodiscard]] int root() const { return impl_.root.get(); }

  std::string package_of(const std::string& key) {
    std::string why;
    const auto stored = impl_.load_package(key, why);
    return stored ? package_dir(key) + '/' + stored->value.file : std::string();
  }

  void add_size(const std::string& path) {
    if (path.empty()) return;
    if (const auto status = sys::try_fstatat(root(), path, AT_SYMLINK_NOFOLLOW))
      total_ += size_of(*status);
  }

  void verify_package(const std::string& key) {
    std::string why;
    const auto stored = impl_.load_package(key, why);
    if (!stored && why.empty()) return;  // another process has removed it
    ++result_.packages;
    if (stored) {
      const Package& package = stored->value;
      const auto fd = sys::try_openat(root(), package_dir(key) + '/' + package.file,
                                      O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      if (!fd) return;
      why = fault(fd->get(), package.sha256);
    }
    if (why.empty()) return;
    impl_.drop_package(key);
    result_.damaged.push_back({"package", stored ? stored->value.cpv : short_key(key), why});
  }

  void verify_fetched(const NotedDigest& file) {
    const std::string name = file.path.substr(file.path.rfind('/') + 1);
    if (file.path.starts_with("distfiles/"))
      verify_file("distfile", file.path, file.digest, name, result_.distfiles);
    else
      verify_file("host package", file.path, file.digest, name, result_.host_packages);
    if (!sys::try_fstatat(root(), file.path, AT_SYMLINK_NOFOLLOW)) forget_digest(root(), file.path);
  }

  // A file that is named by its SHA-256; empty when it is not.
  static Digest named(const std::string& name) {
    return is_key(name) ? Digest(HashAlgorithm::sha256, name) : Digest();
  }

  void verify_file(const char* kind, const std::string& path, const Digest& digest,
                   const std::string& called, std::size_t& count) {
    const auto status = sys::try_fstatat(root(), path, AT_SYMLINK_NOFOLLOW);
    if (!status) return;
    ++count;
    std::string why;
    if (!S_ISREG(status->st_mode)) {
      why = "it is not a file";
    } else {
      const auto fd = sys::try_openat(root(), path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      if (!fd) return;
      why = fault(fd->get(), digest);
    }
    if (why.empty()) return;
    if (S_ISDIR(status->st_mode))
      impl_.discard(path);
    else if (::unlinkat(root(), path.c_str(), 0) != 0 && errno != ENOENT)
      throw SysError(errno, "remove damaged " + quoted(impl_.absolute(path)));
    result_.damaged.push_back({kind, called, why});
  }

  std::string fault(int fd, const Digest& wanted) {
    Hasher hasher(wanted.algorithm());
    try {
      while (const std::size_t size = sys::read_full(fd, buffer_, "it")) {
        hasher.update(std::span(buffer_).first(size));
        done_ += size;
        progress_(done_, std::max(done_, total_));
      }
    } catch (const SysError& error) {
      return error.message();  // a bad sector: of no more use than other bytes
    }
    const Digest found = hasher.finish();
    if (found == wanted) return {};
    if (wanted.empty()) return "its name is no SHA-256";
    return "its " + std::string(name_of(wanted.algorithm())) + " is " + short_key(found.hex()) +
           "… instead of " + short_key(wanted.hex()) + "…";
  }

  Store::Impl& impl_;
  const VerifyProgress& progress_;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(kHashBlock);
  std::uint64_t done_ = 0;
  std::uint64_t total_ = 0;
  VerifyResult result_;
};

}  // namespace

VerifyResult Store::verify(const VerifyProgress& progress) {
  return Verifier(*impl_, progress).run();
}

}  // namespace gbox::store
