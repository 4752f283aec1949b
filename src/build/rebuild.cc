// The same image once more, from the same inputs, otherwise than the first time.
#include <chrono>
#include <filesystem>

#include "compare.h"
#include "effort.h"
#include "gbox/base/text.h"
#include "gbox/store/store.h"
#include "gbox/sys/file.h"
#include "gbox/sys/idmap.h"
#include "gbox/sys/interrupt.h"
#include "gbox/sys/machine.h"
#include "gbox/sys/userns.h"
#include "inputs.h"

namespace gbox::build {

namespace {

namespace fs = std::filesystem;

constexpr char kHostName[] = "elsewhere";
// Of an image that somebody else built, and may have built at any time since its inputs were made.
constexpr std::int64_t kLongest_s = 400 * 86400;

std::int64_t now() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// What was fetched and verified. Packages, snapshots and records stay behind: those are to be made.
void take_inputs(const std::string& from, const std::string& to) {
  for (const char* name : {"inputs", "distfiles", "digests", "git", "binpkgs"}) {
    const fs::path source = fs::path(from) / name;
    std::error_code error;
    if (!fs::is_directory(source, error)) continue;
    const auto options = fs::copy_options::recursive | fs::copy_options::skip_existing;
    // Nothing ever writes to these files: a second name costs nothing, where there can be one.
    fs::copy(source, fs::path(to) / name, options | fs::copy_options::create_hard_links, error);
    if (!error) continue;
    error.clear();
    fs::copy(source, fs::path(to) / name, options, error);
    if (error)
      throw Error("copy " + quoted(source.string()) + " for a second build: " + error.message(),
                  ExitCode::host);
  }
}

// Since the first of the spec's steps was recorded.
std::int64_t begin_of(const std::string& path, const std::string& spec, Observer& observer) {
  const store::Store store = store::Store::open(path, sys::describe(sys::current_uid_map()),
                                                observer, store::Purpose::inspect);
  std::int64_t begin = now();
  for (const store::Record& record : store.records())
    if (record.spec == spec)
      begin = std::min(begin, record.created.seconds - static_cast<std::int64_t>(record.seconds));
  for (const store::Package& package : store.packages())
    if (package.spec == spec)
      begin = std::min(begin, package.created.seconds - static_cast<std::int64_t>(package.seconds));
  return begin;
}

// Unlike the first, as far as gbox can choose.
EffortOptions perturbed(EffortOptions effort, const spec::BuildOptions& options) {
  const Effort usual = effort_of(effort, options, sys::usable_processors(), sys::usable_memory());
  effort.jobs = usual.jobs + 1;
  effort.packages = usual.packages == 1 ? 2 : 1;
  effort.host_name = kHostName;
  return effort;
}

}  // namespace

ImageDifference rebuild(const RebuildRequest& request, Observer& observer) {
  const Inputs inputs = read_inputs(request.build.spec, observer);
  const std::string parent = request.scratch.empty()
                                 ? fs::path(request.build.store).parent_path().string()
                                 : request.scratch;
  const sys::TempDir scratch(parent, "gbox-rebuild-");

  BuildRequest first = request.build;
  first.repos_outputs.clear();
  first.from.clear();
  first.until.clear();
  std::string image = request.image;
  CauseMarks marks;
  if (image.empty()) {
    image = "oci:" + scratch.path() + "/first";
    first.outputs = {image};
    (void)build(first, observer);
    marks.before.begin = begin_of(first.store, inputs.spec.name, observer);
  } else {
    marks.before.begin = now() - kLongest_s;
  }
  marks.before.end = now();
  marks.before.host_names = {"gbox"};
  marks.before.paths = {request.build.store, inputs.directory};

  BuildRequest second = first;
  second.store = scratch.path() + "/store";
  second.outputs = {"oci:" + scratch.path() + "/second"};
  second.caches = {};
  second.store_limit.reset();
  second.sources.locked = true;  // from these inputs, not from newer ones
  second.effort = perturbed(request.build.effort, inputs.spec.options);
  {
    (void)store::Store::open(second.store, sys::describe(sys::current_uid_map()), observer);
    take_inputs(request.build.store, second.store);
  }
  marks.after.begin = now();
  (void)build(second, observer);
  marks.after.end = now();
  marks.after.host_names = {kHostName};
  marks.after.paths = {second.store, inputs.directory};

  store::Store store =
      store::Store::open(second.store, sys::describe(sys::current_uid_map()), observer);
  const sys::FileLock lease = store.lease("gbox verify");
  return compare(store, image, second.outputs.front(), &marks, observer);
}

}  // namespace gbox::build
