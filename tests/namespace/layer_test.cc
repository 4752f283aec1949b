// Layers where they are made: inside gbox's user namespace, of uppers that the kernel's overlayfs
// wrote, with owners, capabilities and whiteouts that an ordinary user has only there. As an
// ordinary user with subordinate ids, or as root; skipped with the reason (exit 77) where neither
// can be had, unless GBOX_TESTS_MUST_RUN=1.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <cstdlib>

#include "fixture.h"
#include "gbox/layer/flatten.h"
#include "gbox/layer/whiteout.h"
#include "gbox/sys/mount.h"
#include "gbox/sys/userns.h"
#include "raw_tar.h"

using namespace gbox;
using namespace gbox::layer;
using namespace gbox::layer::test;

namespace {

int skip(const Error& error) {
  const char* must_run = std::getenv("GBOX_TESTS_MUST_RUN");
  const bool failure = must_run != nullptr && std::string_view(must_run) == "1";
  (void)std::fprintf(stderr, "%s: %s\n%s\n", failure ? "failed" : "skipped", error.what(),
                     error.hint().c_str());
  return failure ? 1 : 77;
}

// A store in miniature: lower, upper, work, and the overlay of them mounted on merged.
class Layers {
 public:
  Layers() {
    for (const char* name : {"lower", "upper", "work", "merged", "out"})
      sys::mkdirat(dir_.fd(), name, 0755);
  }
  Layers(const Layers&) = delete;
  Layers& operator=(const Layers&) = delete;
  ~Layers() {
    while (::umount2((dir_.path() + "/merged").c_str(), MNT_DETACH) == 0) continue;
  }
  [[nodiscard]] std::string path(const std::string& name) const { return dir_.path() + '/' + name; }
  [[nodiscard]] sys::Fd open(const std::string& name) const {
    return sys::openat(dir_.fd(), name, O_RDONLY | O_DIRECTORY);
  }
  // Throws Error (host) where overlays cannot be had; outside of test cases, so without asserts.
  void probe() const { (void)sys::mount_overlay({dir_.fd(), {"lower"}, "upper", "work"}); }
  // Runs a script in the merged tree, as a step would, and takes the overlay down again.
  void run(const std::string& script) const {
    const sys::Fd overlay = sys::mount_overlay({dir_.fd(), {"lower"}, "upper", "work"});
    sys::move_mount(overlay.get(), open("merged").get(), "merged");
    shell("cd " + path("merged") + " && set -e && umask 022\n" + script + "\n cd /");
    REQUIRE(::umount2(path("merged").c_str(), MNT_DETACH) == 0);
  }
  // The complete tree of these layers (topmost first) as one deterministic tar.
  [[nodiscard]] std::string tar_of(const std::vector<std::string>& layers) const {
    const sys::Fd view = sys::mount_layers_read_only(dir_.fd(), layers);
    const sys::Fd root = sys::openat(view.get(), ".", O_RDONLY | O_DIRECTORY);
    return pack(root.get(), {.kind = TreeKind::plain, .compression = Compression::none}).blob;
  }

 private:
  sys::TempDir dir_{"/tmp", "gbox-test-"};
};

constexpr char kCapability[] =
    "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00";  // version 2, effective, CAP_NET_RAW
const std::string kCapabilityValue(kCapability, sizeof kCapability - 1);

const std::string kLower = R"(
mkdir -p keep gone/deep replaced/old sub/root etc
echo a > keep/file; echo b > gone/deep/file; echo c > gone/file; echo d > replaced/old/file
echo e > one; ln one two; ln one three; echo f > etc/passwd; echo g > becomes-dir
mkdir becomes-file; echo h > becomes-file/in; ln -s etc/passwd link; echo i > sub/root/f
truncate -s 1M sparse; echo end >> sparse
cp -p sparse sparse2
chown 250:250 keep/file; chmod 4755 one; chown -h 33:33 link
)";

