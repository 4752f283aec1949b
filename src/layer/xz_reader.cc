#include "xz_reader.h"

#include <lzma.h>

#include <algorithm>
#include <array>

#include "gbox/base/text.h"

namespace gbox::layer {

namespace {

constexpr std::array<unsigned char, 6> kXzMagic = {0xfd, '7', 'z', 'X', 'Z', 0};
// A check that this liblzma cannot compute would go unchecked, so it is told of.
constexpr std::uint32_t kFlags = LZMA_CONCATENATED | LZMA_TELL_UNSUPPORTED_CHECK;

struct Decoder {
  lzma_stream stream = LZMA_STREAM_INIT;
  Decoder() = default;
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() { ::lzma_end(&stream); }  // joins liblzma's threads
};

lzma_ret begin(lzma_stream& stream, unsigned threads) {
#ifdef GBOX_HAVE_PARALLEL_XZ
  if (threads > 1) {
    // Whole blocks are held in memory, so beyond a quarter of the machine's there are fewer
    // threads; where liblzma cannot tell, what two threads need for blocks of 'xz -9'.
    constexpr std::uint64_t kTwoLargeBlocks = 640u << 20;
    constexpr std::uint32_t kWake_ms = 100;  // to see that nobody wants the result any more
    const std::uint64_t memory = ::lzma_physmem();
    lzma_mt options{};
    options.flags = kFlags;
    options.threads = threads;
    options.timeout = kWake_ms;
    options.memlimit_threading =
        memory == 0 ? kTwoLargeBlocks : std::min(kXzMemoryLimit, memory / 4);
    options.memlimit_stop = kXzMemoryLimit;
    return ::lzma_stream_decoder_mt(&stream, &options);
  }
#else
  (void)threads;  // liblzma before 5.4 has one way only
#endif
  return ::lzma_stream_decoder(&stream, kXzMemoryLimit, kFlags);
}

[[noreturn]] void throw_failure(lzma_ret result) {
  switch (result) {
    case LZMA_MEM_ERROR:
      throw std::bad_alloc();
    case LZMA_MEMLIMIT_ERROR:
      // lzma_memusage() would say how much, but not of the parallel decoder.
      throw Error("decompressing the archive would take more memory than the limit of " +
                      human_size(kXzMemoryLimit),
                  ExitCode::input)
          .add_hint("compress it again with one of xz's presets (-0 to -9)");
    case LZMA_OPTIONS_ERROR:
    case LZMA_UNSUPPORTED_CHECK:
      throw Error(std::string("the archive uses a feature of xz that liblzma ") +
                      ::lzma_version_string() + " does not have",
                  ExitCode::input)
          .add_hint("compress it again with one of xz's presets, or use a newer liblzma");
    case LZMA_BUF_ERROR:
      throw damaged_archive("xz: the end is missing");
    case LZMA_FORMAT_ERROR:
    case LZMA_DATA_ERROR:
      throw damaged_archive("xz: its content does not match its checksums");
    default:
      throw Error("internal error: liblzma returned " + std::to_string(result));
  }
}

}  // namespace

bool is_xz(std::span<const std::byte> head) noexcept {
  return head.size() >= kXzMagic.size() &&
         std::equal(kXzMagic.begin(), kXzMagic.end(), head.begin(),
                    [](unsigned char a, std::byte b) { return std::byte{a} == b; });
}

void unxz(const Decoding& decoding) {
  Decoder decoder;
  lzma_stream& stream = decoder.stream;
  if (const lzma_ret result = begin(stream, decoding.threads); result != LZMA_OK)
    throw_failure(result);
  lzma_action action = LZMA_RUN;
  for (;;) {
    Block block = decoding.fresh();
    lzma_ret result = LZMA_OK;
    stream.next_out = reinterpret_cast<std::uint8_t*>(block.data.get());
    stream.avail_out = kBlockSize;
    while (result == LZMA_OK && stream.avail_out != 0) {
      if (stream.avail_in == 0 && action == LZMA_RUN) {
        const std::span<const std::byte> input = decoding.read();
        stream.next_in = reinterpret_cast<const std::uint8_t*>(input.data());
        stream.avail_in = input.size();
        if (input.empty()) action = LZMA_FINISH;
      }
      result = ::lzma_code(&stream, action);
      decoding.check();  // several threads may have nothing to show for a while
    }
    block.size = kBlockSize - stream.avail_out;
    decoding.take(std::move(block));
    if (result == LZMA_STREAM_END) return;
    if (result != LZMA_OK) throw_failure(result);
  }
}

}  // namespace gbox::layer
