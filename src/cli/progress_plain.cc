#include "progress_plain.h"

#include "cells.h"
#include "gbox/base/text.h"

namespace gbox::cli {

PlainRenderer::PlainRenderer(Terminal terminal, Verbose verbose, Quiet quiet)
    : TextRenderer(std::move(terminal), verbose), quiet_(quiet), last_line_(terminal_.now()) {}

void PlainRenderer::keep(std::string_view lines) {
  if (lines.empty()) return;
  terminal_.write(lines);
  last_line_ = terminal_.now();
}

void PlainRenderer::fact(std::string_view subject, std::string_view text) {
  if (quiet_ == Quiet::no) TextRenderer::fact(subject, text);
}

void PlainRenderer::plan(const std::vector<build::StepInfo>& steps, unsigned cached) {
  if (quiet_ == Quiet::no) TextRenderer::plan(steps, cached);
}

void PlainRenderer::step_started(const build::StepInfo& step) {
  TextRenderer::step_started(step);
  if (quiet_ == Quiet::yes) return;
  keep_verb("start", label(step) + (step.reason.empty() ? "" : "  (" + step.reason + ")"));
}

void PlainRenderer::step_output(const build::StepInfo& step, std::string_view line) {
  TextRenderer::step_output(step, line);
  tick();
}

void PlainRenderer::step_cached(const build::StepInfo& step) {
  if (quiet_ == Quiet::no) TextRenderer::step_cached(step);
}

void PlainRenderer::step_done(const build::StepInfo& step, double seconds) {
  if (quiet_ == Quiet::no) TextRenderer::step_done(step, seconds);
}

void PlainRenderer::tick() {
  const double now = terminal_.now();
  if (quiet_ == Quiet::yes || now - last_line_ < kHeartbeatSeconds) return;
  if (!waits_for_.empty()) {
    keep_verb("waiting", "for " + waits_for_);
  } else if (!running_.empty()) {
    for (const Running* one : shown())
      keep_verb("running", label(one->step) + "  " + human_duration(now - one->began) +
                               (one->tail.last_line().empty()
                                    ? ""
                                    : "  " + cut_to_cells(one->tail.last_line(), 100)));
  } else if (!activity_.empty()) {
    keep_verb(activity_, activity_amount());
  }
}

void PlainRenderer::progress(std::string_view activity, std::uint64_t done, std::uint64_t total) {
  TextRenderer::progress(activity, done, total);
  tick();
}

void PlainRenderer::waiting(std::string_view what_for) {
  const std::string before = waits_for_;
  TextRenderer::waiting(what_for);
  if (quiet_ == Quiet::no && waits_for_ != before && !waits_for_.empty())
    keep_verb("waiting", "for " + waits_for_);
  tick();
}

void PlainRenderer::build_done(const std::vector<build::OutputInfo>& outputs, double seconds) {
  if (quiet_ == Quiet::no) TextRenderer::build_done(outputs, seconds);
}

}  // namespace gbox::cli
