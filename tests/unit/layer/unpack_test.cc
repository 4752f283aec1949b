#include "gbox/layer/unpack.h"

#include <sys/xattr.h>

#include "fixture.h"
#include "raw_tar.h"

using namespace gbox;
using namespace gbox::layer;
using namespace gbox::layer::test;

namespace {

struct Target {
  sys::TempDir dir{"/tmp", "gbox-test-"};
  [[nodiscard]] int fd() const { return dir.fd(); }
  [[nodiscard]] std::string read(const std::string& path) const {
    return sys::read_file(dir.fd(), path);
  }
  // Type, mode, path and link target of each entry below, sorted.
  [[nodiscard]] std::string listing() const {
    return shell("cd " + dir.path() +
                 " && find . -mindepth 1 -printf '%y %m %P %l\\n' | LC_ALL=C sort");
  }
};

}  // namespace

TEST_CASE("kinds, modes, links and the special bits arrive as they were written") {
  const Target target;
  const UnpackSummary summary =
      unpack(raw_tar({dir("./", 0750),
                      dir("d", 01777),
                      {.name = "d/suid", .content = "s", .mode = 06755},
                      soft_link("d/link", "../../outside"),
                      hardlink("d/hard", "./d/suid"),
                      {.name = "fifo", .type = '6', .mode = 0620},
                      dir("ro", 0555),
                      file("ro/in"),
                      {.name = "old", .content = "o", .magic = std::string(8, '\0')}}),
             target.fd(), {});
  CHECK(target.listing() ==
        "d 1777 d \nd 555 ro \nf 644 old \nf 644 ro/in \nf 6755 d/hard \nf 6755 d/suid \n"
        "l 777 d/link ../../outside\np 620 fifo \n");
  CHECK((sys::fstat(target.fd()).st_mode & 07777) == 0750);
  CHECK(sys::fstatat(target.fd(), "d/hard", 0).st_ino ==
        sys::fstatat(target.fd(), "d/suid", 0).st_ino);
  for (const char* path : {".", "d", "ro", "d/suid", "d/link", "fifo"})
    CHECK(sys::fstatat(target.fd(), path, AT_SYMLINK_NOFOLLOW).st_mtim.tv_sec == 1000);
  CHECK(summary.entries == 9);
  CHECK(summary.content_bytes == 3);
}

TEST_CASE("directories close only when all they hold is in place") {
  const Target target;
  unpack(raw_tar({dir("closed", 0), dir("closed/in", 0500), file("closed/in/f"),
                  dir("closed/other", 0)}),
         target.fd(), {});
  CHECK((sys::fstatat(target.fd(), "closed", 0).st_mode & 07777) == 0);
  REQUIRE(::fchmodat(target.fd(), "closed", 0700, 0) == 0);
  CHECK((sys::fstatat(target.fd(), "closed/in", 0).st_mode & 07777) == 0500);
  CHECK((sys::fstatat(target.fd(), "closed/other", 0).st_mode & 07777) == 0);
  CHECK(target.read("closed/in/f") == "x");
}

TEST_CASE("missing parents are made, and later entries replace earlier ones of any kind") {
  const Target target;
  unpack(raw_tar({file("deep/er/f"), file("x", "first"), soft_link("x", "/etc"), file("x", "third"),
                  file("linked", "old"), hardlink("other", "linked"), file("linked", "new"),
                  dir("was-dir"), file("was-dir/in"), file("was-dir", "now a file"),
                  soft_link("was-link", "deep"), dir("was-link"), file("was-link/in"),
                  dir("kept", 0700), file("kept/in"), dir("kept", 0711)}),
         target.fd(), {});
  CHECK(target.listing() ==
        "d 711 kept \nd 755 deep \nd 755 deep/er \nd 755 was-link \nf 644 deep/er/f \n"
        "f 644 kept/in \nf 644 linked \nf 644 other \nf 644 was-dir \nf 644 was-link/in \n"
        "f 644 x \n");
  CHECK(target.read("x") == "third");
  CHECK(target.read("other") == "old");
  CHECK(target.read("linked") == "new");
  CHECK_FALSE(sys::try_fstatat(target.fd(), "deep/in", 0));
}

