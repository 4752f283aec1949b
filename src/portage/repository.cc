#include "gbox/portage/repository.h"

#include <cerrno>
#include <set>

#include "gbox/base/text.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/file.h"
#include "repo_files.h"

namespace gbox::portage {

namespace {

constexpr std::uint64_t kMaxListBytes = 4u << 20;  // profiles.desc and the like
constexpr unsigned kMaxDirectoryDepth = 10;
constexpr std::size_t kMaxProfiles = 20000;
// More categories than an overlay of one's own has: without its cache, Portage's first look at
// such a tree takes the better part of a minute.
constexpr std::size_t kManyCategories = 50;

bool exists(int dirfd, const std::string& path, int flags) {
  return try_open_in(dirfd, path, flags).has_value();
}

std::optional<std::string> try_read(int dirfd, const std::string& path) {
  const auto fd = try_open_in(dirfd, path, O_RDONLY | O_NONBLOCK);
  if (!fd || !S_ISREG(sys::fstat(fd->get()).st_mode)) return std::nullopt;
  std::string content(kMaxListBytes, '\0');
  content.resize(sys::read_full(fd->get(), std::as_writable_bytes(std::span(content)), path));
  return content;
}

// Lines of a list file without comments and blanks around.
std::vector<std::string> entries_of(const std::string& text) {
  std::vector<std::string> lines;
  for (const std::string& line : split(text, '\n')) {
    const std::string_view kept = trim(std::string_view(line).substr(0, line.find('#')));
    if (!kept.empty()) lines.emplace_back(kept);
  }
  return lines;
}

sys::Fd open_directory(const std::string& path) {
  try {
    return sys::open(path, O_RDONLY | O_DIRECTORY);
  } catch (SysError& error) {
    switch (error.error_number()) {
      case ENOENT:
        throw Error("there is no directory " + quoted(path), ExitCode::input);
      case ENOTDIR:
        throw Error(quoted(path) + " is not a directory", ExitCode::input);
      case EACCES:
        throw Error(quoted(path) + " may not be read by this user", ExitCode::input);
      default:
        error.add_code(ExitCode::input);
        throw;
    }
  }
}

// An unpacked snapshot has the repository one level down.
std::string repository_below(int dirfd) {
  std::string found;
  for (const std::string& name : sys::list_directory(dirfd, ".")) {
    if (!exists(dirfd, name + "/profiles/repo_name", O_PATH)) continue;
    if (!found.empty()) return {};
    found = name;
  }
  return found;
}

void require_file(int dirfd, const std::string& path, const std::string& file) {
  if (exists(dirfd, file, O_RDONLY | O_NONBLOCK)) return;
  Error error(quoted(path) + " is no ebuild repository: it has no " + quoted(file),
              ExitCode::input);
  const std::string below = repository_below(dirfd);
  if (!below.empty()) error.set_hint("did you mean " + quoted(path + '/' + below) + '?');
  throw error;
}

void warn_without_cache(CheckedRepository& repository) {
  const int dirfd = repository.directory.get();
  if (exists(dirfd, "metadata/md5-cache", O_PATH)) return;
  const auto categories = try_read(dirfd, "profiles/categories");
  if (!categories || entries_of(*categories).size() < kManyCategories) return;
  repository.warnings.push_back(
      {"repository " + quoted(repository.name) +
           " has no 'metadata/md5-cache': emerge reads every ebuild anew in each phase",
       "use the tree that 'emerge --sync' fetches, or run 'egencache --update --repo " +
           repository.name + "'"});
}

bool is_profile(int profiles, const std::string& path) {
  if (!exists(profiles, path, O_PATH | O_DIRECTORY)) return false;
  for (const char* file : {"parent", "make.defaults", "eapi", "packages"})
    if (exists(profiles, path + '/' + file, O_PATH)) return true;
  return false;
}

void collect_profiles(int profiles, const std::string& path, unsigned depth,
                      std::set<std::string>& found) {
  if (depth > kMaxDirectoryDepth || found.size() >= kMaxProfiles) return;
  const auto directory = try_open_in(profiles, path.empty() ? "." : path, O_RDONLY | O_DIRECTORY);
  if (!directory) return;
  for (const std::string& name : sys::list_directory(directory->get(), path)) {
    const auto status = sys::try_fstatat(directory->get(), name, AT_SYMLINK_NOFOLLOW);
    if (!status || !S_ISDIR(status->st_mode)) continue;
    const std::string child = path.empty() ? name : path + '/' + name;
    if (is_profile(profiles, child)) found.insert(child);
    collect_profiles(profiles, child, depth + 1, found);
  }
}

// What a person may choose: the list that the repository publishes, else what its directories hold.
std::vector<std::string> known_profiles(int repository) {
  std::set<std::string> found;
  if (const auto text = try_read(repository, "profiles/profiles.desc"))
    for (const std::string& line : entries_of(*text))  // "arch path status"
      if (const auto words = split_words(line); words.size() >= 2) found.insert(words[1]);
  if (found.empty())
    if (const auto profiles = try_open_in(repository, "profiles", O_RDONLY | O_DIRECTORY))
      collect_profiles(profiles->get(), "", 0, found);
  return {found.begin(), found.end()};
}

}  // namespace

CheckedRepository check_repository(const spec::Repository& repository, const std::string& path) {
  try {
    CheckedRepository checked{repository.name, path, open_directory(path), {}};
    const int dirfd = checked.directory.get();
    require_file(dirfd, path, "profiles/repo_name");
    require_file(dirfd, path, "metadata/layout.conf");
    const auto names = entries_of(try_read(dirfd, "profiles/repo_name").value_or(""));
    const std::string name = names.empty() ? "" : names.front();
    if (name != repository.name) {
      Error error(quoted(path) + " calls itself " + quoted(name) + " in 'profiles/repo_name'",
                  ExitCode::input);
      error.set_hint(name.empty() ? "write its name into that file"
                                  : "call it [repos." + printable(name) + "] in the spec");
      throw error;
    }
    warn_without_cache(checked);
    return checked;
  } catch (Error& error) {
    const std::string place = to_string(repository.source_where);
    error.add_context((place.empty() ? "" : place + ": ") + "repository " +
                      quoted(repository.name));
    error.add_code(ExitCode::input);
    error.add_hint("give 'path' a directory that holds 'profiles' and 'metadata'");
    throw;
  }
}

void check_profile(const CheckedRepository& repository, const std::string& profile,
                   const Location& where) {
  const int dirfd = repository.directory.get();
  if (const auto profiles = try_open_in(dirfd, "profiles", O_RDONLY | O_DIRECTORY))
    if (is_profile(profiles->get(), profile)) return;
  const std::vector<std::string> known = known_profiles(dirfd);
  const std::string near = nearest(profile, known);
  std::string hint = "see 'profiles/profiles.desc' in " + quoted(repository.path);
  if (!near.empty()) {
    hint = "did you mean " + quoted(near) + '?';
  } else if (!known.empty() && known.size() <= 8) {
    hint = "it has " + quoted_list(known);
  }
  throw SpecError(
      {{where, "repository " + quoted(repository.name) + " has no profile " + quoted(profile),
        hint}});
}

}  // namespace gbox::portage
