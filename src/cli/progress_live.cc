#include "progress_live.h"

#include <algorithm>

#include "cells.h"
#include "colours.h"
#include "gbox/base/text.h"

namespace gbox::cli {

namespace {

constexpr std::string_view kClearToEnd = "\x1b[K";
constexpr std::string_view kClearBelow = "\x1b[J";
constexpr std::size_t kWidestBar = 32;
constexpr std::size_t kNarrowestBar = 8;
constexpr std::size_t kWidestName = 24;

std::string bar(std::size_t cells, std::uint64_t done, std::uint64_t total) {
  const double part =
      total == 0 ? 0 : std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  const auto full = static_cast<std::size_t>(part * static_cast<double>(cells) + 0.5);
  std::string text;
  for (std::size_t i = 0; i < cells; ++i) text += i < full ? "■" : "□";
  return text;
}

}  // namespace

LiveRenderer::LiveRenderer(Terminal terminal, Verbose verbose)
    : TextRenderer(std::move(terminal), verbose) {}

LiveRenderer::~LiveRenderer() {
  try {
    suspend();
  } catch (...) {
    // No memory for a dozen bytes: the bar stays on the screen, which harms nothing.
  }
}

// "php      ■■■■■□□□□□  1/3  0:52": the bar takes what the rest leaves, or goes.
std::string LiveRenderer::gauge(std::string_view name, std::uint64_t done, std::uint64_t total,
                                std::string_view tail, unsigned columns) const {
  const std::size_t cells = columns > 1 ? columns - 1 : 1;
  const std::string head = padded(cut_to_cells(name, kWidestName), kVerbCells) + ' ';
  const std::size_t taken = cell_width(head) + 2 + cell_width(tail);
  if (total == 0 || taken + kNarrowestBar > cells)
    return cut_to_cells(head + std::string(tail), cells);
  const std::size_t bar_cells = std::min(kWidestBar, cells - taken);
  return head + shaded(bar(bar_cells, done, total), kCyan) + "  " + std::string(tail);
}

std::vector<std::string> LiveRenderer::region(Terminal::Size size) const {
  std::vector<std::string> lines;
  const std::size_t cells = size.columns > 1 ? size.columns - 1 : 1;
  const std::string indent(kVerbCells + 1, ' ');
  const double now = terminal_.now();
  if (const std::vector<const Running*> running = shown(); !running.empty()) {
    const build::StepInfo& first = running.front()->step;
    const unsigned done = first.part ? parts_done_ : finished_;
    const unsigned total = first.part ? first.total : total_;
    const bool alone = running.size() == 1;
    const std::string tail =
        (total == 0 ? std::string() : std::to_string(done) + '/' + std::to_string(total) + "  ") +
        (alone ? human_duration(now - running.front()->began)
               : std::to_string(running.size()) + " at once");
    lines.push_back(
        gauge(clean_line(alone ? first.name : first.phase), done, total, tail, size.columns));
    for (const Running* one : running) {
      std::string line = one->tail.last_line();
      if (!alone)
        line = clean_line(one->step.name) + "  " + human_duration(now - one->began) +
               (line.empty() ? "" : "  " + line);
      if (!line.empty()) lines.push_back(cut_to_cells(indent + line, cells));
    }
  }
  if (!waits_for_.empty())
    lines.push_back(cut_to_cells(padded("waiting", kVerbCells) + " for " + waits_for_, cells));
  if (!activity_.empty())
    lines.push_back(
        gauge(activity_, activity_done_, activity_total_, activity_amount(), size.columns));
  lines.resize(std::min<std::size_t>(lines.size(), std::max(1u, size.rows / 3)));
  return lines;
}

// Counts rows, not lines: when the terminal became narrower it has wrapped what we drew.
std::string LiveRenderer::to_top(unsigned columns) const {
  std::size_t rows = 0;
  for (const std::size_t cells : drawn_)
    rows += std::max<std::size_t>(1, (cells + columns - 1) / std::max(1u, columns));
  if (rows == 0) return {};
  return "\x1b[" + std::to_string(rows) + 'A';
}

void LiveRenderer::draw() {
  const Terminal::Size size = terminal_.size();
  const std::vector<std::string> lines = region(size);
  if (lines.empty() && drawn_.empty()) return;
  std::string frame = to_top(size.columns);
  if (!frame.empty()) frame += '\r';
  // Rows that the terminal has wrapped stay marked so when they are only written over, and a later
  // widening would join them: erase them as a whole.
  if (size.columns != drawn_columns_) frame += kClearBelow;
  drawn_columns_ = size.columns;
  drawn_.clear();
  for (const std::string& line : lines) {
    frame += line;
    frame += kClearToEnd;
    frame += '\n';
    drawn_.push_back(cell_width(terminal_.colour ? clean_line(line) : line));
  }
  frame += kClearBelow;
  terminal_.write(frame);
  last_draw_ = terminal_.now();
}

void LiveRenderer::draw_when_due() {
  if (last_draw_ < 0 || terminal_.now() - last_draw_ >= kDrawInterval) draw();
}

void LiveRenderer::keep(std::string_view lines) {
  const Terminal::Size size = terminal_.size();
  std::string frame = to_top(size.columns);
  if (!frame.empty()) {
    frame += '\r';
    frame += kClearBelow;
  }
  frame += lines;
  drawn_.clear();
  terminal_.write(frame);
  // With --verbose thousands of lines may pass a second: the region returns when a frame is due.
  draw_when_due();
}

void LiveRenderer::suspend() {
  if (drawn_.empty()) return;
  terminal_.write(to_top(terminal_.size().columns) + '\r' + std::string(kClearBelow));
  drawn_.clear();
  last_draw_ = -1;
}

void LiveRenderer::step_started(const build::StepInfo& step) {
  TextRenderer::step_started(step);
  draw();
}

void LiveRenderer::step_output(const build::StepInfo& step, std::string_view line) {
  TextRenderer::step_output(step, line);
  draw_when_due();
}

void LiveRenderer::tick() {
  draw_when_due();
}

void LiveRenderer::progress(std::string_view activity, std::uint64_t done, std::uint64_t total) {
  TextRenderer::progress(activity, done, total);
  draw_when_due();
}

void LiveRenderer::waiting(std::string_view what_for) {
  TextRenderer::waiting(what_for);
  draw_when_due();
}

void LiveRenderer::build_done(const std::vector<build::OutputInfo>& outputs, double seconds) {
  running_.clear();
  TextRenderer::build_done(outputs, seconds);
  suspend();
}

}  // namespace gbox::cli
