#include "libraries.h"

#include <elf.h>

#include <algorithm>
#include <array>

#include "gbox/base/text.h"
#include "ld_cache.h"

namespace gbox::content {

namespace {

constexpr std::size_t kMaxLoaderBytes = 8u << 20;
constexpr std::size_t kMaxLoaded = 4096;  // objects of one program

bool is_musl(std::string_view loader) {
  return name_of(loader).starts_with("ld-musl-");
}

// musl's loader is these libraries itself.
bool is_own_of_musl(std::string_view name) {
  constexpr std::array kOwn = {"libc.",  "libpthread.", "librt.",  "libm.",
                               "libdl.", "libutil.",    "libxnet."};
  return std::any_of(kOwn.begin(), kOwn.end(),
                     [&](std::string_view own) { return name.starts_with(own); });
}

// glibc's loader holds its directories as strings that end in a slash, one behind the other. No
// other way tells where a libc of whatever distribution looks.
std::vector<std::string> directories_in(std::string_view bytes) {
  std::vector<std::string> found;
  for (std::size_t at = bytes.find("/lib"); at != std::string_view::npos;
       at = bytes.find("/lib", at + 1)) {
    std::size_t start = at;
    while (start > 0 && bytes[start - 1] != '\0' && at - start < 256) --start;
    const std::size_t end = bytes.find('\0', at);
    if (end == std::string_view::npos || end - start > 512) continue;
    const std::string_view text = bytes.substr(start, end - start);
    if (!text.starts_with('/') || !text.ends_with('/') || text.size() < 5) continue;
    // Patterns of messages and the like are no directories.
    if (text.find_first_of("%$ \n") != std::string_view::npos) continue;
    std::string directory(text.substr(0, text.size() - 1));
    if (std::find(found.begin(), found.end(), directory) == found.end())
      found.push_back(std::move(directory));
  }
  return found;
}

std::vector<std::string> musl_directories(Objects& objects, const std::string& loader) {
  // "/lib/ld-musl-x86_64.so.1" reads /etc/ld-musl-x86_64.path.
  std::string name(name_of(loader));
  name = name.substr(0, name.find(".so"));
  std::vector<std::string> directories;
  if (const auto path = objects.file_at("/etc/" + name + ".path"))
    for (const std::string& line : split(objects.head(*path, kMaxLoaderBytes), '\n'))
      for (std::string& part : split(line, ':'))
        if (!part.empty()) directories.push_back(std::move(part));
  if (directories.empty()) directories = {"/lib", "/usr/local/lib", "/usr/lib"};
  return directories;
}

std::vector<std::string> usual_directories(const ElfKind& kind) {
  if (kind.bits == 64) return {"/lib64", "/usr/lib64", "/lib", "/usr/lib"};
  return {"/lib", "/usr/lib", "/lib32", "/usr/lib32"};
}

}  // namespace

Libraries::Libraries(Objects& objects, std::vector<std::string> library_path)
    : objects_(objects), library_path_(std::move(library_path)) {
  if (const auto path = objects_.file_at("/etc/ld.so.cache"))
    cache_ = parse_ld_cache(objects_.head(*path, kMaxCacheBytes));
}

bool Libraries::is_glibc(const ElfKind& kind) const {
  const auto found = loaders_.find(kind);
  return found != loaders_.end() && !is_musl(found->second);
}

const std::vector<std::string>& Libraries::built_in(const ElfKind& kind) {
  auto known = built_in_.find(kind);
  if (known != built_in_.end()) return known->second;
  std::vector<std::string> directories;
  if (const auto loader = loaders_.find(kind); loader != loaders_.end()) {
    directories = is_musl(loader->second)
                      ? musl_directories(objects_, loader->second)
                      : directories_in(objects_.head(loader->second, kMaxLoaderBytes));
  }
  if (directories.empty()) directories = usual_directories(kind);
  return built_in_.emplace(kind, std::move(directories)).first->second;
}

bool Libraries::fits(const std::string& path, const ElfKind& kind) {
  const Elf* elf = objects_.elf(path);
  return elf != nullptr && elf->is_shared && elf->kind == kind;
}

std::vector<std::string> Libraries::expanded(const std::vector<std::string>& directories,
                                             const std::string& object, const ElfKind& kind) {
  // What $LIB stands for is where the loader's own libraries are, below /usr.
  std::string lib = kind.bits == 64 ? "lib64" : "lib";
  for (const std::string& directory : built_in(kind))
    if (directory.starts_with("/usr/")) {
      lib = directory.substr(5);
      break;
    }
  const std::string platform = kind.machine == EM_386 ? "i686" : to_string(kind);
  std::vector<std::string> result;
  for (std::string directory : directories) {
    const auto replace = [&](std::string_view word, const std::string& value) {
      for (const std::string& form : {'$' + std::string(word), "${" + std::string(word) + '}'})
        for (std::size_t at = directory.find(form);
             at != std::string::npos && directory.size() < kMaxPathBytes;
             at = directory.find(form, at + value.size()))
          directory.replace(at, form.size(), value);
    };
    replace("ORIGIN", parent_of(object));
    replace("LIB", lib);
    replace("PLATFORM", platform);
    // One that is empty or relative means the working directory: nobody's plan.
    if (directory.starts_with('/')) result.push_back(std::move(directory));
  }
  return result;
}

std::optional<std::string> Libraries::in_directories(const std::string& name, const ElfKind& kind,
                                                     const std::vector<std::string>& directories) {
  for (const std::string& directory : directories) {
    auto path = objects_.file_at(directory + '/' + name);
    if (path && fits(*path, kind)) return path;
  }
  return std::nullopt;
}

std::optional<std::string> Libraries::find_plain(const std::string& name, const ElfKind& kind) {
  const auto known = plain_.find({kind, name});
  if (known != plain_.end()) return known->second;
  std::optional<std::string> found;
  const auto loader = loaders_.find(kind);
  const bool musl = loader != loaders_.end() && is_musl(loader->second);
  if (const auto cached = cache_.find(name); cached != cache_.end() && !musl) {
    for (const std::string& path : cached->second) {
      auto file = objects_.file_at(path);
      if (file && fits(*file, kind)) {
        found = std::move(file);
        break;
      }
    }
  }
  if (!found) found = in_directories(name, kind, built_in(kind));
  return plain_.emplace(std::pair(kind, name), std::move(found)).first->second;
}

std::optional<std::string> Libraries::find(const std::string& name, const Elf& elf,
                                           const Chain& chain, std::size_t asking) {
  if (name.find('/') != std::string::npos) {
    auto path = objects_.file_at(name);
    return path && fits(*path, elf.kind) ? path : std::nullopt;
  }
  if (!elf.has_runpath) {
    // Its own RPATH, then that of whoever asked for it, up to the program.
    for (std::size_t at = asking;; at = chain[at].asked_by) {
      const Elf* each = objects_.elf(chain[at].path);
      if (each != nullptr && !each->has_runpath)
        if (auto path =
                in_directories(name, elf.kind, expanded(each->rpath, chain[at].path, elf.kind)))
          return path;
      if (chain[at].asked_by == at) break;
    }
  }
  if (auto path = in_directories(name, elf.kind, library_path_)) return path;
  if (auto path =
          in_directories(name, elf.kind, expanded(elf.runpath, chain[asking].path, elf.kind)))
    return path;
  return find_plain(name, elf.kind);
}

void Libraries::note_missing(MissingLibrary missing) {
  if (noted_.emplace(missing.by, missing.name).second) missing_.push_back(std::move(missing));
}

// In a directory that every program looks in: a library to be linked to, and no plugin.
bool Libraries::is_plain(const std::string& path, const ElfKind& kind) {
  const std::string directory = parent_of(path);
  const std::vector<std::string>& all = built_in(kind);
  return std::any_of(all.begin(), all.end(), [&](const std::string& each) {
    return objects_.resolve(each).path == directory;
  });
}

void Libraries::load(const std::string& program) {
  const Elf* elf = objects_.elf(program);
  if (elf == nullptr) return;
  reached_.insert(program);
  std::unordered_set<std::string> loaded;  // by the name that was asked for, and by soname
  bool musl = false;
  if (!elf->interpreter.empty()) {
    if (const auto loader = objects_.file_at(elf->interpreter)) {
      // The name it has in the image's programs tells musl's; its file may be libc.so.
      musl = is_musl(elf->interpreter);
      loaders_.emplace(elf->kind, musl ? elf->interpreter : *loader);
      reached_.insert(*loader);
      loaded.insert(std::string(name_of(elf->interpreter)));
      if (const Elf* own = objects_.elf(*loader)) loaded.insert(own->soname);
    }
  }
  Chain chain = {{program, 0}};
  for (std::size_t at = 0; at < chain.size() && at < kMaxLoaded; ++at) {
    const std::string path = chain[at].path;
    const Elf* object = objects_.elf(path);
    for (const std::string& name : object->needed) {
      if (!loaded.insert(name).second || (musl && is_own_of_musl(name))) continue;
      const auto found = find(name, *object, chain, at);
      if (!found) {
        note_missing({path, name, object->kind});
        continue;
      }
      reached_.insert(*found);
      const Elf* library = objects_.elf(*found);
      if (!library->soname.empty()) loaded.insert(library->soname);
      chain.push_back({*found, at});
    }
  }
}

void Libraries::load_alone(const std::string& object,
                           const std::map<std::string, std::vector<std::string>>& known) {
  const Elf* elf = objects_.elf(object);
  if (elf == nullptr) return;
  const auto loader = loaders_.find(elf->kind);
  const bool musl = loader != loaders_.end() && is_musl(loader->second);
  const Chain chain = {{object, 0}};
  for (const std::string& name : elf->needed) {
    if ((musl && is_own_of_musl(name)) || find(name, *elf, chain, 0)) continue;
    const auto files = known.find(std::string(name_of(name)));
    const bool somewhere =
        files != known.end() &&
        std::any_of(files->second.begin(), files->second.end(),
                    [&](const std::string& path) { return fits(path, elf->kind); });
    if (!somewhere) note_missing({object, name, elf->kind, is_plain(object, elf->kind)});
  }
}

}  // namespace gbox::content
