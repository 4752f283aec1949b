#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>

#include "elf_file.h"
#include "make_elf.h"

using namespace gbox;
using namespace gbox::content;

namespace {

std::optional<Elf> read(const std::string& bytes) {
  constexpr std::array<std::string_view, 2> kSymbols = {"pthread_exit", "iconv_open"};
  return read_elf(
      [&](std::uint64_t offset, std::span<std::byte> into) -> std::size_t {
        if (offset >= bytes.size() || into.empty()) return 0;
        const std::size_t size =
            std::min(into.size(), bytes.size() - static_cast<std::size_t>(offset));
        std::memcpy(into.data(), bytes.data() + offset, size);
        return size;
      },
      kSymbols);
}

test::ElfSpec example() {
  test::ElfSpec spec;
  spec.interpreter = "/lib64/ld-linux-x86-64.so.2";
  spec.soname = "libself.so.1";
  spec.needed = {"libc.so.6", "libz.so.1"};
  spec.rpath = "$ORIGIN/../lib:/opt/lib";
  spec.imports = {"my_iconv_open", "pthread_exit"};
  spec.exports = {"iconv_open"};
  return spec;
}

}  // namespace

TEST_CASE("an ELF file tells what it needs and where it looks") {
  const auto elf = read(test::make_elf(example()));
  REQUIRE(elf);
  CHECK(elf->kind == ElfKind{64, false, EM_X86_64});
  CHECK(to_string(elf->kind) == "x86_64");
  CHECK(elf->is_program);
  CHECK(elf->interpreter == "/lib64/ld-linux-x86-64.so.2");
  CHECK(elf->soname == "libself.so.1");
  CHECK(elf->needed == std::vector<std::string>{"libc.so.6", "libz.so.1"});
  CHECK(elf->rpath == std::vector<std::string>{"$ORIGIN/../lib", "/opt/lib"});
  CHECK_FALSE(elf->has_runpath);
  // 'iconv_open' is its own, and only the tail of another's name.
  CHECK(elf->imports == std::vector<std::string>{"pthread_exit"});
}

TEST_CASE("a note tells what is loaded later") {
  test::ElfSpec spec;
  spec.dlopen = R"([{"soname":["libx.so.2","libx.so.1"],"feature":"x","priority":"required"},)"
                R"({"soname":["liby.so.1"]},{"soname":[3]},7])";
  const auto elf = read(test::make_elf(spec));
  REQUIRE(elf);
  REQUIRE(elf->dlopen.size() == 2);
  CHECK(elf->dlopen[0].sonames == std::vector<std::string>{"libx.so.2", "libx.so.1"});
  CHECK(elf->dlopen[0].priority == DlopenNote::Priority::required);
  CHECK(elf->dlopen[1].priority == DlopenNote::Priority::recommended);
  spec.dlopen = "[[[[[[[";
  CHECK(read(test::make_elf(spec))->dlopen.empty());
}

TEST_CASE("what is no program and no library is no ELF file here") {
  CHECK_FALSE(read("#!/bin/sh\n"));
  CHECK_FALSE(read(""));
  CHECK_FALSE(read("\177ELF"));
  test::ElfSpec spec;
  spec.type = ET_REL;
  CHECK_FALSE(read(test::make_elf(spec)));
}

TEST_CASE("a file cut anywhere, or with any byte turned, is read or refused without harm") {
  test::ElfSpec spec = example();
  spec.dlopen = R"([{"soname":["libx.so"]}])";
  const std::string whole = test::make_elf(spec);
  for (std::size_t size = 0; size < whole.size(); ++size) (void)read(whole.substr(0, size));
  for (std::size_t at = 0; at < whole.size(); ++at)
    for (const char value : {'\x00', '\x01', '\x7f', '\xff'}) {
      std::string damaged = whole;
      damaged[at] = value;
      if (const auto elf = read(damaged)) CHECK(elf->needed.size() <= 2048);
    }
}
