// xz and zstd on several threads: the same bytes come out as on one, damage is named, and whatever
// happens no thread is left behind.
#include "fixture.h"
#include "gbox/layer/unpack.h"
#include "raw_tar.h"
#include "zstd_frames.h"

using namespace gbox;
using namespace gbox::layer;
using namespace gbox::layer::test;

namespace {

// Hard to compress enough to become several blocks and frames, easy enough to be quick.
std::string soft_noise(std::size_t size) {
  std::string content(size, '\0');
  std::uint32_t state = 1;
  for (char& byte : content) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<char>(state >> 28);
  }
  return content;
}

const std::string& large_tar() {
  static const std::string tar =
      raw_tar({file("f", soft_noise(5 << 20)), file("g", soft_noise(100'000))});
  return tar;
}

// Standard output of `command` with `input` as x.tar.
std::string made_by(const std::string& command, const std::string& input) {
  const sys::TempDir dir("/tmp", "gbox-test-");
  sys::write_file_atomically(dir.fd(), "x.tar", input);
  shell("cd " + dir.path() + " && (" + command + ") > out");
  return sys::read_file(dir.fd(), "out");
}

UnpackSummary unpacked(std::string_view stored, unsigned threads) {
  const sys::TempDir target("/tmp", "gbox-test-");
  UnpackOptions options;
  options.threads = threads;
  options.digests = {HashAlgorithm::sha256};
  return unpack(stored, target.fd(), options);
}

std::string refusal(std::string_view stored, unsigned threads = 4) {
  return message_of([&] { (void)unpacked(stored, threads); });
}

std::size_t threads_alive() {
  const sys::Fd tasks = sys::open("/proc/self/task", O_RDONLY | O_DIRECTORY);
  return sys::list_directory(tasks.get(), "tasks").size();
}

std::uint32_t crc32(std::string_view bytes) {
  std::uint32_t crc = ~0u;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (0xedb88320 & (0u - (crc & 1)));
  }
  return ~crc;
}

const std::string kFrameHeader("\x28\xb5\x2f\xfd", 4);

}  // namespace

TEST_CASE(
    "blocks, frames and streams in any arrangement give the same tar on any number of threads") {
  struct Row {
    const char* what;
    const char* command;
  };
  for (const Row& row : {
           Row{"one xz block", "xz -0 -T1 -c x.tar"},
           Row{"xz blocks that name their sizes", "xz -0 -T2 --block-size=1MiB -c x.tar"},
           Row{"xz blocks that do not", "xz -0 -T1 --block-size=1MiB -c x.tar"},
           Row{"xz without a check", "xz -0 -T2 --check=none --block-size=1MiB -c x.tar"},
           Row{"xz streams with padding",
               "head -c 3000001 x.tar | xz -0 -T2 --block-size=1MiB; head -c 8 /dev/zero;"
               "tail -c +3000002 x.tar | xz -0 -T2 --block-size=1MiB; head -c 4 /dev/zero"},
           Row{"one zstd frame", "zstd -q -1 -c x.tar"},
           Row{"one zstd frame without a checksum", "zstd -q -1 --no-check -c < x.tar"},
           Row{"pzstd's frames", "pzstd -q -1 -p 4 -c x.tar"},
           Row{"frames of 300 kB", "split -b 300000 --filter='zstd -q -1 -c' x.tar"},
           Row{"frames with others between",
               "printf '\\120\\052\\115\\030\\003\\0\\0\\0abc'; head -c 3000001 x.tar | zstd -q -1;"
               "printf '\\137\\052\\115\\030\\0\\0\\0\\0'; tail -c +3000002 x.tar | zstd -q -1"},
       }) {
    CAPTURE(row.what);
    const std::string stored = made_by(row.command, large_tar());
    for (const unsigned threads : {1u, 4u}) {
      const UnpackSummary summary = unpacked(stored, threads);
      CHECK(summary.diff_id == sha256(large_tar()));
      CHECK(summary.digests.front() == sha256(stored));
      CHECK(summary.archive_bytes == stored.size());
    }
  }
}

TEST_CASE("thousands of tiny frames are one archive") {
  const std::string tar = raw_tar({file("f", soft_noise(20'000))});
  std::string stored;
  for (std::size_t at = 0; at < tar.size(); at += 3) {
    // One segment with its size in a byte, one last block of raw bytes.
    const std::string piece = tar.substr(at, 3);
    const char size = static_cast<char>(piece.size());
    stored += kFrameHeader + ' ' + size + static_cast<char>(1 | size << 3) + '\0' + '\0' + piece;
  }
  CHECK(unpacked(stored, 4).diff_id == sha256(tar));
}

TEST_CASE("damage anywhere is found, whichever thread meets it") {
  for (const char* command : {"xz -0 -T2 --block-size=1MiB -c x.tar", "xz -0 -T1 -c x.tar",
                              "pzstd -q -1 -p 4 -c x.tar", "zstd -q -1 -c x.tar"}) {
    CAPTURE(command);
    const std::string stored = made_by(command, large_tar());
    for (std::size_t i = 1; i < 7; ++i) {
      const std::size_t at = stored.size() * i / 7;
      CAPTURE(at);
      std::string flipped = stored;
      flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
      CHECK(refusal(flipped).find("damaged or cut short (") != std::string::npos);
      const std::string cut = refusal(stored.substr(0, at), i % 2 == 0 ? 1 : 4);
      CHECK(cut.find(": the end is missing)") != std::string::npos);
    }
    CHECK(refusal(stored.substr(0, stored.size() - 1)).find("the end is missing") !=
          std::string::npos);
    const std::string foreign = refusal(stored + "behind the end, no frame or stream");
    CHECK(foreign.find("damaged or cut short (") != std::string::npos);
  }
}

TEST_CASE("an xz header that asks for gigabytes is refused with the limit") {
  // Stream header, then the header of a block: LZMA2 with a dictionary of 4 GiB less a byte.
  std::string stored = made_by("xz -0 -T1 -c x.tar", raw_tar({file("f")}));
  REQUIRE(static_cast<unsigned char>(stored[14]) == 0x21);
  for (const unsigned threads : {1u, 4u}) {
    stored[16] = 40;
    const std::uint32_t crc = crc32(std::string_view(stored).substr(12, 8));
    for (std::size_t i = 0; i < 4; ++i) stored[20 + i] = static_cast<char>(crc >> 8 * i);
    const std::string message = refusal(stored, threads);
    CHECK(message ==
          "unpack 'test.tar': decompressing the archive would take more memory than the limit of "
          "1.0 GiB");
  }
}

TEST_CASE("a zstd window beyond 128 MiB is refused with the limit") {
  const auto frame = [](char window) {
    return kFrameHeader + '\0' + window + std::string("\x01\0\0", 3);
  };
  CHECK(refusal(frame('\x90')).find("would take a window of more than 128.0 MiB, the limit") !=
        std::string::npos);
  CHECK(refusal(frame('\x88')).find("the archive is empty") != std::string::npos);
}

TEST_CASE("compression bombs of each kind are stopped early") {
  const std::string zeros =
      raw_header({.name = "f", .size_field = octal(16u << 20, 11)}) + std::string(16 << 20, '\0');
  for (const char* command : {"xz -0 -T2 --block-size=2MiB -c x.tar", "pzstd -q -1 -p 4 -c x.tar",
                              "zstd -q -1 -c x.tar", "bzip2 -1 -c x.tar"}) {
    CAPTURE(command);
    const std::string stored = made_by(command, zeros);
    const sys::TempDir target("/tmp", "gbox-test-");
    UnpackOptions options;
    options.limits.ratio_free_bytes = 1 << 20;
    options.threads = 4;
    CHECK(message_of([&] { unpack(stored, target.fd(), options); }).find("a compression bomb: ") !=
          std::string::npos);
  }
}

TEST_CASE("whatever stops unpacking, no thread stays") {
  const std::size_t before = threads_alive();
  const std::string bad_name =
      raw_tar({file("../x", soft_noise(5 << 20)), file("g", soft_noise(1 << 20))});
  for (const char* command :
       {"xz -0 -T2 --block-size=1MiB -c x.tar", "pzstd -q -1 -p 4 -c x.tar", "zstd -q -1 -c x.tar",
        "split -b 700000 --filter='zstd -q -1 -c' x.tar"}) {
    CAPTURE(command);
    const std::string stored = made_by(command, bad_name);
    for (int i = 0; i < 4; ++i) {
      CHECK(refusal(stored).find("leaves the directory by '..'") != std::string::npos);
      CHECK(threads_alive() == before);
    }
    // A pipe that stalls in the middle, and a person who has had enough.
    const sys::Pipe pipe = sys::pipe();
    sys::write_all(pipe.write.get(), stored.substr(0, 40'000), "pipe");
    const sys::TempDir target("/tmp", "gbox-test-");
    UnpackOptions options;
    options.threads = 4;
    options.check_interrupt = [] { throw Interrupted(15); };
    CHECK_THROWS_AS(unpack_archive(pipe.read.get(), "pipe", target.fd(), options), Interrupted);
    CHECK(threads_alive() == before);
  }
}

TEST_CASE("frame ends are found in pieces of any size") {
  const std::string first = made_by("zstd -q -1 -c x.tar", soft_noise(300'000));
  const std::string second = made_by("zstd -q -19 --no-check -c < x.tar", std::string(70'000, 'x'));
  const std::string skippable("\x51\x2a\x4d\x18\x02\0\0\0ab", 10);
  const std::string all = first + skippable + second;
  for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{7}, all.size()}) {
    ZstdFrames frames;
    std::vector<std::size_t> ends;
    for (std::size_t at = 0; at < all.size();) {
      const std::string_view rest = std::string_view(all).substr(at, piece);
      at += frames.advance(std::as_bytes(std::span(rest)));
      if (frames.at_boundary()) ends.push_back(at);
    }
    CHECK(ends ==
          std::vector<std::size_t>{first.size(), first.size() + skippable.size(), all.size()});
  }
  ZstdFrames frames;
  CHECK_THROWS_AS(frames.advance(std::as_bytes(std::span(std::string_view("no frame")))), Error);
}
