#include "elf_file.h"

#include <elf.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <set>

#include "gbox/base/error.h"
#include "gbox/base/json.h"
#include "gbox/base/text.h"

namespace gbox::content {

namespace {

constexpr std::size_t kMaxProgramHeaders = 1024;
constexpr std::size_t kMaxDynamicEntries = 8192;
constexpr std::size_t kMaxNeeded = 2048;
constexpr std::size_t kMaxString = 4096;              // as a path
constexpr std::size_t kMaxNotes = 1u << 20;           // bytes of one segment
constexpr std::size_t kMaxSymbolStrings = 64u << 20;  // bytes; a browser's engine has some 30 MiB
constexpr std::size_t kMaxSymbolTable = 64u << 20;
constexpr std::uint32_t kDlopenNote = 0x407c0c0a;  // NT_FDO_DLOPEN_METADATA
constexpr std::uint32_t kGoBuildId = 4;

// Numbers of a file in its own byte order.
class Bytes {
 public:
  Bytes(std::span<const std::byte> bytes, bool big_endian) : bytes_(bytes), big_(big_endian) {}
  [[nodiscard]] std::uint64_t number(std::size_t offset, std::size_t size) const {
    std::uint64_t value = 0;
    if (offset > bytes_.size() || size > bytes_.size() - offset) return 0;
    for (std::size_t i = 0; i < size; ++i) {
      const std::size_t at = big_ ? offset + i : offset + size - 1 - i;
      value = value << 8 | std::to_integer<std::uint64_t>(bytes_[at]);
    }
    return value;
  }

 private:
  std::span<const std::byte> bytes_;
  bool big_;
};

struct Segment {
  std::uint32_t type = 0;
  std::uint64_t offset = 0;
  std::uint64_t address = 0;
  std::uint64_t file_size = 0;
};

std::vector<std::string> path_list(const std::string& text) {
  std::vector<std::string> parts;
  for (std::string& part : split(text, ':')) parts.push_back(std::move(part));
  return parts;
}

class Reader {
 public:
  explicit Reader(const ReadAt& read) : read_(read) {}

  std::optional<Elf> elf(std::span<const std::string_view> symbols) {
    if (!header() || !segments()) return std::nullopt;
    for (const Segment& segment : segments_) {
      if (segment.type == PT_INTERP) {
        elf_.interpreter = string_at(segment.offset, segment.file_size);
        if (elf_.interpreter.empty()) return std::nullopt;
      }
      if (segment.type == PT_NOTE) notes(segment);
    }
    for (const Segment& segment : segments_)
      if (segment.type == PT_DYNAMIC && !dynamic(segment, symbols)) return std::nullopt;
    elf_.is_shared = type_ == ET_DYN;
    elf_.is_program = type_ == ET_EXEC || is_pie_ || (type_ == ET_DYN && !elf_.interpreter.empty());
    return std::move(elf_);
  }

 private:
  [[nodiscard]] std::vector<std::byte> bytes_at(std::uint64_t offset, std::size_t size) const {
    std::vector<std::byte> bytes(size);
    bytes.resize(std::min(read_(offset, bytes), size));
    return bytes;
  }

  [[nodiscard]] std::string string_at(std::uint64_t offset, std::uint64_t most) const {
    const auto bytes =
        bytes_at(offset, static_cast<std::size_t>(std::min<std::uint64_t>(most, kMaxString)));
    const auto end = std::find(bytes.begin(), bytes.end(), std::byte{0});
    if (end == bytes.end()) return {};  // not ended: no string
    return {reinterpret_cast<const char*>(bytes.data()),
            static_cast<std::size_t>(end - bytes.begin())};
  }

  bool header() {
    const auto bytes = bytes_at(0, sizeof(Elf64_Ehdr));
    if (bytes.size() < sizeof(Elf32_Ehdr) || std::memcmp(bytes.data(), ELFMAG, SELFMAG) != 0)
      return false;
    const unsigned wide = std::to_integer<unsigned>(bytes[EI_CLASS]);
    const unsigned order = std::to_integer<unsigned>(bytes[EI_DATA]);
    if ((wide != ELFCLASS32 && wide != ELFCLASS64) ||
        (order != ELFDATA2LSB && order != ELFDATA2MSB))
      return false;
    wide_ = wide == ELFCLASS64;
    elf_.kind.bits = wide_ ? 64 : 32;
    elf_.kind.big_endian = order == ELFDATA2MSB;
    if (wide_ && bytes.size() < sizeof(Elf64_Ehdr)) return false;
    const Bytes in(bytes, elf_.kind.big_endian);
    type_ = static_cast<unsigned>(in.number(16, 2));
    elf_.kind.machine = static_cast<std::uint16_t>(in.number(18, 2));
    headers_at_ = wide_ ? in.number(32, 8) : in.number(28, 4);
    elf_.flags = static_cast<std::uint32_t>(in.number(wide_ ? 48 : 36, 4));
    header_size_ = static_cast<std::size_t>(in.number(wide_ ? 54 : 42, 2));
    header_count_ = static_cast<std::size_t>(in.number(wide_ ? 56 : 44, 2));
    // Relocatable files, kernel modules and core files are loaded by nobody.
    return type_ == ET_EXEC || type_ == ET_DYN;
  }

