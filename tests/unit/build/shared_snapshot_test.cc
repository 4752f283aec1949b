#include "shared_snapshot.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>

#include "cache_directories.h"
#include "gbox/base/json.h"
#include "gbox/layer/pack.h"
#include "gbox/plan/plan.h"
#include "gbox/sys/file.h"
#include "share_snapshots.h"
#include "silent_observer.h"

using namespace gbox;
using namespace gbox::build;
using namespace gbox::build::test;

namespace {

plan::Step step_of(const std::string& name) {
  plan::Step step;
  step.name = name;
  step.phase = name;
  step.kind = plan::StepKind::phase;
  step.parts =
      Json::array({Json::array({"kind", "phase"}), Json::array({"definition", {{"run", name}}})});
  step.key = plan::key_of(step.parts);
  return step;
}

SharedSnapshot sound_snapshot() {
  SharedSnapshot snapshot;
  const plan::Step step = step_of("make");
  snapshot.key = step.key;
  snapshot.parts = step.parts;
  snapshot.spec = "spec";
  snapshot.step = "make";
  snapshot.upon = {sha256("one").hex()};
  snapshot.diff_id = sha256("tar");
  snapshot.sha256 = sha256("archive");
  snapshot.size_bytes = 7;
  snapshot.extra = {{"saved", Json::array()}};
  return snapshot;
}

std::string tag_of(const SharedSnapshot& snapshot) {
  return shared_snapshot_tag(snapshot.key, snapshot.upon);
}

std::string snapshot_refusal(const std::string& text, const std::string& tag) {
  try {
    (void)parse_shared_snapshot(text, tag);
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::input);
    return error.message();
  }
  return "";
}

struct Told : SilentObserver {
  std::vector<std::string> facts;
  void fact(std::string_view, std::string_view text) override { facts.emplace_back(text); }
};

// Two stores, and a directory between them.
struct TwoStores {
  sys::TempDir dir{"/tmp", "gbox-test-"};
  Told observer;
  store::Store one = open("one");
  store::Store two = open("two");
  std::string shared = dir.path() + "/shared";

  store::Store open(const std::string& name) {
    return store::Store::open(dir.path() + '/' + name, "0+1→1000", observer,
                              store::Purpose::inspect);
  }
  store::Record make(store::Store& store, const std::string& name, const std::string& text,
                     const std::vector<std::string>& parents = {}) {
    store::Work work = store.begin_step(name);
    sys::mkdirat(work.fs_fd(), "etc", 0755);
    sys::write_file_atomically(work.fs_fd(), "etc/" + name, text, 04711, sys::Durable::no);
    if (::linkat(work.fs_fd(), ("etc/" + name).c_str(), work.fs_fd(), "link", 0) != 0)
      throw SysError(errno, "link");
    sys::symlinkat("../etc", work.fs_fd(), "etc/loop");
    const plan::Step step = step_of(name);
    store::Record record;
    record.key = step.key;
    record.spec = "spec";
    record.step = name;
    record.phase = name;
    record.kind = "phase";
    record.parts = step.parts;
    record.parents = parents;
    record.seconds = 3;
    record.extra = {{"logs", {"here"}}, {"peak_memory_bytes", 5}};
    return store.publish(std::move(work), std::move(record));
  }
  // What `store` has of the phases goes to the directory.
  CacheSnapshots::Written leave(store::Store& store, const std::vector<store::Record>& records,
                                CacheSnapshots::Renewed renewed = CacheSnapshots::Renewed::no) {
    sys::ensure_directories(AT_FDCWD, shared, 0755);
    const std::vector<CachePlace> none;
    CacheSnapshots snapshots(none, store, observer);
    for (const store::Record& record : records)
      snapshots.made(step_of(record.step), record, renewed);
    return snapshots.write_to(shared);
  }
  std::vector<CachePlace> places() {
    std::vector<CachePlace> list;
    list.emplace_back(shared, SharedDirectory(shared));
    return list;
  }
  [[nodiscard]] std::vector<std::string> names() const {
    const sys::Fd fd = sys::open(shared + '/' + kSnapshotsDirectory, O_RDONLY | O_DIRECTORY);
    std::vector<std::string> list = sys::list_directory(fd.get(), "it");
    std::sort(list.begin(), list.end());
    return list;
  }
  [[nodiscard]] std::size_t files() const { return names().size(); }
  // The only file there with this end.
  [[nodiscard]] std::string file(const std::string& end) const {
    for (const std::string& name : names())
      if (name.ends_with(end)) return shared + '/' + kSnapshotsDirectory + '/' + name;
    return {};
  }
};

