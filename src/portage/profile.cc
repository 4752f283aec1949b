#include "profile.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "gbox/base/text.h"

namespace gbox::portage {

namespace {

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

std::vector<std::string> read_words(int dirfd, const std::string& path) {
  std::vector<std::string> words;
  for (Line& line : read_lines(dirfd, path))
    std::move(line.words.begin(), line.words.end(), std::back_inserter(words));
  return words;
}

// "a/b/../c" → "a/c"; nullopt when it leaves the top. Portage takes '..' away by text too, so that
// a linked directory's parent is where the link is.
std::optional<std::string> normalized(std::string_view path) {
  std::vector<std::string> kept;
  for (const std::string& part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      kept.push_back(part);
      continue;
    }
    if (kept.empty()) return std::nullopt;
    kept.pop_back();
  }
  return join(kept, "/");
}

class Loader {
 public:
  Loader(const TreeIndex& tree, Profile& profile) : tree_(tree), profile_(profile) {}

  // `directory` is relative to the repository: "profiles/default/linux".
  void add(const TreeRepository& repository, const std::string& directory) {
    const std::string id = repository.name + ':' + directory;
    if (std::find(path_.begin(), path_.end(), id) != path_.end())
      fail(id, "is its own parent", "correct the 'parent' files of the repository");
    if (path_.size() >= kMaxProfileDepth || ++nodes_ > kMaxProfileNodes)
      fail(id, "has too many parents",
           "a profile may have " + std::to_string(kMaxProfileDepth) + " levels and " +
               std::to_string(kMaxProfileNodes) + " parents");
    path_.push_back(id);
    for (const Line& line : read_lines(repository.dirfd, directory + "/parent"))
      add_parent(repository, directory, line.words.front());
    add_node(repository.dirfd, directory);
    path_.pop_back();
  }

  void add_node(int dirfd, const std::string& directory) {
    FlagLayer layer = read_flag_layer(dirfd, directory);
    read_defaults(dirfd, directory);
    profile_.masks.push_back(read_package_lines(dirfd, directory + "/package.mask"));
    profile_.unmasks.push_back(read_package_lines(dirfd, directory + "/package.unmask"));
    profile_.keywords.push_back(read_package_lines(dirfd, directory + "/package.keywords"));
    profile_.accept_keywords.push_back(
        read_package_lines(dirfd, directory + "/package.accept_keywords"));
    for (const Line& line : read_lines(dirfd, directory + "/eapi"))
      profile_.eapi = std::max(profile_.eapi, line.words.front());
    profile_.layers.push_back(std::move(layer));
  }

  // The USE of each node, which takes USE_EXPAND of the whole profile to read.
  void finish() {
    profile_.groups = profile_.words("USE_EXPAND");
    const std::vector<std::string> unprefixed = profile_.words("USE_EXPAND_UNPREFIXED");
    for (std::size_t i = 0; i < defaults_.size(); ++i) {
      std::vector<std::string>& use = profile_.layers[i].use;
      const auto value = [&](const std::string& name) {
        const auto found = defaults_[i].find(name);
        return found == defaults_[i].end() ? std::vector<std::string>()
                                           : split_words(found->second);
      };
      for (const std::string& name : unprefixed)
        for (std::string& word : value(name)) use.push_back(std::move(word));
      for (const std::string& name : profile_.groups) {
        if (std::find(unprefixed.begin(), unprefixed.end(), name) != unprefixed.end()) continue;
        const std::string prefix = lower(name) + '_';
        for (const std::string& word : value(name))
          use.push_back(word.starts_with('-') ? '-' + prefix + word.substr(1) : prefix + word);
      }
      for (std::string& word : value("USE")) use.push_back(std::move(word));
    }
  }

 private:
  [[noreturn]] void fail(const std::string& id, const std::string& what, std::string hint) const {
    Error error("profile " + quoted(profile_.name) + ": " + quoted(id) + ' ' + what,
                ExitCode::input);
    throw error.set_hint(std::move(hint));
  }

