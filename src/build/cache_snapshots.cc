#include "cache_snapshots.h"

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/sys/fd.h"
#include "share_snapshots.h"

namespace gbox::build {

bool CacheSnapshots::bring(const plan::Step& step, const std::string& spec,
                           const std::vector<std::string>& parents) {
  if (step.kind != plan::StepKind::phase || !known_) return false;
  const std::string tag = shared_snapshot_tag(step.key, upon_);
  std::optional<store::Work> work;
  const Scratch scratch = [&] {
    if (!work) work = store_.begin_step("cache");
    return work->fs_fd();
  };
  for (const CachePlace& place : from_) {
    std::string why;
    if (const auto shared = place.find_snapshot(tag, why)) {
      if (const auto file = place.open(*shared, scratch, why)) {
        try {
          take_snapshot(store_, *shared, *file, step, spec, parents, observer_);
          observer_.fact("cache", "snapshot of " + step.name + " (" +
                                      human_size(shared->size_bytes) + ") from " +
                                      quoted(place.path()));
          return true;
        } catch (const Error& error) {
          // A full disk here ends the build, which could not go on either.
          if (error.code() != ExitCode::input) throw;
          why = error.message();
        }
      }
    }
    if (why.empty()) continue;
    refused_ = true;
    observer_.warn({"--cache-from: the snapshot of " + quoted(step.name) + " in " +
                        quoted(place.path()) + " is not taken: " + why,
                    from_.size() > 1 ? "the other caches are asked, or the phase is run"
                                     : "the phase is run"});
  }
  return false;
}

void CacheSnapshots::made(const plan::Step& step, const store::Record& record, Renewed renewed) {
  if (step.kind != plan::StepKind::phase) return;
  links_.push_back({record, refused_ ? Renewed::yes : renewed});
  refused_ = false;
  const auto mark = snapshot_mark(store_, record.snapshot);
  known_ = known_ && mark;
  if (known_) upon_.push_back(*mark);
}

void CacheSnapshots::foretell(std::vector<plan::PlannedStep>& planned) const {
  if (from_.empty()) return;
  std::vector<std::string> upon;
  for (plan::PlannedStep& each : planned) {
    if (each.step.kind != plan::StepKind::phase) continue;
    if (each.cached) {
      const auto record = store_.peek_record(each.step.key);
      const auto mark = record ? snapshot_mark(store_, record->snapshot) : std::nullopt;
      if (!mark) return;
      upon.push_back(*mark);
      continue;
    }
    const std::string tag = shared_snapshot_tag(each.step.key, upon);
    std::optional<SharedSnapshot> shared;
    for (const CachePlace& place : from_) {
      std::string why;
      shared = place.find_snapshot(tag, why);
      if (!shared) continue;
      each.cached = true;
      each.reason = "from " + quoted(place.path());
      break;
    }
    if (!shared) return;
    upon.push_back(shared->diff_id.hex());
  }
}

// What a snapshot is known by, if need be by packing it for nothing else.
std::string CacheSnapshots::mark_of(const Link& link, const std::vector<std::string>& upon) {
  if (auto mark = snapshot_mark(store_, link.record.snapshot)) return *mark;
  const sys::Fd nowhere = sys::open("/dev/null", O_WRONLY);
  return pack_snapshot(store_, link.record, upon, nowhere.get(), observer_).diff_id.hex();
}

template <class Find, class Put>
CacheSnapshots::Written CacheSnapshots::write(Find&& find, Put&& put) {
  Written result;
  std::vector<std::string> upon;
  for (const Link& link : links_) {
    std::string why;
    const auto there = find(shared_snapshot_tag(link.record.key, upon), why);
    const bool wanted = !there || link.renewed == Renewed::yes;
    if (there && (!wanted || snapshot_mark(store_, link.record.snapshot))) {
      std::string mark = mark_of(link, upon);
      if (there->diff_id.hex() == mark) {
        ++result.already;
        upon.push_back(std::move(mark));
        continue;
      }
    }
    if (!wanted) {
      // Whoever takes that one finds nothing that was made upon ours.
      result.other = link.record.step;
      return result;
    }
    const SharedSnapshot made = with_context("snapshot of " + quoted(link.record.step),
                                             [&] { return put(link.record, upon); });
    ++result.written;
    result.bytes += made.size_bytes;
    upon.push_back(made.diff_id.hex());
  }
  return result;
}

CacheSnapshots::Written CacheSnapshots::write_to(const std::string& directory) {
  const sys::Fd top = sys::open(directory, O_RDONLY | O_DIRECTORY);
  const auto find = [&](const std::string& tag, std::string& why) -> std::optional<SharedSnapshot> {
    const SharedSnapshots known(top.get());
    auto there = known.find(tag, why);
    return there && known.open(*there, why) ? there : std::nullopt;
  };
  return write(find, [&](const store::Record& record, const std::vector<std::string>& upon) {
    return write_snapshot(store_, record, upon, directory, observer_);
  });
}

CacheSnapshots::Written CacheSnapshots::write_to(SharedRegistry& registry) {
  const auto find = [&](const std::string& tag, std::string& why) {
    return registry.find_snapshot(tag, why);
  };
  return write(find, [&](const store::Record& record, const std::vector<std::string>& upon) {
    const store::Work work = store_.begin_step("cache");
    const sys::Fd file = sys::openat(work.fs_fd(), ".", O_TMPFILE | O_RDWR, 0600);
    SharedSnapshot made = pack_snapshot(store_, record, upon, file.get(), observer_);
    registry.put(made, file);
    return made;
  });
}

}  // namespace gbox::build
