// Copies of a tree that a step works on, against the kernel: what is found to have changed makes,
// as a layer over what was copied, the very tree that was left behind. The deeds are those of
// hands.h.
#include "gbox/layer/replica.h"

#include <sys/stat.h>

#include "fixture.h"
#include "gbox/layer/changes.h"
#include "hands.h"

using namespace gbox;
using namespace gbox::layer;
using namespace gbox::layer::test;

namespace {

constexpr unsigned kReplicaSeeds = 16;
constexpr int kDeeds = 150;

// Names that are links of each other in the layers are none in a copy.
std::string without_links(const std::string& description) {
  std::string text;
  for (const std::string& line : split(description, '\n'))
    text += line.substr(0, line.find(" link of ")) + '\n';
  return text;
}

std::string described(int directory) {
  return without_links(Description::of(directory));
}

// A chain with a plain view of it, 'plain', and a copy of that, 'copy'.
struct Copied {
  Chain chain;
  std::vector<std::string> names;
  Replica replica;

  void add_layer(const std::string& name) {
    names.push_back(name);
    (void)chain.make(name);
  }
  sys::Fd mount(const std::string& upper) {
    const std::vector<std::string> below(names.begin(), names.end() - 1);
    return chain.mount(reversed(below) + std::vector<std::string>{"empty"}, upper);
  }
  sys::Fd copy() {
    (void)chain.merge(names, {}, "plain");
    const sys::Fd target = chain.make("copy");
    replica = Replica::copy(chain.open("plain").get(), target.get());
    return chain.open("copy");
  }
  // What the difference, laid over the layers, shows.
  std::string with(const Replica& changed, int copy) {
    changed.difference(copy, chain.make("difference").get());
    return without_links(
        chain.description(std::vector<std::string>{"difference"} + reversed(names)));
  }
};

std::string spelled(const ChangeList& changes) {
  std::string text;
  for (const Entry& entry : changes.entries)
    text +=
        std::to_string(static_cast<int>(entry.kind)) + ' ' + entry.path + ' ' + entry.target + '\n';
  return text;
}

}  // namespace

TEST_CASE("what has changed in a copy, laid over what was copied, shows the copy") {
  for (unsigned seed = 1; seed <= kReplicaSeeds; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    Copied copied;
    (void)copied.chain.make("empty");
    for (unsigned i = 0; i < 2 + seed % 3; ++i) {
      copied.add_layer(std::to_string(i));
      const sys::Fd mounted = copied.mount(std::to_string(i));
      Hands hands(mounted.get(), random);
      for (int deed = 0; deed < kDeeds; ++deed) hands.act();
    }
    const std::string before = copied.chain.description(reversed(copied.names));
    const sys::Fd copy = copied.copy();
    REQUIRE(described(copy.get()) == without_links(before));
    Replica& replica = copied.replica;
    Hands hands(copy.get(), random);
    for (int deed = 0; deed < kDeeds; ++deed) hands.act();
    CHECK(copied.with(replica, copy.get()) == described(copy.get()));
    // A copy on which the difference is laid is that copy as well.
    const sys::Fd second = copied.chain.make("second");
    (void)Replica::copy(copied.chain.open("plain").get(), second.get());
    lay_over(copied.chain.open("difference").get(), second.get());
    CHECK(described(second.get()) == described(copy.get()));
    // And made anew of the same files, or of those of a longer chain, it is like a new copy.
    const std::string after = described(copy.get());
    replica.refresh(copied.chain.open("plain").get(), copy.get());
    CHECK(described(copy.get()) == without_links(before));
    (void)copied.chain.merge(copied.names + std::vector<std::string>{"difference"}, {}, "longer");
    for (int deed = 0; deed < kDeeds; ++deed) hands.act();
    replica.refresh(copied.chain.open("longer").get(), copy.get());
    CHECK(described(copy.get()) == after);
    replica.difference(copy.get(), copied.chain.make("nothing").get());
    CHECK(sys::list_directory(copied.chain.open("nothing").get(), "nothing").empty());
    // What was written went into the copy alone.
    REQUIRE(copied.chain.description(reversed(copied.names)) == before);
  }
}

