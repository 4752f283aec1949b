// How a failure is said: to a person ("gbox: error: …" and "gbox: hint: …", a line each), to a
// program (a JSON object), and to the shell (an exit status).
#pragma once

#include <string>
#include <string_view>

#include "gbox/base/error.h"
#include "gbox/base/json.h"

namespace gbox::cli {

enum class Colour { no, yes };

// One or more lines, each ended by a newline. A SpecError and Faults give one error line a fault,
// with the fault's hint behind it; a hint of several lines becomes several hint lines.
std::string error_text(const Error& error, Colour colour);
std::string warning_text(const Warning& warning, Colour colour);

// {"event": "error", "message", "hint", "code"}, for one with several faults with "faults".
OrderedJson error_event(const Error& error);

// ExitCode of the error, or 128 + signal number.
int exit_status(const Error& error);

}  // namespace gbox::cli
