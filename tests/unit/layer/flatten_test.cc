// What becomes of each kind of entry when layers are merged; tests/namespace/flatten_test.cc holds
// whole trees against the kernel's overlayfs.
#include "gbox/layer/flatten.h"

#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "fixture.h"
#include "gbox/base/text.h"
#include "gbox/layer/whiteout.h"

using namespace gbox;
using namespace gbox::layer;
using namespace gbox::layer::test;

namespace {

void write(int dirfd, const std::string& path, std::string_view content) {
  sys::write_file_atomically(dirfd, path, content, 0644, sys::Durable::no);
}

// Layers in words: "d a" directory, "o a" opaque directory, "f a/x" file that holds its layer's
// name, "l a" symbolic link to /etc, "p a" FIFO, "w a" whiteout.
class Trees {
 public:
  sys::Fd make(const std::string& name, const std::string& words = {}) {
    sys::mkdirat(dir_.fd(), name, 0755);
    sys::Fd root = sys::openat(dir_.fd(), name, O_RDONLY | O_DIRECTORY);
    const std::vector<std::string> parts = split_words(words);
    for (std::size_t i = 0; i + 1 < parts.size(); i += 2)
      make_entry(root.get(), parts[i][0], parts[i + 1], name);
    return root;
  }
  [[nodiscard]] const std::string& path() const { return dir_.path(); }

  static std::string words_of(int root, const std::string& prefix = {}) {
    std::string words;
    for (const std::string& name : sys::list_directory(root, ".")) {
      const struct stat status = sys::fstatat(root, name, AT_SYMLINK_NOFOLLOW);
      const std::string path = prefix + name;
      if (!words.empty()) words += ' ';
      if (is_overlay_whiteout(status)) {
        words += "w " + path;
      } else if (S_ISDIR(status.st_mode)) {
        const sys::Fd inner = sys::openat(root, name, O_RDONLY | O_DIRECTORY);
        char value = 0;
        const bool opaque = ::fgetxattr(inner.get(), "user.overlay.opaque", &value, 1) == 1;
        words += (opaque ? "o " : "d ") + path;
        const std::string deeper = words_of(inner.get(), path + '/');
        if (!deeper.empty()) words += ' ' + deeper;
      } else if (S_ISREG(status.st_mode)) {
        words += "f " + path + '=' + sys::read_file(root, name);
      } else {
        words += (S_ISLNK(status.st_mode) ? "l " : "p ") + path;
      }
    }
    return words;
  }

 private:
  static void make_entry(int root, char kind, const std::string& path, const std::string& layer) {
    switch (kind) {
      case 'd':
        sys::mkdirat(root, path, 0755);
        break;
      case 'o': {
        sys::mkdirat(root, path, 0755);
        const sys::Fd made = sys::openat(root, path, O_RDONLY | O_DIRECTORY);
        REQUIRE(::fsetxattr(made.get(), "user.overlay.opaque", "y", 1, 0) == 0);
        break;
      }
      case 'f':
        write(root, path, layer);
        break;
      case 'l':
        sys::symlinkat("/etc", root, path);
        break;
      case 'p':
        REQUIRE(::mkfifoat(root, path.c_str(), 0644) == 0);
        break;
      default:
        REQUIRE(::mknodat(root, path.c_str(), S_IFCHR, makedev(0, 0)) == 0);
    }
  }

  // Not in /tmp, which may be a tmpfs: limits are those of a store's file system.
  sys::TempDir dir_{"/var/tmp", "gbox-test-"};
};

FlattenSummary flatten_two(const sys::Fd& lower, const sys::Fd& upper, const sys::Fd& target,
                           int below = -1) {
  const std::vector<int> layers = {lower.get(), upper.get()};
  return flatten(layers, target.get(), below);
}

}  // namespace

