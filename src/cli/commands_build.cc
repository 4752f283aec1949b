// The commands that need the build module: everything but doctor.
#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <map>

#include "commands.h"
#include "gbox/base/text.h"
#include "gbox/build/build.h"
#include "gbox/build/plan.h"
#include "gbox/build/session.h"
#include "gbox/store/store.h"
#include "gbox/sys/file.h"
#include "open_store.h"
#include "plan_report.h"
#include "store_path.h"

namespace gbox::cli {

namespace {

constexpr int kMaxRounds = 10;  // of changes to a spec

build::SpecSource source_of(const SpecArgs& args) {
  build::SpecSource source{args.path, {}};
  for (const auto& [name, value] : args.set) source.overrides[name] = value;
  return source;
}

build::SourceOptions options_of(const InputArgs& args) {
  return {args.locked, args.offline, absolute_path(args.ca), absolute_path(args.keyring),
          args.plain_http};
}

std::vector<std::string> absolute_paths(std::vector<std::string> paths) {
  for (std::string& path : paths)
    if (!path.starts_with("docker://")) path = absolute_path(path);
  return paths;
}

std::string local_time(std::int64_t seconds) {
  const auto when = static_cast<std::time_t>(seconds);
  std::tm parts{};
  char buffer[32];
  if (::localtime_r(&when, &parts) == nullptr ||
      std::strftime(buffer, sizeof buffer, "%Y-%m-%d %H:%M", &parts) == 0)
    return "-";
  return buffer;
}

OrderedJson record_json(const store::Store& store, const store::Record& record) {
  OrderedJson json;
  json["key"] = record.key;
  json["spec"] = record.spec;
  json["step"] = record.step;
  json["phase"] = record.phase;
  json["kind"] = record.kind;
  json["created"] = record.created.seconds;
  json["used"] = record.used;
  json["seconds"] = record.seconds;
  json["size_bytes"] = kept_bytes(store, record);
  return json;
}

OrderedJson package_json(const store::Package& package) {
  OrderedJson json;
  json["key"] = package.key;
  json["spec"] = package.spec;
  json["step"] = package.step;
  json["phase"] = package.phase;
  json["cpv"] = package.cpv;
  json["sha256"] = package.sha256.hex();
  json["created"] = package.created.seconds;
  json["used"] = package.used;
  json["seconds"] = package.seconds;
  json["size_bytes"] = package.size_bytes;
  return json;
}

// One kept thing as a line of 'gbox cache ls'.
std::string kept_line(const std::string& key, std::uint64_t size_bytes, std::int64_t used,
                      const std::string& what) {
  std::string size = human_size(size_bytes);
  size.insert(0, size.size() < 10 ? 10 - size.size() : 0, ' ');
  return key.substr(0, 12) + "  " + size + "  " + local_time(used) + "  " + printable(what);
}

// As make_build_plan(); what Portage asks for is put into the spec, and shown. Each change may let
// it see the next thing that it refuses.
build::BuildPlan plan_writing(const build::BuildRequest& request, Console& console) {
  for (int round = 0;; ++round) {
    try {
      return build::make_build_plan(request, build::Masked::told_by_portage, console.progress());
    } catch (const build::NoPlan& refused) {
      if (refused.additions().empty() || round == kMaxRounds) throw;
      const auto lines = build::add_to_spec(request.spec, refused.additions());
      if (lines.empty()) throw;
      for (const spec::EditedSpec::Line& line : lines)
        console.progress().fact(
            "write", request.spec.path + ':' + std::to_string(line.number) + ": " + line.text);
    }
  }
}

}  // namespace

int cmd_build(const BuildArgs& args, Console& console) {
  const build::BuildRequest request{
      source_of(args.spec),
      options_of(args.inputs),
      args.store.directory,
      args.outputs,
      args.repos_outputs,
      args.append,
      args.from,
      args.until,
      {absolute_paths(args.cache_from), absolute_paths(args.cache_to), args.cache_snapshots},
      args.store_limit,
      args.effort,
      args.secrets};
  if (args.dry_run) {
    console.result(
        plan_list(build::make_build_plan(request, build::Masked::told_first, console.progress())));
    return 0;
  }
  for (const build::OutputInfo& output : build::build(request, console.progress()))
    console.result_line(output.target + ' ' + output.digest);
  return 0;
}

int cmd_plan(const PlanArgs& args, Console& console) {
  build::BuildRequest request;
  request.spec = source_of(args.spec);
  request.sources = options_of(args.inputs);
  request.store = args.store.directory;
  request.caches.from = absolute_paths(args.cache_from);
  request.caches.snapshots = args.cache_snapshots;
  const build::BuildPlan plan =
      args.write ? plan_writing(request, console)
                 : build::make_build_plan(request, build::Masked::told_first, console.progress());
  if (args.json)
    console.result_line(plan_json(plan).dump(2));
  else if (args.tree)
    console.result(plan_tree(
        plan, lines_for(std::getenv("LC_ALL"), std::getenv("LC_CTYPE"), std::getenv("LANG"))));
  else
    console.result(plan_list(plan));
  return 0;
}

int cmd_lock(const LockArgs& args, Console& console) {
  build::LockRequest request;
  request.spec = source_of(args.spec);
  request.sources = options_of(args.inputs);
  request.store = args.store.directory;
  request.update.insert(args.update.begin(), args.update.end());
  request.update_all = args.update_all;
  request.dry_run = args.dry_run;
  const build::LockResult result = build::lock(request, console.progress());
  for (const std::string& change : result.changes) console.result_line(printable(change));
  if (result.changes.empty()) console.progress().fact("lock", result.path + "  says all of this");
  return 0;
}

int cmd_fetch(const FetchArgs& args, Console& console) {
  build::BuildRequest request;
  request.spec = source_of(args.spec);
  request.sources = options_of(args.inputs);
  request.store = args.store.directory;
  build::fetch(request, console.progress());
  return 0;
}

int cmd_run(const RunArgs& args, Console& console) {
  build::SourceOptions sources;
  sources.ca = args.registry.ca;
  sources.plain_http = args.registry.plain_http;
  return build::run_in_image({args.store.directory, args.image, args.repositories, args.command,
                              args.network, args.trace, sources},
                             console.progress());
}

int cmd_shell(const ShellArgs& args, Console& console) {
  return build::run_shell(source_of(args.spec), {}, args.store.directory, args.step, args.secrets,
                          args.trace, console.progress());
}

int cmd_cache_ls(const CacheListArgs& args, Console& console) {
  const store::Store store = open_store(args.store, console);
  std::vector<store::Record> records = store.records();
  std::vector<store::Package> packages = store.packages();
  std::reverse(records.begin(), records.end());  // what was used last comes first
  std::reverse(packages.begin(), packages.end());
  if (args.json) {
    OrderedJson list = OrderedJson::array();
    for (const store::Record& record : records) list.push_back(record_json(store, record));
    OrderedJson kept = OrderedJson::array();
    for (const store::Package& package : packages) kept.push_back(package_json(package));
    OrderedJson document;
    document["records"] = std::move(list);
    document["packages"] = std::move(kept);
    console.result_line(document.dump(2));
    return 0;
  }
  for (const store::Record& record : records)
    console.result_line(
        kept_line(record.key, kept_bytes(store, record), record.used,
                  record.spec.empty() ? record.step : record.spec + "  " + record.step));
  for (const store::Package& package : packages)
    console.result_line(kept_line(package.key, package.size_bytes, package.used,
                                  package.spec + "  package " + package.cpv));
  return 0;
}

int cmd_cache_gc(const CacheGcArgs& args, Console& console) {
  store::Store store = open_store(args.store, console);
  store::GcPolicy policy;
  policy.max_bytes = args.keep_bytes;
  if (args.unused_seconds) policy.unused_for = std::chrono::seconds(*args.unused_seconds);
  const store::GcResult result = store.collect_garbage(policy);
  if (!result.busy.empty())
    throw Error("clean the store: " + result.busy + " uses it", ExitCode::other)
        .set_hint("run 'gbox cache gc' again when that has ended");
  console.result_line(
      "freed " + human_size(result.freed_bytes) + ": " + std::to_string(result.records) +
      " records, " + std::to_string(result.snapshots) + " snapshots, " +
      std::to_string(result.packages) + " packages, " + std::to_string(result.blobs) + " blobs, " +
      std::to_string(result.failed) + " failed steps, " + std::to_string(result.logs) + " logs; " +
      human_size(store.disk_usage().total_bytes()) + " are kept");
  return 0;
}

}  // namespace gbox::cli
