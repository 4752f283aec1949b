// What became of a step, told from the store alone: its log, and why it was built again.
#include <algorithm>
#include <optional>

#include "commands.h"
#include "gbox/base/text.h"
#include "gbox/plan/explain.h"
#include "gbox/store/store.h"
#include "gbox/sys/fd.h"
#include "open_store.h"

namespace gbox::cli {

namespace {

constexpr std::size_t kMaxDependents = 40;

// "world/dev-libs/icu" is called by that, or by its package alone.
bool is_called(const std::string& step, const std::string& phase, const std::string& name) {
  return step == name || (!phase.empty() && step == phase + '/' + name);
}

// Failures are kept as "SPEC:STEP".
bool failed_as(const store::FailedStep& failed, const std::string& name) {
  const std::string step =
      failed.step.substr(std::min(failed.step.find(':') + 1, failed.step.size()));
  return failed.phase == name || is_called(step, failed.phase, name);
}

[[noreturn]] void refuse_name(const store::Store& store, const std::string& what,
                              const std::string& name) {
  std::vector<std::string> names;
  for (const store::Record& known : store.records()) names.push_back(known.step);
  for (const store::FailedStep& known : store.failed_steps()) names.push_back(known.phase);
  Error error(what + " of a step " + quoted(name), ExitCode::usage);
  const std::string near = nearest(name, names);
  throw error.set_hint(near.empty() ? "steps that ran have one: 'gbox cache ls' lists them"
                                    : "did you mean " + quoted(near) + "?");
}

// The newest record of a step that goes by this name.
std::optional<store::Record> newest_record(const store::Store& store, const std::string& name) {
  std::optional<store::Record> newest;
  for (store::Record& record : store.records())
    if (is_called(record.step, record.phase, name) &&
        (!newest || record.created >= newest->created))
      newest = std::move(record);
  return newest;
}

// A phase that was merged package by package has the logs of its parts.
std::vector<std::string> logs_of(const store::Store& store, const store::Record& record) {
  std::vector<std::string> names;
  if (!record.log.empty()) names.push_back(record.log);
  if (record.extra.is_object() && record.extra.contains("logs") && record.extra["logs"].is_array())
    for (const Json& log : record.extra["logs"])
      if (log.is_string() && !log.get<std::string>().empty()) names.push_back(log);
  std::vector<std::string> paths;
  for (const std::string& name : names) {
    std::string path = store.log_path(name);
    if (names.size() == 1 || sys::try_fstatat(AT_FDCWD, path, 0)) paths.push_back(std::move(path));
  }
  return paths;
}

// The logs of the step's newest run, whether it failed or finished.
std::vector<std::string> find_logs(const store::Store& store, const std::string& name) {
  const auto record = newest_record(store, name);
  std::optional<store::FailedStep> failed;
  for (store::FailedStep& known : store.failed_steps())
    if (failed_as(known, name) && (!failed || known.created > failed->created))
      failed = std::move(known);
  // What was merged from its binary package has the log of its build.
  std::optional<store::Package> built;
  for (store::Package& package : store.packages())
    if (is_called(package.step, package.phase, name) && !package.log.empty() &&
        (!built || package.created > built->created))
      built = std::move(package);
  const store::Moment newest = std::max(record ? record->created : 0, built ? built->created : 0);
  if (failed && failed->created >= newest) return {store.log_path(failed->log)};
  if (built && (!record || built->created > record->created)) return {store.log_path(built->log)};
  if (!record) refuse_name(store, "no log", name);
  std::vector<std::string> paths = logs_of(store, *record);
  if (paths.empty())
    throw Error("step " + quoted(name) + " runs nothing, so it has no log", ExitCode::usage);
  return paths;
}

// One build of a step or package, of those the store remembers.
struct Build {
  std::string key;
  std::string spec;
  std::string step;
  Json parts;
  store::Moment created;
};

std::vector<Build> builds_of(const store::Store& store, const std::string& name) {
  std::vector<Build> builds;
  for (const store::Package& package : store.packages())
    if (is_called(package.step, package.phase, name))
      builds.push_back({package.key, package.spec, package.step, package.parts, package.created});
  if (builds.empty())
    for (const store::Record& record : store.records())
      if (record.step == name)
        builds.push_back({record.key, record.spec, record.step, record.parts, record.created});
  std::stable_sort(builds.begin(), builds.end(),
                   [](const Build& a, const Build& b) { return a.created > b.created; });
  return builds;
}

// What it is compared with: the build before it of the same spec, else of any.
const Build* build_before(const std::vector<Build>& builds) {
  const Build* any = nullptr;
  for (const Build& build : builds) {
    if (build.key == builds.front().key) continue;
    if (build.spec == builds.front().spec) return &build;
    if (any == nullptr) any = &build;
  }
  return any;
}

bool depends_on(const store::Package& package, const std::string& key) {
  if (!package.parts.is_array()) return false;
  for (const Json& part : package.parts)
    if (part.is_array() && part.size() == 2 && part[0] == "dependencies" && part[1].is_object())
      for (const auto& [cpv, identity] : part[1].items())
        if (identity == Json("key " + key)) return true;
  return false;
}

}  // namespace

int cmd_log(const LogArgs& args, Console& console) {
  const store::Store store = open_store(args.store, console);
  for (const std::string& path : find_logs(store, args.step)) {
    if (args.path_only) {
      console.result_line(path);
      continue;
    }
    const sys::Fd log = sys::open(path, O_RDONLY);
    std::string buffer(1u << 16, '\0');
    while (const std::size_t count =
               sys::read_full(log.get(), std::as_writable_bytes(std::span(buffer)), path))
      console.result(std::string_view(buffer).substr(0, count));
  }
  return 0;
}

int cmd_why(const WhyArgs& args, Console& console) {
  const store::Store store = open_store(args.store, console);
  const std::vector<Build> builds = builds_of(store, args.step);
  if (builds.empty()) refuse_name(store, "no build", args.step);
  const Build& newest = builds.front();
  const Build* before = build_before(builds);
  if (before == nullptr) {
    console.result_line("built because    first build");
    return 0;
  }
  for (const std::string& reason : plan::explain(before->parts, newest.parts, ""))
    console.result_line("rebuilt because  " + printable(reason));
  std::size_t dependents = 0;
  for (const store::Package& package : store.packages()) {
    if (package.spec != newest.spec || !depends_on(package, newest.key)) continue;
    if (++dependents <= kMaxDependents)
      console.result_line("and with it      " + printable(package.step));
  }
  if (dependents > kMaxDependents)
    console.result_line("and with it      " + std::to_string(dependents - kMaxDependents) +
                        " more");
  return 0;
}

}  // namespace gbox::cli