TEST_CASE("merging keeps what shows and the marks that still hide something") {
  struct Row {
    const char* what;
    const char* below;  // "-": nothing at all
    std::vector<const char*> layers;
    const char* merged;
  };
  for (const Row& row : std::vector<Row>{
           {"files of two layers", "-", {"f a", "f b"}, "f a=1 f b=2"},
           {"the upper file", "-", {"f a", "f a"}, "f a=2"},
           {"an upper file over a directory", "d a", {"d a f a/x", "f a"}, "f a=2"},
           {"a link over a directory", "d a", {"d a f a/x", "l a"}, "l a"},
           {"an upper directory over a file", "-", {"f a", "d a f a/x"}, "d a f a/x=2"},
           {"... hides a directory below", "d a f a/y", {"f a", "d a"}, "o a"},
           {"... and no file below", "f a", {"f a", "d a"}, "d a"},
           {"... and no link below", "l a", {"f a", "d a"}, "d a"},
           {"a directory over a link", "d a", {"l a", "d a f a/x"}, "o a f a/x=2"},
           {"a FIFO over a link", "-", {"l a", "p a"}, "p a"},
           {"a whiteout of a layer's file", "d b", {"f a", "w a"}, ""},
           {"a whiteout of a file below", "f a", {"f b", "w a"}, "w a f b=1"},
           {"a whiteout of both", "f a", {"f a", "w a"}, "w a"},
           {"a whiteout of nothing, nothing being below", "-", {"d c w c/a", "w b"}, "d c"},
           {"a file again after its whiteout", "f a", {"w a", "f a"}, "f a=2"},
           {"a directory again after its whiteout", "d a f a/y", {"w a", "d a"}, "o a"},
           {"... when below lacks it", "d b", {"d a f a/y", "w a", "d a"}, "d a"},
           {"... when below has a file there", "f a", {"w a", "o a f a/x"}, "d a f a/x=2"},
           {"an opaque directory in the middle",
            "d a f a/z",
            {"d a f a/x", "o a f a/y", "d a f a/u"},
            "o a f a/u=3 f a/y=2"},
           {"an opaque directory that below lacks", "-", {"d a f a/x", "o a"}, "d a"},
           {"whiteouts in an opaque directory", "d a f a/x", {"o a", "d a w a/x"}, "o a"},
           {"whiteouts within a directory of which below has a file",
            "f a",
            {"d a", "d a w a/x"},
            "d a"},
           {"marks deep within a hidden directory",
            "d a d a/b f a/b/c",
            {"d a d a/b f a/b/x", "o a d a/b w a/b/c", "d a o a/b"},
            "o a d a/b"},
           {"marks deep within a merged directory",
            "d a d a/b f a/b/c d a/b/d",
            {"d a d a/b w a/b/c w a/b/e", "d a d a/b d a/b/d", "d a d a/b o a/b/d w a/b/c"},
            "d a d a/b w a/b/c o a/b/d"},
           {"a whiteout, a file and a whiteout again", "f a", {"w a", "f a", "w a"}, "w a"},
           {"a link's way is not gone", "l a", {"d a w a/passwd", "d a f a/x"}, "d a f a/x=2"},
       }) {
    CAPTURE(row.what);
    Trees trees;
    const bool has_below = std::string(row.below) != "-";
    const sys::Fd below = trees.make("below", has_below ? row.below : "");
    std::vector<sys::Fd> layers;
    std::vector<int> fds;
    for (const char* words : row.layers) {
      layers.push_back(trees.make(std::to_string(layers.size() + 1), words));
      fds.push_back(layers.back().get());
    }
    std::vector<std::string> before;
    for (const int fd : fds) before.push_back(Trees::words_of(fd));
    const sys::Fd target = trees.make("target");
    const FlattenSummary summary = flatten(fds, target.get(), has_below ? below.get() : -1);
    const std::string merged = Trees::words_of(target.get());
    CHECK(merged == row.merged);
    const std::vector<std::string> words = split_words(merged);
    CHECK(summary.entries == words.size() / 2);
    const auto count = [&](const char* kind) {
      return static_cast<std::uint64_t>(std::count(words.begin(), words.end(), kind));
    };
    CHECK(summary.whiteouts == count("w"));
    CHECK(summary.opaque == count("o"));
    CHECK(summary.directories == count("d") + count("o"));
    CHECK(summary.copied == 0);
    for (std::size_t i = 0; i < fds.size(); ++i) CHECK(Trees::words_of(fds[i]) == before[i]);
  }
}

TEST_CASE("files are further names of the layers' inodes, and links of each other as before") {
  Trees trees;
  const sys::Fd lower = trees.make("1", "d a f a/x p a/p f y");
  sys::linkat(lower.get(), "a/x", lower.get(), "z");
  const sys::Fd upper = trees.make("2", "d a f a/u");
  const sys::Fd target = trees.make("target");
  CHECK(flatten_two(lower, upper, target).linked == 5);
  const auto inode = [](const sys::Fd& root, const char* path) {
    return sys::fstatat(root.get(), path, AT_SYMLINK_NOFOLLOW).st_ino;
  };
  for (const char* path : {"a/x", "a/p", "y", "z"})
    CHECK(inode(target, path) == inode(lower, path));
  CHECK(inode(target, "a/u") == inode(upper, "a/u"));
  CHECK(inode(target, "z") == inode(target, "a/x"));
}

