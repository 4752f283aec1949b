#include "../../../src/build/compiler_check.h"

#include <doctest/doctest.h>

using namespace gbox;
using namespace gbox::build;

namespace {

using Strings = std::vector<std::string>;

spec::PortageConfig config_of(const std::string& portage) {
  return spec::read_spec("s", "name='a'\nbase.tarball='t'\n[portage]\n" + portage).portage;
}

// As gcc 12 says it in the C locale, the list cut down.
constexpr char kBadValue[] =
    "cc1: error: bad value ('zen6') for '-march=' switch\n"
    "cc1: note: valid arguments to '-march=' switch are: nocona skylake x86-64 x86-64-v3 bdver4 "
    "znver1 znver2 znver3 btver2 native\n";

constexpr char kCpuinfo[] =
    "processor\t: 0\nmodel name\t: Some CPU\n"
    "flags\t\t: fpu sse2 pni cx16 lahf_lm popcnt sse4_1 sse4_2 ssse3 avx avx2 bmi1 bmi2 f16c fma "
    "abm movbe xsave aes\n\nprocessor\t: 1\n";

}  // namespace

TEST_CASE("flags are those that make.conf will have, with the place of each") {
  const auto common = flag_variables(config_of("common_flags='-O2'\nmake_conf.LDFLAGS='-Wl,-O1'"));
  REQUIRE(common.size() == 3);
  CHECK(common[0].name == "CFLAGS");
  CHECK(common[0].flags == "-O2");
  CHECK(common[0].where.line == 4);
  CHECK(common[1].name == "CXXFLAGS");
  CHECK(common[2].flags == "-Wl,-O1");
  CHECK(common[2].where.line == 5);
  const auto own = flag_variables(config_of("common_flags='-O2'\nmake_conf.CFLAGS='-Os'"));
  REQUIRE(own.size() == 2);
  CHECK(own[0].flags == "-Os");
  CHECK(own[0].where.line == 5);
  CHECK(own[1].flags == "-O2");
  CHECK(flag_variables(config_of("use=['x']")).empty());
  CHECK(flag_variables(config_of("make_conf.CFLAGS='-O2 $COMMON_FLAGS'")).empty());
}

TEST_CASE("an option and its argument are one flag") {
  CHECK(single_flags(" -O2  --param l1-cache-size=32 -pipe -Xlinker --x -I") ==
        Strings{"-O2", "--param l1-cache-size=32", "-pipe", "-Xlinker --x", "-I"});
  CHECK(single_flags("-D -I x") == Strings{"-D -I", "x"});
  CHECK(single_flags("").empty());
}

TEST_CASE("a refusal is told in the compiler's words, with the nearest that it knows") {
  struct Row {
    std::string flag, messages, reason, suggestion;
  };
  for (const Row& row : {
           Row{"-march=zen6", kBadValue, "bad value ('zen6') for '-march=' switch", "znver3"},
           Row{"-march=skylak", kBadValue, "bad value ('zen6') for '-march=' switch", "skylake"},
           Row{"-march=???", kBadValue, "bad value ('zen6') for '-march=' switch", ""},
           Row{"-march=x86-64-v9",
               "cc1: error: bad value ('x86-64-v9') for '-march=' switch\n"
               "cc1: note: valid arguments to '-march=' switch are: a b; did you mean "
               "'x86-64-v3'?\n",
               "bad value ('x86-64-v9') for '-march=' switch", "x86-64-v3"},
           Row{"-mavx999",
               "gcc: error: unrecognized command-line option '-mavx999'; did you mean '-mavx'?\n",
               "unrecognized command-line option '-mavx999'", "-mavx"},
           Row{"-Wl,--foo",
               "/usr/bin/ld: unrecognized option '--foo'\n/usr/bin/ld: use the --help option for "
               "usage information\ncollect2: error: ld returned 1 exit status\n",
               "unrecognized option '--foo'", ""},
           Row{"-fuse-ld=mold",
               "collect2: fatal error: cannot find 'ld'\ncompilation terminated.\n",
               "cannot find 'ld'", ""},
           Row{"-x", "", "it says nothing", ""},
       }) {
    CAPTURE(row.flag);
    const Refusal refusal = read_refusal(row.messages, row.flag);
    CHECK(refusal.reason == row.reason);
    CHECK(refusal.suggestion == row.suggestion);
  }
}

TEST_CASE("what code needs is held against what the processor has") {
  const Strings needed =
      needed_features({"__SSE2__", "__LP64__", "__AVX512VL__", "__LZCNT__", "__AVX512F__"});
  CHECK(needed == Strings{"avx512f", "avx512vl", "abm", "sse2"});
  CHECK(lacking_features(needed, kCpuinfo) == Strings{"avx512f", "avx512vl"});
  CHECK(lacking_features(needed, "processor : 0\n").empty());  // tells nothing: nothing is said
}

TEST_CASE("the level of a processor is the highest whose features it has all of") {
  const std::string all = kCpuinfo;
  CHECK(feature_level(all) == "x86-64-v3");
  std::string less = all;
  less.replace(less.find(" movbe"), 6, "");
  CHECK(feature_level(less) == "x86-64-v2");
  std::string more = all;
  more.replace(more.find(" aes"), 4, " avx512f avx512bw avx512cd avx512dq avx512vl");
  CHECK(feature_level(more) == "x86-64-v4");
  CHECK(feature_level("flags : fpu sse2\n") == "");
}
