#include "tar.h"

#include <vector>

#include "fixture.h"

using namespace gbox;
using namespace gbox::oci;

namespace {

const std::string kEnd(2 * kTarBlock, '\0');

std::string file(const std::string& name, const std::string& content) {
  return tar_header(name, TarKind::file, content.size()) + content +
         std::string(tar_padding(content.size()), '\0');
}

// The header with one field overwritten and the checksum made right again.
std::string patched(std::string header, std::size_t at, const std::string& bytes) {
  header.replace(at, bytes.size(), bytes);
  header.replace(148, 8, 8, ' ');
  unsigned sum = 0;
  for (const char c : header.substr(0, kTarBlock)) sum += static_cast<unsigned char>(c);
  char text[9];
  std::snprintf(text, sizeof text, "%06o", sum);
  return header.replace(148, 7, std::string(text) + '\0');
}

std::string extension(char type, const std::string& records) {
  return patched(tar_header("x", TarKind::file, records.size()), 156, std::string(1, type)) +
         records + std::string(tar_padding(records.size()), '\0');
}

struct Scanned {
  TarIndex index;
  std::string error;
};

Scanned scan(const std::string& bytes) {
  const Fixture f;
  f.put("a.tar", bytes);
  const sys::Fd fd = sys::open(f.at("a.tar"), O_RDONLY);
  Scanned result;
  result.error = error_of([&] { result.index = index_tar(fd.get(), "'a.tar'"); });
  return result;
}

}  // namespace

TEST_CASE("what is written is indexed by offset") {
  const std::string long_name = "blobs/sha512/" + std::string(128, 'a');
  const std::string bytes = file("index.json", "{}") + tar_header("blobs/", TarKind::directory, 0) +
                            file(long_name, "abc") + file("./dotted", "") + kEnd;
  const Scanned scanned = scan(bytes);
  CHECK(scanned.error.empty());
  REQUIRE(scanned.index.size() == 3);
  CHECK(scanned.index.contains("dotted"));
  const TarFile entry = scanned.index.at(long_name);
  CHECK(bytes.substr(entry.offset, entry.size) == "abc");
}

TEST_CASE("sizes past eight gigabytes go into a pax header") {
  const std::uint64_t size = std::uint64_t{9} << 30;
  const std::string header = tar_header("big", TarKind::file, size);
  CHECK(header.size() == 3 * kTarBlock);
  CHECK(header.find("19 size=9663676416\n") == kTarBlock);
  CHECK(scan(header).error ==
        "read 'a.tar': the archive is cut off: the entry at byte 1024 claims 9663676416 bytes");
}

TEST_CASE("GNU's long names and base 256 sizes are read, links are passed over") {
  const std::string long_name = "blobs/sha512/" + std::string(128, 'b') + '\0';
  std::string base256(12, '\0');
  base256[0] = '\x80';
  base256[11] = 3;
  const std::string bytes = extension('L', long_name) + file("short", "abc") +
                            patched(tar_header("wide", TarKind::file, 0), 124, base256) + "xyz" +
                            std::string(tar_padding(3), '\0') +
                            patched(tar_header("link", TarKind::file, 0), 156, "2") +
                            extension('g', "") + kEnd;
  const Scanned scanned = scan(bytes);
  CHECK(scanned.error.empty());
  REQUIRE(scanned.index.size() == 2);
  CHECK(scanned.index.contains(long_name.substr(0, long_name.size() - 1)));
  CHECK(scanned.index.at("wide").size == 3);
}

TEST_CASE("hostile archives are refused with the reason") {
  const std::string a = file("a", "abc");
  std::string broken = a;
  broken[0] = 'b';
  std::string negative(12, '\xff');
  struct Row {
    std::string bytes;
    std::string message;
  };
  const std::vector<Row> rows = {
      {"", "read 'a.tar': not a tar archive: it is empty"},
      {"short", "read 'a.tar': the archive is cut off at byte 5"},
      {std::string(512, 'x'), "read 'a.tar': no tar header at byte 0"},
      {broken, "read 'a.tar': no tar header at byte 0"},
      {a + std::string(512, 'x'), "read 'a.tar': no tar header at byte 1024"},
      {a.substr(0, 513),
       "read 'a.tar': the archive is cut off: the entry at byte 0 claims 3 bytes"},
      {std::string("\x1f\x8b", 2) + std::string(510, 'x'),
       "read 'a.tar': the archive is compressed with gzip | unpack it with 'gzip -d' first; its "
       "layers stay compressed"},
      {std::string("\x28\xb5\x2f\xfd", 4) + std::string(510, 'x'),
       "read 'a.tar': the archive is compressed with zstd | unpack it with 'zstd -d' first; its "
       "layers stay compressed"},
      {a + a + kEnd, "read 'a.tar': the archive holds 'a' twice"},
      {a + file("./a", "x") + kEnd, "read 'a.tar': the archive holds 'a' twice"},
      {a + patched(tar_header("a", TarKind::file, 0), 156, "2") + kEnd,
       "read 'a.tar': the archive holds 'a' twice"},
      {patched(a, 156, "S"), "read 'a.tar': a sparse file at byte 0"},
      {patched(a, 156, "2"), "read 'a.tar': content behind a link, directory or device at byte 0"},
      {patched(a, 124, negative), "read 'a.tar': an impossible size in the tar header at byte 0"},
      {patched(a, 124, "99999999999"),
       "read 'a.tar': an impossible size in the tar header at byte 0"},
      {patched(a, 124, "77777777777"),
       "read 'a.tar': the archive is cut off: the entry at byte 0 claims 8589934591 bytes"},
      {extension('x', "26 GNU.sparse.major=1\n"), "read 'a.tar': a broken pax header at byte 0"},
      {extension('x', "22 GNU.sparse.major=1\n"), "read 'a.tar': a sparse file at byte 0"},
      {extension('x', "9 size=-1\n"), "read 'a.tar': a broken pax header at byte 0"},
      {extension('x', "24 size=9999999999999999\n") + a,
       "read 'a.tar': a broken pax header at byte 0"},
      {extension('x', "25 size=9999999999999999\n") + a,
       "read 'a.tar': an impossible size in the tar header at byte 1024"},
      {extension('x', "99999999999999999999 a=b\n"), "read 'a.tar': a broken pax header at byte 0"},
      {extension('x', "0 a=b\n"), "read 'a.tar': a broken pax header at byte 0"},
      {extension('x', "6 a b\n"), "read 'a.tar': a broken pax header at byte 0"},
      {extension('L', std::string(70000, 'n')),
       "read 'a.tar': an extended tar header of 70000 bytes"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.bytes.substr(0, 40));
    CHECK(scan(row.bytes).error == row.message);
  }
}

TEST_CASE("an archive is a regular file") {
  const sys::Pipe pipe = sys::pipe();
  CHECK(error_of([&] { index_tar(pipe.read.get(), "'p'"); }) == "read 'p': not a regular file");
}
