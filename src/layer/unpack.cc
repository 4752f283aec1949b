#include "gbox/layer/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "acl_xattr.h"
#include "archive_stream.h"
#include "entry_rules.h"
#include "extract.h"
#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/layer/whiteout.h"
#include "gbox/sys/file.h"
#include "sparse_writer.h"
#include "tar_reader.h"

namespace gbox::layer {

namespace {

uid_t checked_id(std::int64_t id, const char* what) {
  // The last one is chown's 'leave it as it is'.
  if (id < 0 || id >= 0xffffffffLL)
    refuse(std::string("its ") + what + ' ' + std::to_string(id) + " is not a number of an owner");
  return static_cast<uid_t>(id);
}

class Unpacker {
 public:
  Unpacker(int archive_fd, int target_dirfd, const UnpackOptions& options)
      : options_(options),
        stream_(archive_fd, options),
        tar_(stream_),
        target_(target_dirfd),
        extractor_(target_dirfd, options.kind, options.owners) {}

  UnpackSummary run() try {
    while (archive_entry* entry = tar_.next_entry()) {
      const char* name = archive_entry_pathname(entry);
      with_context("entry " + quoted(name != nullptr ? name : ""), [&] { take(entry); });
      tell();
    }
    // An OCI layer may be empty; a root file system may not.
    if (summary_.entries == 0 && options_.kind == ArchiveKind::tarball)
      refuse("the archive holds no entries");
    extractor_.finish();
    summary_.archive_bytes = stream_.stored_bytes();
    summary_.tar_bytes = stream_.tar_bytes();
    summary_.digests = stream_.stored_digests();
    summary_.diff_id = stream_.diff_id();
    warn_of_losses();
    return summary_;
  } catch (SysError& error) {
    say_what_ran_out(error);
    throw;
  } catch (Error& error) {
    if (error.code() == ExitCode::input)
      error.add_hint(
          "the archive is damaged, or made to do harm: get it again from a source you "
          "trust, and compare its digest");
    throw;
  }

 private:
  void take(archive_entry* entry) {
    if (++summary_.entries > options_.limits.entries)
      refuse("the archive has more than " + std::to_string(options_.limits.entries) + " entries");
    const char* name = archive_entry_pathname(entry);
    std::string path = checked_path(name != nullptr ? name : "", options_.limits);
    check_sizes(entry);
    LayerName::Kind kind = LayerName::Kind::plain;
    if (options_.kind == ArchiveKind::oci_layer) {
      LayerName meant = interpret_layer_path(path);
      kind = meant.kind;
      path = std::move(meant.path);
    }
    if (kind == LayerName::Kind::plain)
      place(entry, path);
    else
      mark(entry, kind, path);
  }

  void check_sizes(archive_entry* entry) {
    const std::int64_t size = archive_entry_size(entry);
    const UnpackLimits& limits = options_.limits;
    if (size < 0) refuse("its size is negative");
    size_ = static_cast<std::uint64_t>(size);
    if (size_ > limits.entry_bytes)
      refuse("its size is " + human_size(size_) + ", the limit for one file is " +
             human_size(limits.entry_bytes));
    total_ += size_;
    if (total_ > limits.total_bytes)
      refuse("all files together are larger than the limit of " + human_size(limits.total_bytes));
  }

  void mark(archive_entry* entry, LayerName::Kind kind, const std::string& path) {
    if (archive_entry_hardlink(entry) != nullptr || archive_entry_filetype(entry) != AE_IFREG)
      refuse("a whiteout must be a regular file");
    ++summary_.whiteouts;
    const Metadata metadata = metadata_of(entry, Holds::nothing);
    if (kind == LayerName::Kind::whiteout) return extractor_.whiteout(path, metadata);
    if (path.empty()) summary_.hides_lower = true;
    extractor_.opaque(path, metadata);
  }

  void place(archive_entry* entry, const std::string& path) {
    if (const char* target = archive_entry_hardlink(entry))
      return extractor_.hardlink(path, link_target(target), metadata_of(entry, Holds::nothing));
    switch (archive_entry_filetype(entry)) {
      case AE_IFREG:
        return write_file(path, metadata_of(entry, Holds::xattrs));
      case AE_IFDIR:
        return extractor_.directory(path, metadata_of(entry, Holds::xattrs));
      case AE_IFLNK:
        return place_symlink(entry, path);
      case AE_IFIFO:
        return extractor_.fifo(path, metadata_of(entry, Holds::nothing));
      case AE_IFSOCK:
        ++summary_.sockets_skipped;
        return;
      case AE_IFCHR:
      case AE_IFBLK:
        // Also 0:0, which would be a whiteout made behind the back of the rules for those.
        ++summary_.devices_skipped;
        return;
      default:
        refuse("it is of a kind that no file system here has");
    }
  }

  std::string link_target(const char* target) const {
    try {
      return checked_path(target, options_.limits);
    } catch (Error& error) {
      error.add_context("hard link to " + quoted(target));
      throw;
    }
  }

