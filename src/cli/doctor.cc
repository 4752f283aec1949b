// `gbox doctor`: what this host can do, said to a person or to a program.
#include "cells.h"
#include "commands.h"
#include "gbox/base/json.h"
#include "gbox/base/text.h"
#include "gbox/sandbox/network_probe.h"
#include "gbox/sys/fd.h"
#include "gbox/sys/host_profiles.h"
#include "gbox/sys/probe.h"

namespace gbox::cli {

namespace {

constexpr std::size_t kWordCells = 8;
constexpr std::size_t kCheckCells = 16;

std::string_view word_for(sys::Outcome outcome) {
  switch (outcome) {
    case sys::Outcome::ok:
      return "ok";
    case sys::Outcome::lack:
      return "lack";
    case sys::Outcome::unknown:
      break;
  }
  return "unknown";
}

std::string_view meaning_of(sys::Level level) {
  switch (level) {
    case sys::Level::full:
      return "subordinate ids, all namespaces, kernel overlay";
    case sys::Level::proc_bound:
      return "no /proc of a sandbox's own";
    case sys::Level::no_kernel_overlay:
      return "no overlay mounts of the kernel's on the store's file system";
    case sys::Level::single_id:
      return "only one id can be mapped";
    case sys::Level::none:
      break;
  }
  return "no sandbox can be made";
}

std::string line(std::string_view word, std::string_view name, std::string_view text) {
  return padded(word, kWordCells) + ' ' + padded(name, kCheckCells) + ' ' + clean_line(text) + '\n';
}

std::string report_text(const sys::HostReport& report) {
  std::string out = padded("level", kWordCells) + ' ' + std::string(to_string(report.level)) +
                    ": " + std::string(meaning_of(report.level)) + '\n';
  if (report.level < sys::Level::full)
    out += std::string(kWordCells + 1, ' ') +
           (report.level < sys::kLowestLevel
                ? "gbox cannot build here; the first lack below is the one to remedy first\n"
                : "gbox builds here; each lack below says what is lost, and how to get more\n");
  out += '\n';
  for (const sys::Check& check : report.checks) {
    out += line(word_for(check.outcome), check.name, check.reason);
    if (!check.lost.empty()) out += line("", "  lost", check.lost);
    if (!check.remedy.empty()) out += line("", "  remedy", check.remedy);
  }
  return out + '\n' + padded("host", kWordCells) + ' ' + clean_line(join(report.notes, ", ")) +
         '\n';
}

OrderedJson report_json(const sys::HostReport& report) {
  OrderedJson checks = OrderedJson::array();
  for (const sys::Check& check : report.checks)
    checks.push_back({{"name", check.name},
                      {"ok", check.outcome == sys::Outcome::ok},
                      {"outcome", word_for(check.outcome)},
                      {"reason", check.reason},
                      {"remedy", check.remedy},
                      {"lost", check.lost}});
  return {
      {"level", to_string(report.level)}, {"checks", std::move(checks)}, {"notes", report.notes}};
}

}  // namespace

int cmd_doctor(const DoctorArgs& args, Console& console) {
  if (args.seccomp) {
    console.result(sys::seccomp_profile());
    return 0;
  }
  if (args.apparmor) {
    console.result(sys::apparmor_profile_for(sys::readlinkat(AT_FDCWD, "/proc/self/exe")));
    return 0;
  }
  sys::HostReport report = sys::probe_host(args.store.directory);
  report.checks.push_back(sandbox::probe_network());
  if (args.json)
    console.result_line(
        report_json(report).dump(2, ' ', false, OrderedJson::error_handler_t::replace));
  else
    console.result(report_text(report));
  const sys::Level required = args.require_level.value_or(sys::kLowestLevel);
  return static_cast<int>(report.level >= required ? ExitCode::ok : ExitCode::host);
}

}  // namespace gbox::cli
