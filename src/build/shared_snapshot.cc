#include "shared_snapshot.h"

#include <algorithm>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/plan/plan.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/file.h"
#include "refused.h"
#include "shared_directory.h"
#include "shared_package.h"

namespace gbox::build {

namespace {

constexpr std::string_view kFormat = "gbox-snapshot";
constexpr std::size_t kMaxUpon = 1000;  // phases of one spec

bool is_of_phase(const Json& parts) {
  return std::any_of(parts.begin(), parts.end(), [](const Json& part) {
    return part.is_array() && part.size() == 2 && part[0] == "kind" &&
           part[1] == plan::to_string(plan::StepKind::phase);
  });
}

std::vector<std::string> parse_upon(const Json& list) {
  if (!list.is_array() || list.size() > kMaxUpon) refuse_shared("what it is upon is no list");
  std::vector<std::string> upon;
  for (const Json& each : list) {
    if (!each.is_string()) refuse_shared("what it is upon is no list of digests");
    // For the error of what is no digest.
    upon.push_back(Digest(HashAlgorithm::sha256, each.get<std::string>()).hex());
  }
  return upon;
}

}  // namespace

std::string shared_snapshot_tag(const std::string& key, const std::vector<std::string>& upon) {
  return sha256("gbox shared snapshot 1\n" + key + '\n' + join(upon, "\n")).hex();
}

std::string shared_snapshot_name(const std::string& tag) {
  return tag + ".json";
}

std::string shared_snapshot_archive(const SharedSnapshot& snapshot) {
  return shared_snapshot_tag(snapshot.key, snapshot.upon) + '.' + snapshot.sha256.hex() +
         ".tar.zst";
}

std::string shared_snapshot_facts(const SharedSnapshot& snapshot) {
  return canonical_json({{"format", kFormat},
                         {"version", kSharedVersion},
                         {"key", snapshot.key},
                         {"parts", snapshot.parts},
                         {"spec", snapshot.spec},
                         {"step", snapshot.step},
                         {"upon", snapshot.upon},
                         {"diff_id", snapshot.diff_id.hex()},
                         {"sha256", snapshot.sha256.hex()},
                         {"size_bytes", snapshot.size_bytes},
                         {"seconds", snapshot.seconds},
                         {"extra", snapshot.extra}}) +
         '\n';
}

SharedSnapshot parse_shared_snapshot(const std::string& text, const std::string& tag) {
  constexpr std::string_view what = "a shared snapshot's facts";
  const Json json = parse_json(text, what);
  require_format(json, kFormat, what);
  SharedSnapshot snapshot;
  snapshot.key = json_string(json, "key", what);
  snapshot.parts = json_member(json, "parts", what);
  snapshot.spec = json_string(json, "spec", what);
  snapshot.step = json_string(json, "step", what);
  snapshot.upon = parse_upon(json_member(json, "upon", what));
  snapshot.diff_id = Digest(HashAlgorithm::sha256, json_string(json, "diff_id", what));
  snapshot.sha256 = Digest(HashAlgorithm::sha256, json_string(json, "sha256", what));
  snapshot.size_bytes = json_size(json, "size_bytes", what);
  const Json& seconds = json_member(json, "seconds", what);
  if (!seconds.is_number()) refuse_shared("key 'seconds' must be a number");
  snapshot.seconds = seconds.get<double>();
  snapshot.extra = json_member(json, "extra", what);

  if (!snapshot.parts.is_array() || plan::key_of(snapshot.parts) != snapshot.key)
    refuse_shared("its key is not that of its parts");
  if (shared_snapshot_tag(snapshot.key, snapshot.upon) != tag)
    refuse_shared("it is of another step, or upon another snapshot");
  if (!is_of_phase(snapshot.parts)) refuse_shared("it is not of a phase");
  if (!snapshot.extra.is_object() && !snapshot.extra.is_null())
    refuse_shared("what is kept of it besides is no table");
  require_shared_size(snapshot.size_bytes);
  return snapshot;
}

SharedSnapshots::SharedSnapshots(int directory)
    : fd_(sys::try_open_beneath(directory, kSnapshotsDirectory, O_RDONLY | O_DIRECTORY,
                                sys::Resolve::no_symlinks)) {}

std::optional<SharedSnapshot> SharedSnapshots::find(const std::string& tag,
                                                    std::string& why) const {
  why.clear();
  const std::string name = shared_snapshot_name(tag);
  return unless_refused(why, [&]() -> std::optional<SharedSnapshot> {
    if (!fd_ || !sys::try_fstatat(fd_->get(), name, AT_SYMLINK_NOFOLLOW)) return std::nullopt;
    return parse_shared_snapshot(read_shared_facts(fd_->get(), name), tag);
  });
}

std::optional<sys::Fd> SharedSnapshots::open(const SharedSnapshot& snapshot,
                                             std::string& why) const {
  if (fd_)
    return open_shared_file(fd_->get(), shared_snapshot_archive(snapshot), snapshot.size_bytes,
                            why);
  why = "it is gone";
  return std::nullopt;
}

}  // namespace gbox::build
