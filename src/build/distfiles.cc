#include "distfiles.h"

#include <linux/fs.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>

#include "distfile_layout.h"
#include "gbox/base/text.h"
#include "gbox/net/url.h"
#include "gbox/sys/fd.h"
#include "gbox/sys/file.h"
#include "gbox/sys/interrupt.h"

namespace gbox::build {

namespace {

using portage::Distfile;

constexpr std::size_t kBufferBytes = 1u << 20;

// Whether the open file is what the Manifest says. One digest is enough to know bytes that some
// earlier fetch has held against all of them.
bool is_content(int fd, const Distfile& file) {
  const struct stat status = sys::fstat(fd);
  if (!S_ISREG(status.st_mode) || file.digests.empty()) return false;
  if (file.size && static_cast<std::uint64_t>(status.st_size) != *file.size) return false;
  Hasher hasher(file.digests.front().algorithm());
  std::vector<std::byte> buffer(kBufferBytes);
  if (::lseek(fd, 0, SEEK_SET) != 0) throw SysError(errno, "lseek " + quoted(file.name));
  while (const std::size_t count = sys::read_full(fd, buffer, file.name)) {
    hasher.update(std::span(buffer).first(count));
    sys::check_interrupt();
  }
  return hasher.finish() == file.digests.front();
}

// O_NONBLOCK: a FIFO of that name would be waited for.
std::optional<sys::Fd> try_open_file(int dirfd, const std::string& name) {
  constexpr int kFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
  try {
    return sys::try_openat(dirfd, name, kFlags);
  } catch (const SysError& error) {
    if (error.error_number() == ELOOP || error.error_number() == EACCES) return std::nullopt;
    throw;
  }
}

bool has_file(int dirfd, const Distfile& file) {
  const auto fd = try_open_file(dirfd, file.name);
  return fd && is_content(fd->get(), file);
}

void copy_bytes(int from, int to, const std::string& name) {
  if (::ioctl(to, FICLONE, from) == 0) return;
  std::vector<std::byte> buffer(kBufferBytes);
  if (::lseek(from, 0, SEEK_SET) != 0) throw SysError(errno, "lseek " + quoted(name));
  while (const std::size_t count = sys::read_full(from, buffer, name)) {
    sys::write_all(to, std::span(buffer).first(count), name);
    sys::check_interrupt();
  }
}

// A file of our own beside its final name, removed unless it gets that name.
class NewFile {
 public:
  explicit NewFile(int dirfd) : dirfd_(dirfd), name_('.' + sys::random_hex(8) + ".new") {}
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile() {
    if (!name_.empty()) (void)::unlinkat(dirfd_, name_.c_str(), 0);  // absent: never made
  }
  // A second name for the same file, or a copy that all may read. Returns it, opened.
  sys::Fd take(int from_dirfd, const std::string& from_name, int from) {
    const struct stat status = sys::fstat(from);
    // The portage user of a step reads it, too; another's file cannot be opened up.
    if ((status.st_mode & S_IROTH) != 0 &&
        ::linkat(from_dirfd, from_name.c_str(), dirfd_, name_.c_str(), 0) == 0)
      return sys::openat(dirfd_, name_, O_RDONLY | O_NOFOLLOW);
    sys::Fd to = sys::openat(dirfd_, name_, O_RDWR | O_CREAT | O_EXCL, 0644);
    copy_bytes(from, to.get(), from_name);
    if (::fchmod(to.get(), 0644) != 0) throw SysError(errno, "chmod " + quoted(from_name));
    return to;
  }
  void publish(const std::string& name) {
    sys::renameat(dirfd_, name_, dirfd_, name);
    name_.clear();
  }

 private:
  int dirfd_;
  std::string name_;
};

// The file of the spec's own directory, when it is the right one.
bool take_over(int own, int directory, const Distfile& file) {
  const auto found = try_open_file(own, file.name);
  if (!found || !is_content(found->get(), file)) return false;
  NewFile made(directory);
  const sys::Fd copy = made.take(own, file.name, found->get());
  if (!is_content(copy.get(), file)) return false;  // it changed meanwhile
  made.publish(file.name);
  return true;
}

// For gc: when it was last used.
void stamp(int directory, const std::string& name) {
  // A file that cannot be stamped is as good: gc only takes it earlier.
  (void)::utimensat(directory, name.c_str(), nullptr, AT_SYMLINK_NOFOLLOW);
}

// The mirrors of one run, each asked for its layout once.
class Mirrors {
 public:
  Mirrors(const std::vector<std::string>& urls, const net::Settings& settings)
      : urls_(urls), settings_(settings) {}

  void append(const Distfile& file, std::vector<std::string>& urls) {
    for (const std::string& mirror : urls_) {
      const auto& layouts = layouts_of(mirror);
      if (!layouts) continue;
      for (const DistfileLayout& layout : *layouts) {
        const auto path = path_in(layout, file);
        if (!path) continue;
        urls.push_back(net::join_url(mirror, "distfiles/" + *path));
        break;
      }
    }
  }

