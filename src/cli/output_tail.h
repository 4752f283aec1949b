// What to show of a failed step's output: its last lines, and the lines around the first error
// when that lies further up. Keeps a bounded number of lines; the whole output is in the log.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace gbox::cli {

class OutputTail {
 public:
  static constexpr std::size_t kMostLines = 40;      // of an excerpt, as people can scroll
  static constexpr std::size_t kLongestLine = 2000;  // bytes; compiler command lines are longer

  void add(std::string_view line);  // untrusted; cleaned here
  void clear();
  // The lines to show, at most kMostLines and one that says how many were left out.
  [[nodiscard]] std::vector<std::string> excerpt() const;
  [[nodiscard]] const std::string& last_line() const noexcept { return last_; }  // not blank

 private:
  std::deque<std::string> recent_;   // the last kMostLines lines
  std::vector<std::string> around_;  // from a little before the first error on
  std::size_t count_ = 0;            // lines seen
  std::size_t around_start_ = 0;     // number of around_'s first line, counted from 0
  bool error_seen_ = false;
  std::string last_;
};

}  // namespace gbox::cli
