#include "gbox/spec/limits.h"

#include <array>
#include <charconv>
#include <limits>
#include <vector>

#include "checks.h"
#include "gbox/base/text.h"

namespace gbox::spec {

namespace {

enum class Unit { seconds, bytes, count };

struct LimitKind {
  std::string_view name;
  std::optional<Limit> Limits::*member;
  Unit unit;
};

constexpr std::array kKinds = {LimitKind{"time", &Limits::time, Unit::seconds},
                               LimitKind{"memory", &Limits::memory, Unit::bytes},
                               LimitKind{"processes", &Limits::processes, Unit::count},
                               LimitKind{"file_size", &Limits::file_size, Unit::bytes},
                               LimitKind{"disk", &Limits::disk, Unit::bytes}};

std::optional<std::uint64_t> parse_count(std::string_view text) {
  const auto value = whole_number<std::uint64_t>(text);
  return value == 0u ? std::nullopt : value;
}

std::optional<std::uint64_t> parse(Unit unit, std::string_view text) {
  switch (unit) {
    case Unit::seconds:
      return parse_seconds(text);
    case Unit::bytes:
      return parse_size(text);
    case Unit::count:
      break;
  }
  return parse_count(text);
}

std::string hint_of(Unit unit) {
  switch (unit) {
    case Unit::seconds:
      return "write a number and a unit, such as \"90s\", \"45m\" or \"2h\"";
    case Unit::bytes:
      return "write a number and a unit, such as \"512M\" or \"10G\"";
    case Unit::count:
      break;
  }
  return "write a number from 1 on";
}

}  // namespace

std::optional<std::uint64_t> parse_seconds(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || text.data() + text.size() - end != 1 || value == 0)
    return std::nullopt;
  const std::uint64_t unit = *end == 's'   ? 1
                             : *end == 'm' ? 60
                             : *end == 'h' ? 3600
                             : *end == 'd' ? 86400
                                           : 0;
  constexpr std::uint64_t kMost = std::uint64_t{10} * 365 * 86400;
  if (unit == 0 || value > kMost / unit) return std::nullopt;
  return value * unit;
}

Limits merged(const Limits& under, const Limits& over) {
  Limits result = under;
  for (const LimitKind& kind : kKinds)
    if (over.*kind.member) result.*kind.member = over.*kind.member;
  return result;
}

void set_limit(Limits& limits, std::string_view name, std::string_view text, Location where) {
  std::vector<std::string> names;
  for (const LimitKind& kind : kKinds) {
    names.emplace_back(kind.name);
    if (kind.name != name) continue;
    const auto value = parse(kind.unit, text);
    if (!value)
      throw Error(quoted(name) + ": " + quoted(text) + " is no such limit", ExitCode::usage)
          .set_hint(hint_of(kind.unit));
    limits.*kind.member = Limit{*value, std::string(text), std::move(where)};
    return;
  }
  const std::string near = nearest(name, names);
  throw Error("no limit is called " + quoted(name) + "; there are " + quoted_list(names),
              ExitCode::usage)
      .set_hint(near.empty() ? "" : "did you mean " + quoted(near) + "?");
}

}  // namespace gbox::spec