void overwrite(const std::string& path, std::string_view text) {
  const std::size_t slash = path.rfind('/');
  const sys::Fd fd = sys::open(path.substr(0, slash), O_RDONLY | O_DIRECTORY);
  sys::write_file_atomically(fd.get(), path.substr(slash + 1), text, 0644);
}

std::string content_of(const std::string& path) {
  return sys::read_file(AT_FDCWD, path);
}

}  // namespace

TEST_CASE("what is told of a shared snapshot is read back as it was written") {
  const SharedSnapshot made = sound_snapshot();
  const SharedSnapshot read = parse_shared_snapshot(shared_snapshot_facts(made), tag_of(made));
  CHECK(read.key == made.key);
  CHECK(read.parts == made.parts);
  CHECK(read.spec == made.spec);
  CHECK(read.step == made.step);
  CHECK(read.upon == made.upon);
  CHECK(read.diff_id == made.diff_id);
  CHECK(read.sha256 == made.sha256);
  CHECK(read.size_bytes == made.size_bytes);
  CHECK(read.extra == made.extra);
}

TEST_CASE("facts of a snapshot that are not exactly right are refused") {
  const auto changed = [&](const char* key, Json value) {
    Json facts = parse_json(shared_snapshot_facts(sound_snapshot()), "facts");
    facts[key] = std::move(value);
    return snapshot_refusal(facts.dump(), tag_of(sound_snapshot()));
  };
  CHECK(changed("spec", "spec") == "");
  CHECK(changed("format", "gbox-package") == "it is of another format");
  CHECK(changed("version", 2) == "version 2 is not known to this gbox");
  CHECK(changed("key", sha256("x").hex()) == "its key is not that of its parts");
  CHECK(changed("parts", Json::array()) == "its key is not that of its parts");
  CHECK(changed("parts", "text") == "its key is not that of its parts");
  CHECK(changed("upon", Json::array()) == "it is of another step, or upon another snapshot");
  CHECK(changed("upon", {sha256("two").hex()}) ==
        "it is of another step, or upon another snapshot");
  CHECK_FALSE(changed("upon", {"../../x"}).empty());
  CHECK_FALSE(changed("upon", {1}).empty());
  CHECK_FALSE(changed("upon", "text").empty());
  CHECK(changed("extra", "text") == "what is kept of it besides is no table");
  CHECK(changed("extra", nullptr) == "");
  CHECK(changed("size_bytes", std::uint64_t{1} << 40).find("more than 64.0 GiB") !=
        std::string::npos);
  CHECK_FALSE(changed("size_bytes", -1).empty());
  CHECK_FALSE(changed("sha256", "abc").empty());
  CHECK_FALSE(changed("diff_id", nullptr).empty());
  CHECK_FALSE(changed("seconds", "long").empty());
  CHECK_FALSE(snapshot_refusal("{", tag_of(sound_snapshot())).empty());

  SharedSnapshot base = sound_snapshot();
  base.parts = Json::array({Json::array({"kind", "base"})});
  base.key = plan::key_of(base.parts);
  CHECK(snapshot_refusal(shared_snapshot_facts(base), tag_of(base)) == "it is not of a phase");
}

