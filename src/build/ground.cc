#include "ground.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "gbox/base/text.h"
#include "gbox/layer/copy.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/file.h"

namespace gbox::build {

namespace {

constexpr std::array kDirectories = {"dev", "etc", "proc", "root",    "run",    "sys",
                                     "tmp", "usr", "var",  "var/lib", "var/tmp"};
constexpr std::array kPlacesOfLinks = {"", "usr", "var"};

constexpr const char* kLayout = "sys-apps/baselayout";
constexpr std::array kLibraries = {"sys-libs/glibc", "sys-libs/musl"};
constexpr const char* kVirtual = "virtual/libc";

sys::Fd ensure_root(int rootfd, const std::string& root) {
  const sys::Fd base = sys::ensure_directories_in_root(rootfd, root);
  return sys::openat(base.get(), ".", O_RDONLY | O_DIRECTORY);
}

portage::Atom atom_of(const std::string& text) {
  auto atom = portage::parse_atom(text);
  if (!atom) throw Error("internal error: " + quoted(text) + " is no atom");
  return std::move(*atom);
}

bool names(const spec::Text& text, const std::string& package) {
  const auto atom = portage::parse_atom(text.value);
  if (!atom) return false;
  return atom->category.empty() ? package.ends_with('/' + atom->name) : atom->package() == package;
}

// Whether the phase merges `package` by name; a set may hold anything, and is for whoever names it.
bool merges(const spec::Phase& phase, const std::string& package) {
  return std::any_of(
      phase.emerge.atoms.begin(), phase.emerge.atoms.end(),
      [&](const spec::Text& text) { return text.value.starts_with('@') || names(text, package); });
}

bool merges_only(const spec::Phase& phase, const std::string& package) {
  return std::all_of(phase.emerge.atoms.begin(), phase.emerge.atoms.end(),
                     [&](const spec::Text& text) { return names(text, package); });
}

bool is_below(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) && path.size() > directory.size() &&
         path[directory.size()] == '/';
}

// What programs have of a C library: not headers, what is linked statically, sources of locales,
// documentation, nor programs of its own, some of which are scripts.
bool is_for_running(std::string_view path) {
  for (const char* place :
       {"/usr/include", "/usr/share/doc", "/usr/share/i18n", "/usr/share/info", "/usr/share/man",
        "/usr/lib/debug", "/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/libexec", "/usr/src"})
    if (is_below(path, place)) return false;
  if (path.find("/pkgconfig/") != std::string_view::npos) return false;
  return !path.ends_with(".a") && !path.ends_with(".o") && !path.ends_with(".h");
}

// sys-apps/baselayout brings these by its pkg_postinst.
constexpr std::array kAccounts = {"passwd", "group", "shadow"};
constexpr const char* kSharedAccounts = "usr/share/baselayout/";

// Of '/': who is in every system, without a password. Others are acct-*'s affair.
std::string essential_accounts(int rootfd, const std::string& name) {
  std::string text;
  const auto file =
      sys::try_open_beneath(rootfd, "etc/" + name, O_RDONLY | O_NONBLOCK, sys::Resolve::in_root);
  if (!file || !S_ISREG(sys::fstat(file->get()).st_mode)) return text;
  std::string all(1u << 20, '\0');
  all.resize(sys::read_full(file->get(), std::as_writable_bytes(std::span(all)), name));
  for (const std::string& line : split(all, '\n')) {
    std::vector<std::string> fields = split(line, ':');
    if (fields.size() < 3) continue;
    const std::string& who = fields[0];
    if (who != "root" && who != "nobody" && who != "nogroup" && who != "tty") continue;
    if (name == "group") fields[3 < fields.size() ? 3 : 2].clear();
    if (name == "shadow") fields[1] = "*";
    text += join(fields, ":") + '\n';
  }
  return text;
}

void add_accounts(int rootfd, int root) {
  const sys::Fd etc = layer::ensure_directory_like(rootfd, root, "etc");
  for (const char* name : kAccounts) {
    if (sys::try_fstatat(etc.get(), name, AT_SYMLINK_NOFOLLOW)) continue;
    const auto shared = sys::try_open_directory(root, kSharedAccounts);
    const auto status =
        shared ? sys::try_fstatat(shared->get(), name, AT_SYMLINK_NOFOLLOW) : std::nullopt;
    if (status && S_ISREG(status->st_mode)) {
      layer::EntryCopies(root).copy(shared->get(), name, *status, etc.get(), "etc");
      continue;
    }
    sys::write_file_atomically(etc.get(), name, essential_accounts(rootfd, name),
                               std::string_view(name) == "shadow" ? 0640 : 0644);
  }
}

// The newest of them, and only where none of the root's own is in its place.
std::optional<std::string> unsaid(int rootfd, int root, const spec::Phase& phase,
                                  const std::string& package) {
  if (merges(phase, package) || !installed_matching(root, atom_of(package)).empty()) return {};
  const std::vector<std::string> found = installed_matching(rootfd, atom_of(package));
  if (found.empty()) return {};
  return found.back();
}

std::vector<std::string> named(int rootfd, int root, const spec::Phase& phase, Absent absent) {
  std::vector<std::string> cpvs;
  for (const spec::Text& text : phase.copy_package) {
    const portage::Atom atom = atom_of(text.value);
    const std::vector<std::string> found = installed_matching(rootfd, atom);
    const std::string start = to_string(text.where) + ": phase " + quoted(phase.name) + ": ";
    if (found.empty() && absent == Absent::pass_over) continue;
    if (found.empty())
      throw Error(start + quoted(text.value) + " is not installed in '/', to be taken over",
                  ExitCode::plan)
          .set_hint("let an earlier phase without a root emerge it, or emerge it in this one");
    for (const std::string& there : installed_matching(root, atom))
      if (std::find(found.begin(), found.end(), there) == found.end())
        throw Error(start + quoted(phase.root) + " has " + quoted(there) + " already, and '/' " +
                        quoted_list(found),
                    ExitCode::plan)
            .set_hint("unmerge it in an earlier phase");
    cpvs.insert(cpvs.end(), found.begin(), found.end());
  }
  return cpvs;
}

}  // namespace

