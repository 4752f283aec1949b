#include "tar_writer.h"

#include <sys/sysmacros.h>

#include "fixture.h"

using namespace gbox;
using namespace gbox::layer;
using namespace gbox::layer::test;

namespace {

Entry file_entry(std::string path, off_t size = 0) {
  Entry entry;
  entry.path = std::move(path);
  entry.status.st_mode = S_IFREG | 0644;
  entry.status.st_size = size;
  entry.status.st_mtim.tv_sec = 1700000000;
  return entry;
}

std::string header_of(const Entry& entry, std::optional<std::int64_t> clamp = {}) {
  std::string out;
  append_tar_header(out, entry, clamp);
  CHECK(out.size() % kTarBlock == 0);
  return out;
}

// What GNU tar makes of one header without content.
std::string listed(const Entry& entry) {
  const sys::TempDir dir("/tmp", "gbox-test-");
  sys::write_file_atomically(dir.fd(), "x.tar", header_of(entry) + tar_end_marker());
  return shell("TZ=UTC tar --full-time --numeric-owner -tvf " + dir.path() + "/x.tar");
}

}  // namespace

TEST_CASE("a plain file needs one block, without names of owners") {
  const std::string header = header_of(file_entry("etc/passwd", 5));
  REQUIRE(header.size() == kTarBlock);
  CHECK(header.substr(0, 11) == std::string("etc/passwd\0", 11));
  CHECK(header.substr(100, 8) == std::string("0000644\0", 8));
  CHECK(header.substr(124, 12) == std::string("00000000005\0", 12));
  CHECK(header[156] == '0');
  CHECK(header.substr(257, 8) == std::string("ustar\00000", 8));
  CHECK(header.substr(265, 64) == std::string(64, '\0'));
  CHECK(listed(file_entry("etc/passwd")) ==
        "-rw-r--r-- 0/0               0 2023-11-14 22:13:20 "
        "etc/passwd\n");
}

TEST_CASE("each kind has its type, and the special bits stay") {
  struct Row {
    EntryKind kind;
    mode_t mode;
    const char* line;
  };
  for (const Row& row :
       {Row{EntryKind::directory, 01777, "drwxrwxrwt"}, Row{EntryKind::file, 06755, "-rwsr-sr-x"},
        Row{EntryKind::symlink, 0777, "lrwxrwxrwx"}, Row{EntryKind::hardlink, 0644, "hrw-r--r--"},
        Row{EntryKind::fifo, 0600, "prw-------"}, Row{EntryKind::char_device, 0620, "crw--w----"},
        Row{EntryKind::block_device, 0660, "brw-rw----"}}) {
    Entry entry = file_entry("n");
    entry.kind = row.kind;
    entry.status.st_mode = row.mode;
    entry.status.st_rdev = makedev(136, 300);
    if (row.kind == EntryKind::symlink || row.kind == EntryKind::hardlink) entry.target = "t";
    CHECK(listed(entry).substr(0, 10) == row.line);
  }
}

TEST_CASE("whiteouts and opaque marks become the image spec's names") {
  const auto name = [](EntryKind kind, const char* path) {
    Entry entry;
    entry.kind = kind;
    entry.path = path;
    return std::string(header_of(entry).c_str());
  };
  CHECK(name(EntryKind::whiteout, "x") == ".wh.x");
  CHECK(name(EntryKind::whiteout, "a/b/x") == "a/b/.wh.x");
  CHECK(name(EntryKind::opaque, "") == ".wh..wh..opq");
  CHECK(name(EntryKind::opaque, "a/b") == "a/b/.wh..wh..opq");
  CHECK(name(EntryKind::directory, "") == "./");
  CHECK(name(EntryKind::directory, "a") == "a/");
}

TEST_CASE("PAX headers appear only where ustar ends") {
  const auto blocks = [](const Entry& entry) { return header_of(entry).size() / kTarBlock; };
  CHECK(blocks(file_entry(std::string(100, 'a'))) == 1);
  CHECK(blocks(file_entry(std::string(101, 'a'))) == 3);
  CHECK(blocks(file_entry(std::string(155, 'a') + '/' + std::string(100, 'b'))) == 1);
  CHECK(blocks(file_entry(std::string(156, 'a') + '/' + std::string(100, 'b'))) == 3);
  CHECK(blocks(file_entry(std::string(155, 'a') + '/' + std::string(101, 'b'))) == 3);
  CHECK(blocks(file_entry("f", 077777777777)) == 1);
  CHECK(blocks(file_entry("f", 0100000000000)) == 3);
  Entry entry = file_entry("f");
  entry.status.st_uid = 2097151;
  CHECK(blocks(entry) == 1);
  entry.status.st_uid = 2097152;
  CHECK(blocks(entry) == 3);
  entry.status.st_uid = 0;
  entry.status.st_mtim.tv_sec = -1;
  CHECK(blocks(entry) == 3);
}

TEST_CASE("GNU tar reads back what needed PAX") {
  Entry entry = file_entry("f");
  entry.status.st_uid = 4000000000;
  entry.status.st_gid = 3000000;
  entry.status.st_mtim.tv_sec = -86400;
  CHECK(listed(entry) == "-rw-r--r-- 4000000000/3000000 0 1969-12-31 00:00:00 f\n");
  entry = file_entry("f");
  entry.status.st_mtim.tv_sec = 253402300799;
  CHECK(listed(entry).find("9999-12-31 23:59:59 f") != std::string::npos);
  entry = file_entry("d/" + std::string(255, 'n'));
  entry.kind = EntryKind::symlink;
  entry.target = std::string(200, 't');
  CHECK(listed(entry).find(entry.path + " -> " + entry.target + '\n') != std::string::npos);
}

TEST_CASE("a record's length counts itself, also where it gains a digit") {
  for (std::size_t size = 1; size < 1100; ++size) {
    Entry entry = file_entry("f");
    entry.xattrs = {{"user.a", std::string(size, 'v')}};
    const std::string header = header_of(entry);
    const std::string body = header.substr(kTarBlock);
    std::size_t end = 0;
    const std::size_t length = std::stoul(body, &end);
    CHECK(body[end] == ' ');
    CHECK(body[length - 1] == '\n');
    CHECK(body.substr(end + 1, length - end - 1) ==
          "SCHILY.xattr.user.a=" + std::string(size, 'v') + '\n');
  }
}

TEST_CASE("later times are clamped, earlier ones are kept") {
  CHECK(header_of(file_entry("f"), 1600000000) != header_of(file_entry("f")));
  Entry early = file_entry("f");
  early.status.st_mtim.tv_sec = 1600000000;
  CHECK(header_of(file_entry("f"), 1600000000) == header_of(early));
  CHECK(header_of(early, 1700000000) == header_of(early));
}