  bool segments() {
    const std::size_t least = wide_ ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
    if (header_size_ < least || header_size_ > 4 * least || header_count_ > kMaxProgramHeaders)
      return false;
    const auto bytes = bytes_at(headers_at_, header_size_ * header_count_);
    if (bytes.size() < header_size_ * header_count_) return false;
    const Bytes in(bytes, elf_.kind.big_endian);
    for (std::size_t i = 0; i < header_count_; ++i) {
      const std::size_t at = i * header_size_;
      Segment segment;
      segment.type = static_cast<std::uint32_t>(in.number(at, 4));
      segment.offset = wide_ ? in.number(at + 8, 8) : in.number(at + 4, 4);
      segment.address = wide_ ? in.number(at + 16, 8) : in.number(at + 8, 4);
      segment.file_size = wide_ ? in.number(at + 32, 8) : in.number(at + 16, 4);
      segments_.push_back(segment);
    }
    return true;
  }

  // Where in the file an address of the running program comes from.
  [[nodiscard]] std::optional<std::uint64_t> offset_of(std::uint64_t address) const {
    for (const Segment& segment : segments_)
      if (segment.type == PT_LOAD && address >= segment.address &&
          address - segment.address < segment.file_size)
        return segment.offset + (address - segment.address);
    return std::nullopt;
  }

  bool dynamic(const Segment& segment, std::span<const std::string_view> symbols) {
    const std::size_t entry = wide_ ? sizeof(Elf64_Dyn) : sizeof(Elf32_Dyn);
    const auto bytes =
        bytes_at(segment.offset, static_cast<std::size_t>(std::min<std::uint64_t>(
                                     segment.file_size, entry * kMaxDynamicEntries)));
    const Bytes in(bytes, elf_.kind.big_endian);
    std::vector<std::uint64_t> needed;
    std::optional<std::uint64_t> soname, rpath, runpath, strings, symbol_table;
    std::uint64_t strings_size = 0;
    for (std::size_t at = 0; at + entry <= bytes.size(); at += entry) {
      const std::uint64_t tag = in.number(at, entry / 2);
      const std::uint64_t value = in.number(at + entry / 2, entry / 2);
      if (tag == DT_NULL) break;
      if (tag == DT_NEEDED && needed.size() < kMaxNeeded) needed.push_back(value);
      if (tag == DT_SONAME) soname = value;
      if (tag == DT_RPATH) rpath = value;
      if (tag == DT_RUNPATH) runpath = value;
      if (tag == DT_STRTAB) strings = offset_of(value);
      if (tag == DT_STRSZ) strings_size = value;
      if (tag == DT_SYMTAB) symbol_table = offset_of(value);
      if (tag == DT_FLAGS_1) is_pie_ = (value & DF_1_PIE) != 0;
    }
    elf_.is_dynamic = true;
    if (!strings) return needed.empty();
    const auto text = [&](std::uint64_t index) {
      if (index >= strings_size || *strings + index < *strings) return std::string();
      return string_at(*strings + index, strings_size - index);
    };
    for (const std::uint64_t index : needed)
      if (std::string name = text(index); !name.empty()) elf_.needed.push_back(std::move(name));
    if (soname) elf_.soname = text(*soname);
    if (rpath) elf_.rpath = path_list(text(*rpath));
    elf_.has_runpath = runpath.has_value();
    if (runpath) elf_.runpath = path_list(text(*runpath));
    if (symbol_table && !symbols.empty()) imports(*strings, strings_size, *symbol_table, symbols);
    return true;
  }

  // A name may be the tail of another one's text, so it is found wherever it ends in NUL; the
  // symbols then say whether one of them is called so, and is undefined.
  void imports(std::uint64_t strings, std::uint64_t strings_size, std::uint64_t table,
               std::span<const std::string_view> symbols) {
    // Linkers put the strings behind the symbols; nothing else tells how many there are without
    // reading a hash table.
    if (strings_size > kMaxSymbolStrings || strings <= table || strings - table > kMaxSymbolTable)
      return;
    const auto bytes = bytes_at(strings, static_cast<std::size_t>(strings_size));
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    std::vector<std::set<std::uint64_t>> places(symbols.size());
    bool any = false;
    for (std::size_t i = 0; i < symbols.size(); ++i) {
      const std::string wanted = std::string(symbols[i]) + '\0';
      for (std::size_t at = text.find(wanted); at != std::string_view::npos;
           at = text.find(wanted, at + 1)) {
        places[i].insert(at);
        any = true;
      }
    }
    if (!any) return;
    const std::size_t entry = wide_ ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
    const auto symbols_bytes = bytes_at(table, static_cast<std::size_t>(strings - table));
    const Bytes in(symbols_bytes, elf_.kind.big_endian);
    std::set<std::size_t> found;
    for (std::size_t at = 0; at + entry <= symbols_bytes.size(); at += entry) {
      if (in.number(at + (wide_ ? 6 : 14), 2) != SHN_UNDEF) continue;
      const std::uint64_t name = in.number(at, 4);
      for (std::size_t i = 0; i < symbols.size(); ++i)
        if (places[i].contains(name)) found.insert(i);
    }
    for (const std::size_t i : found) elf_.imports.emplace_back(symbols[i]);
  }