TEST_CASE("another store takes a phase's snapshot, and leaves the very same archive") {
  TwoStores f;
  const store::Record low = f.make(f.one, "low", "a");
  const store::Record high = f.make(f.one, "high", "b", {low.snapshot});
  const auto written = f.leave(f.one, {low, high});
  CHECK(written.written == 2);
  CHECK(f.files() == 4);
  CHECK(f.leave(f.one, {low, high}).already == 2);

  const std::vector<CachePlace> places = f.places();
  CacheSnapshots snapshots(places, f.two, f.observer);
  REQUIRE(snapshots.bring(step_of("low"), "mine", {}));
  const store::Record taken = *f.two.find_record(low.key);
  CHECK(taken.spec == "mine");
  CHECK(taken.seconds == 3);
  CHECK(taken.extra == Json{{"peak_memory_bytes", 5}});  // logs are where it has run
  const std::string fs = f.two.snapshot_path(taken.snapshot);
  CHECK(content_of(fs + "/etc/low") == "a");
  struct stat status {};
  REQUIRE(::lstat((fs + "/etc/low").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777u) == 04711u);
  CHECK(status.st_nlink == 2);
  snapshots.made(step_of("low"), taken, CacheSnapshots::Renewed::no);
  REQUIRE(snapshots.bring(step_of("high"), "mine", {taken.snapshot}));
  const store::Record upper = *f.two.find_record(high.key);
  CHECK(upper.parents == std::vector<std::string>{taken.snapshot});

  // Once more from there: the archives, whose digests are in their names, are the same.
  const std::vector<std::string> names = f.names();
  f.shared = f.dir.path() + "/again";
  CHECK(f.leave(f.two, {taken, upper}).written == 2);
  CHECK(f.names() == names);
  CHECK(f.leave(f.one, {low, high}).already == 2);
}

TEST_CASE("a snapshot is taken upon the very files that it was made upon, and nothing else") {
  TwoStores f;
  const store::Record low = f.make(f.one, "low", "a");
  (void)f.leave(f.one, {low, f.make(f.one, "high", "b", {low.snapshot})});
  const store::Record own = f.make(f.two, "low", "another build of it");
  const std::vector<CachePlace> places = f.places();
  {
    CacheSnapshots snapshots(places, f.two, f.observer);
    snapshots.made(step_of("low"), own, CacheSnapshots::Renewed::no);
    CHECK_FALSE(snapshots.bring(step_of("high"), "mine", {own.snapshot}));
  }
  // Nor does it write upon what others cannot have.
  const store::Record high = f.make(f.two, "high", "b", {own.snapshot});
  const auto written = f.leave(f.two, {own, high});
  CHECK(written.written == 0);
  CHECK(written.other == "low");
  // By now it is known what that is: still another one.
  CacheSnapshots snapshots(places, f.two, f.observer);
  snapshots.made(step_of("low"), own, CacheSnapshots::Renewed::no);
  CHECK_FALSE(snapshots.bring(step_of("high"), "mine", {own.snapshot}));
  // What was asked to run again takes the other's place.
  CHECK(f.leave(f.two, {own, high}, CacheSnapshots::Renewed::yes).written == 2);
  CHECK(f.files() == 4);
}

