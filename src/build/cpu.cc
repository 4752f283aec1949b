#include "cpu.h"

#include <algorithm>
#include <array>
#include <set>

#include "capture.h"
#include "gbox/base/text.h"
#include "gbox/portage/command.h"
#include "gbox/sys/file.h"
#include "root.h"

namespace gbox::build {

namespace {

constexpr std::string_view kNative = "native";
constexpr std::size_t kMaxCpuinfoBytes = 16u << 20;  // some KiB a processor

// make.conf's variables that hold flags of a compiler.
constexpr std::array<std::string_view, 6> kFlagVariables = {"COMMON_FLAGS", "CFLAGS", "CXXFLAGS",
                                                            "FCFLAGS",      "FFLAGS", "LDFLAGS"};

bool is_native(std::string_view flag) {
  return flag == "-march=native" || flag == "-mcpu=native" || flag == "-mtune=native";
}

bool holds_native(std::string_view flags) {
  const std::vector<std::string> words = split_words(flags);
  return std::any_of(words.begin(), words.end(), [](const auto& word) { return is_native(word); });
}

std::string replaced(const std::string& flags, const std::string& march) {
  std::vector<std::string> words;
  bool done = false;
  for (const std::string& word : split_words(flags)) {
    if (!is_native(word)) words.push_back(word);
    if (is_native(word) && !done) words.push_back(march);
    done = done || is_native(word);
  }
  return join(words, " ");
}

// One word of gcc's -### output: quoted where its shell would need it.
std::vector<std::string> driver_words(std::string_view line) {
  std::vector<std::string> words;
  for (std::string word : split_words(line)) {
    std::erase(word, '"');
    words.push_back(std::move(word));
  }
  return words;
}

// Words that choose a processor: -march, -mtune, -mcpu, each instruction set, cache sizes.
bool is_machine_flag(std::string_view word) {
  return word.starts_with("-m") && word != "-m" && word.size() < 64 &&
         word.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=.+,") ==
             std::string_view::npos;
}

bool is_parameter(std::string_view word) {
  return word.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_=") ==
             std::string_view::npos &&
         word.find("cache") != std::string_view::npos;
}

// What Gentoo calls otherwise than the kernel does.
struct Renamed {
  std::string_view kernel;
  std::string_view gentoo;
};
constexpr std::array<Renamed, 6> kX86Renamed = {{{"fma", "fma3"},
                                                 {"pni", "sse3"},
                                                 {"pclmulqdq", "pclmul"},
                                                 {"sha_ni", "sha"},
                                                 {"sse", "mmxext"},
                                                 {"phe", "padlock"}}};
constexpr std::array<std::string_view, 44> kX86Flags = {"3dnow",
                                                        "3dnowext",
                                                        "aes",
                                                        "amx_bf16",
                                                        "amx_int8",
                                                        "amx_tile",
                                                        "avx",
                                                        "avx2",
                                                        "avx512_4fmaps",
                                                        "avx512_4vnniw",
                                                        "avx512_bf16",
                                                        "avx512_bitalg",
                                                        "avx512_fp16",
                                                        "avx512_vbmi2",
                                                        "avx512_vnni",
                                                        "avx512_vp2intersect",
                                                        "avx512_vpopcntdq",
                                                        "avx512bw",
                                                        "avx512cd",
                                                        "avx512dq",
                                                        "avx512er",
                                                        "avx512f",
                                                        "avx512ifma",
                                                        "avx512pf",
                                                        "avx512vbmi",
                                                        "avx512vl",
                                                        "avx_vnni",
                                                        "bmi1",
                                                        "bmi2",
                                                        "f16c",
                                                        "fma4",
                                                        "mmx",
                                                        "mmxext",
                                                        "popcnt",
                                                        "rdrand",
                                                        "sse",
                                                        "sse2",
                                                        "sse4_1",
                                                        "sse4_2",
                                                        "sse4a",
                                                        "ssse3",
                                                        "vaes",
                                                        "vpclmulqdq",
                                                        "xop"};
// A 64-bit ARM has all of these; the kernel says only what came later.
constexpr std::array<std::string_view, 13> kArm64Always = {
    "edsp", "neon", "thumb", "thumb2",  "v4",    "v5",   "v6",
    "v7",   "v8",   "vfp",   "vfp-d32", "vfpv3", "vfpv4"};
constexpr std::array<std::string_view, 9> kArm64Flags = {
    "aes", "asimddp", "asimdhp", "bf16", "crc32", "i8mm", "sha1", "sha2", "sve"};

std::string ask_compiler(store::Store& store, const std::vector<std::string>& snapshots,
                         Observer& observer) {
  const store::Work work = store.begin_step("ask", snapshots.back());
  const StepRoot root(store, work, snapshots, sandbox::own_targets());
  sandbox::Settings settings;
  settings.root = root.mount();
  settings.command.argv = {"/bin/sh", "-c",
                           "export LC_ALL=C; exec \"$(command -v gcc || command -v cc)\" "
                           "-march=native -E -'###' -x c /dev/null"};
  settings.command.environment = portage::base_environment();
  (void)sandbox::ensure_targets(settings);
  CaptureLimits limits;
  limits.output_bytes = 1u << 20;
  const Captured answer = run_captured(std::move(settings), sandbox::load_policy("run"), {}, limits,
                                       [&] { observer.tick(); });
  if (answer.status.code != 0)
    throw Error("resolve '-march=native': the base's compiler ended with " +
                    std::to_string(answer.status.code) + ": " +
                    printable(trim(answer.messages)).substr(0, 300),
                ExitCode::input)
        .set_hint("name the processor in 'common_flags', such as '-march=x86-64-v3'");
  return answer.messages;
}

}  // namespace

std::string read_cpuinfo() {
  return sys::read_file("/proc/cpuinfo", kMaxCpuinfoBytes);
}

std::set<std::string, std::less<>> features_of(std::string_view cpuinfo) {
  for (const std::string& line : split(cpuinfo, '\n'))
    if (line.starts_with("flags") || line.starts_with("Features")) {
      const std::vector<std::string> words = split_words(line.substr(line.find(':') + 1));
      return {words.begin(), words.end()};
    }
  return {};
}

bool wants_native(const spec::PortageConfig& config) {
  return !native_wish(config).empty();
}

std::string native_wish(const spec::PortageConfig& config) {
  bool march = holds_native(config.common_flags);
  for (const std::string_view name : kFlagVariables)
    if (const auto found = config.make_conf.find(std::string(name));
        found != config.make_conf.end())
      march = march || holds_native(found->second);
  for (const spec::EnvFile& file : config.env)
    for (const auto& [name, value] : file.variables) march = march || holds_native(value);
  const bool flags = config.cpu_flags.size() == 1 && config.cpu_flags.front().value == kNative;
  if (march && flags) return "march and cpu_flags";
  if (march) return "march";
  return flags ? "cpu_flags" : "";
}

std::string march_of(std::string_view driver_output) {
  // The line that runs the compiler proper.
  for (const std::string& line : split(driver_output, '\n')) {
    if (line.find("/cc1") == std::string::npos) continue;
    std::vector<std::string> flags;
    const std::vector<std::string> words = driver_words(line);
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (is_machine_flag(words[i])) flags.push_back(words[i]);
      if (words[i] == "--param" && i + 1 < words.size() && is_parameter(words[i + 1])) {
        flags.push_back("--param=" + words[i + 1]);
      } else if (words[i].starts_with("--param=") && is_parameter(words[i].substr(8))) {
        flags.push_back(words[i]);
      }
    }
    const bool named = std::any_of(flags.begin(), flags.end(), [](const std::string& flag) {
      return (flag.starts_with("-march=") || flag.starts_with("-mcpu=")) && !is_native(flag);
    });
    std::erase_if(flags, is_native);
    if (named) return join(flags, " ");
  }
  throw Error("resolve '-march=native': the base's compiler names no processor", ExitCode::input)
      .set_hint("name the processor in 'common_flags', such as '-march=x86-64-v3'");
}

