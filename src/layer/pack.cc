#include "gbox/layer/pack.h"

#include <sched.h>

#include <cstring>

#include "adopt.h"
#include "compressor.h"
#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/sys/fd.h"
#include "tar_writer.h"
#include "walk.h"

namespace gbox::layer {

namespace {

unsigned available_cpus() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<unsigned>(std::max(1, CPU_COUNT(&set)));
}

CodecOptions codec_of(const PackOptions& options) {
  const bool gzip = options.compression == Compression::gzip;
  const int level = options.level.value_or(gzip ? kDefaultGzipLevel : kDefaultZstdLevel);
  const int highest = gzip ? 12 : 19;
  if (options.compression != Compression::none && (level < 1 || level > highest))
    throw Error("compression level " + std::to_string(level) + " is not between 1 and " +
                    std::to_string(highest),
                ExitCode::usage);
  return {options.compression, level, options.threads == 0 ? available_cpus() : options.threads};
}

bool same_file(const struct stat& a, const struct stat& b) {
  const auto same_time = [](const timespec& x, const timespec& y) {
    return x.tv_sec == y.tv_sec && x.tv_nsec == y.tv_nsec;
  };
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size &&
         same_time(a.st_mtim, b.st_mtim) && same_time(a.st_ctim, b.st_ctim);
}

// Copies the files' content in the order of the list, which visits a directory's entries one
// after the other: the descriptors of the directories on the way are kept.
class ContentReader {
 public:
  ContentReader(int tree_dirfd, const PackOptions& options, std::uint64_t total)
      : options_(options), total_(total) {
    sys::Fd root = sys::openat(tree_dirfd, ".", O_RDONLY | O_DIRECTORY);
    for (const std::string& part : split(options.subtree, '/'))
      if (!part.empty()) root = sys::openat(root.get(), part, kDirectoryFlags);
    open_.push_back({"", std::move(root)});
  }

  void copy(const Entry& entry, BlobWriter& out) {
    // The size in the header is already written: a file that differs now cannot be saved.
    const sys::Fd file = open(entry);
    auto left = static_cast<std::uint64_t>(entry.status.st_size);
    while (left != 0) {
      std::span<std::byte> space = out.space();
      if (space.size() > left) space = space.first(static_cast<std::size_t>(left));
      const std::size_t count = sys::read_full(file.get(), space, entry.path);
      if (count < space.size()) throw_changed(entry.path);
      out.commit(count);
      left -= count;
      tell(count);
    }
    if (!same_file(entry.status, sys::fstat(file.get()))) throw_changed(entry.path);
    out.write(std::string(content_padding(static_cast<std::uint64_t>(entry.status.st_size)), '\0'));
  }

  std::string read(const Entry& entry) {
    const sys::Fd file = open(entry);
    std::string content(static_cast<std::size_t>(entry.status.st_size), '\0');
    if (sys::read_full(file.get(), std::as_writable_bytes(std::span(content)), entry.path) !=
            content.size() ||
        !same_file(entry.status, sys::fstat(file.get())))
      throw_changed(entry.path);
    tell(content.size());
    return content;
  }

