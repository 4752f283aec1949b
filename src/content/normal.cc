#include "gbox/content/normal.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "gbox/base/digest.h"
#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/portage/md5.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/fd.h"
#include "normal_files.h"

namespace gbox::content {

namespace {

using portage::InstalledEntry;

constexpr std::size_t kTimeDigits = 7;     // of a digest: 28 bits, about eight and a half years
constexpr std::size_t kCounterDigits = 6;  // 24 bits: Portage counts on from the greatest
constexpr std::uint64_t kMaxOwnBytes = 256u << 20;
constexpr std::string_view kDatabasePrefix = "var/db/pkg/";

std::uint32_t number_of(const Digest& digest, std::size_t digits) {
  std::uint32_t value = 0;
  (void)std::from_chars(digest.hex().data(), digest.hex().data() + digits, value, 16);
  return value;
}

bool is_bytecode(std::string_view path) {
  return path.ends_with(".pyc") || path.ends_with(".pyo");
}

// Files with a time inside, wherever they are.
bool has_inner_time(std::string_view path) {
  return is_bytecode(path) || path.ends_with(".gz") || path.ends_with(".a");
}

// "category/PF" and what is behind it; both empty for what is no package's entry.
std::pair<std::string_view, std::string_view> split_entry(std::string_view path) {
  if (!path.starts_with(kDatabasePrefix)) return {};
  path.remove_prefix(kDatabasePrefix.size());
  const std::size_t first = path.find('/');
  if (first == std::string_view::npos || path.starts_with('.')) return {};
  const std::size_t second = path.find('/', first + 1);
  if (second == std::string_view::npos) return {path, {}};
  return {path.substr(0, second), path.substr(second + 1)};
}

}  // namespace

std::int64_t time_of_package(const InstalledPackage& package) {
  // All that makes it this build of the package, but nothing that two equal builds differ in.
  Hasher hasher;
  const auto add = [&](std::string_view text) {
    hasher.update(std::to_string(text.size()) + ':');
    hasher.update(text);
  };
  add(package.cpv());
  for (const char* field : {"SLOT", "USE", "repository"}) add(package.field(field));
  for (const InstalledEntry& entry : package.entries) {
    add(entry.path);
    add(entry.target);
    if (!has_inner_time(entry.path)) add(entry.md5);
  }
  return kTimeBase + number_of(hasher.finish(), kTimeDigits);
}

std::uint32_t counter_of_package(std::string_view cpv) {
  return 1 + number_of(sha256(cpv), kCounterDigits);
}

Normalizer::Normalizer(int rootfd, const Owners& owners, std::int64_t epoch)
    : rootfd_(rootfd), owners_(owners), epoch_(epoch), paths_(rootfd) {
  for (const InstalledPackage& package : owners.packages()) entries_[package.cpv()] = &package;
}

bool Normalizer::leaves_out(std::string_view path) {
  if (path.ends_with(".portage_lockfile")) return true;
  if (path.starts_with("var/log/"))
    return path == "var/log/emerge.log" || path == "var/log/emerge-fetch.log" ||
           path.starts_with("var/log/portage/");
  if (path.starts_with("var/cache/"))
    return path.starts_with("var/cache/edb/") || path == "var/cache/ldconfig/aux-cache";
  if (path.starts_with("var/lib/portage/")) return path == "var/lib/portage/config.lock";
  const auto [entry, file] = split_entry(path);
  return file == "BINPKGMD5";
}

std::int64_t Normalizer::stamp_of(const InstalledPackage& package) const {
  const auto known = stamps_.find(&package);
  if (known != stamps_.end()) return known->second;
  return stamps_.emplace(&package, std::min(epoch_, time_of_package(package))).first->second;
}

const InstalledPackage* Normalizer::entry_owner(std::string_view path) const {
  const auto [entry, file] = split_entry(path);
  if (entry.empty()) return nullptr;
  const auto found = entries_.find(std::string(entry));
  return found == entries_.end() ? nullptr : found->second;
}

const InstalledPackage* Normalizer::owner_of(std::string_view path) const {
  const InstalledPackage* const entry = entry_owner(path);
  return entry != nullptr ? entry : owners_.owner('/' + std::string(path));
}

std::int64_t Normalizer::time_of(std::string_view path, Seen::Kind kind, std::int64_t own) const {
  const InstalledPackage* const entry = entry_owner(path);
  if (kind == Seen::Kind::directory)
    // Portage takes an entry whose directory has the same time for the same.
    return entry != nullptr ? stamp_of(*entry) : std::min(epoch_, kTimeBase);
  // A link that comes out of a binary package has the time at which it was merged.
  if (own <= epoch_ && kind != Seen::Kind::link) return own;
  if (entry != nullptr) return stamp_of(*entry);
  const InstalledPackage* const owner = owners_.owner('/' + std::string(path));
  return owner != nullptr ? stamp_of(*owner) : std::min(own, epoch_);
}

bool Normalizer::may_rewrite(std::string_view path) {
  if (has_inner_time(path)) return true;
  if (path == "etc/shadow" || path == "etc/shadow-" || path == "var/lib/portage/world" ||
      path == "var/lib/portage/world_sets" || path == "var/lib/portage/preserved_libs_registry")
    return true;
  const auto [entry, file] = split_entry(path);
  return file == "BUILD_TIME" || file == "COUNTER" || file == "CONTENTS" ||
         file == "environment.bz2" || file == "metadata" || file == "BUILD_ID";
}

std::string Normalizer::rewritten(std::string_view path, std::string content) const {
  const auto own_rule = [&](std::int64_t own) { return time_of(path, Seen::Kind::file, own); };
  if (is_bytecode(path)) {
    const std::string source = source_of_bytecode(path);
    rewrite_bytecode(content,
                     [&](std::int64_t own) { return time_of(source, Seen::Kind::file, own); });
    return content;
  }
  const auto [entry, file] = split_entry(path);
  if (entry.empty()) {
    if (path.ends_with(".gz")) rewrite_gzip(content, own_rule);
    if (path.ends_with(".a")) rewrite_archive(content, own_rule);
    if (path.starts_with("etc/"))
      rewrite_shadow(content, [&](std::int64_t own) { return std::min(own, epoch_); });
    if (path.starts_with("var/lib/portage/world")) rewrite_sorted(content);
    if (path == "var/lib/portage/preserved_libs_registry")
      rewrite_registry(content, counter_of_package);
    return content;
  }
  if (file == "COUNTER") return std::to_string(counter_of_package(entry));
  if (file == "CONTENTS") return rewritten_contents(content);
  if (file == "environment.bz2") rewrite_environment(content);
  if (file == "metadata") return rewritten_metadata(entry, content);
  // Written with a newline or without one, by whether it came from a binary package.
  if (file == "BUILD_ID") return std::string(trim(content)) + '\n';
  if (file == "BUILD_TIME")
    if (const auto own = whole_number<std::int64_t>(trim(content)); own && *own > epoch_)
      return std::to_string(own_rule(*own)) + '\n';
  return content;
}

std::string Normalizer::rewritten_metadata(std::string_view entry, std::string_view text) const {
  // All fields of the entry once more, "NAME=VALUE" each, good for as long as the directory has the
  // time that it names.
  const std::string directory = std::string(kDatabasePrefix) + std::string(entry);
  std::vector<std::string> lines = split(text, '\n');
  for (std::string& line : lines) {
    const std::string name(line, 0, line.find('='));  // the line is about to be another
    if (name == "COUNTER") line = "COUNTER=" + std::to_string(counter_of_package(entry));
    if (name == "#dir_mtime")
      line = "#dir_mtime=" + std::to_string(time_of(directory, Seen::Kind::directory, 0)) +
             "000000000";  // nanoseconds, of which a layer has none
    if (name == "BUILD_TIME")
      if (const auto own =
              whole_number<std::int64_t>(trim(std::string_view(line).substr(name.size() + 1))))
        line = "BUILD_TIME=" +
               std::to_string(time_of(directory + "/metadata", Seen::Kind::file, *own));
  }
  return join(lines, "\n");
}

std::string Normalizer::md5_shown(const std::string& path, std::string_view recorded) const {
  const std::string shown = paths_.canonical(path).substr(1);
  if (!may_rewrite(shown)) return std::string(recorded);
  const auto content =
      sys::try_read_beneath(rootfd_, shown, kMaxOwnBytes, sys::Resolve::no_symlinks);
  // What was changed since it was installed differs from CONTENTS, and goes on doing so.
  if (!content || portage::md5_hex(*content) != recorded) return std::string(recorded);
  return portage::md5_hex(rewritten(shown, *content));
}

std::string Normalizer::rewritten_contents(std::string_view text) const {
  // "obj PATH MD5 TIME", "sym PATH -> TARGET TIME"; paths may hold blanks.
  std::string result;
  for (const std::string& line : split(text, '\n')) {
    const std::size_t last = line.rfind(' ');
    const bool is_file = line.starts_with("obj /");
    const auto time = last == std::string::npos || !(is_file || line.starts_with("sym /"))
                          ? std::nullopt
                          : whole_number<std::int64_t>(trim(std::string_view(line).substr(last)));
    const std::size_t before = time && is_file ? line.rfind(' ', last - 1) : last;
    if (!time || before == std::string::npos || before < 4) {
      result += line + '\n';
      continue;
    }
    const std::size_t end = is_file ? before : std::min(line.find(" -> ", 4), last);
    const std::string path = line.substr(4, end - 4);
    const std::string canonical = paths_.canonical(path);
    result += line.substr(0, before);
    if (is_file) result += ' ' + md5_shown(path, line.substr(before + 1, last - before - 1));
    result += ' ' +
              std::to_string(time_of(std::string_view(canonical).substr(1),
                                     is_file ? Seen::Kind::file : Seen::Kind::link, *time)) +
              '\n';
  }
  // split() keeps the empty text behind the last newline.
  if (!result.empty()) result.pop_back();
  return result;
}

}  // namespace gbox::content