std::string cpu_flags_variable(std::string_view machine) {
  if (machine == "x86_64" || (machine.size() == 4 && machine.ends_with("86")))
    return "CPU_FLAGS_X86";
  if (machine == "aarch64" || machine.starts_with("arm")) return "CPU_FLAGS_ARM";
  if (machine.starts_with("ppc")) return "CPU_FLAGS_PPC";
  return "";
}

std::vector<std::string> cpu_flags_of(std::string_view cpuinfo, std::string_view machine) {
  const auto features = features_of(cpuinfo);
  std::set<std::string> flags;
  const auto take = [&](const auto& known) {
    for (const std::string_view flag : known)
      if (features.contains(std::string(flag))) flags.emplace(flag);
  };
  if (cpu_flags_variable(machine) == "CPU_FLAGS_X86") {
    take(kX86Flags);
    for (const Renamed& renamed : kX86Renamed)
      if (features.contains(std::string(renamed.kernel))) flags.emplace(renamed.gentoo);
  } else if (machine == "aarch64") {
    take(kArm64Flags);
    flags.insert(kArm64Always.begin(), kArm64Always.end());
  }
  return {flags.begin(), flags.end()};
}

spec::LockedCpu resolve_native(const spec::PortageConfig& config, const std::string& machine,
                               store::Store& store, const std::vector<std::string>& snapshots,
                               Observer& observer) {
  spec::LockedCpu cpu;
  cpu.machine = machine;
  cpu.wish = native_wish(config);
  if (cpu.wish.starts_with("march")) cpu.march = march_of(ask_compiler(store, snapshots, observer));
  if (cpu.wish.ends_with("cpu_flags")) cpu.flags = cpu_flags_of(read_cpuinfo(), machine);
  return cpu;
}

void apply_native(spec::PortageConfig& config, const spec::LockedCpu* cpu,
                  std::string_view machine) {
  if (cpu != nullptr && !cpu->march.empty()) {
    config.common_flags = replaced(config.common_flags, cpu->march);
    for (auto& [name, value] : config.make_conf)
      if (holds_native(value)) value = replaced(value, cpu->march);
    for (spec::EnvFile& file : config.env)
      for (auto& [name, value] : file.variables)
        if (holds_native(value)) value = replaced(value, cpu->march);
  }
  if (config.cpu_flags.empty()) return;
  std::vector<std::string> flags = spec::values_of(config.cpu_flags);
  if (flags.front() == kNative) flags = cpu == nullptr ? std::vector<std::string>{} : cpu->flags;
  const std::string variable = cpu_flags_variable(machine);
  if (variable.empty())
    throw SpecError(
        {{config.cpu_flags.front().where,
          "'cpu_flags': Gentoo has no CPU_FLAGS for " + quoted(machine), "leave 'cpu_flags' out"}});
  config.make_conf[variable] = join(flags, " ");
  config.make_conf_where[variable] = config.cpu_flags.front().where;
  config.cpu_flags.clear();
}

}  // namespace gbox::build