const std::string kChanges = R"(
rm -r gone; rm etc/passwd; rm link
rm -r replaced; mkdir replaced; chmod 2770 replaced; chown 250:27 replaced; echo n > replaced/new
echo more >> two; chmod 755 two
rm becomes-dir; mkdir becomes-dir; echo x > becomes-dir/in
rm -r becomes-file; echo now > becomes-file
mkfifo fifo; chown 7:8 fifo
echo p > priv; chown 100:101 priv; chmod 6755 priv
ln -s nowhere dangling; chown -h 65534:65534 dangling
echo x >> sparse2
ln priv priv-link
chmod 1777 keep
)";

void set_capability(const std::string& path) {
  REQUIRE(::setxattr(path.c_str(), "security.capability", kCapabilityValue.data(),
                     kCapabilityValue.size(), 0) == 0);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    sys::enter_namespace(argv);
    Layers().probe();
  } catch (const Error& error) {
    if (error.code() == ExitCode::host) return skip(error);
    (void)std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
  doctest::Context context(argc, argv);
  return context.run();
}

TEST_CASE("a step's upper becomes a layer that, unpacked over the same lower, is the same tree") {
  const Layers layers;
  shell("cd " + layers.path("lower") + " && set -e" + kLower);
  layers.run(kChanges);
  set_capability(layers.path("upper/priv"));
  const std::string expected = layers.tar_of({"upper", "lower"});
  const Packed packed = pack(layers.open("upper").get(), {.kind = TreeKind::upper});
  UnpackOptions options;
  options.kind = ArchiveKind::oci_layer;
  const sys::Fd out = layers.open("out");
  const UnpackSummary summary = unpack(packed.blob, out.get(), options);
  CHECK(summary.diff_id == packed.result.diff_id);
  CHECK(summary.whiteouts == 5);
  CHECK(layers.tar_of({"out", "lower"}) == expected);
  CHECK(pack(out.get(), {.kind = TreeKind::upper}).blob == packed.blob);
}

TEST_CASE("the layer says what GNU tar and the image spec understand") {
  const Layers layers;
  shell("cd " + layers.path("lower") + " && set -e" + kLower);
  layers.run(kChanges);
  set_capability(layers.path("upper/priv"));
  const Packed packed =
      pack(layers.open("upper").get(), {.kind = TreeKind::upper, .compression = Compression::none});
  const sys::TempDir dir("/tmp", "gbox-test-");
  sys::write_file_atomically(dir.fd(), "x.tar", packed.blob);
  CHECK(shell("tar --numeric-owner -tvf " + dir.path() +
              "/x.tar | sed -E 's/ +[0-9]+ [-0-9]+ [0-9:]+ / /'") ==
        "drwxr-xr-x 0/0 ./\n"
        "---------- 0/0 .wh.gone\n"
        "---------- 0/0 .wh.link\n"
        "drwxr-xr-x 0/0 becomes-dir/\n"
        "---------- 0/0 becomes-dir/.wh..wh..opq\n"
        "-rw-r--r-- 0/0 becomes-dir/in\n"
        "-rw-r--r-- 0/0 becomes-file\n"
        "lrwxrwxrwx 65534/65534 dangling -> nowhere\n"
        "drwxr-xr-x 0/0 etc/\n"
        "---------- 0/0 etc/.wh.passwd\n"
        "prw-r--r-- 7/8 fifo\n"
        "drwxrwxrwt 0/0 keep/\n"
        "-rwsr-sr-x 100/101 priv\n"
        "hrwsr-sr-x 100/101 priv-link link to priv\n"
        "drwxrws--- 250/27 replaced/\n"
        "---------- 0/0 replaced/.wh..wh..opq\n"
        "-rw-r--r-- 0/27 replaced/new\n"
        "-rw-r--r-- 0/0 sparse2\n"
        "-rwxr-xr-x 0/0 two\n");
  // Both names of the file carry the capability, as the kernel shows it to the image: version 2.
  std::size_t found = 0;
  for (std::size_t at = 0;
       (at = packed.blob.find("SCHILY.xattr.security.capability=" + kCapabilityValue + '\n', at)) !=
       std::string::npos;
       ++at)
    ++found;
  CHECK(found == 2);
  CHECK(packed.blob.find("user.overlay") == std::string::npos);
}

