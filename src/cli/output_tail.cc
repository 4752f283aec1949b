#include "output_tail.h"

#include <algorithm>

#include "cells.h"

namespace gbox::cli {

namespace {

constexpr std::size_t kBeforeError = 4;  // what was being done when it went wrong
constexpr std::size_t kErrorLines = 20;

// Compilers, make ("*** [x] Error 2") and Portage (" * ERROR: …"); the text of a cause, not of
// every program that ever says "error".
bool looks_like_error(std::string_view line) {
  return line.find("error: ") != std::string_view::npos ||
         line.find("ERROR: ") != std::string_view::npos ||
         line.find("*** ") != std::string_view::npos;
}

}  // namespace

void OutputTail::add(std::string_view raw) {
  std::string line = clean_line(raw.substr(0, kLongestLine));
  if (raw.size() > kLongestLine) line += " …";
  while (!line.empty() && line.back() == ' ') line.pop_back();
  if (!line.empty()) last_ = line;
  if (!error_seen_ && looks_like_error(line)) {
    error_seen_ = true;
    const std::size_t before = std::min(kBeforeError, recent_.size());
    around_start_ = count_ - before;
    around_.assign(recent_.end() - static_cast<std::ptrdiff_t>(before), recent_.end());
  }
  if (error_seen_ && around_.size() < kErrorLines) around_.push_back(line);
  recent_.push_back(std::move(line));
  if (recent_.size() > kMostLines) recent_.pop_front();
  ++count_;
}

void OutputTail::clear() {
  *this = OutputTail();
}

std::vector<std::string> OutputTail::excerpt() const {
  const std::size_t recent_start = count_ - recent_.size();
  if (!error_seen_ || around_start_ >= recent_start) return {recent_.begin(), recent_.end()};
  // The first error lies above the last lines: show it, a gap, and half of what came last.
  std::vector<std::string> lines = around_;
  const std::size_t around_end = around_start_ + around_.size();
  const std::size_t rest_start =
      std::max(around_end, count_ - std::min(recent_.size(), kMostLines - kErrorLines));
  if (rest_start > around_end)
    lines.push_back("… " + std::to_string(rest_start - around_end) + " lines …");
  for (std::size_t i = rest_start; i < count_; ++i) lines.push_back(recent_[i - recent_start]);
  return lines;
}

}  // namespace gbox::cli
