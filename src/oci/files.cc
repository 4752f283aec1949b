#include "files.h"

#include <algorithm>
#include <cerrno>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/sys/beneath.h"
#include "strict_json.h"
#include "tar.h"

namespace gbox::oci {

namespace {

class DirectoryFiles : public LayoutFiles {
 public:
  explicit DirectoryFiles(sys::Fd directory) : directory_(std::move(directory)) {}

  [[nodiscard]] std::optional<BlobFile> try_open(const std::string& name) const override {
    // O_NONBLOCK: a FIFO planted under a blob's name must not make us wait for a writer.
    std::optional<sys::Fd> fd = sys::try_open_beneath(
        directory_.get(), name, O_RDONLY | O_NONBLOCK | O_NOCTTY, sys::Resolve::no_symlinks);
    if (!fd) return std::nullopt;
    const struct stat status = sys::fstat(fd->get());
    if (!S_ISREG(status.st_mode)) refuse(gbox::quoted(name), "not a regular file");
    return BlobFile{
        .fd = std::move(*fd), .offset = 0, .size = static_cast<std::uint64_t>(status.st_size)};
  }

  [[nodiscard]] std::vector<std::string> list_blobs() const override {
    std::vector<std::string> names;
    const auto try_list = [&](const std::string& path) -> std::optional<std::vector<std::string>> {
      const auto fd = sys::try_open_beneath(directory_.get(), path, O_RDONLY | O_DIRECTORY,
                                            sys::Resolve::no_symlinks);
      if (!fd) return std::nullopt;
      return sys::list_directory(fd->get(), path);
    };
    for (const std::string& algorithm : try_list("blobs").value_or(std::vector<std::string>())) {
      const std::string path = "blobs/" + algorithm;
      const std::optional<std::vector<std::string>> blobs = try_list(path);
      if (!blobs) names.push_back(path);  // a file where only directories belong
      for (const std::string& name : blobs.value_or(std::vector<std::string>()))
        names.push_back(path + '/' + name);
    }
    return names;
  }

 private:
  sys::Fd directory_;
};

class ArchiveFiles : public LayoutFiles {
 public:
  ArchiveFiles(sys::Fd fd, std::string path, TarIndex index)
      : fd_(std::move(fd)), path_(std::move(path)), index_(std::move(index)) {}

  [[nodiscard]] std::optional<BlobFile> try_open(const std::string& name) const override {
    const auto found = index_.find(name);
    if (found == index_.end()) return std::nullopt;
    // A new open file description, so that two readers do not share an offset. /proc gives the file
    // that was indexed even when the path names another one by now.
    sys::Fd own = sys::open("/proc/self/fd/" + std::to_string(fd_.get()), O_RDONLY);
    if (::lseek(own.get(), static_cast<off_t>(found->second.offset), SEEK_SET) < 0)
      throw SysError(errno, "seek in " + gbox::quoted(path_), ExitCode::input);
    return BlobFile{
        .fd = std::move(own), .offset = found->second.offset, .size = found->second.size};
  }

  [[nodiscard]] std::vector<std::string> list_blobs() const override {
    std::vector<std::string> names;
    for (const auto& [name, file] : index_) {
      if (name.starts_with("blobs/")) names.push_back(name);
    }
    return names;
  }

 private:
  sys::Fd fd_;
  std::string path_;
  TarIndex index_;
};

[[noreturn]] void refuse_location(const ImageLocation& location, const std::string& why,
                                  const std::string& hint) {
  Error error("open image " + gbox::quoted(to_string(location)) + ": " + why, ExitCode::input);
  error.add_hint(hint);
  throw error;
}

}  // namespace

std::unique_ptr<LayoutFiles> open_files(const ImageLocation& location) {
  // The path is the user's own and may be a link; what lies beneath it is not.
  std::optional<sys::Fd> fd;
  try {
    fd = sys::try_openat(AT_FDCWD, location.path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  } catch (Error& error) {
    error.add_context("open image " + gbox::quoted(to_string(location))).add_code(ExitCode::input);
    throw;
  }
  if (!fd)
    refuse_location(location, "there is no " + gbox::quoted(location.path), "check the path");
  const bool directory = S_ISDIR(sys::fstat(fd->get()).st_mode);
  if (location.transport == Transport::directory) {
    if (!directory)
      refuse_location(location, gbox::quoted(location.path) + " is not a directory",
                      "for a tar file write 'oci-archive:" + printable(location.path) + "'");
    return std::make_unique<DirectoryFiles>(std::move(*fd));
  }
  if (directory)
    refuse_location(location, gbox::quoted(location.path) + " is a directory",
                    "for a directory write 'oci:" + printable(location.path) + "'");
  TarIndex index = index_tar(fd->get(), gbox::quoted(location.path));
  return std::make_unique<ArchiveFiles>(std::move(*fd), location.path, std::move(index));
}

std::string blob_name(const Digest& digest) {
  return "blobs/" + std::string(digest.algorithm_name()) + '/' + digest.hex();
}

std::optional<std::string> try_read_text(const LayoutFiles& files, const std::string& name) {
  const std::optional<BlobFile> file = files.try_open(name);
  if (!file) return std::nullopt;
  if (file->size > kMaxDocumentBytes)
    refuse(gbox::quoted(name), "larger than " + human_size(kMaxDocumentBytes));
  std::string text(static_cast<std::size_t>(file->size), '\0');
  text.resize(sys::read_full(file->fd.get(), std::as_writable_bytes(std::span(text)), name));
  return text;
}

Index read_index(const LayoutFiles& files) {
  const std::string layout_name(kLayoutFile);
  const std::optional<std::string> layout = try_read_text(files, layout_name);
  if (!layout) refuse(gbox::quoted(layout_name), "it is missing: this is no image layout");
  const Json document = parse_document(*layout, gbox::quoted(layout_name));
  const std::string version =
      json_string(document, "imageLayoutVersion", gbox::quoted(layout_name));
  if (version != "1.0.0")
    refuse(gbox::quoted(layout_name),
           "layout version " + gbox::quoted(version) + " is not '1.0.0'");
  const std::optional<std::string> index = try_read_text(files, std::string(kIndexFile));
  if (!index) refuse(gbox::quoted(kIndexFile), "it is missing: this is no image layout");
  return parse_index(*index, gbox::quoted(kIndexFile));
}

std::string ref_name_of(const Descriptor& descriptor) {
  const auto found = descriptor.annotations.find(std::string(kRefNameKey));
  return found == descriptor.annotations.end() ? std::string() : found->second;
}

}  // namespace gbox::oci
