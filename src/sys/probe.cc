#include "gbox/sys/probe.h"

#include <pwd.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/sys/file.h"
#include "gbox/sys/machine.h"
#include "gbox/sys/userns.h"
#include "probe_deeds.h"
#include "probe_remedies.h"

namespace gbox::sys {

namespace {

struct LevelName {
  Level level;
  std::string_view name;
};
constexpr std::array kLevels = {
    LevelName{Level::none, "none"}, LevelName{Level::single_id, "single-id"},
    LevelName{Level::no_kernel_overlay, "no-kernel-overlay"},
    LevelName{Level::proc_bound, "proc-bound"}, LevelName{Level::full, "full"}};

// Inside the namespace uid 0 is the caller or a stand-in; a person is told about the caller.
uid_t calling_uid() {
  for (const IdExtent& extent : current_uid_map()) {
    if (extent.inside == kCallerId) return extent.outside;
    if (extent.inside == 0 && extent.count == 1) return extent.outside;
  }
  return ::geteuid();
}

HostReport probe(const std::string& store_path, Scope scope) {
  HostFacts facts = read_host_facts();
  if (scope == Scope::inside_namespace) {
    facts.uid = calling_uid();
    const passwd* entry = ::getpwuid(facts.uid);
    facts.user_name = entry == nullptr ? "" : entry->pw_name;
  }
  StoreFacts store = read_store_facts(store_path);
  IdentityOk identity = IdentityOk::yes;
  if (scope == Scope::everything)
    for (const Check& check : judge_identity(facts))
      if (check.outcome == Outcome::lack) identity = IdentityOk::no;
  const Deeds deeds = try_deeds(store, identity, scope);
  return judge(facts, deeds, store, scope);
}

std::string_view container_name(Surroundings surroundings) {
  switch (surroundings) {
    case Surroundings::docker:
      return "inside a docker container";
    case Surroundings::podman:
      return "inside a podman container";
    case Surroundings::kubernetes:
      return "inside a kubernetes pod";
    case Surroundings::gitlab:
      return "inside a gitlab job";
    case Surroundings::plain:
      break;
  }
  return {};
}

std::vector<std::string> notes() {
  const HostFacts facts = read_host_facts();
  std::vector<std::string> lines = {"kernel " + facts.kernel_release};
  if (const std::string_view name = container_name(facts.surroundings); !name.empty())
    lines.emplace_back(name);
  cpu_set_t cpus;
  if (::sched_getaffinity(0, sizeof cpus, &cpus) == 0)
    lines.push_back(std::to_string(CPU_COUNT(&cpus)) + " cpus");
  if (const auto limit = memory_limit())
    lines.push_back("memory limited to " + human_size(*limit) + " by its cgroup");
  return lines;
}

}  // namespace

std::string_view to_string(Level level) {
  for (const LevelName& entry : kLevels)
    if (entry.level == level) return entry.name;
  return "none";
}

std::optional<Level> level_from_string(std::string_view name) {
  for (const LevelName& entry : kLevels)
    if (entry.name == name) return entry.level;
  return std::nullopt;
}

const Check* HostReport::first_lack() const noexcept {
  for (const Check& check : checks)
    if (check.outcome == Outcome::lack && check.at_most < Level::full) return &check;
  return nullptr;
}

HostReport probe_host(const std::string& store_path) {
  HostReport report = probe(store_path, Scope::everything);
  report.notes = notes();
  return report;
}

void require_identity(const HostFacts& facts) {
  for (const Check& check : judge_identity(facts))
    if (check.outcome == Outcome::lack)
      throw Error(check.reason, ExitCode::host).set_hint(check.remedy);
}

void explain_failed_entry(const HostFacts& facts, const Error& failure) {
  const std::string& message = failure.message();
  constexpr std::string_view kMapping = "map ids: ";
  const std::size_t mapping = message.find(kMapping);
  Error error = failure;
  if (mapping != std::string::npos) {
    Deeds deeds;
    deeds.user_namespace.tried = true;
    deeds.id_map = {true, EPERM, message.substr(mapping + kMapping.size())};
    const HostReport report = judge(facts, deeds, {}, Scope::everything);
    if (const Check* check = report.first_lack(); check != nullptr) {
      error = Error(check->reason, ExitCode::host);
      error.set_hint(check->remedy);
    }
  } else if (facts.apparmor_restrict_userns == "1" && facts.uid != 0) {
    // Ubuntu lets the namespace be made and then takes its capabilities away: the first call that
    // needs one fails, whichever that is.
    error = Error(message +
                      ": apparmor restricts user namespaces "
                      "('kernel.apparmor_restrict_unprivileged_userns' is 1)",
                  ExitCode::host);
    error.set_hint(apparmor_profile(facts));
  }
  throw error.add_hint("'gbox doctor' tells what this host can do");
}

void require_host(const std::string& store_path, Level required) {
  const HostReport report =
      probe(store_path, inside_namespace() ? Scope::inside_namespace : Scope::everything);
  const Check* check = report.first_lack();
  if (check == nullptr) return;
  Error error(check->reason, ExitCode::host);
  error.set_hint(check->remedy.empty() ? "'gbox doctor' tells what this host can do"
                                       : check->remedy);
  // Lower levels are known and reported, but nothing here can run at them yet: to go on would
  // mean a step that fails later, or owners that are silently wrong.
  if (required < Level::full && report.level >= required)
    error.set_hint(error.hint() + "\ngbox runs at level 'full' only; this host allows " +
                   quoted(to_string(report.level)));
  throw error;
}

}  // namespace gbox::sys
