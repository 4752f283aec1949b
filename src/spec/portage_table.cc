// [portage]: what becomes files below /etc/portage.
#include "gbox/base/text.h"
#include "sections.h"
#include "table.h"

namespace gbox::spec {

namespace {

// What a package.* table's values are.
enum class Words {
  use_flags,
  keywords,  // an empty list is a value: it means the machine's own unstable keyword
  others,
};

std::vector<PackageRule> read_rules(Context& context, Table& table, std::string_view key,
                                    Words words) {
  std::vector<PackageRule> rules;
  for (const Entry& entry : table.entries(key)) {
    PackageRule rule{context.at(*entry.node), entry.key, {}};
    context.accept(check_atom(entry.key, AtomUse::config), entry.key_where, key, entry.key);
    const std::string name = std::string(key) + '.' + entry.key;
    const Empty empty = words == Words::keywords ? Empty::yes : Empty::no;
    for (Text& text : read_strings(context, name, *entry.node, empty)) {
      context.accept(
          words == Words::use_flags ? check_use_flag(text.value) : check_config_word(text.value),
          text.where, name, text.value);
      rule.values.push_back(std::move(text.value));
    }
    rules.push_back(std::move(rule));
  }
  return rules;
}

std::vector<std::string> read_atoms(Context& context, Table& table, std::string_view key) {
  std::vector<std::string> atoms;
  for (Text& text : table.strings(key)) {
    context.accept(check_atom(text.value, AtomUse::config), text.where, key, text.value);
    atoms.push_back(std::move(text.value));
  }
  return atoms;
}

std::map<std::string, std::string> read_make_conf(Context& context, Table& table) {
  // A key of [portage] that writes the same variable: two places would contradict each other.
  struct Own {
    std::string_view variable;
    std::string_view key;
  };
  static constexpr Own kOwn[] = {{"USE", "use"}, {"COMMON_FLAGS", "common_flags"}};
  std::map<std::string, std::string> result;
  for (const Entry& entry : table.entries("make_conf")) {
    const bool named =
        context.accept(check_make_conf_name(entry.key), entry.key_where, "make_conf", entry.key);
    const std::string name = "make_conf." + entry.key;
    const auto text = read_string(context, name, *entry.node, Empty::yes);
    for (const Own& own : kOwn)
      if (entry.key == own.variable && table.has(own.key))
        context.fault(entry.key_where,
                      quoted(name) + " and " + quoted(own.key) + " set the same variable",
                      "keep " + quoted(own.key));
    if (!text || !named) continue;
    if (context.accept(check_make_conf_value(text->value), text->where, name, text->value))
      result[entry.key] = text->value;
  }
  return result;
}

}  // namespace

PortageConfig read_portage(Context& context, const toml::table& toml) {
  Table table(context, toml, keys::kPortage);
  PortageConfig config;
  config.where = table.where();
  if (const auto profile = table.string("profile")) {
    context.accept(check_profile(profile->value), profile->where, "profile", profile->value);
    config.profile = profile->value;
    config.profile_where = profile->where;
  }
  if (const auto flags = table.string("common_flags", Empty::yes)) {
    context.accept(check_make_conf_value(flags->value), flags->where, "common_flags", flags->value);
    config.common_flags = flags->value;
  }
  for (Text& flag : table.strings("use", Empty::yes)) {
    context.accept(check_use_flag(flag.value), flag.where, "use", flag.value);
    config.use.push_back(std::move(flag.value));
  }
  config.make_conf = read_make_conf(context, table);
  config.package_use = read_rules(context, table, "package_use", Words::use_flags);
  config.package_accept_keywords =
      read_rules(context, table, "package_accept_keywords", Words::keywords);
  config.package_license = read_rules(context, table, "package_license", Words::others);
  config.package_env = read_rules(context, table, "package_env", Words::others);
  config.package_mask = read_atoms(context, table, "package_mask");
  config.package_unmask = read_atoms(context, table, "package_unmask");
  if (const auto directory = table.string("config_dir")) {
    config.config_dir = directory->value;
    config.config_dir_where = directory->where;
  }
  return config;
}

}  // namespace gbox::spec
