#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "gbox/base/text.h"
#include "gbox/portage/repository.h"

namespace gbox::portage {

namespace {

// Changing the encoding changes every key: the number goes into the digest first.
constexpr std::string_view kTreeFormat = "gbox-tree-1";
constexpr std::string_view kStateFormat = "gbox-tree-state-1";
constexpr unsigned kMaxTreeDepth = 128;  // one descriptor a level

enum class Reads {
  content,  // what the files hold
  state,    // what stat(2) tells of them
};

bool is_later(const timespec& a, const timespec& b) {
  return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}

class TreeHasher {
 public:
  using Skip = bool (*)(std::string_view path);
  TreeHasher(Skip skip, Reads reads)
      : skip_(skip), reads_(reads), buffer_(reads == Reads::content ? kBufferSize : 0) {
    text(reads == Reads::content ? kTreeFormat : kStateFormat);
  }

  // Records are prefix-free: a kind, then length-prefixed fields, so that no two trees give the
  // same bytes.
  void directory(int dirfd, const std::string& path, unsigned depth) {
    if (depth > kMaxTreeDepth)
      throw Error("read " + quoted(path) + ": deeper than " + std::to_string(kMaxTreeDepth) +
                      " directories",
                  ExitCode::input);
    for (const std::string& name : sys::list_directory(dirfd, path.empty() ? "." : path)) {
      const std::string child = path.empty() ? name : path + '/' + name;
      if (skip_ == nullptr || !skip_(child)) entry(dirfd, name, child, depth);
    }
    kind('.', {});  // end of this directory
  }

  Digest finish() { return hasher_.finish(); }
  [[nodiscard]] const timespec& newest() const noexcept { return newest_; }
  [[nodiscard]] const std::string& closed() const noexcept { return closed_; }

  void note_closed(const struct stat& status, const std::string& path) {
    const mode_t needed = S_ISDIR(status.st_mode) ? S_IROTH | S_IXOTH : S_IROTH;
    if (closed_.empty() && !S_ISLNK(status.st_mode) && (status.st_mode & needed) != needed)
      closed_ = path;
  }

 private:
  static constexpr std::size_t kBufferSize = 256u << 10;

  void entry(int dirfd, const std::string& name, const std::string& path, unsigned depth) {
    const struct stat status = sys::fstatat(dirfd, name, AT_SYMLINK_NOFOLLOW);
    note_closed(status, path);
    if (reads_ == Reads::state && !S_ISDIR(status.st_mode)) {
      state(name, status);
    } else if (S_ISREG(status.st_mode)) {
      file(dirfd, name, path, status);
    } else if (S_ISDIR(status.st_mode)) {
      const sys::Fd child = sys::openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      kind('d', name);
      directory(child.get(), path, depth + 1);
    } else if (S_ISLNK(status.st_mode)) {
      kind('l', name);
      text(sys::readlinkat(dirfd, name));
    } else {
      throw Error("read " + quoted(path) + ": neither a file nor a directory nor a link",
                  ExitCode::input);
    }
  }

  // A changed file has another time of change, which nobody can set; a replaced one another number.
  void state(const std::string& name, const struct stat& status) {
    kind('s', name);
    for (const auto value :
         {static_cast<std::uint64_t>(status.st_dev), static_cast<std::uint64_t>(status.st_ino),
          static_cast<std::uint64_t>(status.st_size), static_cast<std::uint64_t>(status.st_mode),
          static_cast<std::uint64_t>(status.st_mtim.tv_sec),
          static_cast<std::uint64_t>(status.st_mtim.tv_nsec),
          static_cast<std::uint64_t>(status.st_ctim.tv_sec),
          static_cast<std::uint64_t>(status.st_ctim.tv_nsec)})
      number(value);
    for (const timespec& time : {status.st_mtim, status.st_ctim})
      if (is_later(time, newest_)) newest_ = time;
  }

  // Four system calls a file: the gentoo repository has more than 100 000 of them.
  void file(int dirfd, const std::string& name, const std::string& path,
            const struct stat& status) {
    // O_NONBLOCK: what was a file a moment ago may have become a FIFO.
    const sys::Fd fd = sys::openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    kind((status.st_mode & 0111) != 0 ? 'x' : 'f', name);
    auto left = static_cast<std::uint64_t>(status.st_size);
    number(left);
    while (left > 0) {
      const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer_.size()));
      const auto piece = std::span(buffer_).first(wanted);
      if (sys::read_full(fd.get(), piece, path) < wanted)
        throw Error("read " + quoted(path) + ": it changed meanwhile", ExitCode::input)
            .set_hint("build again when nothing writes to it");
      hasher_.update(piece);
      left -= wanted;
    }
  }

  void kind(char letter, std::string_view name) {
    hasher_.update(std::string_view(&letter, 1));
    text(name);
  }

  void number(std::uint64_t value) {
    std::array<char, 8> bytes;
    for (char& byte : bytes) {
      byte = static_cast<char>(value & 0xff);
      value >>= 8;
    }
    hasher_.update(std::string_view(bytes.data(), bytes.size()));
  }

  void text(std::string_view value) {
    number(value.size());
    hasher_.update(value);
  }

  Skip skip_;
  Reads reads_;
  timespec newest_{};
  std::string closed_;
  Hasher hasher_;
  std::vector<std::byte> buffer_;
};

bool skip_in_repository(std::string_view path) {
  static constexpr std::array<std::string_view, 4> kPaths = {
      "Manifest", "Manifest.files.gz", "metadata/Manifest.gz", "metadata/md5-cache"};
  return is_version_control(path) ||
         std::find(kPaths.begin(), kPaths.end(), path) != kPaths.end() ||
         path.starts_with("metadata/timestamp");
}

TreeHasher hashed(int dirfd, TreeHasher::Skip skip, Reads reads) {
  try {
    TreeHasher hasher(skip, reads);
    hasher.note_closed(sys::fstat(dirfd), ".");
    hasher.directory(dirfd, "", 0);
    return hasher;
  } catch (Error& error) {
    error.add_code(ExitCode::input);
    throw;
  }
}

}  // namespace

bool is_version_control(std::string_view name) {
  static constexpr std::array<std::string_view, 4> kNames = {".git", ".hg", ".svn", ".bzr"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

Digest tree_digest(int dirfd) {
  return hashed(dirfd, nullptr, Reads::content).finish();
}

Digest repository_digest(int dirfd) {
  return hashed(dirfd, skip_in_repository, Reads::content).finish();
}

RepositoryState repository_state(int dirfd) {
  TreeHasher hasher = hashed(dirfd, skip_in_repository, Reads::state);
  return {hasher.finish(), hasher.newest(), hasher.closed()};
}

}  // namespace gbox::portage
