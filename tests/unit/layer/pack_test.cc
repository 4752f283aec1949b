#include "gbox/layer/pack.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include <cctype>
#include <cstring>
#include <set>

#include "fixture.h"

using namespace gbox;
using namespace gbox::layer;
using namespace gbox::layer::test;

namespace {

PackOptions plain_tar() {
  PackOptions options;
  options.kind = TreeKind::plain;
  options.compression = Compression::none;
  return options;
}

void put(int dir, const std::string& path, std::string_view content = "x") {
  const sys::Fd fd = sys::openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  sys::write_all(fd.get(), content, path);
}

// A few megabytes that compress neither well nor badly.
std::string noise(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t state = 1;
  for (char& c : bytes) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>((state >> 24) & 0x3f);
  }
  return bytes;
}

std::string names_in(const std::string& tar) {
  const sys::TempDir dir("/tmp", "gbox-test-");
  put(dir.fd(), "x.tar", tar);
  return shell("tar --quoting-style=escape -tf " + dir.path() + "/x.tar");
}

// Leaves out what is called "log", shows all times as one, and turns small letters into large ones.
class Shouting : public Rewriter {
 public:
  [[nodiscard]] bool leaves_out(const std::string& path) const override {
    return path.ends_with("log");
  }
  [[nodiscard]] std::int64_t mtime(const Entry&) const override { return 1000; }
  [[nodiscard]] bool may_rewrite(const Entry& entry) const override {
    return entry.path.ends_with(".txt");
  }
  [[nodiscard]] std::string rewritten(const Entry&, std::string content) const override {
    for (char& each : content)
      each = static_cast<char>(std::toupper(static_cast<unsigned char>(each)));
    return content + "!";
  }
};

}  // namespace

TEST_CASE("entries come in byte order, parents first") {
  const sys::TempDir tree("/tmp", "gbox-test-");
  for (const char* d : {"b", "a", "a/z", "a-b"}) sys::mkdirat(tree.fd(), d, 0755);
  for (const char* f : {"c", "B", "a/z/1", "a/y", "b/.x"}) put(tree.fd(), f);
  const Packed packed = pack(tree.fd(), plain_tar());
  CHECK(names_in(packed.blob) == "./\nB\na/\na/y\na/z/\na/z/1\na-b/\nb/\nb/.x\nc\n");
  CHECK(packed.result.entries == 10);
  CHECK(packed.result.uncompressed_size == packed.blob.size());
  CHECK(packed.result.diff_id == sha256(packed.blob));
  CHECK(packed.result.blob_digest == packed.result.diff_id);
  CHECK(packed.result.blob_size == packed.blob.size());
}

TEST_CASE(
    "the same tree gives the same bytes for any number of threads, and each codec's reader "
    "gets the same tar") {
  const sys::TempDir tree("/tmp", "gbox-test-");
  put(tree.fd(), "large", noise(9'000'001));
  put(tree.fd(), "small", "small");
  const std::string tar = pack(tree.fd(), plain_tar()).blob;
  struct Row {
    Compression compression;
    std::string reader;
  };
  for (const Row& row : {Row{Compression::gzip, "gzip"}, Row{Compression::zstd, "zstd"}}) {
    CAPTURE(row.reader);
    PackOptions options = plain_tar();
    options.compression = row.compression;
    options.threads = 1;
    const Packed first = pack(tree.fd(), options);
    CHECK(first.result.diff_id == sha256(tar));
    CHECK(first.result.blob_digest == sha256(first.blob));
    CHECK(first.result.blob_size == first.blob.size());
    for (const unsigned threads : {1u, 2u, 4u, 7u}) {
      options.threads = threads;
      CHECK(pack(tree.fd(), options).blob == first.blob);
    }
    const sys::TempDir out("/tmp", "gbox-test-");
    put(out.fd(), "blob", first.blob);
    shell(row.reader + " -dc < " + out.path() + "/blob > " + out.path() + "/tar");
    CHECK(sys::read_file(out.fd(), "tar") == tar);
  }
}

