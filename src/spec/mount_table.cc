// [[phase.mount]]: what a phase sees besides its own files.
#include <algorithm>
#include <array>

#include "gbox/base/text.h"
#include "sections.h"
#include "table.h"

namespace gbox::spec {

namespace {

using Kind = PhaseMount::Kind;

// What is mounted for every step, or would hide what a step needs.
constexpr std::array<std::string_view, 4> kTaken = {"/", "/proc", "/sys", "/dev"};

bool is_taken(const std::string& target) {
  return std::any_of(kTaken.begin(), kTaken.end(), [&](std::string_view taken) {
    return target == taken || (taken != "/" && target.starts_with(std::string(taken) + '/'));
  });
}

// Each kind has keys of its own; what belongs to another one is a mistake to be told.
bool belongs(std::string_view key, Kind kind) {
  if (key == "from") return kind == Kind::bind;
  if (key == "id") return kind == Kind::cache || kind == Kind::secret;
  if (key == "size") return kind == Kind::tmpfs;
  if (key == "owner") return kind == Kind::cache || kind == Kind::secret;
  return kind != Kind::bind;  // mode
}

void refuse_strangers(Context& context, Table& table, Kind kind) {
  for (const std::string_view key : {"from", "id", "size", "owner", "mode"})
    if (table.has(key) && !belongs(key, kind))
      context.fault(table.where(key),
                    quoted(key) + " means nothing for a mount of kind " + quoted(to_string(kind)),
                    "leave it out");
}

void read_target(Context& context, Table& table, PhaseMount& mount) {
  const auto target = table.string("target");
  if (!target) {
    if (mount.kind == Kind::secret)
      mount.target = "/run/secrets/" + mount.id;
    else
      table.require("target", "name an absolute path");
    return;
  }
  if (!context.accept(check_absolute_path(target->value), target->where, "target", target->value))
    return;
  mount.target = normalized_path(target->value);
  if (is_taken(mount.target))
    context.fault(target->where, "'target': " + quoted(mount.target) + " is the sandbox's own",
                  "name another directory");
}

void read_from(Context& context, Table& table, PhaseMount& mount) {
  if (mount.kind != Kind::bind) return;
  table.require("from", "name a file or directory beside the spec");
  const auto from = table.string("from");
  if (!from) return;
  const std::vector<std::string> parts = split(from->value, '/');
  if (from->value.front() == '/' || std::find(parts.begin(), parts.end(), "..") != parts.end())
    context.fault(from->where, "'from': " + shown(from->value) + " is outside the spec's directory",
                  "only what lies beside the spec can be mounted; 'copy' takes other files");
  else
    mount.from = from->value;
}

PhaseMount read_mount(Context& context, const toml::table& toml) {
  Table table(context, toml, keys::kMount);
  PhaseMount mount;
  mount.where = table.where();
  table.require("kind", "one of 'bind', 'cache', 'tmpfs' and 'secret'");
  const auto kind = table.choice<Kind>("kind", {{"bind", Kind::bind},
                                                {"cache", Kind::cache},
                                                {"tmpfs", Kind::tmpfs},
                                                {"secret", Kind::secret}});
  if (!kind) return mount;
  mount.kind = *kind;
  refuse_strangers(context, table, *kind);
  if (belongs("id", *kind)) {
    table.require("id", "name what is mounted, such as id = \"ccache\"");
    if (const auto id = table.string("id"))
      if (context.accept(check_id(id->value), id->where, "id", id->value)) mount.id = id->value;
  }
  read_target(context, table, mount);
  read_from(context, table, mount);
  if (const auto size = table.string("size")) {
    mount.size_bytes = parse_size(size->value);
    if (!mount.size_bytes)
      context.fault(size->where, "'size': " + shown(size->value) + " is not a size",
                    "such as size = \"512M\" or \"10G\"");
  }
  if (const auto owner = table.string("owner"))
    if (context.accept(check_owner(owner->value), owner->where, "owner", owner->value))
      mount.owner = owner->value;
  mount.mode = read_mode(context, table);
  return mount;
}

}  // namespace

std::vector<PhaseMount> read_mounts(Context& context, Table& phase) {
  std::vector<PhaseMount> mounts;
  for (const toml::table* item : phase.tables("mount")) {
    PhaseMount mount = read_mount(context, *item);
    for (const PhaseMount& other : mounts)
      if (!mount.target.empty() && other.target == mount.target)
        context.fault(mount.where, "two mounts have the target " + quoted(mount.target),
                      "name another target for one of them");
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

}  // namespace gbox::spec
