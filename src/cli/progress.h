// Progress renderers: what a person, a log file or a program sees of a build while it runs. All
// write to standard error only. None of them changes a build, and all untrusted text (step
// output, names from outside) passes printable() or a JSON encoder before it is written.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "gbox/build/observer.h"

namespace gbox::cli {

enum class ProgressMode { automatic, tty, plain, json, none };
enum class Verbose { no, yes };  // yes: every line of step output is shown, behind its step's name

// An observer that can also end: with an error, or by being asked to get out of the way.
class Renderer : public build::Observer {
 public:
  // Leaves the terminal as found (no bar, cursor at column 1 of an empty line). Before handing
  // the terminal to another program, and before the process ends. Twice is harmless; drawing
  // starts again with the next event.
  virtual void suspend() = 0;
  // The last words of a failed command: "gbox: error: …" and its hint, or an event.
  virtual void error(const Error& error) = 0;
};

// Where a renderer writes and what it asks of the world; tests put strings and numbers here.
struct Terminal {
  std::function<void(std::string_view)> write;  // to standard error
  std::function<double()> now;                  // seconds, monotonic
  struct Size {
    unsigned columns = 80;
    unsigned rows = 24;
  };
  std::function<Size()> size;  // asked anew at each draw
  bool colour = false;
};

// Standard error of this process; a failed write is ignored, since there is nobody left to tell.
Terminal standard_terminal();

// What `automatic` becomes: tty on a terminal that can be drawn on, plain otherwise (no terminal,
// TERM=dumb or unset). A mode that was asked for by name is kept, in a pipe too.
ProgressMode resolve_mode(ProgressMode mode);

std::unique_ptr<Renderer> make_renderer(ProgressMode mode, Verbose verbose, Terminal terminal);

}  // namespace gbox::cli