TEST_CASE("GNU tar and we unpack a packed tree to the same inodes") {
  const Layers layers;
  shell("cd " + layers.path("lower") + " && set -e" + kLower);
  set_capability(layers.path("lower/one"));
  REQUIRE(::setxattr(layers.path("lower/keep").c_str(), "user.a", "b", 1, 0) == 0);
  const PackOptions plain{.kind = TreeKind::plain, .compression = Compression::none};
  const std::string tar = pack(layers.open("lower").get(), plain).blob;
  const sys::TempDir dir("/tmp", "gbox-test-");
  sys::write_file_atomically(dir.fd(), "x.tar", tar);
  shell("tar -C " + layers.path("out") + " --xattrs --xattrs-include='*' --numeric-owner -xpf " +
        dir.path() + "/x.tar");
  CHECK(pack(layers.open("out").get(), plain).blob == tar);
  unpack(tar, layers.open("merged").get(), {});
  CHECK(pack(layers.open("merged").get(), plain).blob == tar);
  std::string value(64, '\0');
  value.resize(static_cast<std::size_t>(::getxattr(
      layers.path("merged/one").c_str(), "security.capability", value.data(), value.size())));
  CHECK(value == kCapabilityValue);
  CHECK(sys::fstat(layers.open("merged").get()).st_ino !=
        sys::fstat(layers.open("out").get()).st_ino);
  const struct stat sparse = sys::fstatat(layers.open("merged").get(), "sparse", 0);
  CHECK(sparse.st_size == 1048580);
  CHECK(sparse.st_blocks <= 8);
}

TEST_CASE("an attribute that a step named like overlayfs' own is kept, and means nothing to it") {
  const Layers layers;
  shell("cd " + layers.path("lower") + " && mkdir d && echo x > d/f");
  {
    const sys::Fd overlay =
        sys::mount_overlay({layers.open(".").get(), {"lower"}, "upper", "work"});
    const sys::Fd d = sys::openat(overlay.get(), "d", O_RDONLY | O_DIRECTORY);
    // Linux 6.7 stores it with one more prefix; older kernels refuse it.
    if (::fsetxattr(d.get(), "user.overlay.opaque", "y", 1, 0) != 0) {
      MESSAGE("this kernel lets no one set user.overlay.*: ", std::strerror(errno));
      return;
    }
  }
  const Packed packed =
      pack(layers.open("upper").get(), {.kind = TreeKind::upper, .compression = Compression::none});
  CHECK(packed.blob.find("SCHILY.xattr.user.overlay.opaque=y\n") != std::string::npos);
  CHECK(packed.blob.find(".wh..wh..opq") == std::string::npos);
  unpack(packed.blob, layers.open("out").get(), {.kind = ArchiveKind::oci_layer});
  CHECK(layers.tar_of({"out", "lower"}).find("d/f") != std::string::npos);
  CHECK(layers.tar_of({"out", "lower"}) == layers.tar_of({"upper", "lower"}));
}

TEST_CASE("a layer's own entries stay, whichever side of the whiteout they come") {
  const auto is_opaque = [](int root, const char* path) {
    const sys::Fd fd = sys::openat(root, path, O_RDONLY | O_DIRECTORY);
    char value = 0;
    return ::fgetxattr(fd.get(), "user.overlay.opaque", &value, 1) == 1 && value == 'y';
  };
  const auto is_whiteout = [](int root, const char* path) {
    return is_overlay_whiteout(sys::fstatat(root, path, AT_SYMLINK_NOFOLLOW));
  };
  const Layers layers;
  const sys::Fd out = layers.open("out");
  unpack(raw_tar({file(".wh.gone"),
                  file(".wh.gone"),
                  dir("d"),
                  file("d/f"),
                  file(".wh.d"),
                  file(".wh.e"),
                  dir("e"),
                  file(".wh.i"),
                  file("i/implied"),
                  file("f", "own"),
                  file(".wh.f"),
                  file(".wh.g"),
                  file("g", "own"),
                  dir("plain"),
                  {.name = "smuggled", .type = '3'}}),
         out.get(), {.kind = ArchiveKind::oci_layer});
  CHECK(is_whiteout(out.get(), "gone"));
  for (const char* path : {"d", "e", "i"}) CHECK(is_opaque(out.get(), path));
  CHECK_FALSE(is_opaque(out.get(), "plain"));
  CHECK(sys::read_file(out.get(), "d/f") == "x");
  CHECK(sys::read_file(out.get(), "i/implied") == "x");
  CHECK(sys::read_file(out.get(), "f") == "own");
  CHECK(sys::read_file(out.get(), "g") == "own");
  CHECK_FALSE(sys::try_fstatat(out.get(), "smuggled", AT_SYMLINK_NOFOLLOW));
  // A way through a whiteout is no way.
  CHECK_THROWS_AS(unpack(raw_tar({file(".wh.w"), hardlink("h", "w")}), layers.open("merged").get(),
                         {.kind = ArchiveKind::oci_layer}),
                  Error);
}

