#include "gbox/sys/machine.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <vector>

#include "gbox/base/text.h"
#include "gbox/sys/file.h"

namespace gbox::sys {

namespace {

std::optional<std::uint64_t> number(std::string_view text) {
  const std::string_view digits = trim(text);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end == digits.data()) return std::nullopt;
  return value;
}

// This process' group of cgroup v2 (empty controller list) or of a controller of v1.
std::string group_of(std::string_view controller) {
  for (const std::string& line :
       split(try_read_file(AT_FDCWD, "/proc/self/cgroup").value_or(""), '\n')) {
    const std::vector<std::string> fields = split(line, ':');
    if (fields.size() < 3) continue;
    const std::vector<std::string> controllers = split(fields[1], ',');
    if (controller.empty()
            ? fields[1].empty()
            : std::find(controllers.begin(), controllers.end(), controller) != controllers.end())
      return fields[2] == "/" ? "" : fields[2];
  }
  return {};
}

// What `read` makes of `file` in the group and all groups above it that are seen.
template <typename Read>
void climb(const std::string& mount, std::string group, const std::string& file, Read read) {
  for (;;) {
    if (const auto text = try_read_file(AT_FDCWD, mount + group + '/' + file)) read(*text);
    if (group.empty()) return;
    group.erase(std::min(group.rfind('/'), group.size()));
  }
}

}  // namespace

std::optional<std::uint64_t> counter(std::string_view text, std::string_view name) {
  for (const std::string& line : split(text, '\n')) {
    if (!line.starts_with(name)) continue;
    std::string_view rest = std::string_view(line).substr(name.size());
    if (!rest.empty() && rest.front() == ':') rest.remove_prefix(1);
    if (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t')) return number(rest);
  }
  return std::nullopt;
}

unsigned usable_processors() {
  cpu_set_t cpus;
  unsigned count =
      ::sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? static_cast<unsigned>(CPU_COUNT(&cpus)) : 1;
  climb("/sys/fs/cgroup", group_of(""), "cpu.max", [&](const std::string& text) {
    const std::vector<std::string> words = split_words(trim(text));
    if (words.size() != 2) return;
    const auto quota = number(words[0]);
    const auto period = number(words[1]);
    if (quota && period && *period != 0)
      count = std::min(count, static_cast<unsigned>((*quota + *period - 1) / *period));
  });
  return std::max(1u, count);
}

std::optional<std::uint64_t> memory_limit() {
  std::optional<std::uint64_t> least;
  const auto take = [&](const std::string& text) {
    const auto bytes = number(text);
    // Version 1 says "none" by the largest number of pages there is.
    if (bytes && *bytes < (std::uint64_t{1} << 62))
      least = std::min(least.value_or(*bytes), *bytes);
  };
  climb("/sys/fs/cgroup", group_of(""), "memory.max", take);
  climb("/sys/fs/cgroup/memory", group_of("memory"), "memory.limit_in_bytes", take);
  return least;
}

std::uint64_t usable_memory() {
  const std::string text = try_read_file(AT_FDCWD, "/proc/meminfo").value_or("");
  const std::uint64_t available = counter(text, "MemAvailable").value_or(0) << 10;
  const auto limit = memory_limit();
  if (!limit) return available;
  return available == 0 ? *limit : std::min(available, *limit);
}

std::uint64_t out_of_memory_kills() {
  return counter(try_read_file(AT_FDCWD, "/proc/vmstat").value_or(""), "oom_kill").value_or(0);
}

}  // namespace gbox::sys
