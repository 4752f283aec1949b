#include "gbox/content/tree.h"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <utility>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/sys/fd.h"

namespace gbox::content {

namespace {

class Scan {
 public:
  explicit Scan(const std::function<void()>& check) : check_(check) {}

  void directory(int dirfd, const std::string& path, unsigned depth) {
    if (depth > kMaxDepth)
      throw Error("read the image: " + quoted(path) + " is more than " + std::to_string(kMaxDepth) +
                      " directories deep",
                  ExitCode::input);
    if (check_) check_();
    for (const std::string& name : sys::list_directory(dirfd, path)) {
      if (files_.size() == kMaxFiles)
        throw Error("read the image: more than " + std::to_string(kMaxFiles) + " files",
                    ExitCode::input);
      const struct stat status = sys::fstatat(dirfd, name, AT_SYMLINK_NOFOLLOW);
      File file;
      file.path = path + '/' + name;
      file.mode = status.st_mode;
      file.uid = status.st_uid;
      file.gid = status.st_gid;
      if (S_ISREG(status.st_mode)) {
        file.kind = Seen::Kind::file;
        file.size_bytes = static_cast<std::uint64_t>(status.st_size);
        if (status.st_nlink > 1) names_[{status.st_dev, status.st_ino}].push_back(file.path);
      } else if (S_ISLNK(status.st_mode)) {
        file.kind = Seen::Kind::link;
        file.target = sys::readlinkat(dirfd, name);
      } else if (S_ISDIR(status.st_mode)) {
        file.kind = Seen::Kind::directory;
      }
      const bool descend = file.kind == Seen::Kind::directory;
      const std::string below = file.path;
      files_.push_back(std::move(file));
      if (descend)
        directory(sys::openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW).get(), below,
                  depth + 1);
    }
  }

  std::vector<File> take() {
    std::map<std::string, std::string> first;  // path → first name of the same file
    for (auto& [inode, paths] : names_) {
      if (paths.size() < 2) continue;  // the other names lie outside, as in a store
      const std::string least = *std::min_element(paths.begin(), paths.end());
      for (std::string& path : paths) first.emplace(std::move(path), least);
    }
    for (File& file : files_)
      if (const auto found = first.find(file.path); found != first.end())
        file.linked_to = found->second;
    return std::move(files_);
  }

 private:
  const std::function<void()>& check_;
  std::vector<File> files_;
  std::map<std::pair<dev_t, ino_t>, std::vector<std::string>> names_;
};

}  // namespace

Tree Tree::scan(int rootfd, const std::function<void()>& check) {
  Scan scan(check);
  scan.directory(sys::openat(rootfd, ".", O_RDONLY | O_DIRECTORY).get(), "", 0);
  return Tree(scan.take());
}

Tree::Tree(std::vector<File> files) : files_(std::move(files)) {
  index();
}

void Tree::index() {
  std::sort(files_.begin(), files_.end(),
            [](const File& a, const File& b) { return a.path < b.path; });
  places_.reserve(files_.size());
  for (std::size_t i = 0; i < files_.size(); ++i) places_.emplace(files_[i].path, i);
}

const File* Tree::at(std::string_view path) const {
  const auto found = places_.find(path);
  return found == places_.end() ? nullptr : &files_[found->second];
}

Look Tree::look() const {
  return [this](const std::string& path) -> std::optional<Seen> {
    const File* file = at(path);
    if (file == nullptr) return std::nullopt;
    return Seen{file->kind, file->target};
  };
}

}  // namespace gbox::content
