#include "progress_text.h"

#include <algorithm>

#include "cells.h"
#include "colours.h"
#include "gbox/base/text.h"

namespace gbox::cli {

namespace {

constexpr double kSpeedAfter = 1.0;  // seconds

}  // namespace

TextRenderer::TextRenderer(Terminal terminal, Verbose verbose)
    : terminal_(std::move(terminal)), verbose_(verbose) {}

std::string TextRenderer::shaded(std::string_view text, std::string_view shade) const {
  if (!terminal_.colour || shade.empty()) return std::string(text);
  return std::string(shade) + std::string(text) + std::string(kReset);
}

void TextRenderer::keep_verb(std::string_view verb, std::string_view text, std::string_view shade) {
  keep(shaded(padded(clean_line(verb), kVerbCells), shade) + ' ' + clean_line(text) + '\n');
}

std::string TextRenderer::label(const build::StepInfo& step) const {
  std::string text;
  if (step.total != 0)
    text = '[' + std::to_string(step.index) + '/' + std::to_string(step.total) + "] ";
  return text + clean_line(step.name);
}

std::string TextRenderer::activity_amount() const {
  if (activity_done_ == 0 && activity_total_ == 0) return {};  // nothing that is counted
  std::string text = human_size(activity_done_);
  if (activity_total_ != 0) text += " of " + human_size(activity_total_);
  const double seconds = terminal_.now() - activity_began_;
  const std::uint64_t since = activity_done_ - std::min(activity_first_, activity_done_);
  if (seconds < kSpeedAfter || since == 0) return text;  // too early to tell
  const double speed = static_cast<double>(since) / seconds;
  text += ", " + human_size(static_cast<std::uint64_t>(speed)) + "/s";
  if (activity_total_ > activity_done_)
    text += ", " + human_duration(static_cast<double>(activity_total_ - activity_done_) / speed) +
            " left";
  return text;
}

void TextRenderer::end_of_pause() {
  waits_for_.clear();
  activity_.clear();
}

// Shown with --progress none too: what is lost is a warning, in a line of its own kind.
void TextRenderer::level(const sys::Decision& decision) {
  if (decision.level == sys::Level::full) return;
  std::string text = std::string(to_string(decision.level)) + ": " + decision.reasons();
  if (const std::string lost = decision.lost(); !lost.empty()) text += "; lost: " + lost;
  if (const std::string more = decision.remedies(); !more.empty()) text += "; for more: " + more;
  keep_verb("level", text);
}

void TextRenderer::fact(std::string_view subject, std::string_view text) {
  end_of_pause();
  keep_verb(subject, text);
}

void TextRenderer::plan(const std::vector<build::StepInfo>& steps, unsigned cached) {
  end_of_pause();
  total_ = static_cast<unsigned>(steps.size());
  finished_ = 0;
  keep_verb("plan", counted(steps.size(), "step") + ": " + std::to_string(cached) + " cached, " +
                        std::to_string(steps.size() - cached) + " to run");
}

OutputTail& TextRenderer::tail_of(const build::StepInfo& step) {
  for (Running& one : running_)
    if (one.step.name == step.name) return one.tail;
  if (unannounced_.step.name != step.name) unannounced_ = {step, terminal_.now(), {}};
  return unannounced_.tail;
}

std::vector<const TextRenderer::Running*> TextRenderer::shown() const {
  const bool parts = std::any_of(running_.begin(), running_.end(),
                                 [](const Running& one) { return one.step.part; });
  std::vector<const Running*> result;
  for (const Running& one : running_)
    if (one.step.part == parts) result.push_back(&one);
  return result;
}

void TextRenderer::stop(const build::StepInfo& step) {
  std::erase_if(running_, [&](const Running& one) { return one.step.name == step.name; });
}

void TextRenderer::count_part(const build::StepInfo& step) {
  if (phase_ != step.phase) parts_done_ = 0;
  phase_ = step.phase;
  if (step.part) ++parts_done_;
}

void TextRenderer::step_started(const build::StepInfo& step) {
  end_of_pause();
  if (phase_ != step.phase) parts_done_ = 0;
  phase_ = step.phase;
  stop(step);
  running_.push_back({step, terminal_.now(), {}});
}

void TextRenderer::step_output(const build::StepInfo& step, std::string_view line) {
  tail_of(step).add(line);
  if (verbose_ == Verbose::yes) keep(clean_line(step.name) + " | " + clean_line(line) + '\n');
}

void TextRenderer::step_cached(const build::StepInfo& step) {
  end_of_pause();
  count_part(step);
  if (step.part) return;  // hundreds of them; the phase's plan has given their number
  ++finished_;
  keep_verb("cached", label(step));
}

void TextRenderer::step_done(const build::StepInfo& step, double seconds) {
  end_of_pause();
  count_part(step);
  stop(step);
  if (!step.part) ++finished_, ++ran_;
  keep_verb("done", label(step) + "  " + human_duration(seconds), kGreen);
}

void TextRenderer::step_failed(const build::StepInfo& step, double seconds,
                               std::string_view log_path) {
  end_of_pause();
  if (!step.part) ++finished_, ++ran_;
  const std::vector<std::string> excerpt = tail_of(step).excerpt();
  stop(step);
  keep_verb("failed", label(step) + "  after " + human_duration(seconds), kRed);
  if (verbose_ == Verbose::no) {  // with --verbose all of it has just gone by
    std::string lines;
    for (const std::string& line : excerpt) lines += "  " + line + '\n';
    keep(lines);
  }
  keep_verb("log", std::string(log_path) + "  (gbox log " + step.name + ")");
}

void TextRenderer::progress(std::string_view activity, std::uint64_t done, std::uint64_t total) {
  waits_for_.clear();
  const std::string name = clean_line(activity);
  if (name != activity_ || done < activity_done_) {
    activity_first_ = done;
    activity_began_ = terminal_.now();
  }
  activity_ = name;
  activity_done_ = done;
  activity_total_ = total;
  if (total != 0 && done >= total) activity_.clear();
}

void TextRenderer::waiting(std::string_view what_for) {
  waits_for_ = clean_line(what_for);
}

void TextRenderer::build_done(const std::vector<build::OutputInfo>& outputs, double seconds) {
  end_of_pause();
  for (const build::OutputInfo& output : outputs)
    keep_verb("image", output.target + "  " + counted(output.layers, "layer") + ", " +
                           human_size(output.size_bytes));
  keep_verb("finished",
            ran_ == 0 ? "nothing to run, in " + human_duration(seconds)
                      : counted(ran_, "step") + " run, in " + human_duration(seconds),
            kGreen);
}

void TextRenderer::warn(const Warning& warning) {
  if (!warned_.insert(warning.message).second) return;
  keep(warning_text(warning, colour()));
}

void TextRenderer::error(const Error& error) {
  running_.clear();  // nothing is left to show but this
  end_of_pause();
  suspend();
  keep(error_text(error, colour()));
}

}  // namespace gbox::cli
