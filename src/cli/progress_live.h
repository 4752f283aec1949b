// Progress on a terminal: what is settled scrolls up as lines that stay; below them a region of
// at most a third of the rows shows what runs now. The cursor rests at the start of the empty
// line under the region, so that a kill at any instant leaves a usable prompt; no alternate
// screen, no hidden cursor, nothing to restore.
#pragma once

#include <string>
#include <vector>

#include "progress_text.h"

namespace gbox::cli {

class LiveRenderer : public TextRenderer {
 public:
  static constexpr double kDrawInterval = 0.1;  // seconds; ten frames a second are enough to read

  LiveRenderer(Terminal terminal, Verbose verbose);
  ~LiveRenderer() override;

  void step_started(const build::StepInfo& step) override;
  void step_output(const build::StepInfo& step, std::string_view line) override;
  void tick() override;
  void progress(std::string_view activity, std::uint64_t done, std::uint64_t total) override;
  void waiting(std::string_view what_for) override;
  void build_done(const std::vector<build::OutputInfo>& outputs, double seconds) override;
  void suspend() override;

 protected:
  void keep(std::string_view lines) override;

 private:
  void draw();
  void draw_when_due();
  [[nodiscard]] std::vector<std::string> region(Terminal::Size size) const;
  [[nodiscard]] std::string gauge(std::string_view name, std::uint64_t done, std::uint64_t total,
                                  std::string_view tail, unsigned columns) const;
  // The sequence that moves the cursor to the first line of what was drawn last.
  [[nodiscard]] std::string to_top(unsigned columns) const;

  std::vector<std::size_t> drawn_;  // cells of each line of the region on the screen
  unsigned drawn_columns_ = 0;      // how wide the terminal was then
  double last_draw_ = -1;
};

}  // namespace gbox::cli
