#include "objects.h"

#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "gbox/base/error.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/fd.h"

namespace gbox::content {

namespace {

// nullopt also for what changed into something else meanwhile, or cannot be opened.
std::optional<sys::Fd> open_file(int rootfd, const std::string& path) {
  try {
    auto fd = sys::try_open_beneath(rootfd, path.substr(1), O_RDONLY | O_NONBLOCK | O_NOFOLLOW,
                                    sys::Resolve::no_symlinks);
    if (fd && S_ISREG(sys::fstat(fd->get()).st_mode)) return fd;
  } catch (const Error&) {
    // As good as absent.
  }
  return std::nullopt;
}

std::size_t read_at(int fd, std::uint64_t offset, std::span<std::byte> into) {
  std::size_t done = 0;
  // An offset past what off_t holds comes out of a hostile file: nothing is there.
  if (offset > static_cast<std::uint64_t>(INT64_MAX) - into.size()) return 0;
  while (done < into.size()) {
    const ssize_t got =
        ::pread(fd, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

}  // namespace

Objects::Objects(int rootfd, Look look, std::vector<std::string_view> symbols)
    : rootfd_(rootfd), look_(std::move(look)), symbols_(std::move(symbols)) {}

Resolved Objects::resolve(std::string_view path) const {
  return content::resolve(look_, path, Follow::all);
}

std::optional<std::string> Objects::file_at(std::string_view path) const {
  Resolved found = resolve(path);
  if (found.state != Resolved::State::found || found.seen->kind != Seen::Kind::file)
    return std::nullopt;
  return std::move(found.path);
}

const Elf* Objects::elf(const std::string& path) {
  auto known = elves_.find(path);
  if (known == elves_.end()) {
    std::optional<Elf> elf;
    if (const auto fd = open_file(rootfd_, path))
      elf = read_elf([&](std::uint64_t offset,
                         std::span<std::byte> into) { return read_at(fd->get(), offset, into); },
                     symbols_);
    known = elves_.emplace(path, std::move(elf)).first;
  }
  return known->second ? &*known->second : nullptr;
}

std::string Objects::head(const std::string& path, std::size_t most) const {
  std::string text(most, '\0');
  const auto fd = open_file(rootfd_, path);
  text.resize(fd ? read_at(fd->get(), 0, std::as_writable_bytes(std::span(text))) : 0);
  return text;
}

bool Objects::is_executable(const std::string& path) const {
  const auto fd = open_file(rootfd_, path);
  return fd && (sys::fstat(fd->get()).st_mode & 0111) != 0;
}

}  // namespace gbox::content
