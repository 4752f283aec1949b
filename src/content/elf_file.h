// What an ELF file says about what it needs at run time: class and machine, interpreter, DT_NEEDED,
// where it looks (RPATH, RUNPATH), what it says it loads later (.note.dlopen), and which of a few
// symbols it takes from others. After the System V gABI, ld.so(8) and the UAPI group's 'ELF dlopen
// metadata'. The bytes are an image's: every offset, count and length is checked and bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gbox::content {

// What objects must agree on to be loaded into one process.
struct ElfKind {
  unsigned bits = 0;  // 32 or 64
  bool big_endian = false;
  std::uint16_t machine = 0;  // e_machine
  auto operator<=>(const ElfKind&) const = default;
};
// "x86_64", "i386", "aarch64"…; "machine 123 (64 bits)" for what has no name here.
std::string to_string(const ElfKind& kind);

struct DlopenNote {
  enum class Priority { required, recommended, suggested };
  Priority priority = Priority::recommended;
  std::string feature;
  std::vector<std::string> sonames;  // any one of them will do
};

struct Elf {
  ElfKind kind;
  std::uint32_t flags = 0;  // e_flags: the processor's own words
  bool is_program = false;  // ET_EXEC, or ET_DYN with an interpreter or linked as a static program
  bool is_shared = false;   // ET_DYN
  bool is_dynamic = false;
  bool is_go = false;
  std::string interpreter;  // "" when it has none
  std::string soname;
  std::vector<std::string> needed;
  std::vector<std::string> rpath;    // as written, between the colons; of no effect with a RUNPATH
  std::vector<std::string> runpath;  // likewise
  bool has_runpath = false;
  std::vector<DlopenNote> dlopen;
  std::vector<std::string> imports;  // those of the symbols asked for that it takes from others
};

// Reads up to `into.size()` bytes at `offset`; returns how many there were.
using ReadAt = std::function<std::size_t(std::uint64_t offset, std::span<std::byte> into)>;

// nullopt for what is no ELF file, or one that contradicts itself: nothing could load that.
// `symbols`: names to look for among the undefined ones.
std::optional<Elf> read_elf(const ReadAt& read, std::span<const std::string_view> symbols = {});

}  // namespace gbox::content