 private:
  sys::Fd open(const Entry& entry) {
    const std::size_t slash = entry.path.rfind('/');
    const std::string directory = slash == std::string::npos ? "" : entry.path.substr(0, slash);
    const std::string name = entry.path.substr(slash + 1);  // npos + 1 is 0
    auto file = sys::try_openat(enter(directory), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (!file || !same_file(entry.status, sys::fstat(file->get()))) throw_changed(entry.path);
    return std::move(*file);
  }

  [[noreturn]] static void throw_changed(const std::string& path) {
    throw Error(quoted("/" + path) + " changed while it was packed", ExitCode::image)
        .add_hint("no process may write to a finished step's files");
  }

  void tell(std::uint64_t count) {
    done_ += count;
    if (options_.progress) options_.progress(done_, total_);
    if (options_.check_interrupt) options_.check_interrupt();
  }

  int enter(const std::string& directory) {
    const auto holds = [&](const std::string& outer) {
      return outer.empty() || directory == outer || directory.starts_with(outer + '/');
    };
    while (!holds(open_.back().path)) open_.pop_back();
    while (open_.back().path.size() < directory.size()) {
      const std::size_t start = open_.back().path.empty() ? 0 : open_.back().path.size() + 1;
      const std::size_t end = std::min(directory.find('/', start), directory.size());
      sys::Fd next =
          sys::openat(open_.back().fd.get(), directory.substr(start, end - start), kDirectoryFlags);
      open_.push_back({directory.substr(0, end), std::move(next)});
    }
    return open_.back().fd.get();
  }

  struct OpenDirectory {
    std::string path;
    sys::Fd fd;
  };
  const PackOptions& options_;
  std::uint64_t total_;
  std::uint64_t done_ = 0;
  std::vector<OpenDirectory> open_;  // from the root down to the current one
};

// One entry as the rewriter wants it shown.
void write_rewritten(const Entry& entry, const Rewriter& rewriter,
                     std::optional<std::int64_t> clamp_mtime,
                     const std::function<ContentReader&()>& content, BlobWriter& blob) {
  const bool is_mark = entry.kind == EntryKind::whiteout || entry.kind == EntryKind::opaque;
  Entry shown = entry;
  if (!is_mark) shown.status.st_mtim = {rewriter.mtime(entry), 0};
  std::string text;
  const bool rewrites = entry.kind == EntryKind::file && entry.status.st_size != 0 &&
                        static_cast<std::uint64_t>(entry.status.st_size) <= kMaxRewrittenBytes &&
                        rewriter.may_rewrite(entry);
  if (rewrites) {
    text = rewriter.rewritten(entry, content().read(entry));
    shown.status.st_size = static_cast<off_t>(text.size());
    text.append(content_padding(text.size()), '\0');
  }
  std::string header;
  append_tar_header(header, shown, clamp_mtime);
  blob.write(header);
  if (rewrites)
    blob.write(text);
  else if (entry.kind == EntryKind::file && entry.status.st_size != 0)
    content().copy(entry, blob);
}

}  // namespace

ChangeList scan_for_layer(int tree_dirfd, const PackOptions& options) {
  ScanOptions scan;
  scan.kind = options.kind;
  scan.subtree = options.subtree;
  scan.warnings = options.warnings;
  scan.check_interrupt = options.check_interrupt;
  if (options.adoption != nullptr)
    scan.leave_out = options.adoption->leave_out;
  else if (options.rewriter != nullptr)
    scan.leave_out = [&](const std::string& path) { return options.rewriter->leaves_out(path); };
  scan.owners = options.owners;
  return scan_tree(tree_dirfd, scan);
}

LayerResult pack_entries(int tree_dirfd, const ChangeList& list, const PackOptions& options,
                         int blob_fd) try {
  const CodecOptions codec = codec_of(options);
  const Adoption* adoption = options.adoption;
  LayerResult result;
  result.sockets_skipped = list.sockets_skipped;
  result.empty = list.empty();
  if (result.empty) return result;

  std::optional<ContentReader> reader;  // a layer of whiteouts may have no root to read from
  const auto content = [&]() -> ContentReader& {
    if (!reader) reader.emplace(tree_dirfd, options, list.content_bytes);
    return *reader;
  };
  const std::unique_ptr<BlobWriter> blob = BlobWriter::make(codec, blob_fd);
  std::string header;
  if (adoption)
    for (const Entry& entry : directories_above(*adoption))
      append_tar_header(header, entry, options.clamp_mtime);
  for (const Entry& entry : list.entries) {
    if (adoption) {
      const Entry own = adopted(entry, *adoption);
      append_tar_header(header, own, options.clamp_mtime);
      blob->write(header);
      header.clear();
      if (own.kind == EntryKind::file && own.status.st_size != 0) content().copy(entry, *blob);
    } else if (options.rewriter != nullptr) {
      write_rewritten(entry, *options.rewriter, options.clamp_mtime, content, *blob);
    } else {
      append_tar_header(header, entry, options.clamp_mtime);
      blob->write(header);
      header.clear();
      if (entry.kind == EntryKind::file && entry.status.st_size != 0) content().copy(entry, *blob);
    }
  }
  blob->write(tar_end_marker());
  const BlobTotals totals = blob->finish();

  result.hides_lower = list.hides_lower;
  result.diff_id = totals.diff_id;
  result.blob_digest = totals.blob_digest;
  result.blob_size = totals.blob_size;
  result.uncompressed_size = totals.uncompressed_size;
  result.entries = list.entries.size();
  return result;
} catch (Error& error) {
  error.add_context("pack layer");
  error.add_code(ExitCode::image);
  throw;
}

LayerResult pack_layer(int tree_dirfd, const PackOptions& options, int blob_fd) {
  ChangeList list;
  try {
    (void)codec_of(options);  // what is wrong with it costs no walk
    list = scan_for_layer(tree_dirfd, options);
  } catch (Error& error) {
    error.add_context("pack layer");
    error.add_code(ExitCode::image);
    throw;
  }
  return pack_entries(tree_dirfd, list, options, blob_fd);
}

}  // namespace gbox::layer
