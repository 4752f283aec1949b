// What an image's files say of what they need: ELF files, the loader's cache, first lines of
// scripts. Whatever they hold is read or refused, within bounds.
#include <cstring>
#include <span>

#include "elf_file.h"
#include "ld_cache.h"
#include "script.h"
#include "target.h"

using namespace gbox;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  constexpr std::array<std::string_view, 2> kSymbols = {"pthread_exit", "iconv_open"};
  std::size_t most = 0;
  const auto elf = content::read_elf(
      [&](std::uint64_t offset, std::span<std::byte> into) -> std::size_t {
        most = std::max(most, into.size());
        if (offset >= size) return 0;
        const std::size_t there = std::min(into.size(), size - static_cast<std::size_t>(offset));
        if (there != 0) std::memcpy(into.data(), data + offset, there);
        return there;
      },
      kSymbols);
  fuzz::require(most <= (64u << 20), "no more is read at once than a limit says");
  if (elf) {
    fuzz::require(elf->needed.size() <= 2048, "what is needed is bounded");
    for (const std::string& name : elf->needed)
      fuzz::require(!name.empty() && name.find('\0') == std::string::npos, "names are names");
  }
  for (const auto& [name, paths] : content::parse_ld_cache(text))
    for (const std::string& path : paths)
      fuzz::require(path.starts_with('/'), "the cache tells absolute paths");
  if (const auto script = content::script_interpreter(text))
    fuzz::require(script->interpreter.starts_with('/') && script->interpreter.size() <= 256,
                  "an interpreter is a path");
  return 0;
}