TEST_CASE("hard links are grouped by inode within the tree, the first name is the target") {
  const sys::TempDir tree("/tmp", "gbox-test-");
  const sys::TempDir outside("/tmp", "gbox-test-");
  sys::mkdirat(tree.fd(), "d", 0755);
  put(tree.fd(), "d/one", "content");
  sys::linkat(tree.fd(), "d/one", tree.fd(), "d/two");
  sys::linkat(tree.fd(), "d/one", tree.fd(), "z");
  put(tree.fd(), "lonely");
  sys::linkat(tree.fd(), "lonely", outside.fd(), "elsewhere");  // st_nlink 2, one name in here
  const std::string tar = pack(tree.fd(), plain_tar()).blob;
  const sys::TempDir out("/tmp", "gbox-test-");
  put(out.fd(), "x.tar", tar);
  const std::string list = shell("tar -tvf " + out.path() + "/x.tar");
  CHECK(list.find("d/two link to d/one\n") != std::string::npos);
  CHECK(list.find(" z link to d/one\n") != std::string::npos);
  CHECK(list.find("lonely link") == std::string::npos);
}

TEST_CASE("a file whose name means a deletion is refused by name") {
  const sys::TempDir tree("/tmp", "gbox-test-");
  sys::mkdirat(tree.fd(), "d", 0755);
  put(tree.fd(), "d/.wh.x");
  for (const TreeKind kind : {TreeKind::plain, TreeKind::upper}) {
    PackOptions options = plain_tar();
    options.kind = kind;
    CHECK(message_of([&] { (void)pack(tree.fd(), options); }) ==
          "pack layer: file '/d/.wh.x' cannot be part of a layer: names starting '.wh.' mean a "
          "deleted file there");
  }
}

TEST_CASE("sockets are left out with a warning, FIFOs stay") {
  const sys::TempDir tree("/tmp", "gbox-test-");
  REQUIRE(::mkfifoat(tree.fd(), "fifo", 0600) == 0);
  const sys::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (tree.path() + "/socket").copy(address.sun_path, sizeof address.sun_path - 1);
  REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  Collected warnings;
  PackOptions options = plain_tar();
  options.warnings = &warnings;
  const Packed packed = pack(tree.fd(), options);
  CHECK(names_in(packed.blob) == "./\nfifo\n");
  CHECK(packed.result.sockets_skipped == 1);
  REQUIRE(warnings.warnings.size() == 1);
  CHECK(warnings.warnings[0].message == "1 socket(s) left out of the layer, such as '/socket'");
}

TEST_CASE("names of any bytes and length are read back by GNU tar, python and ourselves") {
  const sys::TempDir tree("/tmp", "gbox-test-");
  const std::set<std::string> names = {"plain",
                                       "with space",
                                       "new\nline",
                                       "\xc3\xa9t\xc3\xa9",
                                       "bad\xff"
                                       "byte",
                                       std::string(255, 'l'),
                                       std::string(200, 'm') + "\xc3\xa9",
                                       std::string(200, 'n') + "\xfe"};
  for (const std::string& name : names) {
    put(tree.fd(), name, name);
    sys::symlinkat(name, tree.fd(), "L" + name.substr(0, 254));
  }
  const Packed packed = pack(tree.fd(), plain_tar());
  const sys::TempDir out("/tmp", "gbox-test-");
  put(out.fd(), "x.tar", packed.blob);
  for (const char* d : {"gnu", "python", "own"}) sys::mkdirat(out.fd(), d, 0755);
  shell("tar -C " + out.path() + "/gnu -xf " + out.path() + "/x.tar");
  shell("cd " + out.path() +
        " && PYTHONUTF8=1 python3 -c \"import tarfile; "
        "tarfile.open('x.tar').extractall('python')\"");
  const sys::Fd own = sys::openat(out.fd(), "own", O_RDONLY | O_DIRECTORY);
  unpack(packed.blob, own.get(), {});
  for (const std::string d : {"gnu", "python", "own"}) {
    CAPTURE(d);
    shell("diff -r --no-dereference " + tree.path() + ' ' + out.path() + '/' + d);
  }
}

