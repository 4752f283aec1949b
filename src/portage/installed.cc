#include "gbox/portage/installed.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/digest.h"
#include "gbox/sys/fd.h"
#include "root_files.h"

namespace gbox::portage {

namespace {

// Changing the encoding changes every identity: the number goes into the digest first.
constexpr std::string_view kInstalledFormat = "gbox-installed-1";
constexpr std::size_t kMaxFieldBytes = 1u << 20;

// What sys::try_open_beneath() gives, and nothing too for links that lead in circles: the tree is
// an image's own affair.
std::optional<std::string> read_field(int rootfd, const std::string& cpv, const std::string& name,
                                      std::size_t limit) {
  const std::string path = "var/db/pkg/" + sys::normalized_relative(cpv) + '/' + name;
  const auto fd = try_open_inside(rootfd, path, O_RDONLY | O_NONBLOCK);
  if (!fd || !S_ISREG(sys::fstat(fd->get()).st_mode)) return std::nullopt;
  std::string text(
      std::min<std::size_t>(limit, static_cast<std::size_t>(sys::fstat(fd->get()).st_size)), '\0');
  text.resize(sys::read_full(fd->get(), std::as_writable_bytes(std::span(text)), path));
  return text;
}

// Length first, so that no two lists of fields give the same bytes.
void add(Hasher& hasher, std::string_view text) {
  hasher.update(std::to_string(text.size()) + ':');
  hasher.update(text);
}

// "obj /usr/bin/x MD5 MTIME" and "sym /a -> b MTIME": paths may hold blanks, so the end is cut.
std::string_view without_last_word(std::string_view line) {
  const std::size_t space = line.rfind(' ');
  return space == std::string_view::npos ? std::string_view() : line.substr(0, space);
}

std::optional<InstalledEntry> parse_line(std::string_view line) {
  using Kind = InstalledEntry::Kind;
  if (line.size() < 5 || line[3] != ' ') return std::nullopt;
  const std::string_view word = line.substr(0, 3);
  std::string_view rest = line.substr(4);
  InstalledEntry entry;
  if (word == "dir") {
    entry.kind = Kind::directory;
  } else if (word == "obj") {
    entry.kind = Kind::file;
    const std::string_view path_and_md5 = without_last_word(rest);
    rest = without_last_word(path_and_md5);
    if (rest.size() < path_and_md5.size()) entry.md5 = path_and_md5.substr(rest.size() + 1);
  } else if (word == "sym") {
    entry.kind = Kind::link;
    rest = without_last_word(rest);
    const std::size_t arrow = rest.find(" -> ");
    if (arrow == std::string_view::npos) return std::nullopt;
    entry.target = rest.substr(arrow + 4);
    rest = rest.substr(0, arrow);
  } else if (word != "fif" && word != "dev") {
    return std::nullopt;
  }
  if (rest.empty() || rest.front() != '/' || rest.find('\0') != std::string_view::npos)
    return std::nullopt;
  entry.path = rest;
  return entry;
}

}  // namespace

std::vector<InstalledEntry> parse_contents(std::string_view text) {
  std::vector<InstalledEntry> entries;
  while (!text.empty() && entries.size() < kMaxContentsEntries) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (auto entry = parse_line(text.substr(0, end))) entries.push_back(std::move(*entry));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return entries;
}

std::vector<InstalledEntry> installed_entries(int rootfd, const std::string& cpv) {
  const auto text = read_field(rootfd, cpv, "CONTENTS", kMaxContentsBytes);
  return text ? parse_contents(*text) : std::vector<InstalledEntry>();
}

bool is_read_by_builds(std::string_view path) {
  constexpr std::array kRead = {
      "usr", "opt",  "lib",       "lib32",          "lib64",           "libx32",
      "bin", "sbin", "etc/env.d", "etc/ld.so.conf", "etc/ld.so.conf.d"};
  constexpr std::array kNotRead = {
      "usr/share/doc",    "usr/share/man",  "usr/share/info", "usr/share/zoneinfo",
      "usr/share/locale", "usr/lib/locale", "usr/src"};
  const auto below = [&](std::string_view directory) {
    return path == directory || (path.starts_with(directory) && path[directory.size()] == '/');
  };
  return std::any_of(kRead.begin(), kRead.end(), below) &&
         std::none_of(kNotRead.begin(), kNotRead.end(), below);
}

Digest installed_digest(int rootfd, const std::string& cpv) {
  Hasher hasher;
  add(hasher, kInstalledFormat);
  add(hasher, cpv);
  for (const char* field : {"SLOT", "USE", "IUSE"})
    add(hasher, trim(read_field(rootfd, cpv, field, kMaxFieldBytes).value_or("")));
  std::vector<InstalledEntry> entries = installed_entries(rootfd, cpv);
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.path < b.path; });
  for (const InstalledEntry& entry : entries) {
    if (!is_read_by_builds(std::string_view(entry.path).substr(1))) continue;
    add(hasher, entry.path);
    const auto found = try_open_inside(rootfd, entry.path, O_PATH | O_NOFOLLOW);
    if (!found) {
      add(hasher, "missing");
      continue;
    }
    const struct stat status = sys::fstat(found->get());
    add(hasher, std::to_string(status.st_mode));
    if (S_ISLNK(status.st_mode)) add(hasher, sys::readlinkat(found->get(), ""));
    if (!S_ISREG(status.st_mode)) continue;
    if (const auto file = try_open_inside(rootfd, entry.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK))
      add(hasher, sys::sha256_of(file->get(), entry.path).hex());
  }
  return hasher.finish();
}

}  // namespace gbox::portage