  void notes(const Segment& segment) {
    if (segment.file_size > kMaxNotes) return;
    const auto bytes = bytes_at(segment.offset, static_cast<std::size_t>(segment.file_size));
    const Bytes in(bytes, elf_.kind.big_endian);
    const auto padded = [](std::uint64_t size) { return (size + 3) & ~std::uint64_t{3}; };
    std::uint64_t at = 0;
    while (at + 12 <= bytes.size()) {
      const std::uint64_t name_size = in.number(static_cast<std::size_t>(at), 4);
      const std::uint64_t size = in.number(static_cast<std::size_t>(at) + 4, 4);
      const std::uint64_t type = in.number(static_cast<std::size_t>(at) + 8, 4);
      const std::uint64_t name_at = at + 12;
      const std::uint64_t content_at = name_at + padded(name_size);
      if (content_at > bytes.size() || size > bytes.size() - content_at) return;
      const char* data = reinterpret_cast<const char*>(bytes.data());
      if (type == kDlopenNote && name_size == 4 && std::memcmp(data + name_at, "FDO", 4) == 0)
        dlopen_note({data + content_at, static_cast<std::size_t>(size)});
      if (type == kGoBuildId && name_size == 4 && std::memcmp(data + name_at, "Go\0", 4) == 0)
        elf_.is_go = true;
      at = content_at + padded(size);
    }
  }

  void dlopen_note(std::string_view text) {
    while (!text.empty() && text.back() == '\0') text.remove_suffix(1);
    try {
      const Json list = parse_json(text, "a note");
      if (!list.is_array()) return;
      for (const Json& one : list) {
        if (!one.is_object() || !one.contains("soname") || !one["soname"].is_array()) continue;
        DlopenNote note;
        for (const Json& soname : one["soname"])
          if (soname.is_string()) note.sonames.push_back(soname.get<std::string>());
        note.feature = json_string_or_empty(one, "feature", "a note");
        const std::string priority = json_string_or_empty(one, "priority", "a note");
        if (priority == "required") note.priority = DlopenNote::Priority::required;
        if (priority == "suggested") note.priority = DlopenNote::Priority::suggested;
        if (!note.sonames.empty() && elf_.dlopen.size() < kMaxNeeded)
          elf_.dlopen.push_back(std::move(note));
      }
    } catch (const Error&) {
      // A note that is no JSON asks for nothing.
    }
  }

  const ReadAt& read_;
  Elf elf_;
  bool wide_ = false;
  bool is_pie_ = false;
  unsigned type_ = 0;
  std::uint64_t headers_at_ = 0;
  std::size_t header_size_ = 0;
  std::size_t header_count_ = 0;
  std::vector<Segment> segments_;
};

}  // namespace

std::string to_string(const ElfKind& kind) {
  struct Name {
    unsigned machine;
    unsigned bits;
    const char* name;
  };
  constexpr std::array kNames = {Name{EM_X86_64, 64, "x86_64"},   Name{EM_X86_64, 32, "x32"},
                                 Name{EM_386, 32, "i386"},        Name{EM_AARCH64, 64, "aarch64"},
                                 Name{EM_ARM, 32, "arm"},         Name{EM_PPC64, 64, "ppc64"},
                                 Name{EM_PPC, 32, "ppc"},         Name{EM_S390, 64, "s390x"},
                                 Name{EM_RISCV, 64, "riscv64"},   Name{EM_RISCV, 32, "riscv32"},
                                 Name{EM_SPARCV9, 64, "sparc64"}, Name{EM_MIPS, 32, "mips"},
                                 Name{EM_MIPS, 64, "mips64"},     Name{258, 64, "loongarch64"}};
  for (const Name& each : kNames)
    if (each.machine == kind.machine && each.bits == kind.bits) return each.name;
  return "machine " + std::to_string(kind.machine) + " (" + std::to_string(kind.bits) + " bits)";
}

std::optional<Elf> read_elf(const ReadAt& read, std::span<const std::string_view> symbols) {
  return Reader(read).elf(symbols);
}

}  // namespace gbox::content
