// ELF files of a few hundred bytes, for tests of what reads them: 64 bits, little endian unless
// asked otherwise, addresses equal to offsets.
#pragma once

#include <elf.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace gbox::test {

struct ElfSpec {
  std::string interpreter;
  std::string soname;
  std::vector<std::string> needed;
  std::string rpath;
  std::string runpath;
  std::vector<std::string> imports;  // undefined symbols
  std::vector<std::string> exports;  // defined ones
  std::string dlopen;                // JSON of .note.dlopen
  std::uint16_t machine = EM_X86_64;
  std::uint16_t type = ET_DYN;
  bool pie = false;  // says that it is a program
  std::string tail;  // bytes behind it all, as a loader's directories
};

inline std::string make_elf(const ElfSpec& spec) {
  std::string strings(1, '\0');
  const auto text = [&](const std::string& word) {
    const std::size_t at = strings.size();
    strings += word + '\0';
    return static_cast<std::uint64_t>(at);
  };
  std::vector<Elf64_Sym> symbols(1);
  std::vector<Elf64_Dyn> dynamic;
  const auto tag = [&](std::int64_t name, std::uint64_t value) {
    Elf64_Dyn entry = {};
    entry.d_tag = name;
    entry.d_un.d_val = value;
    dynamic.push_back(entry);
  };
  for (const std::string& name : spec.needed) tag(DT_NEEDED, text(name));
  if (!spec.soname.empty()) tag(DT_SONAME, text(spec.soname));
  if (!spec.rpath.empty()) tag(DT_RPATH, text(spec.rpath));
  if (!spec.runpath.empty()) tag(DT_RUNPATH, text(spec.runpath));
  if (spec.pie) tag(DT_FLAGS_1, DF_1_PIE);
  for (const auto& [names, section] : {std::pair(&spec.imports, SHN_UNDEF), {&spec.exports, 1}})
    for (const std::string& name : *names) {
      Elf64_Sym symbol = {};
      symbol.st_name = static_cast<Elf64_Word>(text(name));
      symbol.st_shndx = static_cast<Elf64_Half>(section);
      symbols.push_back(symbol);
    }
  std::string note;
  if (!spec.dlopen.empty()) {
    const std::uint32_t head[] = {4, static_cast<std::uint32_t>(spec.dlopen.size() + 1),
                                  0x407c0c0a};
    note.append(reinterpret_cast<const char*>(head), sizeof head);
    note += std::string("FDO\0", 4) + spec.dlopen + '\0';
    note.resize((note.size() + 3) & ~std::size_t{3});
  }
  constexpr std::size_t kHeaders = 4;
  const std::string interpreter = spec.interpreter.empty() ? "" : spec.interpreter + '\0';
  const std::uint64_t interpreter_at = sizeof(Elf64_Ehdr) + kHeaders * sizeof(Elf64_Phdr);
  const std::uint64_t note_at = (interpreter_at + interpreter.size() + 7) & ~std::uint64_t{7};
  const std::uint64_t symbols_at = (note_at + note.size() + 7) & ~std::uint64_t{7};
  const std::uint64_t strings_at = symbols_at + symbols.size() * sizeof(Elf64_Sym);
  const std::uint64_t dynamic_at = (strings_at + strings.size() + 7) & ~std::uint64_t{7};
  tag(DT_STRTAB, strings_at);
  tag(DT_STRSZ, strings.size());
  tag(DT_SYMTAB, symbols_at);
  tag(DT_NULL, 0);
  const std::uint64_t end = dynamic_at + dynamic.size() * sizeof(Elf64_Dyn);

  Elf64_Ehdr header = {};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = spec.type;
  header.e_machine = spec.machine;
  header.e_phoff = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  std::vector<Elf64_Phdr> segments;
  const auto segment = [&](std::uint32_t type, std::uint64_t at, std::uint64_t size) {
    Elf64_Phdr one = {};
    one.p_type = type;
    one.p_offset = one.p_vaddr = at;
    one.p_filesz = one.p_memsz = size;
    segments.push_back(one);
  };
  segment(PT_LOAD, 0, end);
  segment(PT_DYNAMIC, dynamic_at, dynamic.size() * sizeof(Elf64_Dyn));
  if (!interpreter.empty()) segment(PT_INTERP, interpreter_at, interpreter.size());
  if (!note.empty()) segment(PT_NOTE, note_at, note.size());
  header.e_phnum = static_cast<Elf64_Half>(segments.size());

  std::string bytes(end, '\0');
  const auto put = [&](std::uint64_t at, const void* from, std::size_t size) {
    if (size != 0) std::memcpy(bytes.data() + at, from, size);
  };
  put(0, &header, sizeof header);
  put(sizeof header, segments.data(), segments.size() * sizeof(Elf64_Phdr));
  put(interpreter_at, interpreter.data(), interpreter.size());
  put(note_at, note.data(), note.size());
  put(symbols_at, symbols.data(), symbols.size() * sizeof(Elf64_Sym));
  put(strings_at, strings.data(), strings.size());
  put(dynamic_at, dynamic.data(), dynamic.size() * sizeof(Elf64_Dyn));
  return bytes + spec.tail;
}

}  // namespace gbox::test