TEST_CASE("hostile archives are refused by name and touch nothing outside the target") {
  struct Row {
    std::string what;
    std::vector<RawEntry> entries;
    std::string message;  // a part of it
  };
  const std::string dots = "../victim";
  std::string deep;
  for (int i = 0; i < 257; ++i) deep += "d/";
  const std::vector<Row> rows = {
      {"dot dot", {file(dots)}, "entry '../victim': its name leaves the directory by '..'"},
      {"dot dot inside", {file("a/../../victim")}, "leaves the directory by '..'"},
      {"dot dot in PAX", {{.name = "a", .pax = {{"path", dots}}}}, "entry '../victim': its name"},
      {"absolute", {file("/tmp/victim")}, "entry '/tmp/victim': its name is absolute"},
      {"absolute directory", {dir("/")}, "its name is absolute"},
      {"through a link",
       {soft_link("l", ".."), file("l/victim")},
       "entry 'l/victim': it lies behind 'l', which is a symbolic link"},
      {"through an absolute link", {soft_link("l", "/tmp"), file("l/x")}, "is a symbolic link"},
      {"through a harmless link",
       {dir("d"), soft_link("l", "d"), file("l/x")},
       "is a symbolic link"},
      {"through a link in the middle",
       {dir("d"), soft_link("d/l", "../.."), file("d/l/e/f")},
       "it lies behind 'd/l', which is a symbolic link"},
      {"directory through a link", {soft_link("l", ".."), dir("l/new")}, "is a symbolic link"},
      {"link through a link", {soft_link("l", ".."), soft_link("l/m", "x")}, "is a symbolic link"},
      {"FIFO through a link",
       {soft_link("l", ".."), {.name = "l/p", .type = '6'}},
       "is a symbolic link"},
      {"below a file", {file("f"), file("f/x")}, "it lies behind 'f', which is not a directory"},
      {"hard link by dot dot",
       {hardlink("h", dots)},
       "entry 'h': hard link to '../victim': its name leaves the directory by '..'"},
      {"hard link to an absolute name",
       {hardlink("h", "/etc/passwd")},
       "hard link to '/etc/passwd': its name is absolute"},
      {"hard link through a link",
       {soft_link("l", ".."), hardlink("h", "l/victim")},
       "it is a hard link to 'l/victim', which lies behind a symbolic link"},
      {"hard link to a link",
       {soft_link("l", dots), hardlink("h", "l")},
       "it is a hard link to 'l', which is not a regular file"},
      {"hard link to a directory", {dir("d"), hardlink("h", "d")}, "is not a regular file"},
      {"hard link to a FIFO",
       {{.name = "p", .type = '6'}, hardlink("h", "p")},
       "is not a regular file"},
      {"hard link to nothing", {hardlink("h", "none")}, "which is not in this archive before it"},
      {"hard link below nothing", {hardlink("h", "no/ne")}, "is not in this archive before it"},
      {"hard link onto the root",
       {file("f"), hardlink("./", "f")},
       "the archive's root must be a directory"},
      {"root as a file", {file(".")}, "the archive's root must be a directory"},
      {"root as a link", {soft_link("./", "/tmp")}, "the archive's root must be a directory"},
      {"link to nothing", {soft_link("l", "")}, "it is a symbolic link to nothing"},
      {"1e12 bytes",
       {{.name = "f", .size_field = base256(1'000'000'000'000)}},
       "entry 'f': its size is 931.3 GiB, the limit for one file is 128.0 GiB"},
      {"negative size", {{.name = "f", .size_field = std::string(12, '\xff')}}, "damaged"},
      {"huge PAX size",
       {{.name = "f", .pax = {{"size", "9223372036854775807"}}}},
       "damaged or cut short"},
      {"large PAX size",
       {{.name = "f", .pax = {{"size", "1000000000000000"}}}},
       "its size is 909.5 TiB, the limit"},
      {"negative owner",
       {{.name = "f", .uid_field = std::string(8, '\xff')}},
       "its owner -1 is not a number of an owner"},
      {"owner that chown ignores",
       {{.name = "f", .pax = {{"uid", "4294967295"}}}},
       "its owner 4294967295 is not a number of an owner"},
      {"deep", {{.name = "x", .pax = {{"path", deep}}}}, "nested more than 256 levels deep"},
      {"huge attributes",
       {{.name = "f", .pax = {{"SCHILY.xattr.user.a", std::string(300'000, 'a')}}}},
       "its attributes are larger than the limit of 256.0 KiB"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    for (const ArchiveKind kind : {ArchiveKind::tarball, ArchiveKind::oci_layer}) {
      const sys::TempDir outer("/tmp", "gbox-test-");
      sys::write_file_atomically(outer.fd(), "victim", "unharmed");
      sys::mkdirat(outer.fd(), "target", 0755);
      const sys::Fd target = sys::openat(outer.fd(), "target", O_RDONLY | O_DIRECTORY);
      UnpackOptions options;
      options.kind = kind;
      try {
        unpack(raw_tar(row.entries), target.get(), options);
        FAIL_CHECK("nothing was thrown");
      } catch (const Error& error) {
        CAPTURE(error.message());
        CHECK(error.message().find(row.message) != std::string::npos);
        CHECK(error.message().starts_with("unpack 'test.tar': "));
        CHECK(error.code() == ExitCode::input);
      }
      CHECK(sys::list_directory(outer.fd(), "outer") ==
            std::vector<std::string>{"target", "victim"});
      CHECK(sys::read_file(outer.fd(), "victim") == "unharmed");
      CHECK(sys::fstatat(outer.fd(), "victim", 0).st_nlink == 1);
    }
  }
}

TEST_CASE("limits are named by the error that they cause") {
  UnpackOptions options;
  options.limits.entries = 2;
  options.limits.total_bytes = 10;
  options.limits.path_depth = 4;
  const auto refusal = [&](const std::vector<RawEntry>& entries) {
    const Target target;
    return message_of([&] { unpack(raw_tar(entries), target.fd(), options); });
  };
  CHECK(refusal({dir("a"), dir("b"), dir("c")}) ==
        "unpack 'test.tar': entry 'c': the archive has more than 2 entries");
  CHECK(refusal({file("a", "123456"), file("b", "12345")}) ==
        "unpack 'test.tar': entry 'b': all files together are larger than the limit of 10 B");
  CHECK(refusal({file("a/b/c/d/e")}) ==
        "unpack 'test.tar': entry 'a/b/c/d/e': it is nested more than 4 levels deep");
}

TEST_CASE("an archive cut short at any block is an error") {
  const std::string whole =
      raw_tar({dir("d"),
               file("d/zeros", std::string(1024, '\0')),
               file("d/f", "content"),
               {.name = "x", .content = "y", .pax = {{"path", std::string(150, 'p')}}},
               soft_link("l", "d"),
               file("empty", ""),
               hardlink("h", "d/f")});
  REQUIRE(whole.size() % 512 == 0);
  {
    const Target target;
    CHECK(unpack(whole, target.fd(), {}).entries == 7);
  }
  // A lone zero block is an end that all readers take.
  for (std::size_t size = 0; size <= whole.size() - 1024; size += 512) {
    CAPTURE(size);
    const Target target;
    try {
      unpack(whole.substr(0, size), target.fd(), {});
      FAIL_CHECK("nothing was thrown");
    } catch (const Error& error) {
      CHECK(error.code() == ExitCode::input);
      CHECK_FALSE(error.hint().empty());
    }
  }
  for (std::size_t size = 1; size < whole.size() - 1024; size += 37) {
    CAPTURE(size);
    const Target target;
    CHECK_THROWS_AS(unpack(whole.substr(0, size), target.fd(), {}), Error);
  }
}

TEST_CASE("what is no archive is told from what is a damaged one") {
  const auto refusal = [](const std::string& bytes) {
    const Target target;
    return message_of([&] { unpack(bytes, target.fd(), {}); });
  };
  CHECK(refusal("") == "unpack 'test.tar': the archive is empty");
  CHECK(refusal(std::string(1024, '\0')) == "unpack 'test.tar': the archive holds no entries");
  CHECK(refusal("<html>not found</html>\n") == "unpack 'test.tar': it is not a tar archive");
  CHECK(refusal(std::string(100'000, 'x')) == "unpack 'test.tar': it is not a tar archive");
  std::string broken = raw_tar({file("a"), file("b")});
  broken[1024 + 3] = '!';  // the second header no longer matches its checksum
  CHECK(refusal(broken).find("damaged or cut short at byte") != std::string::npos);
  CHECK(refusal(raw_tar({file("a")}) + raw_tar({file("b")})) ==
        "unpack 'test.tar': the archive goes on behind its end marker at byte 2048 of the tar");
}

TEST_CASE("an empty OCI layer is a layer") {
  const Target target;
  UnpackOptions options;
  options.kind = ArchiveKind::oci_layer;
  CHECK(unpack(std::string(1024, '\0'), target.fd(), options).entries == 0);
}

TEST_CASE("digests of both sides come out of the one pass, with the archive's trailing bytes") {
  const Target target;
  const std::string tar = raw_tar({file("a", "content")}) + std::string(8192, '\0');
  UnpackOptions options;
  options.digests = {HashAlgorithm::sha512, HashAlgorithm::sha256};
  std::uint64_t told = 0;
  options.progress = [&](std::uint64_t done) { told = done; };
  const UnpackSummary summary = unpack(tar, target.fd(), options);
  REQUIRE(summary.digests.size() == 2);
  Hasher sha512(HashAlgorithm::sha512);
  sha512.update(tar);
  CHECK(summary.digests[0] == sha512.finish());
  CHECK(summary.digests[1] == sha256(tar));
  CHECK(summary.diff_id == sha256(tar));
  CHECK(summary.archive_bytes == tar.size());
  CHECK(summary.tar_bytes == tar.size());
  CHECK(told == tar.size());
}

TEST_CASE("each compression is unpacked, and each is found cut short") {
  const sys::TempDir dir("/tmp", "gbox-test-");
  std::string content(300'000, '\0');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * i >> 7);
  const std::string tar = raw_tar({file("f", content)});
  sys::write_file_atomically(dir.fd(), "x.tar", tar);
  for (const std::string tool : {"gzip", "bzip2", "xz", "zstd"}) {
    CAPTURE(tool);
    shell(tool + " -c < " + dir.path() + "/x.tar > " + dir.path() + "/x");
    const std::string stored = sys::read_file(dir.fd(), "x");
    const Target target;
    UnpackOptions options;
    options.digests = {HashAlgorithm::sha256};
    const UnpackSummary summary = unpack(stored, target.fd(), options);
    CHECK(target.read("f") == content);
    CHECK(summary.diff_id == sha256(tar));
    CHECK(summary.digests[0] == sha256(stored));
    for (const std::size_t size : {stored.size() / 2, stored.size() - 9, std::size_t{7}}) {
      CAPTURE(size);
      const Target other;
      CHECK_THROWS_AS(unpack(stored.substr(0, size), other.fd(), {}), Error);
    }
    std::string flipped = stored;
    flipped[stored.size() / 2] ^= 0x10;
    const Target other;
    CHECK_THROWS_AS(unpack(flipped, other.fd(), {}), Error);
    // Several streams in a row are one: pigz, pzstd and our own gzip blobs are made so.
    shell("cd " + dir.path() + " && (head -c 100001 x.tar | " + tool +
          " -c; tail -c +100002 x.tar | " + tool + " -c) > x");
    const Target third;
    CHECK(unpack(sys::read_file(dir.fd(), "x"), third.fd(), {}).diff_id == sha256(tar));
  }
}

TEST_CASE("a compression bomb is stopped early") {
  const sys::TempDir dir("/tmp", "gbox-test-");
  const std::string header = raw_header({.name = "f", .size_field = octal(16u << 20, 11)});
  sys::write_file_atomically(dir.fd(), "head", header);
  shell("cd " + dir.path() + " && (cat head; head -c 16M /dev/zero) | gzip > bomb");
  const Target target;
  UnpackOptions options;
  options.limits.ratio_free_bytes = 1 << 20;
  std::uint64_t told = 0;
  options.progress = [&](std::uint64_t) { ++told; };
  const std::string message =
      message_of([&] { unpack(sys::read_file(dir.fd(), "bomb"), target.fd(), options); });
  CHECK(message.find("a compression bomb: ") != std::string::npos);
  CHECK(message.find("the limit is 200 times the size") != std::string::npos);
}

TEST_CASE("holes are made again, from zeros and from GNU tar's sparse entries") {
  const sys::TempDir dir("/tmp", "gbox-test-");
  shell("cd " + dir.path() +
        " && printf start > f && truncate -s 5000001 f && printf mid | dd of=f "
        "bs=1 seek=2500000 conv=notrunc status=none && truncate -s 3M all-hole");
  const std::string original = sys::read_file(dir.fd(), "f");
  for (const std::string options :
       {"--format=posix", "-S --format=gnu", "-S --format=posix --sparse-version=0.0",
        "-S --format=posix --sparse-version=0.1", "-S --format=posix --sparse-version=1.0"}) {
    CAPTURE(options);
    shell("cd " + dir.path() + " && tar --numeric-owner " + options + " -cf x.tar f all-hole");
    const Target target;
    unpack(sys::read_file(dir.fd(), "x.tar"), target.fd(), {});
    CHECK(target.read("f") == original);
    const struct stat status = sys::fstatat(target.fd(), "f", 0);
    CHECK(status.st_size == 5000001);
    CHECK(status.st_blocks * 512 <= 3 * 4096);
    CHECK(sys::fstatat(target.fd(), "all-hole", 0).st_blocks == 0);
    CHECK(sys::fstatat(target.fd(), "all-hole", 0).st_size == 3 << 20);
  }
}

TEST_CASE(
    "attributes arrive; what overlayfs would take for its own is escaped, a host's is left out") {
  const Target target;
  Collected warnings;
  UnpackOptions options;
  options.warnings = &warnings;
  const UnpackSummary summary =
      unpack(raw_tar({{.name = "f",
                       .content = "x",
                       .mode = 0444,
                       .pax = {{"SCHILY.xattr.user.a", std::string("v\0w\n=", 5)},
                               {"SCHILY.xattr.user.overlay.opaque", "y"},
                               {"SCHILY.xattr.security.selinux", "label"},
                               {"SCHILY.xattr.trusted.overlay.opaque", "y"}}}}),
             target.fd(), options);
  const std::string path = target.dir.path() + "/f";
  char value[16];
  CHECK(::getxattr(path.c_str(), "user.a", value, sizeof value) == 5);
  CHECK(::getxattr(path.c_str(), "user.overlay.opaque", value, sizeof value) == -1);
  CHECK(::getxattr(path.c_str(), "user.overlay.overlay.opaque", value, sizeof value) == 1);
  CHECK(::getxattr(path.c_str(), "trusted.overlay.opaque", value, sizeof value) == -1);
  CHECK(summary.xattrs_skipped == 2);
  REQUIRE(warnings.warnings.size() == 1);
  CHECK(warnings.warnings[0].message == "2 extended attribute(s) left out");
}

TEST_CASE("access control lists written as text by GNU tar are set") {
  const Target target;
  const std::string id = std::to_string(::geteuid());
  unpack(raw_tar({{.name = "f",
                   .mode = 0640,
                   .pax = {{"SCHILY.acl.access", "user::rw-,user:daemon:r--:" + id +
                                                     ",group::r--,mask::r--,other::---"}}},
                  {.name = "d",
                   .type = '5',
                   .mode = 0755,
                   .pax = {{"SCHILY.acl.default", "user::rwx,group::r-x,other::---"}}},
                  file("d/in")}),
         target.fd(), {});
  char value[64];
  CHECK(::getxattr((target.dir.path() + "/f").c_str(), "system.posix_acl_access", value,
                   sizeof value) == 4 + 5 * 8);
  CHECK(::getxattr((target.dir.path() + "/d").c_str(), "system.posix_acl_default", value,
                   sizeof value) == 4 + 3 * 8);
  // Made before the default was set: files have the access that the archive says.
  CHECK((sys::fstatat(target.fd(), "d/in", 0).st_mode & 0777) == 0644);
}

TEST_CASE("device nodes and nothing else are left out, with a word") {
  const Target target;
  Collected warnings;
  UnpackOptions options;
  options.warnings = &warnings;
  const UnpackSummary summary = unpack(raw_tar({dir("dev"),
                                                {.name = "dev/null", .type = '3'},
                                                {.name = "dev/sda", .type = '4'},
                                                file("f")}),
                                       target.fd(), options);
  CHECK(summary.devices_skipped == 2);
  CHECK(target.listing() == "d 755 dev \nf 644 f \n");
  REQUIRE(warnings.warnings.size() == 1);
  CHECK(warnings.warnings[0].message == "2 device node(s) left out");
}

TEST_CASE("names starting '.wh.' are files in a tarball and orders in a layer") {
  const std::string tar = raw_tar({dir("d"), file("d/.wh.x"), file(".wh..wh..opq")});
  const Target target;
  unpack(tar, target.fd(), {});
  CHECK(target.read("d/.wh.x") == "x");
  CHECK(target.read(".wh..wh..opq") == "x");
  UnpackOptions options;
  options.kind = ArchiveKind::oci_layer;
  const auto refusal = [&](const std::vector<RawEntry>& entries) {
    const Target other;
    return message_of([&] { unpack(raw_tar(entries), other.fd(), options); });
  };
  CHECK(refusal({file(".wh..wh.plnk")}) ==
        "unpack 'test.tar': entry '.wh..wh.plnk': the whiteout '.wh..wh.plnk' names nothing");
  CHECK(refusal({dir("d"), file("d/.wh.../x")}) ==
        "unpack 'test.tar': entry 'd/.wh.../x': it lies below the reserved name '.wh...'");
  CHECK(refusal({dir(".wh.x")}) ==
        "unpack 'test.tar': entry '.wh.x': a whiteout must be a regular file");
  CHECK(refusal({soft_link(".wh.x", "/etc")}).find("must be a regular file") != std::string::npos);
  CHECK(refusal({file("f"), hardlink(".wh.x", "f")}).find("must be a regular file") !=
        std::string::npos);
}

TEST_CASE("an opaque mark of a layer becomes overlayfs' own, at the root a note to the caller") {
  const Target target;
  UnpackOptions options;
  options.kind = ArchiveKind::oci_layer;
  const UnpackSummary summary = unpack(
      raw_tar({dir("d"), file("d/.wh..wh..opq"), file("e/.wh..wh..opq")}), target.fd(), options);
  char value[8];
  for (const char* path : {"/d", "/e"})
    CHECK(::getxattr((target.dir.path() + path).c_str(), "user.overlay.opaque", value,
                     sizeof value) == 1);
  CHECK(summary.whiteouts == 2);
  CHECK_FALSE(summary.hides_lower);
  const Target root;
  CHECK(unpack(raw_tar({file(".wh..wh..opq")}), root.fd(), options).hides_lower);
}

TEST_CASE("an interrupt stops unpacking, also while the input stalls") {
  const sys::Pipe pipe = sys::pipe();
  sys::write_all(pipe.write.get(), raw_entry(file("a")), "pipe");  // and nothing more comes
  const Target target;
  UnpackOptions options;
  options.check_interrupt = [] { throw Interrupted(15); };
  CHECK_THROWS_AS(unpack_archive(pipe.read.get(), "pipe", target.fd(), options), Interrupted);
}

TEST_CASE("what is packed comes back the same") {
  const Target first;
  unpack(raw_tar({dir("./"),
                  dir("d", 02775),
                  file("d/f", std::string(2'000'000, 'x')),
                  hardlink("d/g", "d/f"),
                  soft_link("l", "d/f"),
                  {.name = "p", .type = '6'},
                  {.name = "a", .pax = {{"SCHILY.xattr.user.overlay.x", "v"}}}}),
         first.fd(), {});
  for (const Compression compression : {Compression::none, Compression::gzip, Compression::zstd}) {
    PackOptions options;
    options.kind = TreeKind::upper;
    options.compression = compression;
    const Packed packed = pack(first.fd(), options);
    const Target second;
    const UnpackSummary summary = unpack(packed.blob, second.fd(), {});
    CHECK(summary.diff_id == packed.result.diff_id);
    CHECK(pack(second.fd(), options).blob == packed.blob);
  }
}
