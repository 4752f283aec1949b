// [[phase]]: one step of the build.
#include "gbox/base/text.h"
#include "sections.h"
#include "table.h"

namespace gbox::spec {

namespace {

std::string read_root(Context& context, Table& table) {
  const auto root = table.string("root");
  if (!root || !context.accept(check_absolute_path(root->value), root->where, "root", root->value))
    return "/";
  return normalized_path(root->value);
}

}  // namespace

std::optional<std::uint32_t> read_mode(Context& context, Table& table) {
  const toml::node* node = table.node("mode");
  if (node == nullptr) return std::nullopt;
  constexpr std::string_view kHint = "write permissions in octal, such as mode = \"0755\"";
  if (const auto* number = node->as_integer()) {
    // A bare 755 is decimal to TOML: taking it for octal would guess, taking it as it is would
    // give 01363.
    const bool octal =
        (number->flags() & toml::value_flags::format_as_octal) != toml::value_flags::none;
    if (octal && number->get() >= 0 && number->get() <= 07777)
      return static_cast<std::uint32_t>(number->get());
    context.fault(context.at(*node),
                  "'mode' is " + std::to_string(number->get()) + ", not an octal mode",
                  std::string(kHint));
    return std::nullopt;
  }
  const auto text = table.string("mode");
  if (!text) return std::nullopt;
  const auto mode = parse_octal_mode(text->value);
  if (!mode)
    context.fault(text->where, "'mode': " + shown(text->value) + " is not an octal mode",
                  std::string(kHint));
  return mode;
}

namespace {

Copy read_copy(Context& context, const toml::table& toml) {
  Table table(context, toml, keys::kCopy);
  Copy copy;
  copy.where = table.where();
  table.require("from", "name a file or directory beside the spec");
  table.require("to", "name an absolute path in the phase's root");
  if (const auto from = table.string("from")) copy.from = from->value;
  if (const auto to = table.string("to")) {
    if (context.accept(check_absolute_path(to->value), to->where, "to", to->value)) {
      copy.to = normalized_path(to->value);
      if (to->value.ends_with('/') && copy.to != "/") copy.to += '/';
    }
  }
  if (const auto owner = table.string("owner"))
    if (context.accept(check_owner(owner->value), owner->where, "owner", owner->value))
      copy.owner = owner->value;
  copy.mode = read_mode(context, table);
  return copy;
}

// Keys that only say how something else of the phase is done.
void refuse_orphans(Context& context, Table& table, std::string_view main,
                    std::initializer_list<std::string_view> companions) {
  if (table.has(main)) return;
  for (const std::string_view key : companions)
    if (table.has(key))
      context.fault(table.where(key), quoted(key) + " means nothing without " + quoted(main),
                    "add " + quoted(main) + " to this phase, or leave " + quoted(key) + " out");
}

Emerge read_emerge(Context& context, Table& table) {
  Emerge emerge;
  emerge.atoms = table.strings("emerge");
  for (const Text& atom : emerge.atoms)
    context.accept(check_atom(atom.value, AtomUse::command), atom.where, "emerge", atom.value);
  for (Text& option : table.strings("options", Empty::yes)) {
    context.accept(check_emerge_option(option.value), option.where, "options", option.value);
    emerge.options.push_back(std::move(option.value));
  }
  emerge.oneshot = table.boolean("oneshot").value_or(false);
  emerge.empty_tree = table.boolean("empty_tree").value_or(false);
  emerge.deep = table.boolean("deep").value_or(false);
  emerge.changed_use = table.boolean("changed_use").value_or(false);
  emerge.passes = static_cast<unsigned>(table.integer("passes", 1, kMaxPasses).value_or(1));
  refuse_orphans(context, table, "emerge",
                 {"options", "oneshot", "empty_tree", "deep", "changed_use", "passes"});
  return emerge;
}

void read_run(Context& context, Table& table, Phase& phase) {
  if (const auto script = table.string("run")) {
    phase.run = script->value;
    if (trim(phase.run).empty())
      context.fault(script->where, "'run' is empty", "leave it out, or give it a value");
  }
  phase.shell = table.choice<Shell>("shell", {{"bash", Shell::bash}, {"sh", Shell::sh}})
                    .value_or(Shell::bash);
  for (const Entry& entry : table.entries("env")) {
    context.accept(check_variable_name(entry.key), entry.key_where, "env", entry.key);
    if (auto text = read_string(context, "env." + entry.key, *entry.node, Empty::yes))
      phase.env[entry.key] = std::move(text->value);
  }
  refuse_orphans(context, table, "run", {"shell", "env"});
}

}  // namespace

Phase read_phase(Context& context, const toml::table& toml) {
  Table table(context, toml, keys::kPhase);
  Phase phase;
  phase.where = table.where();
  table.require("name", "every phase needs one of its own");
  if (const auto name = table.string("name")) {
    context.accept(check_id(name->value), name->where, "name", name->value);
    phase.name = name->value;
  }
  phase.root = read_root(context, table);
  for (const toml::table* item : table.tables("copy"))
    phase.copy.push_back(read_copy(context, *item));
  phase.copy_package = table.strings("copy_package");
  for (const Text& atom : phase.copy_package) {
    context.accept(check_atom(atom.value, AtomUse::command), atom.where, "copy_package",
                   atom.value);
    if (atom.value.starts_with('@'))
      context.fault(atom.where, "'copy_package': " + shown(atom.value) + " is a set",
                    "name packages");
  }
  if (!phase.copy_package.empty() && phase.root == "/")
    context.fault(table.where("copy_package"), "'copy_package' means nothing without 'root'",
                  "packages of '/' are taken over into a root of its own: root = \"/destination\"");
  phase.emerge = read_emerge(context, table);
  phase.unmerge = table.strings("unmerge");
  for (const Text& atom : phase.unmerge)
    context.accept(check_atom(atom.value, AtomUse::command), atom.where, "unmerge", atom.value);
  phase.depclean = table.boolean("depclean").value_or(false);
  read_run(context, table, phase);
  phase.trim = read_trim(context, table);
  for (const Text& glob : table.strings("remove")) {
    if (!context.accept(check_absolute_path(glob.value), glob.where, "remove", glob.value))
      continue;
    const std::string path = normalized_path(glob.value);
    if (path == "/") {
      context.fault(glob.where, "'remove': '/' is the root itself",
                    "write '/*' to empty it, or name what is to go");
      continue;
    }
    phase.remove.push_back(path);
  }
  phase.mounts = read_mounts(context, table);
  phase.network = table
                      .choice<Network>("network", {{"none", Network::none},
                                                   {"fetch", Network::fetch},
                                                   {"host", Network::host}})
                      .value_or(Network::none);
  read_policy(context, table, phase);
  if (const toml::table* limits = table.table("limits"))
    phase.limits = read_limits(context, *limits);

  bool deeds = false;
  for (const std::string_view key :
       {"copy", "copy_package", "emerge", "unmerge", "run", "trim", "remove"})
    deeds = deeds || table.has(key);
  deeds = deeds || phase.depclean;
  if (!deeds)
    context.fault(phase.where,
                  phase.name.empty() ? "the phase does nothing"
                                     : "phase " + shown(phase.name) + " does nothing",
                  "give it 'copy', 'copy_package', 'emerge', 'unmerge', 'depclean', 'run', 'trim' "
                  "or 'remove'");
  return phase;
}

}  // namespace gbox::spec