TEST_CASE("attributes that an image holds are packed, a host's and overlayfs' own are not") {
  const sys::TempDir tree("/tmp", "gbox-test-");
  sys::mkdirat(tree.fd(), "d", 0755);
  put(tree.fd(), "d/f");
  const auto set = [&](const char* path, const char* name, const char* value) {
    REQUIRE(::setxattr((tree.path() + path).c_str(), name, value, std::strlen(value), 0) == 0);
  };
  set("/d/f", "user.kept", "value");
  set("/d/f", "user.overlay.origin", "internal");
  set("/d/f", "user.overlay.overlay.mine", "escaped");
  set("/d", "user.overlay.opaque", "y");
  PackOptions options = plain_tar();
  options.kind = TreeKind::upper;
  const std::string upper = pack(tree.fd(), options).blob;
  CHECK(upper.find("SCHILY.xattr.user.kept=value\n") != std::string::npos);
  CHECK(upper.find("SCHILY.xattr.user.overlay.mine=escaped\n") != std::string::npos);
  CHECK(upper.find("user.overlay.o") == std::string::npos);
  CHECK(names_in(upper) == "./\nd/\nd/.wh..wh..opq\nd/f\n");
  const std::string plain = pack(tree.fd(), plain_tar()).blob;
  CHECK(plain.find("SCHILY.xattr.user.kept=value\n") != std::string::npos);
  CHECK(plain.find("overlay") == std::string::npos);
  CHECK(names_in(plain) == "./\nd/\nd/f\n");
}

TEST_CASE("an upper that holds nothing makes no layer, a complete tree always does") {
  const sys::TempDir tree("/tmp", "gbox-test-");
  PackOptions options = plain_tar();
  options.kind = TreeKind::upper;
  const Packed nothing = pack(tree.fd(), options);
  CHECK(nothing.result.empty);
  CHECK(nothing.blob.empty());
  options.kind = TreeKind::plain;
  CHECK_FALSE(pack(tree.fd(), options).result.empty);
}

TEST_CASE("a layer can hold one directory of the tree as its root") {
  const sys::TempDir tree("/tmp", "gbox-test-");
  for (const char* d : {"a", "a/root", "a/root/etc"}) sys::mkdirat(tree.fd(), d, 0755);
  put(tree.fd(), "a/root/etc/f");
  put(tree.fd(), "a/beside");
  sys::symlinkat("a", tree.fd(), "link");
  PackOptions options = plain_tar();
  options.subtree = "/a/root/";
  CHECK(names_in(pack(tree.fd(), options).blob) == "./\netc/\netc/f\n");
  const auto refusal = [&](const char* subtree) {
    options.subtree = subtree;
    return message_of([&] { (void)pack(tree.fd(), options); });
  };
  CHECK(refusal("link/root") == "pack layer: the layer's root '/link' is a symbolic link");
  CHECK(refusal("a/beside") == "pack layer: the layer's root '/a/beside' is not a directory");
  CHECK(refusal("a/none") == "pack layer: the layer's root '/a/none' does not exist");
  CHECK(refusal("a/../a") == "pack layer: layer root 'a/../a' holds '..'");
  options.kind = TreeKind::upper;
  options.subtree = "a/none";
  CHECK(pack(tree.fd(), options).result.empty);
}

TEST_CASE("an opaque directory above the layer's root hides what the layers below have") {
  const sys::TempDir tree("/tmp", "gbox-test-");
  for (const char* d : {"a", "a/root"}) sys::mkdirat(tree.fd(), d, 0755);
  put(tree.fd(), "a/root/f");
  REQUIRE(::setxattr((tree.path() + "/a").c_str(), "user.overlay.opaque", "y", 1, 0) == 0);
  PackOptions options = plain_tar();
  options.kind = TreeKind::upper;
  options.subtree = "a/root";
  const Packed packed = pack(tree.fd(), options);
  CHECK(packed.result.hides_lower);
  CHECK(names_in(packed.blob) == "./\n.wh..wh..opq\nf\n");
  options.subtree = "a/gone";
  const Packed gone = pack(tree.fd(), options);
  CHECK(gone.result.hides_lower);
  CHECK_FALSE(gone.result.empty);
  CHECK(names_in(gone.blob) == ".wh..wh..opq\n");
}

