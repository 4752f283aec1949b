#include "gbox/base/error.h"

#include <csignal>
#include <cstring>

namespace gbox {

namespace {

std::string errno_text(int error_number) {
  char buffer[128];
  return strerror_r(error_number, buffer, sizeof buffer);
}

std::string all_faults(const std::vector<SpecFault>& faults) {
  std::string text;
  for (const SpecFault& fault : faults) {
    if (!text.empty()) text += '\n';
    text += to_string(fault.where) + ": " + fault.message;
  }
  return text;
}

const char* signal_name(int signal_number) {
  switch (signal_number) {
    case SIGINT:
      return "interrupted";
    case SIGTERM:
      return "terminated";
    case SIGHUP:
      return "hung up";
    default:
      return "stopped by a signal";
  }
}

}  // namespace

SysError::SysError(int error_number, std::string_view deed, ExitCode code)
    : Error(std::string(deed) + ": " + errno_text(error_number), code),
      error_number_(error_number) {}

Interrupted::Interrupted(int signal_number)
    : Error(signal_name(signal_number)), signal_number_(signal_number) {}

std::string to_string(const Location& location) {
  std::string text = location.file;
  if (location.line != 0) {
    text += ':' + std::to_string(location.line);
    if (location.column != 0) text += ':' + std::to_string(location.column);
  }
  return text;
}

SpecError::SpecError(std::vector<SpecFault> faults)
    : Error(all_faults(faults), ExitCode::usage), faults_(std::move(faults)) {}

}  // namespace gbox
