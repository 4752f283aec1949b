#include "shared_directory.h"

#include "gbox/base/text.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/file.h"
#include "gbox/sys/interrupt.h"
#include "refused.h"

namespace gbox::build {

namespace {

constexpr std::size_t kMaxPackages = 200'000;
constexpr std::size_t kCopyBlock = 1 << 20;

}  // namespace

std::string read_shared_facts(int directory, const std::string& name) {
  const sys::Fd fd = sys::open_beneath(directory, name, O_RDONLY | O_NONBLOCK | O_NOCTTY,
                                       sys::Resolve::no_symlinks);
  const struct stat status = sys::fstat(fd.get());
  if (!S_ISREG(status.st_mode)) throw Error("it is not a file", ExitCode::input);
  // The size is asked before anything is made of it; a file that grows is cut at the limit.
  if (static_cast<std::uint64_t>(status.st_size) > kMaxSharedFacts)
    throw Error("it takes " + human_size(static_cast<std::uint64_t>(status.st_size)) +
                    ", more than " + human_size(kMaxSharedFacts),
                ExitCode::input);
  std::string text(kMaxSharedFacts, '\0');
  text.resize(sys::read_full(fd.get(), std::as_writable_bytes(std::span(text)), name));
  return text;
}

SharedDirectory::SharedDirectory(std::string path) : path_(std::move(path)) {
  try {
    fd_ = sys::open(path_, O_RDONLY | O_DIRECTORY);
  } catch (Error& error) {
    throw error.add_code(ExitCode::input);
  }
}

std::map<std::string, SharedPackage> SharedDirectory::list(Observer& observer,
                                                           std::size_t& refused) const {
  std::map<std::string, SharedPackage> packages;
  const auto directory = sys::try_open_beneath(fd(), kShareDirectory, O_RDONLY | O_DIRECTORY,
                                               sys::Resolve::no_symlinks);
  if (!directory) return packages;
  const std::vector<std::string> names = sys::list_directory(directory->get(), kShareDirectory);
  if (names.size() > kMaxPackages)
    throw Error(quoted(path_) + " has " + std::to_string(names.size()) + " packages, more than " +
                    std::to_string(kMaxPackages),
                ExitCode::input);
  for (const std::string& name : names) {
    if (name.starts_with(".")) continue;  // being written
    sys::check_interrupt();
    try {
      SharedPackage shared = parse_shared_facts(read_shared_facts(directory->get(), name), name);
      std::string key = shared.package.key;
      packages.emplace(std::move(key), std::move(shared));
    } catch (const Interrupted&) {
      throw;
    } catch (const Error& error) {
      ++refused;
      observer.warn({quoted(std::string(kShareDirectory) + '/' + name) +
                         " is no package to share: " + error.message(),
                     {}});
    }
  }
  return packages;
}

std::optional<SharedPackage> SharedDirectory::find(const std::string& key, std::string& why) const {
  why.clear();
  return unless_refused(why, [&]() -> std::optional<SharedPackage> {
    const auto directory = sys::try_open_beneath(fd(), kShareDirectory, O_RDONLY | O_DIRECTORY,
                                                 sys::Resolve::no_symlinks);
    const std::string name = key + ".json";
    if (!directory || !sys::try_fstatat(directory->get(), name, AT_SYMLINK_NOFOLLOW))
      return std::nullopt;
    return parse_shared_facts(read_shared_facts(directory->get(), name), name);
  });
}

std::optional<sys::Fd> SharedDirectory::open(const SharedPackage& shared, std::string& why) const {
  return open_shared_file(fd(), shared.place, shared.package.size_bytes, why);
}

std::optional<sys::Fd> open_shared_file(int directory, const std::string& place, std::uint64_t size,
                                        std::string& why) {
  return unless_refused(why, [&]() -> std::optional<sys::Fd> {
    auto file = sys::try_open_beneath(directory, place, O_RDONLY | O_NONBLOCK | O_NOCTTY,
                                      sys::Resolve::no_symlinks);
    if (!file) {
      why = "it is gone";
      return std::nullopt;
    }
    const struct stat status = sys::fstat(file->get());
    if (!S_ISREG(status.st_mode))
      why = "it is not a file";
    else if (static_cast<std::uint64_t>(status.st_size) != size)
      why =
          "it has " + std::to_string(status.st_size) + " bytes instead of " + std::to_string(size);
    else
      return file;
    return std::nullopt;
  });
}

namespace {

// What cannot be read, a bad sector or a server that went away, is as good as damaged.
std::size_t read_block(int from, std::vector<std::byte>& buffer) {
  try {
    return sys::read_full(from, buffer, "the package");
  } catch (SysError& error) {
    throw error.add_code(ExitCode::input);
  }
}

}  // namespace

Digest copy_bytes(int from, int to, std::uint64_t size, CopyProgress& progress) {
  Hasher hasher;
  std::vector<std::byte> buffer(kCopyBlock);
  std::uint64_t copied = 0;
  while (const std::size_t count = read_block(from, buffer)) {
    sys::check_interrupt();
    copied += count;
    if (copied > size) break;
    const auto block = std::span(buffer).first(count);
    hasher.update(block);
    sys::write_all(to, block, "the package");
    progress.done += count;
    progress.observer.progress(progress.activity, progress.done, progress.total);
    progress.observer.tick();
  }
  if (copied != size)
    throw Error("it has other than " + std::to_string(size) + " bytes", ExitCode::input);
  return hasher.finish();
}

}  // namespace gbox::build
