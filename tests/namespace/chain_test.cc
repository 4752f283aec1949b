// A phase of 600 packages, as far as mounts go: snapshots upon snapshots, each tenth made by the
// kernel's overlayfs on the chain of those before it, as a step's is. The kernel stacks 500 layers
// at most and every one costs each lookup, so without checkpoints this fails.
#define DOCTEST_CONFIG_IMPLEMENT
#include "chain.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "../store/fixture.h"
#include "gbox/sys/file.h"
#include "gbox/sys/mount.h"
#include "gbox/sys/userns.h"
#include "root.h"
#include "silent_observer.h"

using namespace gbox;
using namespace gbox::build;

namespace {

constexpr unsigned kPackages = 600;
// Few enough that mounting and looking up cost nothing that counts.
constexpr std::size_t kMostLayers = 32;

int skip_chain(const Error& error) {
  const char* must_run = std::getenv("GBOX_TESTS_MUST_RUN");
  const bool failure = must_run != nullptr && std::string_view(must_run) == "1";
  (void)std::fprintf(stderr, "%s: %s\n%s\n", failure ? "failed" : "skipped", error.what(),
                     error.hint().c_str());
  return failure ? 1 : 77;
}

std::string name_of(unsigned number) {
  return "p" + std::to_string(number);
}

bool unmerges(unsigned number) {
  return number % 10 == 9;
}

// What merging a package does to a root: files and an entry of its own, one file that all change,
// and now and then one that unmerges another, or puts a file where a directory was.
void merge(int root, unsigned number) {
  const std::string name = name_of(number);
  sys::ensure_directories(root, "var/db/pkg/dev-graph/" + name);
  sys::ensure_directories(root, "usr/bin");
  sys::write_file_atomically(root, "var/db/pkg/dev-graph/" + name + "/CONTENTS", name, 0644,
                             sys::Durable::no);
  sys::write_file_atomically(root, "usr/bin/" + name, name, 0755, sys::Durable::no);
  sys::write_file_atomically(root, "var/counter", std::to_string(number), 0644, sys::Durable::no);
  if (!unmerges(number)) return;
  const std::string gone = name_of(number - 5);
  sys::remove_tree(root, "var/db/pkg/dev-graph/" + gone);
  sys::unlinkat(root, "usr/bin/" + gone, 0);
  if (number % 20 == 9)
    sys::write_file_atomically(root, "var/db/pkg/dev-graph/" + gone, "no directory", 0644,
                               sys::Durable::no);
}

// Path and content of all files below, one a line, sorted.
void describe(int dirfd, const std::string& path, std::set<std::string>& lines) {
  const sys::Fd directory = sys::openat(dirfd, path, O_RDONLY | O_DIRECTORY);
  for (const std::string& name : sys::list_directory(directory.get(), path)) {
    const std::string child = path + '/' + name;
    if (S_ISDIR(sys::fstatat(dirfd, child, AT_SYMLINK_NOFOLLOW).st_mode))
      describe(dirfd, child, lines);
    else
      lines.insert(child + ' ' + sys::read_file(dirfd, child));
  }
}

std::set<std::string> description(int dirfd) {
  std::set<std::string> lines;
  describe(dirfd, ".", lines);
  return lines;
}

// The same in a plain directory.
std::set<std::string> expected(unsigned packages) {
  const sys::TempDir plain("/tmp", "gbox-test-");
  for (unsigned number = 0; number < packages; ++number) merge(plain.fd(), number);
  return description(plain.fd());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    sys::enter_namespace(argv);
    const sys::TempDir dir("/tmp", "gbox-test-");
    for (const char* name : {"lower", "upper", "work"}) sys::mkdirat(dir.fd(), name, 0755);
    (void)sys::mount_overlay({dir.fd(), {"lower"}, "upper", "work"});
  } catch (const Error& error) {
    if (error.code() == ExitCode::host) return skip_chain(error);
    (void)std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
  doctest::Context context(argc, argv);
  return context.run();
}

TEST_CASE("six hundred packages are mounted as a few layers that show what all of them did") {
  store::test::Fixture fixture;
  store::Store& store = fixture.store;
  Inputs inputs;
  inputs.spec.name = "demo";
  test::SilentObserver observer;
  const StepContext context{inputs, store, observer};

  store::Work ground = store.begin_step("base");
  sys::ensure_directories(ground.fs_fd(), "var/db/pkg");
  const std::string base =
      store.publish(std::move(ground), store::test::record_of("base")).snapshot;

  Chain chain(context, "graph", {base}, store::test::key_of("base"));
  std::size_t most = 0;
  for (unsigned number = 0; number < kPackages; ++number) {
    const std::vector<std::string> parents = chain.snapshots();
    store::Work work = store.begin_step(name_of(number), parents.back());
    // To take a mount down takes the kernel as long as all the rest; what only adds files needs
    // none.
    if (unmerges(number))
      merge(StepRoot(store, work, parents, {}).mount().get(), number);
    else
      merge(work.fs_fd(), number);
    store::Record record = store::test::record_of("graph/" + name_of(number), parents);
    record.seconds = 0;  // which would be synced one by one
    record = store.publish(std::move(work), std::move(record));
    chain.push(record, record.key);
    most = std::max(most, chain.snapshots().size());
  }
  CHECK(most <= kMostLayers);

  const std::set<std::string> all = expected(kPackages);
  CHECK(description(mount_chain(store, chain.snapshots()).get()) == all);

  // A build that takes them over finds the checkpoints instead of making them again.
  const std::size_t before = fixture.names("snapshots").size();
  Chain again(context, "graph", {base}, store::test::key_of("base"));
  for (unsigned number = 0; number < kPackages; ++number) {
    const auto record = store.find_record(store::test::key_of("graph/" + name_of(number)));
    REQUIRE(record);
    REQUIRE(record->parents == again.snapshots());
    again.push(*record, record->key);
  }
  CHECK(again.snapshots() == chain.snapshots());
  CHECK(fixture.names("snapshots").size() == before);

  // When the phase has ended, they are one.
  const store::Record whole =
      flatten_layers(context, {base}, chain.own(), store::test::record_of("graph"));
  CHECK(description(mount_chain(store, {base, whole.snapshot}).get()) == all);
}
