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
      rule.values.push_back(std::move(text));
    }
    rules.push_back(std::move(rule));
  }
  return rules;
}

std::vector<Text> read_atoms(Context& context, Table& table, std::string_view key) {
  std::vector<Text> atoms = table.strings(key);
  for (const Text& text : atoms)
    context.accept(check_atom(text.value, AtomUse::config), text.where, key, text.value);
  return atoms;
}

std::vector<Text> read_words(Context& context, Table& table, std::string_view key) {
  std::vector<Text> words = table.strings(key, Empty::yes);
  for (const Text& word : words)
    context.accept(check_config_word(word.value), word.where, key, word.value);
  return words;
}

// The tables below a table, each with a name that becomes a file's.
std::vector<Entry> read_named(Context& context, Table& table, std::string_view key) {
  std::vector<Entry> named;
  for (Entry& entry : table.entries(key))
    if (context.accept(check_file_name(entry.key), entry.key_where, key, entry.key))
      named.push_back(std::move(entry));
  return named;
}

std::vector<EnvFile> read_env(Context& context, Table& table) {
  std::vector<EnvFile> files;
  for (const Entry& entry : read_named(context, table, "env")) {
    const std::string name = "env." + entry.key;
    const toml::table* variables = entry.node->as_table();
    if (variables == nullptr) {
      note_type(context, name, *entry.node, "a table", "write { VARIABLE = \"value\" }");
      continue;
    }
    EnvFile file{entry.key_where, entry.key, {}};
    for (const Entry& variable : read_entries(context, *variables)) {
      const std::string shown_name = name + '.' + variable.key;
      const bool named =
          context.accept(check_env_name(variable.key), variable.key_where, name, variable.key);
      const auto text = read_string(context, shown_name, *variable.node, Empty::yes);
      if (!text || !named) continue;
      Verdict verdict = check_make_conf_value(text->value);
      if (!verdict && variable.key == "PORTAGE_TMPDIR") verdict = check_build_place(text->value);
      if (context.accept(verdict, text->where, shown_name, text->value))
        file.variables[variable.key] =
            variable.key == "PORTAGE_TMPDIR" ? normalized_path(text->value) : text->value;
    }
    files.push_back(std::move(file));
  }
  return files;
}

std::vector<PackageSet> read_sets(Context& context, Table& table) {
  std::vector<PackageSet> sets;
  for (const Entry& entry : read_named(context, table, "sets")) {
    const std::string name = "sets." + entry.key;
    PackageSet set{entry.key_where, entry.key, read_strings(context, name, *entry.node, Empty::no)};
    for (const Text& atom : set.atoms) {
      // A set's file may name other sets, but no package without its category.
      const bool nested = atom.value.starts_with('@');
      context.accept(check_atom(atom.value, nested ? AtomUse::command : AtomUse::config),
                     atom.where, name, atom.value);
    }
    sets.push_back(std::move(set));
  }
  return sets;
}

std::vector<PatchRule> read_patches(Context& context, Table& table) {
  std::vector<PatchRule> rules;
  for (const Entry& entry : table.entries("patches")) {
    context.accept(check_patched_package(entry.key), entry.key_where, "patches", entry.key);
    rules.push_back({entry.key_where, entry.key,
                     read_strings(context, "patches." + entry.key, *entry.node, Empty::no)});
  }
  return rules;
}

std::vector<Text> read_cpu_flags(Context& context, Table& table) {
  std::vector<Text> flags = read_words(context, table, "cpu_flags");
  for (const Text& flag : flags)
    if (flag.value == "native" && flags.size() > 1)
      context.fault(flag.where, "'cpu_flags': 'native' stands alone",
                    "leave the others out, or name them all");
  return flags;
}

void read_make_conf(Context& context, Table& table, PortageConfig& config) {
  // A key of [portage] that writes the same variable: two places would contradict each other.
  struct Own {
    std::string_view variable;
    std::string_view key;
  };
  static constexpr Own kOwn[] = {{"USE", "use"},
                                 {"COMMON_FLAGS", "common_flags"},
                                 {"ACCEPT_KEYWORDS", "accept_keywords"},
                                 {"ACCEPT_LICENSE", "license"},
                                 {"CPU_FLAGS_X86", "cpu_flags"},
                                 {"CPU_FLAGS_ARM", "cpu_flags"},
                                 {"CPU_FLAGS_PPC", "cpu_flags"}};
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
      config.make_conf[entry.key] = text->value;
    config.make_conf_where[entry.key] = text->where;
  }
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
    config.common_flags_where = flags->where;
  }
  config.use = table.strings("use", Empty::yes);
  for (const Text& flag : config.use)
    context.accept(check_use_flag(flag.value), flag.where, "use", flag.value);
  config.accept_keywords = read_words(context, table, "accept_keywords");
  config.license = read_words(context, table, "license");
  config.cpu_flags = read_cpu_flags(context, table);
  read_make_conf(context, table, config);
  config.package_use = read_rules(context, table, "package_use", Words::use_flags);
  config.package_accept_keywords =
      read_rules(context, table, "package_accept_keywords", Words::keywords);
  config.package_license = read_rules(context, table, "package_license", Words::others);
  config.package_env = read_rules(context, table, "package_env", Words::others);
  config.package_mask = read_atoms(context, table, "package_mask");
  config.package_unmask = read_atoms(context, table, "package_unmask");
  config.env = read_env(context, table);
  config.sets = read_sets(context, table);
  config.patches = read_patches(context, table);
  if (const auto directory = table.string("config_dir")) {
    config.config_dir = directory->value;
    config.config_dir_where = directory->where;
  }
  return config;
}

}  // namespace gbox::spec
