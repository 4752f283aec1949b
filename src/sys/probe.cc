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
#include "gbox/sys/owner.h"
#include "gbox/sys/userns.h"
#include "probe_check.h"
#include "probe_deeds.h"
#include "probe_remedies.h"

namespace gbox::sys {

namespace {

// Inside the namespace uid 0 is the caller or a stand-in; a person is told about the caller.
uid_t calling_uid() {
  for (const IdExtent& extent : current_uid_map()) {
    if (extent.inside == kCallerId) return extent.outside;
    if (extent.inside == 0 && extent.count == 1) return extent.outside;
  }
  return ::geteuid();
}

HostReport probe(const std::string& store_path, Scope scope, Fuse fuse = Fuse::without_kernel) {
  HostFacts facts = read_host_facts();
  if (scope == Scope::inside_namespace) {
    facts.uid = calling_uid();
    const passwd* entry = ::getpwuid(facts.uid);
    facts.user_name = entry == nullptr ? "" : entry->pw_name;
  }
  StoreFacts store = read_store_facts(store_path);
  const Deeds deeds = try_deeds(store, scope, fuse);
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

std::string joined(const std::vector<Check>& lacks, std::string Check::*member) {
  std::vector<std::string> texts;
  for (const Check& check : lacks)
    if (!(check.*member).empty() &&
        std::find(texts.begin(), texts.end(), check.*member) == texts.end())
      texts.push_back(check.*member);
  return join(texts, "; ");
}

// Inside the namespace the ids are mapped already: why there are no more of them.
std::vector<Check> single_id_lacks() {
  if (owners() == Owners::real) return {};
  if (const SingleId& why = entered_single_id(); !why.cause.empty())
    return {lack("subordinate-ids", Level::single_id, why.cause, why.remedy, kNoOwners)};
  HostFacts facts = read_host_facts();
  facts.uid = calling_uid();
  const passwd* entry = ::getpwuid(facts.uid);
  facts.user_name = entry == nullptr ? "" : entry->pw_name;
  std::vector<Check> lacks = judge_identity(facts);
  std::erase_if(lacks, [](const Check& check) { return check.outcome != Outcome::lack; });
  if (lacks.empty())
    lacks.push_back(
        lack("id-map", Level::single_id, "map ids: only one id is mapped", {}, kNoOwners));
  lacks.resize(1);  // those behind it are its consequences
  return lacks;
}

}  // namespace

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

SingleId why_single_id(const HostFacts& facts) {
  for (const Check& check : judge_identity(facts))
    if (check.outcome == Outcome::lack) return {check.reason, check.remedy};
  return {};
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
      // The helpers looked well, and only their run showed that they are not: too late for this
      // process to map anything else.
      error.set_hint(check->remedy + (check->at_most == Level::single_id
                                          ? "; or go on with one id by '--id-map single'"
                                          : ""));
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

std::string Decision::reasons() const {
  return joined(lacks, &Check::reason);
}
std::string Decision::lost() const {
  return joined(lacks, &Check::lost);
}
std::string Decision::remedies() const {
  return joined(lacks, &Check::remedy);
}

Decision decide(const std::string& store_path, std::optional<Storage> storage) {
  const Fuse fuse = storage == Storage::fuse ? Fuse::asked_for : Fuse::without_kernel;
  return decide_by(probe(store_path, Scope::inside_namespace, fuse), single_id_lacks(), storage);
}

void require(const Decision& decision, Level required) {
  if (decision.level >= std::max(required, kLowestLevel)) return;
  for (const Check& check : decision.lacks) {
    if (check.at_most >= std::max(required, kLowestLevel)) continue;
    Error error(check.reason, ExitCode::host);
    error.set_hint(check.remedy.empty() ? "'gbox doctor' tells what this host can do"
                                        : check.remedy);
    if (decision.level >= kLowestLevel)
      error.set_hint(error.hint() + "\nlevel " + quoted(to_string(required)) +
                     " was asked for; this host allows " + quoted(to_string(decision.level)));
    throw error;
  }
}

void require_host(const std::string& store_path, Level required) {
  if (inside_namespace()) return require(decide(store_path), required);
  const HostReport report = probe(store_path, Scope::everything);
  require(decide_by(report, {}, std::nullopt), required);
}

}  // namespace gbox::sys