TEST_CASE("a subtree that a step removed leaves a layer that hides all below it") {
  const Layers layers;
  shell("cd " + layers.path("lower") + " && mkdir -p sub/root && echo x > sub/root/f");
  const auto packed_subtree = [&] {
    return pack(layers.open("upper").get(), {.kind = TreeKind::upper, .subtree = "sub/root"})
        .result;
  };
  layers.run("echo x > elsewhere");
  CHECK(packed_subtree().empty);
  layers.run("rm -r sub/root");
  CHECK(packed_subtree().hides_lower);
  CHECK(packed_subtree().entries == 1);
  layers.run("mkdir sub/root; echo new > sub/root/g");
  CHECK(packed_subtree().hides_lower);
  CHECK(packed_subtree().entries == 3);
  layers.run("rm -r sub");
  CHECK(packed_subtree().hides_lower);
  CHECK(packed_subtree().entries == 1);
}

TEST_CASE("a whiteout in a complete tree would delete at the reader's, so it is refused") {
  const Layers layers;
  REQUIRE(::mknod(layers.path("lower/x").c_str(), S_IFCHR, makedev(0, 0)) == 0);
  CHECK(message_of([&] { (void)pack(layers.open("lower").get(), {.kind = TreeKind::plain}); }) ==
        "pack layer: device '/x' has the number 0:0, which readers of the layer take for a "
        "deleted file");
}

TEST_CASE("an owner that the namespace lacks is named, with what to do") {
  const Layers layers;
  try {
    unpack(raw_tar({{.name = "f", .pax = {{"uid", "4000000000"}}}}), layers.open("out").get(), {});
    FAIL("nothing was thrown");
  } catch (const Error& error) {
    CHECK(error.message() ==
          "unpack 'test.tar': entry 'f': give 'f' to owner 4000000000:0: this "
          "user namespace has no such id");
    CHECK(error.hint().find("/etc/subuid") != std::string::npos);
    CHECK(error.code() == ExitCode::host);
  }
}

TEST_CASE("no space left says whether bytes or inodes ran out") {
  struct Row {
    sys::MountOption limit;
    std::vector<RawEntry> entries;
    const char* hint;
  };
  std::vector<RawEntry> many;
  for (int i = 0; i < 40; ++i) many.push_back(file("f" + std::to_string(i), ""));
  for (const Row& row : {Row{{"size", "1m"}, {file("f", std::string(3 << 20, 'x'))}, "are free on"},
                         Row{{"nr_inodes", "20"}, many, "no free inode left"}}) {
    const sys::Fd tmpfs = sys::new_mount("tmpfs", {row.limit}, 0);
    const sys::Fd target = sys::openat(tmpfs.get(), ".", O_RDONLY | O_DIRECTORY);
    try {
      unpack(raw_tar(row.entries), target.get(), {});
      FAIL("nothing was thrown");
    } catch (const Error& error) {
      CHECK(error.message().find("No space left on device") != std::string::npos);
      CHECK(error.hint().find(row.hint) != std::string::npos);
      CHECK(error.code() == ExitCode::host);
    }
  }
}