TEST_CASE("a file that changes while it is packed is an error, not a broken archive") {
  const sys::TempDir tree("/tmp", "gbox-test-");
  put(tree.fd(), "a", noise(3'000'000));
  put(tree.fd(), "b", "before");
  PackOptions options = plain_tar();
  const auto with_change = [&](const std::function<void()>& change) {
    bool changed = false;
    options.progress = [&](std::uint64_t, std::uint64_t) {
      if (!std::exchange(changed, true)) change();
    };
    return message_of([&] { (void)pack(tree.fd(), options); });
  };
  CHECK(with_change([&] { put(tree.fd(), "b", "after"); }) ==
        "pack layer: '/b' changed while it was packed");
  CHECK(with_change([&] { sys::unlinkat(tree.fd(), "b", 0); }) ==
        "pack layer: '/b' changed while it was packed");
  CHECK(with_change([&] { REQUIRE(::truncate((tree.path() + "/a").c_str(), 100) == 0); }) ==
        "pack layer: '/a' changed while it was packed");
}

TEST_CASE("an interrupt stops packing, and threads do not outlive it") {
  const sys::TempDir tree("/tmp", "gbox-test-");
  put(tree.fd(), "a", noise(9'000'000));
  for (const Compression compression : {Compression::none, Compression::gzip, Compression::zstd}) {
    PackOptions options = plain_tar();
    options.compression = compression;
    unsigned calls = 0;
    options.check_interrupt = [&] {
      if (++calls == 4) throw Interrupted(2);
    };
    CHECK_THROWS_AS(pack(tree.fd(), options), Interrupted);
  }
}

TEST_CASE("a blob that cannot be written is an error for every codec") {
  const sys::TempDir tree("/tmp", "gbox-test-");
  put(tree.fd(), "a", noise(40'000'000));
  const sys::Fd full = sys::open("/dev/full", O_WRONLY);
  for (const Compression compression : {Compression::none, Compression::gzip, Compression::zstd}) {
    PackOptions options = plain_tar();
    options.compression = compression;
    try {
      (void)pack_layer(tree.fd(), options, full.get());
      FAIL("nothing was thrown");
    } catch (const Error& error) {
      CHECK(error.message() == "pack layer: write 'layer blob': No space left on device");
      CHECK(error.hint().find("df -i") != std::string::npos);
      CHECK(error.code() == ExitCode::image);
    }
  }
}

TEST_CASE("levels beyond the codec's are refused") {
  const sys::TempDir tree("/tmp", "gbox-test-");
  PackOptions options = plain_tar();
  options.compression = Compression::gzip;
  options.level = 13;
  CHECK(message_of([&] { (void)pack(tree.fd(), options); }) ==
        "pack layer: compression level 13 is not between 1 and 12");
}

