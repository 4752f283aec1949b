#include "context.h"

#include <algorithm>
#include <tuple>

#include "gbox/base/text.h"
#include "gbox/spec/spec.h"

namespace gbox::spec {

namespace {

constexpr std::size_t kLongestShown = 80;  // characters of a value in a message
constexpr std::size_t kMaxExpanded = kMaxSpecBytes;

auto order_of(const SpecFault& fault) {
  return std::tie(fault.where.line, fault.where.column, fault.message, fault.where.file,
                  fault.hint);
}

void sort_faults(std::vector<SpecFault>& faults) {
  std::sort(faults.begin(), faults.end(),
            [](const SpecFault& a, const SpecFault& b) { return order_of(a) < order_of(b); });
  const auto same = [](const SpecFault& a, const SpecFault& b) {
    return order_of(a) == order_of(b);
  };
  faults.erase(std::unique(faults.begin(), faults.end(), same), faults.end());
}

}  // namespace

std::string shown(std::string_view value) {
  if (value.size() <= kLongestShown) return quoted(value);
  std::size_t end = kLongestShown;
  while (end > 0 && (static_cast<unsigned char>(value[end]) & 0xc0) == 0x80)
    --end;  // not within a character
  return quoted(std::string(value.substr(0, end)) + "…");
}

std::string suggestion(std::string_view word, const std::vector<std::string>& candidates,
                       std::string otherwise) {
  const std::string near = nearest(word, candidates);
  return near.empty() ? otherwise : "did you mean " + quoted(near) + '?';
}

void Context::fault(Location where, std::string message, std::string hint) {
  faults_.push_back({std::move(where), std::move(message), std::move(hint)});
}

void Context::warn(Location where, std::string message, std::string hint) {
  warnings_.push_back({std::move(where), std::move(message), std::move(hint)});
}

bool Context::accept(const Verdict& verdict, const Location& where, std::string_view key,
                     std::string_view value) {
  if (!verdict) return true;
  fault(where, quoted(key) + ": " + shown(value) + ' ' + verdict->message, verdict->hint);
  return false;
}

std::optional<std::string> Context::expand(std::string_view text, const Location& where) {
  std::string result;
  bool complete = true;
  for (std::size_t i = 0; i < text.size();) {
    if (text.substr(i).starts_with("$${")) {
      result += "${";
      i += 3;
      continue;
    }
    if (!text.substr(i).starts_with("${")) {
      result += text[i++];
      continue;
    }
    const std::size_t end = text.find('}', i);
    if (end == std::string_view::npos) {
      fault(where, "'${' is never closed", "write '$${' for a literal '${'");
      return std::nullopt;
    }
    const std::string name(text.substr(i + 2, end - i - 2));
    i = end + 1;
    if (spoiled_args_.contains(name)) {
      complete = false;
      continue;
    }
    const auto found = args_.find(name);
    if (found == args_.end()) {
      std::vector<std::string> names;
      for (const auto& [known, value] : args_) names.push_back(known);
      fault(where, "undefined arg " + shown(name),
            suggestion(name, names,
                       check_arg_name(name) ? "write '$${' for a literal '${'"
                                            : "define it in [args], or write '$${' for a "
                                              "literal '${'"));
      complete = false;
      continue;
    }
    result += found->second;
    // A short text that names a long arg often would otherwise fill the memory.
    if (result.size() > kMaxExpanded) {
      fault(where, "the text grows past " + human_size(kMaxExpanded) + " by its args");
      return std::nullopt;
    }
  }
  return complete ? std::optional(std::move(result)) : std::nullopt;
}

void Context::finish() {
  if (faults_.empty()) return;
  sort_faults(faults_);
  if (faults_.size() > kMaxFaults) {
    const std::size_t more = faults_.size() - kMaxFaults;
    faults_.resize(kMaxFaults);
    fault(nowhere(), "and " + std::to_string(more) + " more faults");
  }
  throw SpecError(std::move(faults_));
}

std::vector<SpecFault> Context::take_warnings() {
  sort_faults(warnings_);
  return std::move(warnings_);
}

}  // namespace gbox::spec
