#include "error_text.h"

#include "cells.h"
#include "colours.h"
#include "gbox/base/faults.h"
#include "gbox/base/text.h"

namespace gbox::cli {

namespace {

constexpr std::string_view kYellow = "\x1b[1;33m";

void add_line(std::string& out, std::string_view word, std::string_view shade, Colour colour,
              std::string_view text) {
  out += "gbox: ";
  if (colour == Colour::yes) out += shade;
  out += word;
  out += ':';
  if (colour == Colour::yes) out += kReset;
  out += ' ';
  // Later lines of a message (an excerpt of a log) are set under the first.
  bool first = true;
  for (const std::string& line : split(text, '\n')) {
    if (!first) out += "  ";
    first = false;
    out += clean_line(line);
    out += '\n';
  }
}

void add_hints(std::string& out, Colour colour, std::string_view hint) {
  if (hint.empty()) return;
  for (const std::string& line : split(hint, '\n'))
    if (!line.empty()) add_line(out, "hint", kCyan, colour, line);
}

// Of an error that has several; nullptr for one that is one.
const std::vector<SpecFault>* faults_of(const Error& error) {
  if (const auto* spec = dynamic_cast<const SpecError*>(&error); spec != nullptr)
    return &spec->faults();
  if (const auto* several = dynamic_cast<const Faults*>(&error); several != nullptr)
    return &several->faults();
  return nullptr;
}

}  // namespace

std::string error_text(const Error& error, Colour colour) {
  std::string out;
  if (const auto* faults = faults_of(error); faults != nullptr && !faults->empty()) {
    for (const SpecFault& fault : *faults) {
      const std::string where = to_string(fault.where);
      add_line(out, "error", kRed, colour,
               where.empty() ? fault.message : where + ": " + fault.message);
      add_hints(out, colour, fault.hint);
    }
    add_hints(out, colour, error.hint());
    return out;
  }
  add_line(out, "error", kRed, colour, error.message());
  add_hints(out, colour, error.hint());
  return out;
}

std::string warning_text(const Warning& warning, Colour colour) {
  std::string out;
  add_line(out, "warning", kYellow, colour, warning.message);
  add_hints(out, colour, warning.hint);
  return out;
}

OrderedJson error_event(const Error& error) {
  OrderedJson event = {{"event", "error"},
                       {"message", error.message()},
                       {"hint", error.hint()},
                       {"code", exit_status(error)}};
  if (const auto* several = faults_of(error); several != nullptr) {
    OrderedJson faults = OrderedJson::array();
    for (const SpecFault& fault : *several)
      faults.push_back({{"file", fault.where.file},
                        {"line", fault.where.line},
                        {"column", fault.where.column},
                        {"message", fault.message},
                        {"hint", fault.hint}});
    event["faults"] = std::move(faults);
  }
  return event;
}

int exit_status(const Error& error) {
  if (const auto* interrupted = dynamic_cast<const Interrupted*>(&error); interrupted != nullptr)
    return 128 + interrupted->signal_number();
  return static_cast<int>(error.code());
}

}  // namespace gbox::cli
