// What a log of emerge tells about a failure. The log is the step's own output, so hostile: what
// is taken from it is only shown.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gbox::build {

struct FailedPackage {
  std::string cpv;    // "dev-lang/php-8.3.1"
  std::string phase;  // "compile"
};

// The first " * ERROR: CPV::REPOSITORY failed (PHASE phase):" among the log's last lines.
std::optional<FailedPackage> failed_package(const std::string& log_path);
std::optional<FailedPackage> failed_package_in(std::string_view log);

// The packages that emerge says it began to merge: ">>> Emerging (1 of 2) CPV::REPOSITORY", each
// once, in order.
std::vector<std::string> emerged_packages(const std::string& log_path);
std::vector<std::string> emerged_packages_in(std::string_view log);

// Whether a log that ended in failure tells of want of memory, and in which words: a compiler that
// was refused some, or one that was killed, when the kernel has killed something meanwhile
// (`kernel_killed`).
std::optional<std::string> out_of_memory(const std::string& log_path, bool kernel_killed);
std::optional<std::string> out_of_memory_in(std::string_view log, bool kernel_killed);

}  // namespace gbox::build
