// [output]: the image's layers and its configuration.
#include <algorithm>

#include "gbox/base/text.h"
#include "secrets.h"
#include "sections.h"
#include "table.h"

namespace gbox::spec {

namespace {

std::vector<std::string> values(std::vector<Text> texts) {
  std::vector<std::string> result;
  for (Text& text : texts) result.push_back(std::move(text.value));
  return result;
}

void sort_unique(std::vector<std::string>& items) {
  std::sort(items.begin(), items.end());
  items.erase(std::unique(items.begin(), items.end()), items.end());
}

// Never shows the value: the message ends up in logs.
void note_secret(Context& context, const std::string& name, const Text& text,
                 std::string_view variable) {
  const Secrecy secrecy = secrecy_of(variable, text.value);
  if (secrecy == Secrecy::none) return;
  std::string message = quoted(name) + " looks like a secret and would be in the image";
  std::string hint = "leave it out, and give it to the container when it is run";
  if (secrecy == Secrecy::certain) {
    context.fault(text.where, std::move(message), std::move(hint));
  } else {
    context.warn(text.where, std::move(message), std::move(hint));
  }
}

std::map<std::string, std::string> read_variables(Context& context, Table& table) {
  std::map<std::string, std::string> result;
  for (const Entry& entry : table.entries("env")) {
    context.accept(check_variable_name(entry.key), entry.key_where, "env", entry.key);
    const std::string name = "env." + entry.key;
    const auto text = read_string(context, name, *entry.node, Empty::yes);
    if (!text) continue;
    note_secret(context, name, *text, entry.key);
    result[entry.key] = text->value;
  }
  return result;
}

std::map<std::string, std::string> read_labels(Context& context, Table& table) {
  std::map<std::string, std::string> result;
  for (const Entry& entry : table.entries("labels")) {
    if (entry.key.empty())
      context.fault(entry.key_where, "'labels' has a label without a name",
                    "name it like 'org.opencontainers.image.title'");
    context.accept(check_text(entry.key, Newlines::no), entry.key_where, "labels", entry.key);
    const std::string name = "labels." + entry.key;
    // TOML takes org.example.title = "x" for nested tables.
    if (entry.node->is_table()) {
      context.fault(entry.key_where, quoted(name) + " is a table, it must be a string",
                    "put the label's whole name in quotes: \"" + printable(entry.key) + ".…\"");
      continue;
    }
    const auto text = read_string(context, name, *entry.node, Empty::yes);
    if (!text) continue;
    note_secret(context, name, *text, entry.key);
    result[entry.key] = text->value;
  }
  return result;
}

ImageConfig read_config(Context& context, const toml::table& toml) {
  Table table(context, toml, keys::kConfig);
  ImageConfig config;
  config.entrypoint = values(table.strings("entrypoint", Empty::yes));
  if (table.has("entrypoint")) config.entrypoint_where = table.where("entrypoint");
  if (!config.entrypoint.empty() && config.entrypoint.front().empty())
    context.fault(table.where("entrypoint"), "'entrypoint' names no program");
  config.cmd = values(table.strings("cmd", Empty::yes));
  if (table.has("cmd")) config.cmd_where = table.where("cmd");
  config.env = read_variables(context, table);
  if (const auto user = table.string("user"))
    if (context.accept(check_owner(user->value), user->where, "user", user->value)) {
      config.user = user->value;
      config.user_where = user->where;
    }
  if (const auto directory = table.string("working_dir"))
    if (context.accept(check_absolute_path(directory->value), directory->where, "working_dir",
                       directory->value))
      config.working_dir = normalized_path(directory->value);
  for (const Text& port : table.strings("ports", Empty::yes))
    if (context.accept(check_port(port.value), port.where, "ports", port.value))
      config.ports.push_back(port.value.find('/') == std::string::npos ? port.value + "/tcp"
                                                                       : port.value);
  sort_unique(config.ports);
  for (const Text& volume : table.strings("volumes", Empty::yes))
    if (context.accept(check_absolute_path(volume.value), volume.where, "volumes", volume.value))
      config.volumes.push_back(normalized_path(volume.value));
  sort_unique(config.volumes);
  config.labels = read_labels(context, table);
  if (const auto signal = table.string("stop_signal"))
    if (context.accept(check_stop_signal(signal->value), signal->where, "stop_signal",
                       signal->value))
      config.stop_signal = signal->value;
  return config;
}

std::optional<int> read_level(Context& context, Table& table, Compression compression) {
  constexpr int kMostGzip = 12;  // libdeflate's scale
  constexpr int kMostZstd = 19;  // past it zstd needs memory that readers may refuse
  if (compression == Compression::none) {
    if (table.has("level"))
      context.fault(table.where("level"), "'level' means nothing with compression 'none'",
                    "leave it out");
    return std::nullopt;
  }
  const int most = compression == Compression::gzip ? kMostGzip : kMostZstd;
  const auto level = table.integer("level", 1, most);
  return level ? std::optional(static_cast<int>(*level)) : std::nullopt;
}

ImageCheck read_check(Context& context, const toml::table& toml) {
  Table table(context, toml, keys::kCheck);
  ImageCheck check;
  check.where = table.where();
  check.closure = table.boolean("closure");
  for (Text& glob : table.strings("allow")) {
    context.accept(check_text(glob.value, Newlines::no), glob.where, "allow", glob.value);
    check.allow.push_back(std::move(glob));
  }
  for (Text& command : table.strings("answer")) {
    context.accept(check_text(command.value, Newlines::no), command.where, "answer", command.value);
    if (split_words(command.value).empty())
      context.fault(command.where, "'answer' names no program",
                    "write it as in \"/usr/bin/php --version\"");
    check.answer.push_back(std::move(command));
  }
  return check;
}

}  // namespace

// Docker's storage stacks no more, and leaves room for a few upon them.
constexpr std::int64_t kMostLayers = 120;
// What a tar's header holds without an extension: the year 2242.
constexpr std::int64_t kMostEpoch = 0x1ffffffff;

Output read_output(Context& context, const toml::table& toml) {
  Table table(context, toml, keys::kOutput);
  Output output;
  output.where = table.where();
  if (const auto root = table.string("root"))
    if (context.accept(check_absolute_path(root->value), root->where, "root", root->value))
      output.root = normalized_path(root->value);
  output.layers = table
                      .choice<Layers>("layers", {{"phase", Layers::phase},
                                                 {"package", Layers::package},
                                                 {"single", Layers::single}})
                      .value_or(Layers::phase);
  if (table.has("max_layers") && output.layers != Layers::package)
    context.fault(table.where("max_layers"), "'max_layers' means nothing with these layers",
                  "set 'layers' to 'package', or leave it out");
  if (const auto most = table.integer("max_layers", 1, kMostLayers))
    output.max_layers = static_cast<unsigned>(*most);
  output.compression = table
                           .choice<Compression>("compression", {{"gzip", Compression::gzip},
                                                                {"zstd", Compression::zstd},
                                                                {"none", Compression::none}})
                           .value_or(Compression::gzip);
  output.level = read_level(context, table, output.compression);
  output.sbom = table.boolean("sbom").value_or(true);
  output.provenance = table.boolean("provenance").value_or(true);
  output.source_date_epoch = table.integer("source_date_epoch", 0, kMostEpoch);
  if (const toml::table* config = table.table("config"))
    output.config = read_config(context, *config);
  if (const toml::table* check = table.table("check")) output.check = read_check(context, *check);
  return output;
}

}  // namespace gbox::spec
