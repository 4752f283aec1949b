#include "progress_json.h"

#include <cmath>

#include "error_text.h"
#include "gbox/base/text.h"

namespace gbox::cli {

namespace {

OrderedJson with_step(std::string_view event, const build::StepInfo& step) {
  return {{"event", event},
          {"step", step.name},
          {"phase", step.phase},
          {"index", step.index},
          {"total", step.total}};
}

double milliseconds(double seconds) {
  return std::round(seconds * 1000) / 1000;
}

}  // namespace

JsonRenderer::JsonRenderer(Terminal terminal) : terminal_(std::move(terminal)) {}

void JsonRenderer::emit(const OrderedJson& event) {
  // Names and output may hold any bytes; broken UTF-8 must not end the stream with an exception.
  terminal_.write(event.dump(-1, ' ', false, OrderedJson::error_handler_t::replace) + '\n');
}

void JsonRenderer::level(const sys::Decision& decision) {
  OrderedJson lacks = OrderedJson::array();
  for (const sys::Check& check : decision.lacks)
    lacks.push_back({{"name", check.name},
                     {"reason", check.reason},
                     {"lost", check.lost},
                     {"remedy", check.remedy}});
  emit({{"event", "level"},
        {"level", to_string(decision.level)},
        {"ids", to_string(decision.means.ids)},
        {"proc", to_string(decision.means.proc)},
        {"storage", to_string(decision.means.storage)},
        {"lacks", std::move(lacks)}});
}

void JsonRenderer::fact(std::string_view subject, std::string_view text) {
  emit({{"event", "fact"}, {"subject", subject}, {"text", text}});
}

void JsonRenderer::plan(const std::vector<build::StepInfo>& steps, unsigned cached) {
  OrderedJson list = OrderedJson::array();
  for (const build::StepInfo& step : steps)
    list.push_back(
        {{"step", step.name}, {"phase", step.phase}, {"key", step.key}, {"reason", step.reason}});
  emit({{"event", "plan"}, {"steps", std::move(list)}, {"cached", cached}});
}

void JsonRenderer::step_started(const build::StepInfo& step) {
  tails_.erase(step.name);
  OrderedJson event = with_step("step-start", step);
  event["key"] = step.key;
  event["reason"] = step.reason;
  emit(event);
}

void JsonRenderer::step_output(const build::StepInfo& step, std::string_view line) {
  tails_[step.name].add(line);
  emit({{"event", "output"}, {"step", step.name}, {"line", printable(line)}});
}

void JsonRenderer::step_cached(const build::StepInfo& step) {
  OrderedJson event = with_step("step-cached", step);
  event["key"] = step.key;
  emit(event);
}

void JsonRenderer::step_done(const build::StepInfo& step, double seconds) {
  OrderedJson event = with_step("step-done", step);
  event["seconds"] = milliseconds(seconds);
  tails_.erase(step.name);
  emit(event);
}

void JsonRenderer::step_failed(const build::StepInfo& step, double seconds,
                               std::string_view log_path) {
  OrderedJson event = with_step("step-failed", step);
  event["seconds"] = milliseconds(seconds);
  event["log"] = log_path;
  event["tail"] = tails_[step.name].excerpt();
  tails_.erase(step.name);
  emit(event);
}

void JsonRenderer::progress(std::string_view activity, std::uint64_t done, std::uint64_t total) {
  const bool ends = total != 0 && done >= total;
  const double now = terminal_.now();
  const bool goes_on = activity == activity_ && done >= activity_done_;
  // Its end is said once, though what reads ahead reports it again and again.
  if (goes_on && (activity_ended_ || (!ends && now - last_progress_ < kProgressInterval))) return;
  activity_ = activity;
  activity_done_ = done;
  activity_ended_ = ends;
  last_progress_ = now;
  emit({{"event", "progress"}, {"activity", activity}, {"done", done}, {"total", total}});
}

void JsonRenderer::waiting(std::string_view what_for) {
  if (what_for == waits_for_) return;  // called again and again while it lasts
  waits_for_ = what_for;
  emit({{"event", "waiting"}, {"for", what_for}});
}

void JsonRenderer::build_done(const std::vector<build::OutputInfo>& outputs, double seconds) {
  OrderedJson list = OrderedJson::array();
  for (const build::OutputInfo& output : outputs)
    list.push_back({{"target", output.target},
                    {"digest", output.digest},
                    {"layers", output.layers},
                    {"size", output.size_bytes}});
  emit({{"event", "build-done"}, {"seconds", milliseconds(seconds)}, {"outputs", std::move(list)}});
}

void JsonRenderer::warn(const Warning& warning) {
  emit({{"event", "warning"}, {"message", warning.message}, {"hint", warning.hint}});
}

void JsonRenderer::error(const Error& error) {
  emit(error_event(error));
}

}  // namespace gbox::cli
