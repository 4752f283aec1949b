// What x86 code needs and what a processor has, as sets of the kernel's names.
#include <algorithm>
#include <array>
#include <set>

#include "compiler_check.h"
#include "cpu.h"
#include "gbox/base/text.h"

namespace gbox::build {

namespace {

struct Feature {
  std::string_view macro;   // of gcc and clang
  std::string_view kernel;  // in /proc/cpuinfo
};
// Left out are those that neither a compiler uses unasked nor sources by macro (clwb, rdpid, sgx,
// …): hypervisors hide them, and nothing fails for it.
constexpr std::array<Feature, 47> kFeatures = {{
    {"__AVX512F__", "avx512f"},
    {"__AVX512BW__", "avx512bw"},
    {"__AVX512CD__", "avx512cd"},
    {"__AVX512DQ__", "avx512dq"},
    {"__AVX512VL__", "avx512vl"},
    {"__AVX512IFMA__", "avx512ifma"},
    {"__AVX512VBMI__", "avx512vbmi"},
    {"__AVX512VBMI2__", "avx512_vbmi2"},
    {"__AVX512VNNI__", "avx512_vnni"},
    {"__AVX512BITALG__", "avx512_bitalg"},
    {"__AVX512VPOPCNTDQ__", "avx512_vpopcntdq"},
    {"__AVX512BF16__", "avx512_bf16"},
    {"__AVX512FP16__", "avx512_fp16"},
    {"__AVX512VP2INTERSECT__", "avx512_vp2intersect"},
    {"__AVX512ER__", "avx512er"},
    {"__AVX512PF__", "avx512pf"},
    {"__AMX_TILE__", "amx_tile"},
    {"__AMX_INT8__", "amx_int8"},
    {"__AMX_BF16__", "amx_bf16"},
    {"__AVX2__", "avx2"},
    {"__AVX__", "avx"},
    {"__AVXVNNI__", "avx_vnni"},
    {"__AVXIFMA__", "avx_ifma"},
    {"__FMA__", "fma"},
    {"__FMA4__", "fma4"},
    {"__XOP__", "xop"},
    {"__TBM__", "tbm"},
    {"__F16C__", "f16c"},
    {"__BMI__", "bmi1"},
    {"__BMI2__", "bmi2"},
    {"__LZCNT__", "abm"},
    {"__POPCNT__", "popcnt"},
    {"__MOVBE__", "movbe"},
    {"__SSE4_2__", "sse4_2"},
    {"__SSE4_1__", "sse4_1"},
    {"__SSE4A__", "sse4a"},
    {"__SSSE3__", "ssse3"},
    {"__SSE3__", "pni"},
    {"__SSE2__", "sse2"},
    {"__AES__", "aes"},
    {"__VAES__", "vaes"},
    {"__PCLMUL__", "pclmulqdq"},
    {"__VPCLMULQDQ__", "vpclmulqdq"},
    {"__GFNI__", "gfni"},
    {"__SHA__", "sha_ni"},
    {"__RDRND__", "rdrand"},
    {"__RDSEED__", "rdseed"},
}};

// x86-64 psABI, "Micro-Architecture Levels", in the kernel's names (osxsave is not told there).
constexpr std::array<std::string_view, 7> kLevel2 = {"cx16",   "lahf_lm", "popcnt", "pni",
                                                     "sse4_1", "sse4_2",  "ssse3"};
constexpr std::array<std::string_view, 9> kLevel3 = {"avx", "avx2", "bmi1",  "bmi2", "f16c",
                                                     "fma", "abm",  "movbe", "xsave"};
constexpr std::array<std::string_view, 5> kLevel4 = {"avx512f", "avx512bw", "avx512cd", "avx512dq",
                                                     "avx512vl"};

}  // namespace

std::vector<std::string> needed_features(const std::vector<std::string>& macros) {
  std::vector<std::string> needed;
  for (const Feature& feature : kFeatures)
    if (std::find(macros.begin(), macros.end(), feature.macro) != macros.end())
      needed.emplace_back(feature.kernel);
  return needed;
}

std::vector<std::string> lacking_features(const std::vector<std::string>& needed,
                                          std::string_view cpuinfo) {
  const auto features = features_of(cpuinfo);
  std::vector<std::string> lacking;
  if (features.empty()) return lacking;
  for (const std::string& name : needed)
    if (!features.contains(name)) lacking.push_back(name);
  return lacking;
}

std::string feature_level(std::string_view cpuinfo) {
  const auto features = features_of(cpuinfo);
  const auto has = [&](const auto& level) {
    return std::all_of(level.begin(), level.end(),
                       [&](std::string_view name) { return features.contains(name); });
  };
  if (!has(kLevel2)) return "";
  if (!has(kLevel3)) return "x86-64-v2";
  return has(kLevel4) ? "x86-64-v4" : "x86-64-v3";
}

}  // namespace gbox::build
