#include "take_over.h"

#include <algorithm>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "gbox/base/text.h"
#include "gbox/layer/copy.h"
#include "gbox/portage/installed.h"
#include "gbox/portage/version.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/file.h"
#include "gbox/sys/interrupt.h"

namespace gbox::build {

namespace {

using InstalledKind = portage::InstalledEntry::Kind;

constexpr std::string_view kDatabase = "var/db/pkg/";
constexpr std::size_t kMaxNeededBytes = 16u << 20;

// Where it is below `top`, without links.
std::string real_path(int top, int fd) {
  const auto path_of = [](int of) {
    return sys::readlinkat(AT_FDCWD, "/proc/self/fd/" + std::to_string(of));
  };
  const std::string above = sys::normalized_relative(path_of(top));
  const std::string path = sys::normalized_relative(path_of(fd));
  if (above.empty() || path == above) return path == above ? "" : path;
  return path.starts_with(above + '/') ? path.substr(above.size() + 1) : path;
}

// One package on its way from one root into another.
class Taking {
 public:
  Taking(int from, int to) : from_(from), to_(to), copies_(to) {}

  // As the other root has it, with those above it.
  sys::Fd directory(const std::string& path) {
    return layer::ensure_directory_like(from_, to_, path);
  }

  // False: it is not there any more. What the other root has in its place is replaced.
  bool entry(const std::string& path) {
    sys::check_interrupt();
    const auto [parent, name] = sys::split_last(path);
    const auto source = sys::try_open_directory(from_, parent);
    if (!source) return false;
    const auto status = sys::try_fstatat(source->get(), name, AT_SYMLINK_NOFOLLOW);
    if (!status) return false;
    if (S_ISDIR(status->st_mode)) {
      (void)directory(path);
      return true;
    }
    const sys::Fd target = directory(parent);
    if (const auto there = sys::try_fstatat(target.get(), name, AT_SYMLINK_NOFOLLOW)) {
      // A directory in a file's place is another package's, perhaps: links such as /lib are.
      if (S_ISDIR(there->st_mode) || path.starts_with("etc/")) return true;
      sys::unlinkat(target.get(), name, 0);
    }
    copies_.copy(source->get(), name, *status, target.get(), real_path(to_, target.get()));
    return true;
  }