TEST_CASE("a program with setuid gets no name besides its own, as Portage wants it") {
  Trees trees;
  const sys::Fd layer = trees.make("lower", "f su f plain");
  REQUIRE(::fchmodat(layer.get(), "su", 04755, 0) == 0);
  REQUIRE(::linkat(layer.get(), "su", layer.get(), "su-again", 0) == 0);
  const sys::Fd upper = trees.make("upper", "f other");
  const sys::Fd target = trees.make("target");
  const std::array layers = {layer.get(), upper.get()};
  (void)flatten(layers, target.get(), -1);
  const struct stat su = sys::fstatat(target.get(), "su", 0);
  CHECK(su.st_mode == (S_IFREG | 04755));
  CHECK(su.st_nlink == 2);  // its own two names, and none in the layer
  CHECK(su.st_ino == sys::fstatat(target.get(), "su-again", 0).st_ino);
  CHECK(sys::fstatat(layer.get(), "su", 0).st_nlink == 2);
  CHECK(sys::read_file(target.get(), "su") == "lower");
  CHECK(sys::fstatat(target.get(), "plain", 0).st_nlink == 2);
}

TEST_CASE("a directory shows mode, time and attributes of the topmost layer, whatever is around") {
  Trees trees;
  const sys::Fd lower = trees.make("1", "d a d a/b");
  const sys::Fd upper = trees.make("2", "d a");
  const sys::Fd upper_a = sys::openat(upper.get(), "a", O_RDONLY);
  const sys::Fd lower_a = sys::openat(lower.get(), "a", O_RDONLY);
  const auto set = [](const sys::Fd& fd, const char* name, std::string_view value) {
    REQUIRE(::fsetxattr(fd.get(), name, value.data(), value.size(), 0) == 0);
  };
  set(upper_a, "user.note", "upper");
  set(lower_a, "user.note", "lower");
  set(lower_a, "user.lower", "gone");
  set(upper_a, "user.overlay.origin", "internal");
  set(upper_a, "user.overlay.overlay.own", "escaped");
  set(upper, "user.root", "upper");
  set(lower, "user.root", "lower");
  // A default ACL is what new entries inherit: the directory inside has none and must get none.
  shell("setfacl -d -m u:12:rwx " + trees.path() + "/2/a || exit 0");
  REQUIRE(::fchmod(upper_a.get(), 03751) == 0);
  REQUIRE(::fchmod(upper.get(), 0711) == 0);
  REQUIRE(::fchmod(lower_a.get(), 0700) == 0);
  const timespec times[2] = {{1, 2}, {1234567890, 123456789}};
  const sys::Fd b = sys::openat(lower.get(), "a/b", O_RDONLY);
  for (const int fd : {upper_a.get(), upper.get(), b.get()}) REQUIRE(::futimens(fd, times) == 0);

  const sys::Fd target = trees.make("target");
  REQUIRE(::fchmod(target.get(), 02755) == 0);
  set(target, "user.rest", "of the target");
  (void)flatten_two(lower, upper, target);
  const auto facts = [](const sys::Fd& fd) {
    const struct stat status = sys::fstat(fd.get());
    std::string text = std::to_string(status.st_mode) + ' ' +
                       std::to_string(status.st_mtim.tv_sec) + '.' +
                       std::to_string(status.st_mtim.tv_nsec);
    std::string names(4096, '\0');
    names.resize(static_cast<std::size_t>(::flistxattr(fd.get(), names.data(), names.size())));
    std::vector<std::string> listed = split(names, '\0');
    std::sort(listed.begin(), listed.end());
    for (const std::string& name : listed) {
      std::string value(256, '\0');
      if (name.empty() || name == "user.overlay.origin") continue;
      value.resize(static_cast<std::size_t>(
          ::fgetxattr(fd.get(), name.c_str(), value.data(), value.size())));
      text += ' ' + name + '=' + value;
    }
    return text;
  };
  CHECK(facts(target) == facts(upper));
  CHECK(facts(sys::openat(target.get(), "a", O_RDONLY)) == facts(upper_a));
  CHECK(facts(sys::openat(target.get(), "a/b", O_RDONLY)) == facts(b));
  CHECK(::fgetxattr(sys::openat(target.get(), "a", O_RDONLY).get(), "user.overlay.origin", nullptr,
                    0) < 0);
}

