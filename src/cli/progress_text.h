// What the plain and the live renderer share: the lines that stay, a verb in a column of its own
// and what it speaks of behind it. A subclass decides where these lines go and what it shows
// between them.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "error_text.h"
#include "output_tail.h"
#include "progress.h"

namespace gbox::cli {

class TextRenderer : public Renderer {
 public:
  TextRenderer(Terminal terminal, Verbose verbose);

  void level(const sys::Decision& decision) override;
  void fact(std::string_view subject, std::string_view text) override;
  void plan(const std::vector<build::StepInfo>& steps, unsigned cached) override;
  void step_started(const build::StepInfo& step) override;
  void step_output(const build::StepInfo& step, std::string_view line) override;
  void step_cached(const build::StepInfo& step) override;
  void step_done(const build::StepInfo& step, double seconds) override;
  void step_failed(const build::StepInfo& step, double seconds, std::string_view log_path) override;
  void progress(std::string_view activity, std::uint64_t done, std::uint64_t total) override;
  void waiting(std::string_view what_for) override;
  void build_done(const std::vector<build::OutputInfo>& outputs, double seconds) override;
  void warn(const Warning& warning) override;
  void error(const Error& error) override;

 protected:
  static constexpr std::size_t kVerbCells = 8;

  // Whole lines, each ended by a newline, that stay on the terminal or in the log file.
  virtual void keep(std::string_view lines) = 0;

  void keep_verb(std::string_view verb, std::string_view text, std::string_view shade = {});
  [[nodiscard]] std::string label(const build::StepInfo& step) const;  // "[2/3] php"
  [[nodiscard]] std::string shaded(std::string_view text, std::string_view shade) const;
  [[nodiscard]] Colour colour() const { return terminal_.colour ? Colour::yes : Colour::no; }
  // "120.0 MiB of 300.0 MiB, 8.0 MiB/s, 22 s left"; what is unknown is left out.
  [[nodiscard]] std::string activity_amount() const;

  struct Running {
    build::StepInfo step;
    double began = 0;
    OutputTail tail;
  };

  // What to show: of a phase that is merged package by package, the packages.
  [[nodiscard]] std::vector<const Running*> shown() const;

  Terminal terminal_;
  Verbose verbose_;
  std::vector<Running> running_;  // in the order they began
  unsigned parts_done_ = 0;       // of the phase that runs
  std::string activity_;          // "" when none goes on
  std::uint64_t activity_done_ = 0;
  std::uint64_t activity_total_ = 0;
  std::uint64_t activity_first_ = 0;  // done when it began: what an earlier run had already
  double activity_began_ = 0;
  std::string waits_for_;  // "" when nothing is waited for
  unsigned finished_ = 0;  // steps cached, done or failed
  unsigned ran_ = 0;
  unsigned total_ = 0;

 private:
  void end_of_pause();
  OutputTail& tail_of(const build::StepInfo& step);
  void stop(const build::StepInfo& step);
  void count_part(const build::StepInfo& step);

  std::string phase_;             // whose parts are counted
  Running unannounced_;           // what prints without having been announced, as merging does
  std::set<std::string> warned_;  // a warning is worth saying once
};

}  // namespace gbox::cli
