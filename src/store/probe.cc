#include "probe.h"

#include <dirent.h>
#include <sys/xattr.h>

#include <cerrno>
#include <charconv>
#include <memory>

#include "gbox/base/text.h"
#include "gbox/sys/file.h"
#include "gbox/sys/level.h"

namespace gbox::store {

namespace {

constexpr uid_t kProbeId = 1;  // 'bin' or 'daemon': mapped wherever more than one id is
constexpr std::string_view kGoodFileSystems =
    "use '--store' on ext4, xfs, btrfs or tmpfs (kernel 6.6 or newer)";

// Whether this user namespace maps the id and lets us give files away.
bool can_give_away(uid_t id) {
  if (::geteuid() != 0) return false;
  const auto map = sys::try_read_file(AT_FDCWD, "/proc/self/uid_map");
  if (!map) return false;
  for (const std::string& line : split(*map, '\n')) {
    const std::vector<std::string> fields = split_words(line);
    if (fields.size() != 3) continue;
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    std::from_chars(fields[0].data(), fields[0].data() + fields[0].size(), first);
    std::from_chars(fields[2].data(), fields[2].data() + fields[2].size(), count);
    if (id >= first && id - first < count) return true;
  }
  return false;
}

bool tells_entry_types(int dirfd) {
  const int fd = ::openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return true;  // said better by whatever opens it next
  const auto close_directory = [](DIR* d) { (void)::closedir(d); };  // fails only on a bad DIR
  std::unique_ptr<DIR, decltype(close_directory)> directory(::fdopendir(fd), close_directory);
  if (!directory) {
    (void)::close(fd);  // nothing was written
    return true;
  }
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") return entry->d_type != DT_UNKNOWN;
  }
  return true;
}

Mounted mount_of(int dirfd) {
  struct statx status {};
  if (::statx(dirfd, "", AT_EMPTY_PATH, STATX_MNT_ID, &status) != 0 ||
      (status.stx_mask & STATX_MNT_ID) == 0)
    return {};
  const auto mountinfo = sys::try_read_file(AT_FDCWD, "/proc/self/mountinfo");
  if (!mountinfo) return {};
  return find_mount(*mountinfo, status.stx_mnt_id).value_or(Mounted{});
}

// mountinfo writes blanks, tabs, newlines and backslashes as \ooo.
std::string unescape(std::string_view field) {
  std::string text;
  for (std::size_t i = 0; i < field.size(); ++i) {
    if (field[i] == '\\' && i + 3 < field.size()) {
      unsigned value = 0;
      const auto [end, error] =
          std::from_chars(field.data() + i + 1, field.data() + i + 4, value, 8);
      if (error == std::errc() && end == field.data() + i + 4 && value < 256) {
        text += static_cast<char>(value);
        i += 3;
        continue;
      }
    }
    text += field[i];
  }
  return text;
}

}  // namespace

std::optional<Mounted> find_mount(std::string_view mountinfo, std::uint64_t mount_id) {
  const std::string wanted = std::to_string(mount_id);
  for (const std::string& line : split(mountinfo, '\n')) {
    const std::vector<std::string> fields = split(line, ' ');
    if (fields.size() < 10 || fields[0] != wanted) continue;
    // Optional fields end at a lone '-'.
    for (std::size_t i = 6; i + 2 < fields.size(); ++i)
      if (fields[i] == "-")
        return Mounted{fields[i + 1], unescape(fields[i + 2]), unescape(fields[4])};
  }
  return std::nullopt;
}

ProbeFacts probe_file_system(int dirfd) {
  ProbeFacts facts;
  facts.mounted = mount_of(dirfd);
  const std::string name = "probe-" + sys::random_hex(6);
  struct Scratch {  // removed on every way out
    int dirfd;
    std::string name;
    ~Scratch() {
      try {
        sys::remove_tree(dirfd, name);
      } catch (const Error&) {
        // Costs an empty directory.
      }
    }
  };
  sys::mkdirat(dirfd, name, 0700);
  const Scratch scratch{dirfd, name};
  const sys::Fd dir = sys::openat(dirfd, name, O_RDONLY | O_DIRECTORY);
  const sys::Fd file = sys::openat(dir.get(), "aA", O_WRONLY | O_CREAT | O_EXCL, 0600);
  // On a directory, where overlay keeps its opaque mark; files are never pickier.
  if (::fsetxattr(dir.get(), "user.gbox", "1", 1, 0) != 0) facts.user_xattr = errno;
  if (can_give_away(kProbeId) && ::fchown(file.get(), kProbeId, kProbeId) != 0) facts.chown = errno;
  facts.entry_types = tells_entry_types(dir.get());
  facts.case_sensitive = !sys::try_fstatat(dir.get(), "Aa", AT_SYMLINK_NOFOLLOW);
  return facts;
}

// noexec and nosuid on the store's mount are no lack: programs run from the overlay, whose own
// mount flags decide (tried on Linux 6.18 with both set).
void refuse_unfit(const std::string& path, const ProbeFacts& facts, Purpose purpose) {
  const Mounted& mounted = facts.mounted;
  const std::string type = mounted.type.empty() ? "the file system" : quoted(mounted.type);
  const auto refuse = [&](const std::string& why, std::string hint) {
    Error error("open store " + quoted(path) + ": " + why, ExitCode::host);
    error.set_hint(std::move(hint));
    throw error;
  };
  const std::string elsewhere =
      "such as '--store /var/tmp/gbox-" + std::to_string(::geteuid()) + "'";
  if (!facts.case_sensitive)
    refuse("the file system does not tell 'a' from 'A'", "use a path inside linux, " + elsewhere);
  if (purpose == Purpose::inspect) return;
  // What only an overlay on it would need.
  const bool overlay = sys::means().storage == sys::Storage::kernel;
  if (overlay && mounted.type == "overlay")
    refuse(
        "it lies on overlay, which cannot hold an overlay",
        "mount a volume (a disk or a tmpfs) into this container and pass it as '--store', or use "
        "'--storage copy'");
  if (mounted.type.starts_with("nfs"))
    refuse("it lies on nfs (" + quoted(mounted.source) + "), whose server does not know mapped ids",
           "use a local disk, " + elsewhere);
  if (facts.user_xattr != 0)
    refuse(type + (facts.user_xattr == ENOTSUP ? " has no user extended attributes"
                                               : " refuses user extended attributes"),
           std::string(kGoodFileSystems));
  if (facts.chown != 0)
    refuse(type + " does not keep owners: a file cannot be given to id " + std::to_string(kProbeId),
           std::string(kGoodFileSystems));
  if (overlay && !facts.entry_types)
    refuse(type + " does not tell directories from files when listing (no 'd_type')",
           "use another disk, or on xfs make the file system with 'ftype=1'");
}

std::string closed_parent(const std::string& path) {
  for (std::size_t end = path.find('/', 1); end != std::string::npos;
       end = path.find('/', end + 1)) {
    const std::string parent = path.substr(0, end);
    if (::faccessat(AT_FDCWD, parent.c_str(), X_OK, AT_EACCESS) == 0) continue;
    if (errno != EACCES) return {};
    struct stat status {};
    if (::stat(parent.c_str(), &status) != 0) return {};
    char mode[8];
    (void)std::snprintf(mode, sizeof mode, "%04o", status.st_mode & 07777u);  // 4 digits fit
    return quoted(parent) + " is mode " + mode;
  }
  return {};
}

}  // namespace gbox::store
