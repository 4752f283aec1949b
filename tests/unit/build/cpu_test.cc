#include "../../../src/build/cpu.h"

#include <doctest/doctest.h>

using namespace gbox;
using namespace gbox::build;

namespace {

using Strings = std::vector<std::string>;

spec::PortageConfig config_of_cpu(const std::string& portage) {
  return spec::read_spec("s", "name='a'\nbase.tarball='t'\n[portage]\n" + portage).portage;
}

// As gcc 12 prints it, cut down.
constexpr char kDriver[] =
    "Using built-in specs.\n"
    "Target: x86_64-pc-linux-gnu\n"
    " /usr/libexec/gcc/x86_64-pc-linux-gnu/12/cc1 -E -quiet /dev/null -march=znver3 -mmmx "
    "-mno-sse4a "
    "-mavx --param \"l1-cache-size=32\" --param=l2-cache-size=512 -mtune=znver3 "
    "\"-fcf-protection\" -dumpbase null\n"
    "COLLECT_GCC_OPTIONS='-march=native' '-E'\n";

}  // namespace

TEST_CASE("the compiler's own words for native are its flags for this processor") {
  CHECK(march_of(kDriver) ==
        "-march=znver3 -mmmx -mno-sse4a -mavx --param=l1-cache-size=32 --param=l2-cache-size=512 "
        "-mtune=znver3");
  CHECK_THROWS_AS((void)march_of("gcc: error"), Error);
  CHECK_THROWS_AS((void)march_of(" /x/cc1 -march=native -E"), Error);
  CHECK_THROWS_AS((void)march_of(" /x/cc1 -E -quiet"), Error);
  // Nothing that is no flag for a processor gets through, whatever the image's compiler says.
  CHECK(march_of(" /x/cc1 -march=x -m'$(id)' --param=evil=1 -O0 -mtune=y") == "-march=x -mtune=y");
}

TEST_CASE("native is found where flags are, and replaced by what the lock says") {
  CHECK(native_wish(config_of_cpu("common_flags='-O2 -pipe'")).empty());
  CHECK(native_wish(config_of_cpu("common_flags='-march=native -O2'")) == "march");
  CHECK(native_wish(config_of_cpu("make_conf.CFLAGS='-mtune=native'")) == "march");
  CHECK(native_wish(config_of_cpu("cpu_flags=['native']")) == "cpu_flags");
  spec::PortageConfig config =
      config_of_cpu("common_flags='-march=native -mtune=native -O2'\ncpu_flags=['native']");
  CHECK(native_wish(config) == "march and cpu_flags");
  spec::LockedCpu cpu;
  cpu.march = "-march=znver3 -mavx";
  cpu.flags = {"aes", "avx"};
  apply_native(config, &cpu, "x86_64");
  CHECK(config.common_flags == "-march=znver3 -mavx -O2");
  CHECK(config.make_conf.at("CPU_FLAGS_X86") == "aes avx");
  CHECK(native_wish(config).empty());
  spec::PortageConfig named = config_of_cpu("cpu_flags=['neon']");
  apply_native(named, nullptr, "aarch64");
  CHECK(named.make_conf.at("CPU_FLAGS_ARM") == "neon");
  spec::PortageConfig foreign = config_of_cpu("cpu_flags=['x']");
  CHECK_THROWS_WITH(apply_native(foreign, nullptr, "riscv64"),
                    "s:4:12: 'cpu_flags': Gentoo has no CPU_FLAGS for 'riscv64'");
}

TEST_CASE("the kernel's names of features become Gentoo's") {
  const std::string cpuinfo =
      "processor\t: 0\nflags\t\t: fpu mmx sse sse2 pni fma sha_ni pclmulqdq avx512_vnni nx\n\n"
      "processor\t: 1\nflags\t\t: fpu aes\n";
  CHECK(cpu_flags_of(cpuinfo, "x86_64") ==
        Strings{"avx512_vnni", "fma3", "mmx", "mmxext", "pclmul", "sha", "sse", "sse2", "sse3"});
  CHECK(cpu_flags_of("Features\t: fp asimd aes crc32\n", "aarch64") ==
        Strings{"aes", "crc32", "edsp", "neon", "thumb", "thumb2", "v4", "v5", "v6", "v7", "v8",
                "vfp", "vfp-d32", "vfpv3", "vfpv4"});
  CHECK(cpu_flags_of("flags: aes", "riscv64").empty());
}