  void add_parent(const TreeRepository& repository, const std::string& directory,
                  const std::string& parent) {
    const TreeRepository* owner = &repository;
    std::string wanted = directory + '/' + parent;
    if (const std::size_t colon = parent.find(':'); colon != std::string::npos) {
      if (colon != 0) owner = tree_.find(parent.substr(0, colon));
      wanted = "profiles/" + parent.substr(colon + 1);
    }
    if (owner == nullptr)
      fail(repository.name + ':' + directory,
           "has the parent " + quoted(parent) + " of a repository that the spec does not have",
           "add [repos." + printable(parent.substr(0, parent.find(':'))) + "] to the spec");
    const auto path = parent.starts_with('/') ? std::nullopt : normalized(wanted);
    if (!path || path->empty() || !try_open_in(owner->dirfd, *path, O_PATH | O_DIRECTORY))
      fail(repository.name + ':' + directory, "has no parent " + quoted(parent),
           "the repository is incomplete: get it anew, or choose another profile");
    add(*owner, *path);
  }

  void read_defaults(int dirfd, const std::string& directory) {
    Variables& defaults = defaults_.emplace_back();
    std::string path = directory + "/make.defaults";
    if (const auto text = try_read_in(dirfd, path)) {
      defaults = parse_variables(*text, known_);
    } else {
      std::vector<std::string> names = list_in(dirfd, path);
      for (const std::string& name : names) {
        if (name.starts_with('.') || name.ends_with('~')) continue;
        const auto part = try_read_in(dirfd, path + '/' + name);
        for (auto& [key, value] : parse_variables(part.value_or(""), known_)) defaults[key] = value;
      }
    }
    for (const auto& [key, value] : defaults) {
      std::string& whole = profile_.variables[key];
      whole = is_incremental(key) && !whole.empty() ? whole + ' ' + value : value;
    }
  }

  const TreeIndex& tree_;
  Profile& profile_;
  Variables known_;
  std::vector<Variables> defaults_;  // one a node
  std::vector<std::string> path_;    // from the chosen node up to the one being read
  std::size_t nodes_ = 0;
};

}  // namespace

bool is_incremental(std::string_view variable) {
  static constexpr std::array<std::string_view, 9> kNames = {
      "ACCEPT_KEYWORDS", "FEATURES",          "IUSE_IMPLICIT",       "USE",
      "USE_EXPAND",      "USE_EXPAND_HIDDEN", "USE_EXPAND_IMPLICIT", "USE_EXPAND_UNPREFIXED",
      "ENV_UNSET"};
  return std::find(kNames.begin(), kNames.end(), variable) != kNames.end();
}

FlagLayer read_flag_layer(int dirfd, const std::string& directory) {
  FlagLayer layer;
  const std::string start = directory + '/';
  layer.mask = read_words(dirfd, start + "use.mask");
  layer.stable_mask = read_words(dirfd, start + "use.stable.mask");
  layer.force = read_words(dirfd, start + "use.force");
  layer.stable_force = read_words(dirfd, start + "use.stable.force");
  layer.package_use = read_package_lines(dirfd, start + "package.use");
  layer.package_mask = read_package_lines(dirfd, start + "package.use.mask");
  layer.package_stable_mask = read_package_lines(dirfd, start + "package.use.stable.mask");
  layer.package_force = read_package_lines(dirfd, start + "package.use.force");
  layer.package_stable_force = read_package_lines(dirfd, start + "package.use.stable.force");
  return layer;
}

std::vector<std::string> Profile::words(const std::string& variable) const {
  std::vector<std::string> list;
  if (const auto found = variables.find(variable); found != variables.end())
    stack_words(list, split_words(found->second));
  return list;
}

Profile load_profile(const TreeIndex& tree, const std::string& repository, const std::string& name,
                     int config_dirfd) {
  Profile profile;
  profile.name = name;
  profile.repository = repository;
  Loader loader(tree, profile);
  const TreeRepository* owner = tree.find(repository);
  if (owner == nullptr) throw Error("there is no repository " + quoted(repository));
  const std::string directory = "profiles/" + name;
  loader.add(*owner, directory);
  // Deprecation is not inherited (PMS 5.2.3).
  const auto deprecated = read_lines(owner->dirfd, directory + "/deprecated");
  if (!deprecated.empty()) profile.replacement = deprecated.front().words.front();
  if (config_dirfd >= 0) loader.add_node(config_dirfd, "profile");
  loader.finish();
  return profile;
}

}  // namespace gbox::portage
