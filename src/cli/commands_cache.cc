// The store as a thing: what it takes, whether it is sound, and packages from one to another.
#include <algorithm>
#include <filesystem>

#include "cells.h"
#include "commands.h"
#include "gbox/base/text.h"
#include "gbox/build/share.h"
#include "gbox/store/store.h"
#include "gbox/sys/interrupt.h"
#include "open_store.h"
#include "store_path.h"

namespace gbox::cli {

namespace {

constexpr std::size_t kBiggest = 10;

struct Kind {
  const char* name;
  std::size_t count;
  std::uint64_t bytes;
};

std::vector<Kind> kinds_of(const store::DiskUsage& usage) {
  return {{"snapshots", usage.snapshots, usage.snapshots_bytes},
          {"packages", usage.packages, usage.packages_bytes},
          {"blobs", usage.blobs, usage.blobs_bytes},
          {"inputs", usage.inputs, usage.inputs_bytes},
          {"failed", usage.failed, usage.failed_bytes},
          {"logs", usage.logs, usage.logs_bytes}};
}

struct Big {
  const char* kind;
  std::string key;
  std::string spec;
  std::string name;
  std::uint64_t bytes;
};

std::vector<Big> biggest(const store::Store& store) {
  std::vector<Big> all;
  for (const store::Record& record : store.records())
    if (is_cache(record))
      all.push_back({"cache", record.key, record.spec,
                     record.step.substr(record.step.find(':') + 1), kept_bytes(store, record)});
    else
      all.push_back({"step", record.key, record.spec, record.step, record.size_bytes});
  for (const store::Package& package : store.packages())
    all.push_back({"package", package.key, package.spec, package.cpv, package.size_bytes});
  std::stable_sort(all.begin(), all.end(),
                   [](const Big& a, const Big& b) { return a.bytes > b.bytes; });
  if (all.size() > kBiggest) all.resize(kBiggest);
  return all;
}

std::string usage_line(const char* name, const std::string& count, std::uint64_t bytes) {
  std::string label = name;
  label.resize(std::max<std::size_t>(label.size(), 10), ' ');
  return label + right_aligned(count, 7) + right_aligned(human_size(bytes), 12);
}

// "3 packages, 1 blob": `what` without its 's'.
sys::LockWait waiting(Console& console) {
  return {[&](const sys::LockHolder& holder) { console.progress().waiting(describe(holder)); },
          [&] {
            sys::check_interrupt();
            console.progress().tick();
          }};
}

std::string share_line(const char* deed, const build::ShareResult& result) {
  std::string line = deed + counted(result.written, "package") + " (" + human_size(result.bytes) +
                     "), " + std::to_string(result.already) + " were there";
  if (result.caches_written + result.caches_already != 0)
    line += "; " + counted(result.caches_written, "cache") + " (" + human_size(result.cache_bytes) +
            "), " + std::to_string(result.caches_already) + " were there";
  return line;
}

void refuse(const char* deed, const build::ShareResult& result) {
  if (result.refused + result.caches_refused == 0) return;
  std::vector<std::string> what;
  if (result.refused != 0) what.push_back(counted(result.refused, "package"));
  if (result.caches_refused != 0) what.push_back(counted(result.caches_refused, "cache"));
  throw Error(join(what, " and ") +
                  (result.refused + result.caches_refused == 1 ? " was" : " were") + " not " + deed,
              ExitCode::input)
      .set_hint("the warnings tell which and why; all others are in place");
}

}  // namespace

int cmd_cache_du(const CacheUsageArgs& args, Console& console) {
  const store::Store store = open_store(args.store, console);
  const store::DiskUsage usage = store.disk_usage();
  const std::vector<Big> big = biggest(store);
  if (args.json) {
    OrderedJson document;
    for (const Kind& kind : kinds_of(usage))
      document["kinds"][kind.name] = OrderedJson{{"count", kind.count}, {"bytes", kind.bytes}};
    document["total_bytes"] = usage.total_bytes();
    document["biggest"] = OrderedJson::array();
    for (const Big& each : big)
      document["biggest"].push_back(OrderedJson{{"kind", each.kind},
                                                {"key", each.key},
                                                {"spec", each.spec},
                                                {"name", each.name},
                                                {"bytes", each.bytes}});
    console.result_line(document.dump(2));
    return 0;
  }
  for (const Kind& kind : kinds_of(usage))
    console.result_line(usage_line(kind.name, std::to_string(kind.count), kind.bytes));
  console.result_line(usage_line("total", "", usage.total_bytes()));
  if (!big.empty()) console.result_line("");
  for (const Big& each : big)
    console.result_line(each.key.substr(0, 12) + right_aligned(human_size(each.bytes), 12) + "  " +
                        each.kind + ' ' + printable(each.name) +
                        (each.spec.empty() ? "" : " of " + printable(each.spec)));
  return 0;
}

int cmd_cache_verify(const CacheVerifyArgs& args, Console& console) {
  store::Store store = open_store(args.store, console);
  const sys::FileLock lease = store.lease("gbox cache verify", waiting(console));
  const store::VerifyResult result = store.verify([&](std::uint64_t done, std::uint64_t total) {
    sys::check_interrupt();
    console.progress().progress("verifying", done, total);
    console.progress().tick();
  });
  if (args.json) {
    OrderedJson document;
    document["packages"] = result.packages;
    document["blobs"] = result.blobs;
    document["inputs"] = result.inputs;
    document["distfiles"] = result.distfiles;
    document["host_packages"] = result.host_packages;
    document["bytes"] = result.bytes;
    document["damaged"] = OrderedJson::array();
    for (const store::Damaged& each : result.damaged)
      document["damaged"].push_back(
          OrderedJson{{"kind", each.kind}, {"name", each.name}, {"why", each.why}});
    console.result_line(document.dump(2));
  } else {
    for (const store::Damaged& each : result.damaged)
      console.result_line("dropped " + each.kind + ' ' + printable(each.name) + ": " +
                          printable(each.why));
    console.result_line("read " + human_size(result.bytes) + ": " +
                        counted(result.packages, "package") + ", " + counted(result.blobs, "blob") +
                        ", " + counted(result.inputs, "input") + ", " +
                        counted(result.distfiles, "distfile") + ", " +
                        counted(result.host_packages, "host package") + "; " +
                        std::to_string(result.damaged.size()) + " damaged");
  }
  return result.damaged.empty() ? 0 : 1;
}

int cmd_cache_export(const CacheExportArgs& args, Console& console) {
  store::Store store = open_store(args.store, console);
  const build::ShareResult result =
      build::export_packages(store, absolute_path(args.directory), args.steps, console.progress());
  console.result_line(share_line("wrote ", result));
  refuse("exported", result);
  return 0;
}

int cmd_cache_import(const CacheImportArgs& args, Console& console) {
  store::Store store = open_store(args.store, console);
  const build::ShareResult result =
      build::import_packages(store, absolute_path(args.directory), console.progress());
  console.result_line(share_line("took ", result));
  refuse("imported", result);
  return 0;
}

}  // namespace gbox::cli
