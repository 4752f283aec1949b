// Progress as lines, for logs and CI: one a step begun, cached and ended, a sign of life each
// minute, the tail of the output when a step fails. `Quiet::yes` keeps warnings, failures and
// errors only (--progress none).
#pragma once

#include "progress_text.h"

namespace gbox::cli {

enum class Quiet { no, yes };

class PlainRenderer : public TextRenderer {
 public:
  static constexpr double kHeartbeatSeconds = 60;

  PlainRenderer(Terminal terminal, Verbose verbose, Quiet quiet);

  void fact(std::string_view subject, std::string_view text) override;
  void plan(const std::vector<build::StepInfo>& steps, unsigned cached) override;
  void step_started(const build::StepInfo& step) override;
  void step_output(const build::StepInfo& step, std::string_view line) override;
  void step_cached(const build::StepInfo& step) override;
  void step_done(const build::StepInfo& step, double seconds) override;
  void tick() override;
  void progress(std::string_view activity, std::uint64_t done, std::uint64_t total) override;
  void waiting(std::string_view what_for) override;
  void build_done(const std::vector<build::OutputInfo>& outputs, double seconds) override;
  void suspend() override {}

 protected:
  void keep(std::string_view lines) override;

 private:
  Quiet quiet_;
  double last_line_ = 0;  // when something was last written
};

}  // namespace gbox::cli
