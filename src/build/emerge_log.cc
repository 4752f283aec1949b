#include "emerge_log.h"

#include <algorithm>
#include <array>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/sys/fd.h"

namespace gbox::build {

namespace {

constexpr std::size_t kTailBytes = 1u << 20;  // Portage repeats the error at the end
constexpr std::size_t kMaxShownWords = 160;

// Without escape sequences of colour, which --color=n spares us but an ebuild may print.
std::string plain(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b' && i + 1 < text.size() && text[i + 1] == '[') {
      i += 2;
      while (i < text.size() && (text[i] < '@' || text[i] > '~')) ++i;
      continue;
    }
    result += text[i];
  }
  return result;
}

std::string tail_of(const std::string& log_path) {
  const sys::Fd fd = sys::open(log_path, O_RDONLY);
  const off_t size = sys::fstat(fd.get()).st_size;
  if (size > static_cast<off_t>(kTailBytes) &&
      ::lseek(fd.get(), size - static_cast<off_t>(kTailBytes), SEEK_SET) < 0)
    throw SysError(errno, "read " + quoted(log_path));
  std::string tail(kTailBytes, '\0');
  tail.resize(sys::read_full(fd.get(), std::as_writable_bytes(std::span(tail)), log_path));
  return tail;
}

}  // namespace

std::optional<FailedPackage> failed_package_in(std::string_view log) {
  const std::string text = plain(log);
  constexpr std::string_view kMark = " * ERROR: ";
  constexpr std::string_view kFailed = " failed (";
  for (std::size_t at = text.find(kMark); at != std::string::npos; at = text.find(kMark, at + 1)) {
    const std::size_t start = at + kMark.size();
    const std::size_t end = std::min(text.find('\n', start), text.size());
    const std::string_view line(text.data() + start, end - start);
    const std::size_t failed = line.find(kFailed);
    const std::size_t close =
        failed == std::string_view::npos ? std::string_view::npos : line.find(" phase)", failed);
    if (close == std::string_view::npos) continue;
    std::string_view cpv = line.substr(0, failed);
    cpv = cpv.substr(0, cpv.find("::"));
    const std::string_view phase =
        line.substr(failed + kFailed.size(), close - failed - kFailed.size());
    if (cpv.size() > 200 || phase.size() > 40 || cpv.find('/') == std::string_view::npos) continue;
    return FailedPackage{printable(cpv), printable(phase)};
  }
  return std::nullopt;
}

std::vector<std::string> emerged_packages_in(std::string_view log) {
  std::vector<std::string> packages;
  for (const std::string& line : split(plain(log), '\n')) {
    if (!line.starts_with(">>> Emerging ")) continue;  // also "Emerging binary (…"
    const std::size_t close = line.find(") ");
    if (close == std::string::npos) continue;
    std::string cpv = line.substr(close + 2);
    cpv = printable(cpv.substr(0, std::min(cpv.find("::"), cpv.find(' '))));
    if (std::find(packages.begin(), packages.end(), cpv) == packages.end())
      packages.push_back(std::move(cpv));
  }
  return packages;
}

std::optional<std::string> out_of_memory_in(std::string_view log, bool kernel_killed) {
  // As gcc, clang, ld, rustc, Python, Java and make say it.
  constexpr std::array kRefused = {"out of memory allocating",  "virtual memory exhausted",
                                   "LLVM ERROR: out of memory", "std::bad_alloc",
                                   "memory exhausted",          "ld: out of memory",
                                   "memory allocation of ",     "There is insufficient memory"};
  // The last but one is bash's, which pads it; the last is make's.
  constexpr std::array kKilled = {"Killed signal terminated program",
                                  "terminated with signal 9",
                                  "signal: 9, SIGKILL",
                                  "] Killed",
                                  ": Killed",
                                  " Killed     ",
                                  " Error 137"};
  const auto tells = [](const std::string& line, const auto& words) {
    return std::any_of(words.begin(), words.end(),
                       [&](const char* word) { return line.find(word) != std::string::npos; });
  };
  for (const std::string& line : split(plain(log), '\n'))
    if (tells(line, kRefused) || (kernel_killed && tells(line, kKilled)))
      return printable(trim(line)).substr(0, kMaxShownWords);
  return std::nullopt;
}

bool says_file_too_large_in(std::string_view log) {
  return log.find("File size limit exceeded") != std::string_view::npos ||
         log.find("File too large") != std::string_view::npos;
}

bool says_file_too_large(const std::string& log_path) {
  return says_file_too_large_in(tail_of(log_path));
}

bool says_no_process_in(std::string_view log) {
  return log.find("fork: Resource temporarily unavailable") != std::string_view::npos ||
         log.find("fork: retry: Resource temporarily") != std::string_view::npos ||
         log.find("Cannot fork") != std::string_view::npos ||
         log.find("can't start new thread") != std::string_view::npos;
}

bool says_no_process(const std::string& log_path) {
  return says_no_process_in(tail_of(log_path));
}

Lack lack_of_room_in(std::string_view log) {
  if (log.find("Disk quota exceeded") != std::string_view::npos) return Lack::quota;
  if (log.find("No space left on device") != std::string_view::npos) return Lack::space;
  return Lack::nothing;
}

Lack lack_of_room(const std::string& log_path) {
  return lack_of_room_in(tail_of(log_path));
}

bool says_not_permitted_in(std::string_view log) {
  return log.find("Operation not permitted") != std::string_view::npos ||
         log.find("Function not implemented") != std::string_view::npos;
}

std::optional<std::string> complaint_in(std::string_view log) {
  constexpr std::string_view kStart = "!!! gbox: ";
  std::optional<std::string> found;
  for (const std::string& line : split(log, '\n'))
    if (line.starts_with(kStart)) found = printable(trim(line.substr(kStart.size())));
  return found;
}

std::optional<std::string> complaint(const std::string& log_path) {
  return complaint_in(tail_of(log_path));
}

bool says_not_permitted(const std::string& log_path) {
  return says_not_permitted_in(tail_of(log_path));
}

std::optional<std::string> out_of_memory(const std::string& log_path, bool kernel_killed) {
  return out_of_memory_in(tail_of(log_path), kernel_killed);
}

std::vector<std::string> emerged_packages(const std::string& log_path) {
  return emerged_packages_in(tail_of(log_path));
}

std::optional<FailedPackage> failed_package(const std::string& log_path) {
  return failed_package_in(tail_of(log_path));
}

}  // namespace gbox::build
