// Why two builds of the same thing gave a file different bytes, told from the bytes alone: a table
// of rules, the first that fits wins. A guess, for a person to start from. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gbox::content {

// What a build may have left in a file.
struct BuildMarks {
  std::int64_t begin = 0;  // seconds of the epoch
  std::int64_t end = 0;
  std::vector<std::string> host_names;
  std::vector<std::string> paths;
};

// In a few words, such as "the time of the build is in it". `path` is relative to the root; both
// contents may be cut at the same length.
std::string cause_of_difference(std::string_view path, std::string_view first,
                                std::string_view second, const BuildMarks& first_marks,
                                const BuildMarks& second_marks);

}  // namespace gbox::content