 private:
  using Layouts = std::optional<std::vector<DistfileLayout>>;

  const Layouts& layouts_of(const std::string& mirror) {
    const auto known = layouts_.find(mirror);
    if (known != layouts_.end()) return known->second;
    Layouts layouts;
    const std::vector<std::string> url = {net::join_url(mirror, "distfiles/layout.conf")};
    try {
      const auto text = net::try_fetch_text(url, "layout.conf", settings_);
      layouts = parse_layout(text ? text->text : "");
    } catch (const Interrupted&) {
      throw;
    } catch (const Error& error) {
      if (settings_.warnings != nullptr)
        settings_.warnings->warn(
            {"mirror " + quoted(net::shown_host(mirror)) + " is left out: " + error.message(),
             "the next mirror and the ebuilds' own places are tried"});
    }
    return layouts_.emplace(mirror, std::move(layouts)).first->second;
  }

  const std::vector<std::string>& urls_;
  const net::Settings& settings_;
  std::map<std::string, Layouts> layouts_;
};

std::vector<std::string> urls_of(const Distfile& file, Mirrors& mirrors) {
  std::vector<std::string> urls;
  if (file.urls_first) urls = file.urls;
  if (file.mirrors) mirrors.append(file, urls);
  if (!file.urls_first) urls.insert(urls.end(), file.urls.begin(), file.urls.end());
  return urls;
}

// What one needs to know about a file that is not here and is not fetched; nullopt: fetch it.
std::optional<std::string> hopeless(const Distfile& file) {
  if (file.digests.empty() || !file.size)
    return "the Manifest of its package does not list it, so that nothing could be verified";
  return std::nullopt;
}

std::string reason_of(const net::Fetched& fetched) {
  std::vector<std::string> parts;
  for (const net::Failure& failure : fetched.failures)
    parts.push_back(net::shown_host(failure.url) + ": " + failure.message);
  return join(parts, "; ");
}

std::optional<sys::Fd> open_own(const DistfilePlaces& places) {
  if (places.own.empty()) return std::nullopt;
  return sys::try_openat(AT_FDCWD, places.own, O_RDONLY | O_DIRECTORY);
}

// What is neither in the store's directory nor in the spec's own.
std::vector<const NeededFile*> absent_files(std::span<const NeededFile> files, int directory,
                                            const std::optional<sys::Fd>& own, bool take) {
  std::vector<const NeededFile*> absent;
  for (const NeededFile& needed : files) {
    const bool here = has_file(directory, needed.file);
    if (here && take) stamp(directory, needed.file.name);
    if (here) continue;
    if (own &&
        (take ? take_over(own->get(), directory, needed.file) : has_file(own->get(), needed.file)))
      continue;
    absent.push_back(&needed);
  }
  return absent;
}

std::string where_to_get(const Distfile& file) {
  const std::vector<std::string>& urls = file.closed_urls.empty() ? file.urls : file.closed_urls;
  return urls.empty() ? "" : " from " + quoted(net::shown_url(urls.front()));
}

}  // namespace

std::vector<NeededFile> needed_distfiles(std::span<const portage::EmergePlan> plans) {
  std::map<std::string, NeededFile> files;
  for (const portage::EmergePlan& plan : plans)
    for (const portage::PlannedPackage& package : plan.packages) {
      if (package.kind != portage::PlannedPackage::Kind::ebuild ||
          package.operation != portage::PlannedPackage::Operation::merge)
        continue;
      for (const Distfile& file : package.distfiles) {
        const auto [found, made] = files.try_emplace(file.name, NeededFile{file, {}});
        NeededFile& needed = found->second;
        if (!made && needed.file.digests != file.digests)
          throw Error("fetch distfiles: " + quoted(needed.owners.front()) + " and " +
                          quoted(package.id.cpv) + " mean different files by " + quoted(file.name),
                      ExitCode::input)
              .set_hint("a mistake in one of their repositories: leave one package out");
        std::vector<std::string>& owners = needed.owners;
        if (std::find(owners.begin(), owners.end(), package.id.cpv) == owners.end())
          owners.push_back(package.id.cpv);
        if (made) continue;
        // Another package may know another place.
        for (const std::string& url : file.urls)
          if (std::find(needed.file.urls.begin(), needed.file.urls.end(), url) ==
              needed.file.urls.end())
            needed.file.urls.push_back(url);
        needed.file.mirrors = needed.file.mirrors || file.mirrors;
      }
    }
  std::vector<NeededFile> result;
  for (auto& [name, needed] : files) result.push_back(std::move(needed));
  return result;
}

std::vector<MissingFile> missing_distfiles(std::span<const NeededFile> files,
                                           const DistfilePlaces& places) {
  const sys::Fd directory = sys::open(places.directory, O_RDONLY | O_DIRECTORY);
  std::vector<MissingFile> missing;
  for (const NeededFile* needed : absent_files(files, directory.get(), open_own(places), false))
    missing.push_back({needed->file, needed->owners, needed->file.manual(),
                       hopeless(needed->file).value_or("not fetched yet")});
  return missing;
}

std::vector<MissingFile> fetch_distfiles(
    std::span<const NeededFile> files, const DistfilePlaces& places, net::Settings settings,
    const std::function<void(const std::string& name)>& on_here) {
  const sys::Fd directory = sys::open(places.directory, O_RDONLY | O_DIRECTORY);
  Mirrors mirrors(places.mirrors, settings);
  std::vector<MissingFile> missing;
  std::vector<net::Transfer> transfers;
  std::vector<const NeededFile*> wanted;
  const std::vector<const NeededFile*> absent =
      absent_files(files, directory.get(), open_own(places), true);
  if (on_here)
    for (const NeededFile& needed : files)
      if (std::find(absent.begin(), absent.end(), &needed) == absent.end())
        on_here(needed.file.name);
  for (const NeededFile* needed : absent) {
    const Distfile& file = needed->file;
    const auto why_not = hopeless(file);
    if (why_not || file.manual()) {
      missing.push_back({file, needed->owners, file.manual(), why_not.value_or("")});
      continue;
    }
    net::Transfer transfer;
    transfer.urls = urls_of(file, mirrors);
    transfer.name = file.name;
    transfer.needed_by = needed->owners.front();
    transfer.size = file.size;
    transfer.max_bytes = *file.size;
    transfer.digests = file.digests;
    transfer.file = file.name;
    if (transfer.urls.empty()) {
      missing.push_back(
          {file, needed->owners, false, "no mirror answers and no other place has it"});
      continue;
    }
    transfers.push_back(std::move(transfer));
    wanted.push_back(needed);
  }
  if (on_here) settings.on_fetched = [&](std::string_view name) { on_here(std::string(name)); };
  const std::vector<net::Fetched> results = net::fetch_all(directory.get(), transfers, settings);
  for (std::size_t i = 0; i < results.size(); ++i)
    if (!results[i].ok)
      missing.push_back({wanted[i]->file, wanted[i]->owners, false, reason_of(results[i])});
  return missing;
}

void require_distfiles(std::span<const MissingFile> missing, std::size_t total,
                       const DistfilePlaces& places) {
  if (missing.empty()) return;
  const std::string& place = places.own.empty() ? places.directory : places.own;
  std::string message = "fetch distfiles: " + std::to_string(missing.size()) + " of " +
                        std::to_string(total) + " could not be had";
  std::string hints;
  for (const MissingFile& file : missing) {
    message += '\n' + quoted(file.file.name) + " (" + quoted_list(file.owners) +
               "): " + (file.manual ? "it may not be fetched by programs" : file.reason);
    if (!file.manual || file.file.digests.empty()) continue;
    const std::string algorithm(file.file.digests.back().algorithm_name());
    hints += "get " + quoted(file.file.name) +
             (file.file.size ? " (" + human_size(*file.file.size) + ")" : "") +
             where_to_get(file.file) + " and place it in " + quoted(place) + " (its " + algorithm +
             " is checked)\n";
  }
  const bool failed = std::any_of(missing.begin(), missing.end(),
                                  [](const MissingFile& file) { return !file.manual; });
  if (failed)
    hints += "place what is missing in " + quoted(place) +
             ", name another mirror in [build] mirror, or use a newer repository";
  Error error(message, ExitCode::input);
  throw error.set_hint(hints);
}

void link_distfiles(std::span<const NeededFile> files, const DistfilePlaces& places, int dirfd) {
  const sys::Fd directory = sys::open(places.directory, O_RDONLY | O_DIRECTORY);
  const std::optional<sys::Fd> own = open_own(places);
  for (const NeededFile& needed : files) {
    const Distfile& file = needed.file;
    const sys::Fd* from = &directory;
    auto found = try_open_file(directory.get(), file.name);
    const auto size = [&] { return static_cast<std::uint64_t>(sys::fstat(found->get()).st_size); };
    // Portage hashes what it unpacks: here it is enough to see that nobody replaced the file.
    if (found && file.size && size() != *file.size) found.reset();
    if (!found && own && has_file(own->get(), file)) {
      from = &*own;
      found = try_open_file(own->get(), file.name);
    }
    if (!found)
      throw Error("distfile " + quoted(file.name) + " is no longer in " + quoted(places.directory),
                  ExitCode::input)
          .set_hint("build again: it is fetched then");
    NewFile made(dirfd);
    (void)made.take(from->get(), file.name, found->get());
    made.publish(file.name);
  }
}

}  // namespace gbox::build
