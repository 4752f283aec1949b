#include "gbox/spec/spec.h"

#include "gbox/base/text.h"
#include "parse.h"
#include "sections.h"
#include "table.h"

namespace gbox::spec {

namespace {

std::map<std::string, std::string> read_args(Context& context, Table& top,
                                             const std::map<std::string, std::string>& overrides) {
  std::map<std::string, std::string> args;
  std::vector<std::string> names;
  for (const Entry& entry : top.entries("args")) {
    context.accept(check_arg_name(entry.key), entry.key_where, "args", entry.key);
    names.push_back(entry.key);
    const auto* value = entry.node->as_string();
    if (value == nullptr) {
      note_type(context, "args." + entry.key, *entry.node, "a string",
                entry.node->is_number() || entry.node->is_boolean() ? "put it in quotes" : "");
      context.spoil_arg(entry.key);
      args[entry.key];  // known all the same, so that an override of it is no second fault
      continue;
    }
    // Args are taken as they are: replacing within them would need an order, which TOML's tables
    // do not have.
    if (value->get().find("${") != std::string::npos) {
      context.spoil_arg(entry.key);
      context.fault(context.at(*entry.node),
                    quoted("args." + entry.key) + " uses '${': an arg cannot hold another");
    }
    args[entry.key] = value->get();
  }
  for (const auto& [name, value] : overrides) {
    const auto found = args.find(name);
    if (found != args.end()) {
      found->second = value;
    } else {
      context.fault(
          {"--set", 0, 0}, "no arg " + shown(name) + " in [args] of the spec",
          suggestion(name, names,
                     names.empty() ? "the spec has no args" : "it has " + quoted_list(names)));
    }
  }
  return args;
}

BuildOptions read_options(Context& context, const toml::table& toml) {
  constexpr std::int64_t kMostJobs = 4096;
  Table table(context, toml, keys::kBuild);
  BuildOptions options;
  if (const auto jobs = table.integer("jobs", 1, kMostJobs))
    options.jobs = static_cast<unsigned>(*jobs);
  options.load_average = table.number("load_average");
  if (const auto jobs = table.integer("emerge_jobs", 1, kMostJobs))
    options.emerge_jobs = static_cast<unsigned>(*jobs);
  for (const auto& [key, bytes] :
       {std::pair{"memory", &options.memory_bytes}, {"tmpfs", &options.tmpfs_bytes}}) {
    const auto size = table.string(key);
    if (!size) continue;
    *bytes = parse_size(size->value);
    if (!*bytes)
      context.fault(size->where, quoted(key) + ": " + shown(size->value) + " is not a size",
                    "write a number and one of K, M, G and T, such as '10G'");
  }
  if (const auto path = table.string("distfiles")) {
    options.distfiles = path->value;
    options.distfiles_where = path->where;
  }
  options.mirrors = read_mirrors(context, table);
  return options;
}

std::vector<Phase> read_phases(Context& context, Table& top) {
  std::vector<Phase> phases;
  std::map<std::string, Location> seen;
  for (const toml::table* table : top.tables("phase")) {
    if (phases.size() == kMaxPhases) {
      context.fault(context.at(*table), "more than " + std::to_string(kMaxPhases) + " phases");
      break;
    }
    Phase phase = read_phase(context, *table);
    if (!phase.name.empty()) {
      const auto [first, is_new] = seen.emplace(phase.name, phase.where);
      if (!is_new)
        context.fault(phase.where, "phase " + shown(phase.name) + " is there twice",
                      "the first is at line " + std::to_string(first->second.line) +
                          "; give one of them another name");
    }
    phases.push_back(std::move(phase));
  }
  return phases;
}

}  // namespace

BuildSpec read_spec(const std::string& path_shown, std::string_view text,
                    const std::map<std::string, std::string>& overrides) {
  const toml::table root = parse_toml(path_shown, text);
  Context context(path_shown);
  Table top(context, root, keys::kTop);
  BuildSpec spec;
  spec.file = path_shown;

  // Args first: every string after them may use them.
  context.set_args(read_args(context, top, overrides));
  spec.args = context.args();

  top.require("name", "name the image: name = \"php\"");
  if (const auto name = top.string("name"))
    if (context.accept(check_image_name(name->value), name->where, "name", name->value))
      spec.name = name->value;
  if (const auto tag = top.string("tag"))
    if (context.accept(check_tag(tag->value), tag->where, "tag", tag->value)) spec.tag = tag->value;

  top.require("base", "say what to begin with: [base] and below it stage3 = \"openrc\"");
  if (const toml::table* base = top.table("base")) spec.base = read_base(context, *base);
  spec.repositories = read_repositories(context, top);
  spec.binary_hosts = read_binary_hosts(context, top);
  if (const toml::table* portage = top.table("portage"))
    spec.portage = read_portage(context, *portage);
  if (spec.portage.where.file.empty()) spec.portage.where = context.nowhere();
  if (!spec.portage.profile.empty() && !top.has("repos"))
    context.fault(spec.portage.profile_where, "'profile' needs a repository that holds it",
                  "add [repos.gentoo] and below it snapshot = \"latest\"");
  if (const toml::table* build = top.table("build")) spec.options = read_options(context, *build);
  if (const toml::table* limits = top.table("limits")) spec.limits = read_limits(context, *limits);
  spec.phases = read_phases(context, top);
  if (const toml::table* output = top.table("output")) spec.output = read_output(context, *output);
  if (spec.output.where.file.empty()) spec.output.where = context.nowhere();

  context.finish();
  spec.warnings = context.take_warnings();
  return spec;
}

std::pair<std::string, std::string> parse_override(std::string_view text) {
  const std::size_t equal = text.find('=');
  if (equal == std::string_view::npos || equal == 0) {
    Error error("'--set' needs 'name=value', not " + shown(text), ExitCode::usage);
    error.set_hint("such as '--set suffix=musl', for an arg of the spec's [args]");
    throw error;
  }
  return {std::string(text.substr(0, equal)), std::string(text.substr(equal + 1))};
}

std::string_view to_string(Network network) {
  switch (network) {
    case Network::none:
      break;
    case Network::fetch:
      return "fetch";
    case Network::host:
      return "host";
  }
  return "none";
}

std::string_view to_string(PhaseMount::Kind kind) {
  switch (kind) {
    case PhaseMount::Kind::bind:
      return "bind";
    case PhaseMount::Kind::cache:
      return "cache";
    case PhaseMount::Kind::tmpfs:
      return "tmpfs";
    case PhaseMount::Kind::secret:
      break;
  }
  return "secret";
}

std::string_view to_string(Shell shell) {
  return shell == Shell::bash ? "bash" : "sh";
}

std::string_view to_string(Layers layers) {
  switch (layers) {
    case Layers::phase:
      return "phase";
    case Layers::package:
      return "package";
    case Layers::single:
      break;
  }
  return "single";
}

std::string_view to_string(Compression compression) {
  switch (compression) {
    case Compression::gzip:
      return "gzip";
    case Compression::zstd:
      return "zstd";
    case Compression::none:
      break;
  }
  return "none";
}

std::string_view to_string(SnapshotFormat format) {
  return format == SnapshotFormat::tar ? "tar" : "squashfs";
}

std::vector<std::string> values_of(const std::vector<Text>& texts) {
  std::vector<std::string> values;
  values.reserve(texts.size());
  for (const Text& text : texts) values.push_back(text.value);
  return values;
}

}  // namespace gbox::spec
