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

// Whether a file of its met the limit on the size of files, as the C library and shells word it.
bool says_file_too_large(const std::string& log_path);
bool says_file_too_large_in(std::string_view log);

// Whether it could not start another process or thread.
bool says_no_process(const std::string& log_path);
bool says_no_process_in(std::string_view log);

// What a full file system or quota is called in it.
enum class Lack { nothing, space, quota };
Lack lack_of_room(const std::string& log_path);
Lack lack_of_room_in(std::string_view log);

// What gbox's own program in a ROOT (root_effects.h) said last of what it could not do.
std::optional<std::string> complaint(const std::string& log_path);
std::optional<std::string> complaint_in(std::string_view log);

// Whether it was refused something, as the C library words it: by the policy, perhaps.
bool says_not_permitted(const std::string& log_path);
bool says_not_permitted_in(std::string_view log);

}  // namespace gbox::build
