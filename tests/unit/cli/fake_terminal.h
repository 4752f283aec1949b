// A terminal for tests: collects what is written, with a clock and a size that tests set, and can
// play the control sequences to tell what a person would see.
#pragma once

#include <string>
#include <vector>

#include "gbox/base/text.h"
#include "progress.h"

struct FakeTerminal {
  std::string written;
  double now = 0;
  gbox::cli::Terminal::Size size{80, 24};

  gbox::cli::Terminal terminal(bool colour = false) {
    return {[this](std::string_view text) { written += text; }, [this] { return now; },
            [this] { return size; }, colour};
  }

  std::string take() { return std::exchange(written, {}); }

  // The screen's lines as left by everything written so far, by the few sequences we use: cursor
  // up, clear to end of line, clear below, carriage return, newline. One cell a character.
  [[nodiscard]] std::vector<std::string> screen() const {
    std::vector<std::u32string> lines(1);
    std::size_t row = 0;
    std::size_t column = 0;
    for (std::size_t i = 0; i < written.size();) {
      const auto byte = static_cast<unsigned char>(written[i]);
      if (byte == '\n') {
        if (++row == lines.size()) lines.emplace_back();
        column = 0;
        ++i;
      } else if (byte == '\r') {
        column = 0;
        ++i;
      } else if (byte == 0x1b) {
        std::size_t end = i + 2;
        while (end < written.size() && (written[end] < '@' || written[end] > '~')) ++end;
        const std::string parameter = written.substr(i + 2, end - i - 2);
        if (written[end] == 'A') row -= std::min<std::size_t>(row, std::stoul(parameter));
        if (written[end] == 'K') lines[row].resize(std::min(lines[row].size(), column));
        if (written[end] == 'J') {
          lines[row].resize(std::min(lines[row].size(), column));
          lines.resize(row + 1);
        }
        i = end + 1;
      } else {
        const std::size_t length = byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
        if (lines[row].size() <= column) lines[row].resize(column + 1, U' ');
        lines[row][column++] = length == 1 ? byte : U'#';
        i += length;
      }
    }
    std::vector<std::string> result;
    for (const std::u32string& line : lines) result.emplace_back(line.begin(), line.end());
    return result;
  }
};

inline gbox::build::StepInfo step(const std::string& name, unsigned index, unsigned total,
                                  const std::string& reason = "first build") {
  return {name, name, "0123abcd", reason, index, total};
}
