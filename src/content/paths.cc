#include "gbox/content/paths.h"

#include <sys/stat.h>

#include <deque>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/fd.h"

namespace gbox::content {

namespace {

void put_first(std::deque<std::string>& components, std::string_view path) {
  const std::vector<std::string> more = split(path, '/');
  components.insert(components.begin(), more.begin(), more.end());
}

std::string joined(const std::string& directory, std::string_view rest) {
  std::string path = directory == "/" ? "" : directory;
  path += '/';
  path += rest;
  return path;
}

}  // namespace

std::string parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos || slash == 0) return "/";
  return std::string(path.substr(0, slash));
}

std::string_view name_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

Resolved resolve(const Look& look, std::string_view path, Follow follow) {
  Resolved result;
  result.path = "/";
  std::deque<std::string> rest;
  put_first(rest, path);
  unsigned links = 0;
  std::optional<Seen> here = Seen{Seen::Kind::directory, {}};
  const auto missing = [&] {
    for (const std::string& part : rest)
      if (!part.empty() && part != ".") result.path = joined(result.path, part);
    return result;
  };
  while (!rest.empty()) {
    const std::string part = std::move(rest.front());
    rest.pop_front();
    if (part.empty() || part == ".") continue;
    if (here->kind != Seen::Kind::directory) {
      rest.push_front(part);
      return missing();
    }
    if (part == "..") {
      result.path = parent_of(result.path);
      continue;
    }
    const std::string next = joined(result.path, part);
    if (next.size() > kMaxPathBytes) return missing();
    std::optional<Seen> found = look(next);
    if (!found) {
      rest.push_front(part);
      return missing();
    }
    // A slash behind the last name leaves an empty part: then a link is followed, as by the kernel.
    const bool is_last = rest.empty();
    if (found->kind == Seen::Kind::link && !(is_last && follow == Follow::parents)) {
      if (++links > kMaxLinks) {
        result.state = Resolved::State::loop;
        result.path = next;
        return result;
      }
      if (found->target.starts_with('/')) result.path = "/";
      put_first(rest, found->target);
      here = Seen{Seen::Kind::directory, {}};
      continue;
    }
    result.path = next;
    here = std::move(found);
  }
  result.state = Resolved::State::found;
  result.seen = std::move(here);
  return result;
}

std::optional<Seen> DiskPaths::look(const std::string& path) {
  const auto known = seen_.find(path);
  if (known != seen_.end()) return known->second;
  std::optional<Seen> seen;
  try {
    // Its parents are no links, or it would not have been asked for.
    if (const auto fd = sys::try_open_beneath(rootfd_, path.substr(1), O_PATH | O_NOFOLLOW,
                                              sys::Resolve::no_symlinks)) {
      const mode_t mode = sys::fstat(fd->get()).st_mode;
      seen.emplace();
      if (S_ISDIR(mode)) seen->kind = Seen::Kind::directory;
      if (S_ISREG(mode)) seen->kind = Seen::Kind::file;
      if (S_ISLNK(mode)) {
        seen->kind = Seen::Kind::link;
        seen->target = sys::readlinkat(fd->get(), "");
      }
    }
  } catch (const Error&) {
    seen.reset();  // a name that is too long, say: nothing can be there
  }
  return seen_.emplace(path, std::move(seen)).first->second;
}

Resolved DiskPaths::find(std::string_view path, Follow follow) {
  return resolve([this](const std::string& each) { return look(each); }, path, follow);
}

std::string DiskPaths::canonical(std::string_view path) {
  const std::string directory = parent_of(path);
  auto known = directories_.find(directory);
  if (known == directories_.end())
    known = directories_.emplace(directory, find(directory, Follow::all).path).first;
  return joined(known->second, name_of(path));
}

}  // namespace gbox::content
