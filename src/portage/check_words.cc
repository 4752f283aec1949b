// Keywords, licences and environment files that the spec names: do they exist.
#include <algorithm>

#include "check_context.h"
#include "gbox/base/text.h"

namespace gbox::portage {

namespace {

struct Names {
  std::vector<std::string> architectures;
  std::vector<std::string> licenses;
  std::vector<std::string> groups;
};

Names read_names(const CheckContext& context) {
  std::set<std::string> architectures;
  std::set<std::string> licenses;
  for (const TreeRepository& repository : context.tree.repositories()) {
    for (const Line& line : read_lines(repository.dirfd, "profiles/arch.list"))
      architectures.insert(line.words.front());
    for (std::string& name : list_in(repository.dirfd, "licenses")) licenses.insert(name);
  }
  Names names{{architectures.begin(), architectures.end()}, {licenses.begin(), licenses.end()}, {}};
  for (const auto& [name, members] : context.settings.license_groups())
    names.groups.push_back(name);
  return names;
}

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void check_keyword(CheckContext& context, const Names& names, const spec::Text& word) {
  std::string name = word.value.substr(word.value.starts_with('-') ? 1 : 0);
  if (name == "*" || name == "~*" || name == "**") return;
  if (name.starts_with('~')) name.erase(0, 1);
  if (names.architectures.empty() || has(names.architectures, name)) return;
  context.absence(word.where,
                  "keyword " + quoted(word.value) + ": there is no architecture " + quoted(name),
                  did_you_mean(nearest(name, names.architectures),
                               "see 'profiles/arch.list' of the repository"));
}

void check_license(CheckContext& context, const Names& names, const spec::Text& word) {
  std::string name = word.value.substr(word.value.starts_with('-') ? 1 : 0);
  if (name == "*") return;
  if (name.starts_with('@')) {
    name.erase(0, 1);
    if (has(names.groups, name)) return;
    const std::string near = nearest(name, names.groups);
    context.absence(
        word.where, "there is no licence group " + quoted('@' + name),
        did_you_mean(near.empty() ? near : '@' + near, listing("the groups are", names.groups)));
    return;
  }
  if (names.licenses.empty() || has(names.licenses, name)) return;
  // Groups may list licences whose text no repository has; ebuilds under them are none.
  context.absence(word.where, "there is no licence " + quoted(name) + " in " + context.tree.names(),
                  has(names.groups, name) ? did_you_mean('@' + name)
                                          : did_you_mean(nearest(name, names.licenses),
                                                         "see 'licenses' of the repository"));
}

void check_env_file(CheckContext& context, const std::vector<std::string>& files,
                    const spec::Text& word) {
  if (has(files, word.value)) return;
  if (context.config_dirfd >= 0 && try_open_in(context.config_dirfd, "env/" + word.value, O_PATH))
    return;
  context.obstacle(
      word.where,
      "package_env: there is no file " + quoted(word.value) +
          (context.config_dirfd >= 0 ? " in 'env' or in 'config_dir'" : " in 'env'"),
      did_you_mean(nearest(word.value, files), "define it in 'env' of [portage], or as 'env/" +
                                                   printable(word.value) + "' in 'config_dir'"));
}

}  // namespace

void check_words(CheckContext& context) {
  const spec::PortageConfig& config = context.spec.portage;
  const Names names = read_names(context);
  for (const spec::Text& word : config.accept_keywords) check_keyword(context, names, word);
  for (const spec::PackageRule& rule : config.package_accept_keywords)
    for (const spec::Text& word : rule.values) check_keyword(context, names, word);
  for (const spec::Text& word : config.license) check_license(context, names, word);
  for (const spec::PackageRule& rule : config.package_license)
    for (const spec::Text& word : rule.values) check_license(context, names, word);
  const auto from_make_conf = [&](const std::string& variable, auto check) {
    const auto value = config.make_conf.find(variable);
    if (value == config.make_conf.end()) return;
    const auto place = config.make_conf_where.find(variable);
    for (std::string& word : split_words(value->second))
      check(context, names,
            spec::Text(std::move(word),
                       place == config.make_conf_where.end() ? config.where : place->second));
  };
  from_make_conf("ACCEPT_KEYWORDS", check_keyword);
  from_make_conf("ACCEPT_LICENSE", check_license);

  std::vector<std::string> files;
  for (const spec::EnvFile& file : config.env) files.push_back(file.name);
  if (context.config_dirfd >= 0)
    for (std::string& name : list_in(context.config_dirfd, "env")) files.push_back(std::move(name));
  for (const spec::PackageRule& rule : config.package_env)
    for (const spec::Text& word : rule.values) check_env_file(context, files, word);
}

}  // namespace gbox::portage