 private:
  int from_;
  int to_;
  layer::EntryCopies copies_;
};

// The lines of a file of the VDB, without their ends. It came with an image: a link is none.
std::vector<std::string> lines_of(int entry, const std::string& name, std::size_t limit) {
  const auto status = sys::try_fstatat(entry, name, AT_SYMLINK_NOFOLLOW);
  if (!status || !S_ISREG(status->st_mode)) return {};
  const sys::Fd file = sys::openat(entry, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  std::string text(std::min<std::size_t>(limit, static_cast<std::size_t>(status->st_size)), '\0');
  text.resize(sys::read_full(file.get(), std::as_writable_bytes(std::span(text)), name));
  std::vector<std::string> lines = split(text, '\n');
  std::erase(lines, "");
  return lines;
}

std::string lines_as_text(const std::vector<std::string>& lines) {
  return lines.empty() ? "" : join(lines, "\n") + '\n';
}

// "X86_64;/usr/lib64/libz.so.1.3;…"
std::string object_of(const std::string& line) {
  const std::vector<std::string> fields = split(line, ';');
  return fields.size() < 2 ? "" : fields[1];
}

bool is_above(const std::string& directory, const std::set<std::string>& paths) {
  const auto next = paths.lower_bound(directory + '/');
  return next != paths.end() && next->starts_with(directory + '/');
}

class OneEntry {
 public:
  OneEntry(int rootfd, const sys::Fd& other, const std::string& cpv, const Wanted& wanted)
      : cpv_(cpv),
        path_(std::string(kDatabase) + sys::normalized_relative(cpv)),
        entry_(sys::open_beneath(rootfd, path_, O_RDONLY | O_DIRECTORY, sys::Resolve::in_root)),
        taking_(rootfd, other.get()),
        other_(other),
        wanted_(wanted) {}

  TakenOver take() {
    const std::vector<std::string> lines =
        lines_of(entry_.get(), "CONTENTS", portage::kMaxContentsBytes);
    TakenOver result{cpv_, 0};
    std::set<std::string> taken = before();
    for (const std::string& line : lines) {
      const std::vector<portage::InstalledEntry> parsed = portage::parse_contents(line);
      if (parsed.empty() || taken.contains(parsed.front().path)) continue;
      const portage::InstalledEntry& entry = parsed.front();
      if (entry.kind == InstalledKind::directory && wanted_) continue;  // with what it holds
      if (wanted_ && !wanted_(entry.path)) continue;
      if (!taking_.entry(sys::normalized_relative(entry.path))) continue;
      taken.insert(entry.path);
      if (entry.kind != InstalledKind::directory) ++result.files;
    }
    write(lines, taken);
    return result;
  }

 private:
  // Taken earlier, of this very package.
  std::set<std::string> before() const {
    std::set<std::string> paths;
    if (const auto there = sys::try_open_directory(other_.get(), path_))
      for (const std::string& line : lines_of(there->get(), "CONTENTS", portage::kMaxContentsBytes))
        for (portage::InstalledEntry& entry : portage::parse_contents(line))
          paths.insert(std::move(entry.path));
    return paths;
  }

  void write(const std::vector<std::string>& lines, const std::set<std::string>& taken) {
    std::vector<std::string> contents;
    for (const std::string& line : lines)
      for (const portage::InstalledEntry& entry : portage::parse_contents(line))
        if (taken.contains(entry.path) ||
            (entry.kind == InstalledKind::directory && is_above(entry.path, taken)))
          contents.push_back(line);
    std::vector<std::string> needed = lines_of(entry_.get(), "NEEDED.ELF.2", kMaxNeededBytes);
    std::erase_if(needed,
                  [&](const std::string& line) { return !taken.contains(object_of(line)); });
    const sys::Fd target = taking_.directory(path_);
    for (const std::string& name : sys::list_directory(entry_.get(), path_)) {
      if (name == "CONTENTS" || name == "NEEDED.ELF.2") continue;
      if (sys::try_fstatat(target.get(), name, AT_SYMLINK_NOFOLLOW)) continue;
      (void)taking_.entry(path_ + '/' + name);
    }
    sys::write_file_atomically(target.get(), "CONTENTS", lines_as_text(contents));
    if (!needed.empty())
      sys::write_file_atomically(target.get(), "NEEDED.ELF.2", lines_as_text(needed));
  }

  std::string cpv_;
  std::string path_;
  sys::Fd entry_;
  Taking taking_;
  const sys::Fd& other_;
  const Wanted& wanted_;
};

}  // namespace

std::vector<std::string> installed_matching(int rootfd, const portage::Atom& atom) {
  std::vector<std::pair<std::string, std::string>> found;  // version, cpv
  const auto database = sys::try_open_directory(rootfd, std::string(kDatabase));
  if (!database) return {};
  for (const std::string& category : sys::list_directory(database->get(), kDatabase)) {
    if (!portage::is_category_name(category)) continue;
    if (!atom.category.empty() && !atom.wild && category != atom.category) continue;
    const auto directory = sys::try_open_directory(database->get(), category);
    if (!directory) continue;
    for (const std::string& name : sys::list_directory(directory->get(), category)) {
      const auto parts = portage::split_name_version(name);
      if (!parts) continue;
      portage::Candidate candidate{category, parts->name, parts->version, {}, {}, {}};
      if (!portage::matches(atom, candidate)) continue;
      if (const auto entry = sys::try_open_directory(directory->get(), name)) {
        const std::vector<std::string> lines = lines_of(entry->get(), "SLOT", 4096);
        const std::vector<std::string> slot = split(lines.empty() ? "" : lines.front(), '/');
        candidate.slot = slot.front();
        if (slot.size() > 1) candidate.subslot = slot[1];
        if (portage::matches(atom, candidate))
          found.emplace_back(parts->version, category + '/' + name);
      }
    }
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return portage::compare_versions(a.first, b.first) < 0;
  });
  std::vector<std::string> cpvs;
  for (auto& [version, cpv] : found) cpvs.push_back(std::move(cpv));
  return cpvs;
}

TakenOver take_over(int rootfd, const std::string& root, const std::string& cpv,
                    const Wanted& wanted) {
  return with_context("take over " + quoted(cpv), [&] {
    const sys::Fd base = sys::ensure_directories_in_root(rootfd, root);
    const sys::Fd other = sys::openat(base.get(), ".", O_RDONLY | O_DIRECTORY);
    return OneEntry(rootfd, other, cpv, wanted).take();
  });
}

}  // namespace gbox::build