  void place_symlink(archive_entry* entry, const std::string& path) {
    const char* target = archive_entry_symlink(entry);
    if (target == nullptr || *target == '\0') refuse("it is a symbolic link to nothing");
    if (std::string_view(target).size() > options_.limits.path_bytes)
      refuse("its target is longer than " + std::to_string(options_.limits.path_bytes) + " bytes");
    // Wherever it points: nothing is ever written through it.
    extractor_.symlink(path, target, metadata_of(entry, Holds::nothing));
  }

  void write_file(const std::string& path, const Metadata& metadata) {
    const sys::Fd file = extractor_.file(path, metadata);
    SparseWriter writer(file.get(), path);
    while (const auto piece = tar_.next_piece()) {
      if (piece->offset > size_ || piece->bytes.size() > size_ - piece->offset)
        refuse("it holds more than its header says");
      writer.write(piece->offset, piece->bytes);
      tell();
    }
    writer.finish(size_);
    summary_.content_bytes += size_;
    extractor_.finish_file(file, path, metadata);
  }

  enum class Holds { nothing, xattrs };  // user.* is for files and directories only (xattr(7))
  Metadata metadata_of(archive_entry* entry, Holds holds) {
    Metadata metadata = options_.access == Access::readable ? readable_metadata(entry)
                                                            : archived_metadata(entry, holds);
    metadata.mtime.tv_sec = archive_entry_mtime(entry);
    metadata.mtime.tv_nsec = archive_entry_mtime_nsec(entry);
    return metadata;
  }

  static Metadata readable_metadata(archive_entry* entry) {
    constexpr mode_t kExecute = 0111;
    const mode_t mode = archive_entry_perm(entry);
    const bool enter = archive_entry_filetype(entry) == AE_IFDIR || (mode & kExecute) != 0;
    Metadata metadata;
    metadata.uid = ::geteuid();
    metadata.gid = ::getegid();
    metadata.mode = (mode & 0700) | 0644 | (enter ? kExecute : 0);
    return metadata;
  }

  Metadata archived_metadata(archive_entry* entry, Holds holds) {
    Metadata metadata;
    metadata.uid = checked_id(archive_entry_uid(entry), "owner");
    metadata.gid = checked_id(archive_entry_gid(entry), "group");
    metadata.mode = archive_entry_perm(entry) & 07777;
    std::uint64_t bytes = 0;
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    archive_entry_xattr_reset(entry);
    while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
      bytes += std::string_view(name).size() + size;
      if (bytes > options_.limits.xattr_bytes)
        refuse("its attributes are larger than the limit of " +
               human_size(options_.limits.xattr_bytes));
      if (holds == Holds::nothing || !belongs_in_image(name)) {
        ++summary_.xattrs_skipped;
        continue;
      }
      // What overlayfs would take for its own becomes a user's attribute again.
      metadata.xattrs.emplace_back(escape_overlay_xattr(name),
                                   std::string(static_cast<const char*>(value), size));
    }
    if (holds == Holds::xattrs) append_acl_xattrs(entry, metadata.xattrs);
    return metadata;
  }

  void tell() {
    if (options_.progress) options_.progress(stream_.stored_bytes());
    if (options_.check_interrupt) options_.check_interrupt();
  }

  void warn_of_losses() {
    if (options_.warnings == nullptr) return;
    const auto warn = [&](std::uint64_t count, const std::string& what, const std::string& hint) {
      if (count != 0)
        options_.warnings->warn({std::to_string(count) + ' ' + what + " left out", hint});
    };
    warn(summary_.devices_skipped, "device node(s)",
         "a user namespace may not make them; sandboxes and runtimes provide /dev");
    warn(summary_.sockets_skipped, "socket(s)", "");
    warn(summary_.xattrs_skipped, "extended attribute(s)",
         "kept are user.*, security.capability and ACLs of files and directories");
  }

  // 'No space left' is said of bytes and of inodes alike.
  void say_what_ran_out(SysError& error) const {
    if (error.error_number() == EDQUOT) {
      error.add_code(ExitCode::host);
      error.set_hint("the disk quota is used up; use a store on another file system");
    }
    if (error.error_number() != ENOSPC) return;
    error.add_code(ExitCode::host);
    const sys::FreeSpace space = sys::free_space(target_);
    const bool inodes = space.inodes && *space.inodes == 0;
    error.set_hint(inodes ? "the file system has no free inode left ('df -i'); use another one"
                          : human_size(space.bytes) +
                                " are free on the disk of the store; free some, or use '--store' "
                                "on a larger one");
  }

  const UnpackOptions& options_;
  UnpackSummary summary_;
  ArchiveStream stream_;
  TarReader tar_;
  int target_;
  Extractor extractor_;
  std::uint64_t size_ = 0;   // of the current entry
  std::uint64_t total_ = 0;  // declared so far
};

}  // namespace

UnpackSummary unpack_archive(int archive_fd, std::string_view name, int target_dirfd,
                             const UnpackOptions& options) {
  return with_context("unpack " + quoted(name),
                      [&] { return Unpacker(archive_fd, target_dirfd, options).run(); });
}

}  // namespace gbox::layer