namespace {

// Both trees as a layer and, merged, as a whole, where owners are the file system's or recorded.
// Times are those of this run, and so made equal.
struct Told {
  std::string upper;
  std::string merged;
  bool operator==(const Told&) const = default;
};

Told tell(const Layers& layers, sys::Owners owners) {
  const PackOptions upper{.kind = TreeKind::upper,
                          .compression = Compression::none,
                          .clamp_mtime = 0,
                          .owners = owners};
  const PackOptions plain{.kind = TreeKind::plain,
                          .compression = Compression::none,
                          .clamp_mtime = 0,
                          .owners = owners};
  const sys::Fd lower_fd = layers.open("lower");
  const sys::Fd upper_fd = layers.open("upper");
  const sys::Fd out = layers.open("out");
  const int both[] = {lower_fd.get(), upper_fd.get()};
  (void)flatten(both, out.get(), -1);
  return {pack(upper_fd.get(), upper).blob, pack(out.get(), plain).blob};
}

// What a step does to files that have owners, short of giving them away.
const std::string kMoves = R"(
mv dangling moved-link; touch -h moved-link; mv keep/file keep/renamed; ln keep/renamed keep/again
echo more >> three; chmod u+s three; mv fifo keep/; cp -a --no-preserve=ownership etc etc2
echo x >> priv; mv priv-link keep/priv-link
)";

}  // namespace

TEST_CASE("recorded owners make the layers that real ones make, through overlay and checkpoint") {
  const Layers real;
  shell("cd " + real.path("lower") + " && set -e\n" + kLower + kChanges +
        "chown 1:2 becomes-dir; chown 33:44 sub/root/f");
  set_capability(real.path("lower/one"));
  const Layers recorded;
  UnpackOptions options;
  options.owners = sys::Owners::recorded;
  unpack(pack(real.open("lower").get(), {.kind = TreeKind::plain}).blob,
         recorded.open("lower").get(), options);
  CHECK(shell("find " + recorded.path("lower") + " ! -uid 0 -o ! -gid 0") == "");
  CHECK(shell("find " + real.path("lower") + " ! -uid 0 -o ! -gid 0") != "");
  real.run(kMoves);
  recorded.run(kMoves);
  CHECK(tell(recorded, sys::Owners::recorded) == tell(real, sys::Owners::real));
}

TEST_CASE("what an archive says of gbox's own attributes is not believed") {
  const Layers layers;
  shell("cd " + layers.path("lower") + " && echo x > f && ln -s f l");
  for (const char* name : {"user.gbox.owner", "user.gbox.acl_access", "user.kept"})
    REQUIRE(::setxattr(layers.path("lower/f").c_str(), name, "33:44", 5, 0) == 0);
  const sys::TempDir dir("/tmp", "gbox-test-");
  shell("tar -C " + layers.path("lower") + " --xattrs --xattrs-include='*' -cf " + dir.path() +
        "/x.tar .");
  const std::string tar = sys::read_file(dir.path() + "/x.tar");
  REQUIRE(tar.find("user.gbox.owner") != std::string::npos);
  for (const sys::Owners owners : {sys::Owners::real, sys::Owners::recorded}) {
    const sys::TempDir out("/var/tmp", "gbox-test-");
    UnpackOptions options;
    options.owners = owners;
    CHECK(unpack(tar, out.fd(), options).xattrs_skipped == 2);
    CHECK(::getxattr((out.path() + "/f").c_str(), "user.kept", nullptr, 0) == 5);
    CHECK(::getxattr((out.path() + "/f").c_str(), "user.gbox.owner", nullptr, 0) == -1);
    // Nor does one that a step wrote get into an image.
    REQUIRE(::setxattr((out.path() + "/f").c_str(), "user.gbox.x", "y", 1, 0) == 0);
    const std::string blob =
        pack(out.fd(),
             {.kind = TreeKind::plain, .compression = Compression::none, .owners = owners})
            .blob;
    CHECK(blob.find("user.kept") != std::string::npos);
    CHECK(blob.find("user.gbox") == std::string::npos);
  }
}