bool builds_root(const spec::Phase& phase) {
  return phase.root != "/" && (!phase.emerge.atoms.empty() || !phase.copy_package.empty());
}

void lay_skeleton(int rootfd, const spec::Phase& phase) {
  const sys::Fd root = ensure_root(rootfd, phase.root);
  for (const char* path : kDirectories)
    (void)layer::ensure_directory_like(rootfd, root.get(), path);
  for (const std::string place : kPlacesOfLinks) {
    const auto from = sys::try_open_directory(rootfd, place);
    if (!from) continue;
    for (const std::string& name : sys::list_directory(from->get(), place)) {
      const struct stat status = sys::fstatat(from->get(), name, AT_SYMLINK_NOFOLLOW);
      const std::string path = place.empty() ? name : place + '/' + name;
      if (!S_ISLNK(status.st_mode) || !sys::try_open_directory(rootfd, path)) continue;
      const sys::Fd to = layer::ensure_directory_like(rootfd, root.get(), place);
      if (!sys::try_fstatat(to.get(), name, AT_SYMLINK_NOFOLLOW))
        layer::EntryCopies(root.get()).copy(from->get(), name, status, to.get(), place);
      // Where it leads: relative to its place, or from the top.
      const std::string target = sys::readlinkat(from->get(), name);
      if (target.find("..") == std::string::npos)
        (void)layer::ensure_directory_like(
            rootfd, root.get(),
            sys::normalized_relative(
                target.starts_with('/') || place.empty() ? target : place + '/' + target));
    }
  }
}

std::vector<TakenOver> take_over_packages(int rootfd, const spec::Phase& phase, Absent absent) {
  const sys::Fd root = ensure_root(rootfd, phase.root);
  std::vector<TakenOver> taken;
  const auto take = [&](const std::string& cpv, const Wanted& wanted) {
    taken.push_back(take_over(rootfd, phase.root, cpv, wanted));
  };
  for (const std::string& cpv : named(rootfd, root.get(), phase, absent)) take(cpv, {});
  if (phase.emerge.atoms.empty()) return taken;
  if (const auto layout = unsaid(rootfd, root.get(), phase, kLayout)) {
    take(*layout, {});
    add_accounts(rootfd, root.get());
  }
  // Who merges the virtual means to have a C library merged, and who merges the layout alone will
  // say later what else there is to be.
  if (merges(phase, kVirtual) || merges_only(phase, kLayout)) return taken;
  for (const char* library : kLibraries) {
    const auto cpv = unsaid(rootfd, root.get(), phase, library);
    if (!cpv) continue;
    take(*cpv, is_for_running);
    if (const auto word = unsaid(rootfd, root.get(), phase, kVirtual)) take(*word, {});
  }
  return taken;
}

std::string taken_over_text(const std::string& root, const std::vector<TakenOver>& taken) {
  std::vector<std::string> names;
  std::size_t files = 0;
  for (const TakenOver& one : taken) {
    names.push_back(one.cpv);
    files += one.files;
  }
  if (names.empty()) return "";
  return root + ": " + join(names, ", ") + " taken over from '/' (" + std::to_string(files) +
         " files)";
}

}  // namespace gbox::build
