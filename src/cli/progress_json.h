// Progress as events, one JSON object a line. What is said does not depend on --verbose: a
// program chooses what it shows. Fields and events may be added, none is removed; gbox(1) lists
// them.
#pragma once

#include <map>
#include <string>

#include "gbox/base/json.h"
#include "output_tail.h"
#include "progress.h"

namespace gbox::cli {

class JsonRenderer : public Renderer {
 public:
  static constexpr double kProgressInterval = 1;  // seconds between two events of one activity

  explicit JsonRenderer(Terminal terminal);

  void level(const sys::Decision& decision) override;
  void fact(std::string_view subject, std::string_view text) override;
  void plan(const std::vector<build::StepInfo>& steps, unsigned cached) override;
  void step_started(const build::StepInfo& step) override;
  void step_output(const build::StepInfo& step, std::string_view line) override;
  void step_cached(const build::StepInfo& step) override;
  void step_done(const build::StepInfo& step, double seconds) override;
  void step_failed(const build::StepInfo& step, double seconds, std::string_view log_path) override;
  void tick() override {}
  void progress(std::string_view activity, std::uint64_t done, std::uint64_t total) override;
  void waiting(std::string_view what_for) override;
  void build_done(const std::vector<build::OutputInfo>& outputs, double seconds) override;
  void warn(const Warning& warning) override;
  void error(const Error& error) override;
  void suspend() override {}

 private:
  void emit(const OrderedJson& event);

  Terminal terminal_;
  std::map<std::string, OutputTail> tails_;  // of what runs, by step
  std::string waits_for_;
  std::string activity_;
  std::uint64_t activity_done_ = 0;
  bool activity_ended_ = false;
  double last_progress_ = 0;
};

}  // namespace gbox::cli