TEST_CASE(
    "a copy that nothing was done to has not changed, mount points and clock ticks included") {
  Copied copied;
  copied.add_layer("base");
  const sys::Fd base = copied.chain.open("base");
  sys::mkdirat(base.get(), "etc", 0755);
  sys::write_file_atomically(base.get(), "etc/file", "same");
  const sys::Fd copy = copied.copy();
  Replica replica = Replica::remember(copy.get());
  sys::ensure_directories(copy.get(), "etc/point/inner", 0755);
  replica.allow(copy.get(), "etc/point/inner");
  CHECK(sys::read_file(copy.get(), "etc/file") == "same");
  const sys::Fd none = copied.chain.make("none");
  replica.difference(copy.get(), none.get());
  CHECK(sys::list_directory(none.get(), "none").empty());
  sys::remove_tree(copy.get(), "etc/point");
  const sys::Fd gone = copied.chain.make("gone");
  replica.difference(copy.get(), gone.get());
  CHECK(sys::list_directory(gone.get(), "gone") == std::vector<std::string>{"etc"});
  CHECK(sys::list_directory(sys::openat(gone.get(), "etc", O_RDONLY).get(), "etc").empty());

  // The very next instant counts already, and so does a change that leaves size and time alone.
  const Replica again = Replica::remember(copy.get());
  const sys::Fd file = sys::openat(copy.get(), "etc/file", O_WRONLY);
  const timespec time = sys::fstat(file.get()).st_mtim;
  sys::write_all(file.get(), "SAME", "file");
  const timespec times[2] = {{0, UTIME_OMIT}, time};
  REQUIRE(::futimens(file.get(), times) == 0);
  const sys::Fd changed = copied.chain.make("changed");
  again.difference(copy.get(), changed.get());
  CHECK(sys::read_file(changed.get(), "etc/file") == "SAME");
  CHECK(sys::read_file(base.get(), "etc/file") == "same");
}

TEST_CASE("a step's changes are spelled as overlayfs spells them") {
  const auto act = [](int root) {
    sys::write_file_atomically(root, "d/new", "new");
    sys::mkdirat(root, "fresh", 0755);
    sys::mkdirat(root, "fresh/inner", 0755);
    sys::linkat(root, "d/kept", root, "fresh/link");
    sys::unlinkat(root, "d/gone", 0);
    sys::remove_tree(root, "e");
    sys::mkdirat(root, "e", 0755);
    sys::remove_tree(root, "f");
    sys::unlinkat(root, "file", 0);
    sys::mkdirat(root, "file", 0755);
    sys::remove_tree(root, "dir");
    sys::symlinkat("elsewhere", root, "dir");
    // Which may well get the number that was free a moment ago.
    sys::remove_tree(root, "again");
    sys::mkdirat(root, "again", 0755);
    REQUIRE(::fchmodat(root, "same", 0644, 0) == 0);
    REQUIRE(::fchmodat(root, "g", 0700, 0) == 0);
  };
  Copied copied;
  copied.add_layer("base");
  const sys::Fd base = copied.chain.open("base");
  for (const char* name : {"d", "e", "e/x", "f", "dir", "g", "g/h", "again"})
    sys::mkdirat(base.get(), name, 0755);
  for (const char* name :
       {"d/kept", "d/gone", "e/y", "f/z", "file", "same", "g/i", "again/file", "untouched"})
    sys::write_file_atomically(base.get(), name, name);
  (void)copied.chain.make("upper");
  const sys::Fd mounted = copied.chain.mount({"base"}, "upper");
  const sys::Fd copy = copied.copy();
  const Replica replica = Replica::remember(copy.get());
  act(sys::openat(mounted.get(), ".", O_RDONLY).get());
  act(copy.get());
  replica.difference(copy.get(), copied.chain.make("difference").get());
  ScanOptions options;
  const std::string expected = spelled(scan_tree(copied.chain.open("upper").get(), options));
  CHECK(spelled(scan_tree(copied.chain.open("difference").get(), options)) == expected);
  CHECK(expected.find("untouched") == std::string::npos);
}

TEST_CASE("a whiteout's stand-in is one for layers, but nothing that a step makes is one") {
  Copied copied;
  copied.add_layer("base");
  const sys::Fd base = copied.chain.open("base");
  sys::write_file_atomically(base.get(), "hidden", "x");
  copied.add_layer("top");
  const sys::Fd top = copied.chain.open("top");
  REQUIRE(::mknodat(top.get(), "hidden", S_IFSOCK, 0) == 0);
  const sys::Fd copy = copied.copy();
  CHECK(sys::list_directory(copy.get(), "copy").empty());
  const Replica replica = Replica::remember(copy.get());
  REQUIRE(::mknodat(copy.get(), "hidden", S_IFSOCK, 0) == 0);
  const sys::Fd difference = copied.chain.make("difference");
  replica.difference(copy.get(), difference.get());
  CHECK(sys::list_directory(difference.get(), "difference").empty());
}