TEST_CASE("what is damaged or hostile is warned of, and nothing comes of it") {
  TwoStores f;
  const store::Record record = f.make(f.one, "make", "a");
  (void)f.leave(f.one, {record});
  const std::vector<CachePlace> places = f.places();
  const plan::Step step = step_of("make");
  const auto refused = [&] {
    CacheSnapshots snapshots(places, f.two, f.observer);
    f.observer.warnings.clear();
    CHECK_FALSE(snapshots.bring(step, "mine", {}));
    CHECK_FALSE(f.two.find_record(step.key));
    return f.observer.warnings.empty() ? "" : f.observer.warnings.front().message;
  };
  const std::string facts_file = f.file(".json"), archive = f.file(".tar.zst");
  const std::string facts = content_of(facts_file), bytes = content_of(archive);
  // as_told(BYTES): the archive is these, not compressed, and the facts say so.
  const auto as_told = [&](const std::string& content, const Digest& diff_id = {}) {
    SharedSnapshot told = parse_shared_snapshot(facts, shared_snapshot_tag(step.key, {}));
    told.sha256 = sha256(content);
    told.diff_id = diff_id.empty() ? told.sha256 : diff_id;
    told.size_bytes = content.size();
    overwrite(facts_file, shared_snapshot_facts(told));
    overwrite(f.shared + '/' + kSnapshotsDirectory + '/' + shared_snapshot_archive(told), content);
    return refused();
  };

  std::string flipped = bytes;
  flipped.back() = static_cast<char>(flipped.back() ^ 1);
  overwrite(archive, flipped);
  CHECK_FALSE(refused().empty());
  overwrite(archive, bytes.substr(1));
  CHECK(refused().find("bytes instead of") != std::string::npos);
  overwrite(archive, bytes);
  overwrite(facts_file, "{");
  CHECK_FALSE(refused().empty());
  CHECK_FALSE(as_told("no archive at all").empty());

  // Another tree than the facts have, sound_snapshot in itself.
  const sys::TempDir tree("/tmp", "gbox-test-");
  const auto packed = [&](const std::string& name) {
    const sys::TempDir to("/tmp", "gbox-test-");
    const sys::Fd fd = sys::openat(to.fd(), "blob", O_RDWR | O_CREAT | O_EXCL, 0600);
    layer::PackOptions options;
    options.kind = layer::TreeKind::plain;
    options.compression = layer::Compression::none;
    (void)layer::pack_layer(tree.fd(), options, fd.get());
    std::string text = content_of(to.path() + "/blob");
    // A name of the same length, in the header and its checksum.
    if (const std::size_t at = text.find("nameless"); at != std::string::npos) {
      int sum = 0;
      for (std::size_t i = 0; i < name.size(); ++i) sum += name[i] - text[at + i];
      text.replace(at, name.size(), name);
      const std::size_t header = at / 512 * 512 + 148;
      char checksum[8];
      std::snprintf(checksum, sizeof checksum, "%06o",
                    static_cast<unsigned>(std::stoi(text.substr(header, 7), nullptr, 8) + sum));
      text.replace(header, 6, checksum, 6);
    }
    return text;
  };
  sys::write_file_atomically(tree.fd(), "nameless", "x", 0644);
  CHECK(as_told(packed("nameless"), sha256("x")).find("SHA-256 of its tar is") !=
        std::string::npos);
  CHECK(as_told(packed("../x/yyy")).find("'../x/yyy'") != std::string::npos);
  CHECK(as_told(packed("/etc/xyz")).find("not taken: ") != std::string::npos);
  CHECK(as_told(packed(".wh.a/bc")).find("not taken: ") != std::string::npos);
  CHECK(as_told(packed(".wh..wh.")).find("not taken: ") != std::string::npos);

  // Links instead of files and directories.
  sys::unlinkat(AT_FDCWD, facts_file, 0);
  sys::symlinkat("/etc/passwd", AT_FDCWD, facts_file);
  CHECK(refused().find("symbolic link") != std::string::npos);
  const std::string directory = f.shared + '/' + kSnapshotsDirectory;
  sys::renameat(AT_FDCWD, directory, AT_FDCWD, directory + "-away");
  sys::symlinkat("gbox-snapshots-away", AT_FDCWD, directory);
  CHECK(refused().find("symbolic link") != std::string::npos);
}

TEST_CASE("a directory keeps the last snapshot of each phase") {
  TwoStores f;
  const store::Record other = f.make(f.one, "other", "o");
  (void)f.leave(f.one, {other});
  for (const char* round : {"1", "2"}) {
    store::Record record = f.make(f.one, std::string("make") + round, round);
    record.step = "make";  // the same phase, with another key
    const std::vector<CachePlace> none;
    CacheSnapshots snapshots(none, f.one, f.observer);
    snapshots.made(step_of("make"), record, CacheSnapshots::Renewed::no);
    CHECK(snapshots.write_to(f.shared).written == 1);
  }
  CHECK(f.files() == 4);
  CHECK(f.leave(f.one, {other}).already == 1);
}

TEST_CASE("a plan says what comes from elsewhere, as far as that can be told") {
  TwoStores f;
  const store::Record low = f.make(f.one, "low", "a");
  (void)f.leave(f.one, {low, f.make(f.one, "high", "b", {low.snapshot})});
  const std::vector<CachePlace> places = f.places();
  CacheSnapshots snapshots(places, f.two, f.observer);
  std::vector<plan::PlannedStep> planned(3);
  planned[0].step = step_of("low");
  planned[1].step = step_of("high");
  planned[2].step = step_of("never made");
  snapshots.foretell(planned);
  CHECK(planned[0].cached);
  CHECK(planned[0].reason == "from '" + f.shared + "'");
  CHECK(planned[1].cached);
  CHECK_FALSE(planned[2].cached);
}
