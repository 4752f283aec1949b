#include "share_snapshots.h"

#include "gbox/base/text.h"
#include "gbox/sys/file.h"
#include "gbox/sys/interrupt.h"
#include "gbox/sys/owner.h"
#include "share_archive.h"
#include "shared_directory.h"
#include "waiting.h"

namespace gbox::build {

namespace {

constexpr const char* kMarkState = "1";

std::string mark_subject(const std::string& snapshot) {
  return "mark of snapshot " + snapshot;
}

// What means nothing elsewhere: logs stay where the phase has run.
Json shared_extra(Json extra) {
  if (extra.is_object()) extra.erase("logs");
  return extra;
}

// A phase that changed nothing is a snapshot, too.
layer::ChangeList changes_of(int fd, const layer::PackOptions& options) {
  layer::ChangeList list = layer::scan_for_layer(fd, options);
  if (!list.empty()) return list;
  layer::Entry root;
  root.kind = layer::EntryKind::directory;
  root.status = sys::owned_status(options.owners, fd);
  list.entries.push_back(std::move(root));
  return list;
}

// What the directory has of the same phase besides `made`, and archives that nothing tells of.
void remove_earlier(const ArchiveWriter& writer, const SharedSnapshot& made) {
  const std::string own = shared_snapshot_name(shared_snapshot_tag(made.key, made.upon));
  const auto tag_of = [](const std::string& name) { return name.substr(0, name.find('.')); };
  writer.remove_all([&](const std::string& name) {
    if (name == own || name.starts_with(".") || !name.ends_with(".json")) return false;
    try {
      const SharedSnapshot old =
          parse_shared_snapshot(read_shared_facts(writer.fd(), name), tag_of(name));
      return old.spec == made.spec && old.step == made.step;
    } catch (const Interrupted&) {
      throw;
    } catch (const Error&) {
      return false;  // of a later gbox, perhaps
    }
  });
  writer.remove_all([&](const std::string& name) {
    if (!name.ends_with(".tar.zst")) return false;
    const std::string facts = shared_snapshot_name(tag_of(name));
    return facts == own ? name != shared_snapshot_archive(made)
                        : !sys::try_fstatat(writer.fd(), facts, AT_SYMLINK_NOFOLLOW);
  });
}

}  // namespace

std::optional<std::string> snapshot_mark(store::Store& store, const std::string& snapshot) {
  return store.find_memo(mark_subject(snapshot), kMarkState);
}

SharedSnapshot pack_snapshot(store::Store& store, const store::Record& record,
                             const std::vector<std::string>& upon, int to, Observer& observer) {
  const std::string activity = "pack snapshot of " + record.step;
  const layer::PackOptions options = shared_pack_options(observer, activity);
  const sys::Fd tree = sys::open(store.snapshot_path(record.snapshot), O_RDONLY | O_DIRECTORY);
  const layer::ChangeList changes = changes_of(tree.get(), options);
  if (changes.hides_lower)
    throw Error("it hides all that is below it, which no layer can say", ExitCode::image);
  const layer::LayerResult packed = layer::pack_entries(tree.get(), changes, options, to);
  store.put_memo(mark_subject(record.snapshot), kMarkState, packed.diff_id.hex());
  SharedSnapshot shared;
  shared.key = record.key;
  shared.parts = record.parts;
  shared.spec = record.spec;
  shared.step = record.step;
  shared.upon = upon;
  shared.diff_id = packed.diff_id;
  shared.sha256 = packed.blob_digest;
  shared.size_bytes = packed.blob_size;
  shared.seconds = record.seconds;
  shared.extra = shared_extra(record.extra);
  return shared;
}

void take_snapshot(store::Store& store, const SharedSnapshot& shared, const sys::Fd& file,
                   const plan::Step& step, const std::string& spec,
                   const std::vector<std::string>& parents, Observer& observer) {
  const sys::FileLock lock =
      store.lock_key(step.key, "take the snapshot of step " + step.name, waiting(observer));
  if (store.find_record(step.key, parents)) return;
  store::Work work = store.begin_step(step.name, parents.empty() ? "" : parents.back());
  const layer::UnpackSummary summary =
      unpack_shared(file, shared.sha256, shared.size_bytes, work.fs_fd(),
                    "unpack snapshot of " + step.name, observer);
  if (summary.diff_id != shared.diff_id)
    throw Error("the SHA-256 of its tar is " + summary.diff_id.hex() + " instead of " +
                    shared.diff_id.hex(),
                ExitCode::input);
  if (summary.hides_lower)
    throw Error("it hides all that is below it, as no phase does", ExitCode::input);
  // Whatever is decided by the plan is the plan's, not what was sent.
  store::Record record;
  record.key = step.key;
  record.spec = spec;
  record.step = step.name;
  record.phase = step.phase;
  record.kind = plan::to_string(step.kind);
  record.parts = step.parts;
  record.parents = parents;
  record.seconds = shared.seconds;
  record.extra = shared_extra(shared.extra);
  const store::Record published = store.publish(std::move(work), std::move(record));
  store.put_memo(mark_subject(published.snapshot), kMarkState, shared.diff_id.hex());
}

SharedSnapshot write_snapshot(store::Store& store, const store::Record& record,
                              const std::vector<std::string>& upon, const std::string& directory,
                              Observer& observer) {
  const ArchiveWriter writer(directory, kSnapshotsDirectory, observer);
  SharedSnapshot made;
  (void)writer.write([&](int to) {
    made = pack_snapshot(store, record, upon, to, observer);
    return ArchiveWriter::Made{shared_snapshot_archive(made),
                               shared_snapshot_name(shared_snapshot_tag(made.key, made.upon)),
                               shared_snapshot_facts(made)};
  });
  remove_earlier(writer, made);
  return made;
}

}  // namespace gbox::build