TEST_CASE("an inode that can have no more names is copied, and its names stay links") {
  Trees trees;
  const sys::Fd layer = trees.make("1", "f a w gone");
  const sys::Fd file = sys::openat(layer.get(), "a", O_RDWR);
  REQUIRE(::pwrite(file.get(), "end", 3, 200000) == 3);
  REQUIRE(::fsetxattr(file.get(), "user.note", "x", 1, 0) == 0);
  REQUIRE(::fchmod(file.get(), 0751) == 0);
  const timespec times[2] = {{1, 2}, {1234567890, 123456789}};
  REQUIRE(::futimens(file.get(), times) == 0);
  sys::linkat(layer.get(), "a", layer.get(), "b");
  const sys::Fd others = trees.make("others");
  const auto exhaust = [&](const char* name) {
    for (int i = 0; i < 70000; ++i)
      if (::linkat(layer.get(), name, others.get(), (name + std::to_string(i)).c_str(), 0) != 0)
        return errno == EMLINK;
    return false;
  };
  if (!exhaust("a")) {
    MESSAGE("this file system allows any number of links");
    return;
  }
  REQUIRE(exhaust("gone"));
  // One name is left: the first is a link, the second needs a copy. No exact share is promised.
  sys::unlinkat(others.get(), "a0", 0);
  sys::linkat(layer.get(), "a", layer.get(), "c");
  const sys::Fd below = trees.make("below", "f gone");
  const sys::Fd target = trees.make("target");
  const std::vector<int> layers = {layer.get()};
  const FlattenSummary summary = flatten(layers, target.get(), below.get());
  CHECK(summary.copied == 2);
  CHECK(summary.linked == 2);
  CHECK(summary.whiteouts == 1);
  const struct stat from = sys::fstat(file.get());
  const struct stat a = sys::fstatat(target.get(), "a", AT_SYMLINK_NOFOLLOW);
  CHECK(a.st_ino != from.st_ino);
  CHECK(a.st_mode == from.st_mode);
  CHECK(a.st_size == from.st_size);
  CHECK(a.st_blocks <= from.st_blocks);
  CHECK(a.st_mtim.tv_nsec == from.st_mtim.tv_nsec);
  CHECK(a.st_nlink == 3);
  CHECK(sys::fstatat(target.get(), "c", AT_SYMLINK_NOFOLLOW).st_ino == a.st_ino);
  CHECK(sys::read_file(target.get(), "a") == sys::read_file(layer.get(), "a"));
  char note = 0;
  CHECK(::getxattr((trees.path() + "/target/b").c_str(), "user.note", &note, 1) == 1);
}

TEST_CASE("trees deeper than descriptors may be open are merged") {
  Trees trees;
  const int depth = 1500;
  const auto dig = [&](const sys::Fd& root, const char* name, char kind) {
    sys::Fd at = sys::openat(root.get(), ".", O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < depth; ++i) {
      if (i % 100 == 99) write(at.get(), name, name);
      sys::mkdirat(at.get(), "d", 0755);
      at = sys::openat(at.get(), "d", O_RDONLY | O_DIRECTORY);
    }
    if (kind == 'f') write(at.get(), "end", name);
    if (kind == 'w') REQUIRE(::mknodat(at.get(), "end", S_IFCHR, makedev(0, 0)) == 0);
  };
  const sys::Fd below = trees.make("below");
  dig(below, "x", 'f');
  const sys::Fd lower = trees.make("1");
  dig(lower, "y", 'w');
  const sys::Fd upper = trees.make("2");
  dig(upper, "z", '-');
  const sys::Fd target = trees.make("target");
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  const rlimit low{256, limit.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
  const FlattenSummary summary = flatten_two(lower, upper, target, below.get());
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  CHECK(summary.directories == depth);
  CHECK(summary.whiteouts == 1);
  CHECK(summary.linked == 31);
  shell("rm -rf " + trees.path() + "/*");  // a TempDir holds one descriptor a level
}

TEST_CASE("merging refuses what it cannot do, and stops when told to") {
  Trees trees;
  const sys::Fd lower = trees.make("1", "d a f a/x");
  const sys::Fd upper = trees.make("2", "d a f a/x");
  const sys::Fd full = trees.make("full", "f x");
  CHECK(message_of([&] { flatten_two(lower, upper, full); }) ==
        "merge 2 layers: the target is not empty");
  const sys::Fd target = trees.make("target");
  CHECK(message_of([&] { flatten({}, target.get(), -1); }) == "merge 0 layers: there is none");
  int calls = 0;
  const std::vector<int> layers = {lower.get(), upper.get()};
  CHECK_THROWS_AS(flatten(layers, target.get(), -1,
                          [&] {
                            if (++calls == 2) throw Interrupted(SIGINT);
                          }),
                  Interrupted);
  const sys::TempDir elsewhere("/dev/shm", "gbox-test-");
  if (sys::fstat(elsewhere.fd()).st_dev == sys::fstat(lower.get()).st_dev) return;
  CHECK(message_of([&] {
          const std::vector<int> one = {lower.get()};
          flatten(one, elsewhere.fd(), -1);
        }) ==
        "merge 1 layers: 'a/x': link 'x': it lies on another file system or mount than its layer");
}
