#include "gzip_reader.h"

#include <zlib.h>

#include <new>
#include <string>
#include <vector>

#include "gbox/base/error.h"

namespace gbox::layer {

namespace {

constexpr std::size_t kOutputSize = 256 << 10;
constexpr int kGzipWindow = 15 + 16;  // zlib.h: the largest window, gzip's header and trailer
constexpr std::byte kGzipMagic{0x1f};

struct Inflater {
  z_stream stream{};
  Inflater() {
    if (::inflateInit2(&stream, kGzipWindow) != Z_OK) throw std::bad_alloc();
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() { (void)::inflateEnd(&stream); }  // only tells of misuse
};

}  // namespace

bool is_gzip(std::span<const std::byte> head) noexcept {
  return head.size() >= 3 && head[0] == kGzipMagic && head[1] == std::byte{0x8b} &&
         head[2] == std::byte{8};
}

void gunzip(const std::function<std::span<const std::byte>()>& read,
            const std::function<void(std::span<const std::byte>)>& write) {
  Inflater inflater;
  z_stream& z = inflater.stream;
  std::vector<std::byte> output(kOutputSize);
  const auto refill = [&] {
    const std::span<const std::byte> input = read();
    // zlib's interface predates const; it does not write there.
    z.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(input.data()));
    z.avail_in = static_cast<uInt>(input.size());
    return !input.empty();
  };
  const auto damaged = [](const std::string& reason) {
    throw Error("the archive is damaged or cut short (" + reason + ")", ExitCode::input)
        .add_hint("fetch or make it again");
  };
  for (;;) {
    if (z.avail_in == 0 && !refill()) damaged("gzip: the end is missing");
    z.next_out = reinterpret_cast<Bytef*>(output.data());
    z.avail_out = static_cast<uInt>(output.size());
    const int result = ::inflate(&z, Z_NO_FLUSH);
    write({output.data(), output.size() - z.avail_out});
    if (result == Z_STREAM_END) {
      if (z.avail_in == 0 && !refill()) return;
      if (std::byte{*z.next_in} != kGzipMagic) return;
      (void)::inflateReset(&z);  // fails on a broken state only, which Z_STREAM_END is not
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      damaged(std::string("gzip: ") + (z.msg != nullptr ? z.msg : "no reason given"));
    }
  }
}

}  // namespace gbox::layer