TEST_CASE("an adopted tree shows its content alone: not whose it is, nor how it lies here") {
  const auto make = [](int dir, mode_t mode) {
    for (const char* d : {"a", ".git"}) sys::mkdirat(dir, d, 0700);
    put(dir, "a/file", "content");
    put(dir, ".git/secret");
    put(dir, "program", "#!");
    REQUIRE(::fchmodat(dir, "a/file", mode, 0) == 0);
    REQUIRE(::fchmodat(dir, "program", mode | 0100, 0) == 0);
    REQUIRE(::symlinkat("a/file", dir, "link") == 0);
  };
  Adoption adoption;
  adoption.prefix = "var/db/tree";
  adoption.file_mtime = 1'000'000'000;
  adoption.directory_mtime = 1'000'000'001;
  adoption.leave_out = [](const std::string& path) { return path == ".git"; };
  PackOptions options = plain_tar();
  options.adoption = &adoption;

  const sys::TempDir one("/tmp", "gbox-test-");
  make(one.fd(), 0600);
  REQUIRE(::linkat(one.fd(), "a/file", one.fd(), "z", 0) == 0);
  const sys::TempDir two("/tmp", "gbox-test-");
  make(two.fd(), 0664);
  put(two.fd(), "z", "content");
  (void)::fsetxattr(sys::openat(two.fd(), "z", O_RDONLY).get(), "user.mark", "1", 1, 0);
  const Packed packed = pack(one.fd(), options);
  CHECK(packed.blob == pack(two.fd(), options).blob);

  const sys::TempDir dir("/tmp", "gbox-test-");
  put(dir.fd(), "x.tar", packed.blob);
  const std::string listing =
      shell("TZ=UTC tar --numeric-owner --full-time -tvf " + dir.path() + "/x.tar | tr -s ' '");
  CHECK(listing ==
        "drwxr-xr-x 0/0 0 2001-09-09 01:46:41 var/\n"
        "drwxr-xr-x 0/0 0 2001-09-09 01:46:41 var/db/\n"
        "drwxr-xr-x 0/0 0 2001-09-09 01:46:41 var/db/tree/\n"
        "drwxr-xr-x 0/0 0 2001-09-09 01:46:41 var/db/tree/a/\n"
        "-rw-r--r-- 0/0 7 2001-09-09 01:46:40 var/db/tree/a/file\n"
        "lrwxrwxrwx 0/0 0 2001-09-09 01:46:40 var/db/tree/link -> a/file\n"
        "-rwxr-xr-x 0/0 2 2001-09-09 01:46:40 var/db/tree/program\n"
        "-rw-r--r-- 0/0 7 2001-09-09 01:46:40 var/db/tree/z\n");

  options.clamp_mtime = 5;
  CHECK(pack(one.fd(), options).blob != packed.blob);

  REQUIRE(::mkfifoat(two.fd(), "fifo", 0644) == 0);
  CHECK(message_of([&] { (void)pack(two.fd(), options); }) ==
        "pack layer: 'fifo' is no file, directory or symbolic link");
}

TEST_CASE("a rewriter decides what is left out, which time is shown and what small files say") {
  const sys::TempDir tree("/tmp", "gbox-test-");
  sys::mkdirat(tree.fd(), "a", 0755);
  put(tree.fd(), "a/b.txt", "hello");
  put(tree.fd(), "a/c", "as it is");
  put(tree.fd(), "log", "noise");
  const Shouting rewriter;
  PackOptions options = plain_tar();
  options.rewriter = &rewriter;
  const sys::TempDir out("/tmp", "gbox-test-");
  put(out.fd(), "x.tar", pack(tree.fd(), options).blob);
  CHECK(shell("TZ=UTC tar --full-time -tvf " + out.path() + "/x.tar | awk '{print $3, $5, $6}'") ==
        "0 00:16:40 ./\n0 00:16:40 a/\n6 00:16:40 a/b.txt\n8 00:16:40 a/c\n");
  CHECK(shell("tar -xOf " + out.path() + "/x.tar a/b.txt a/c") == "HELLO!as it is");
}

TEST_CASE("a part of a list is a layer of its own") {
  const sys::TempDir tree("/tmp", "gbox-test-");
  sys::mkdirat(tree.fd(), "a", 0755);
  put(tree.fd(), "a/one", "1");
  put(tree.fd(), "a/two", "22");
  const ChangeList all = scan_for_layer(tree.fd(), plain_tar());
  ChangeList part;
  for (const Entry& entry : all.entries)
    if (entry.path != "a/one") part.entries.push_back(entry);
  const sys::TempDir out("/tmp", "gbox-test-");
  const sys::Fd blob = sys::openat(out.fd(), "x.tar", O_RDWR | O_CREAT, 0600);
  const LayerResult result = pack_entries(tree.fd(), part, plain_tar(), blob.get());
  CHECK(result.entries == 3);
  CHECK(shell("tar -tf " + out.path() + "/x.tar") == "./\na/\na/two\n");
}
