#include "progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <ctime>

#include "progress_json.h"
#include "progress_live.h"
#include "progress_plain.h"
#include "store_path.h"

namespace gbox::cli {

namespace {

// Progress must never fail a build: a reader that went away or a full disk costs the lines only.
void write_to_standard_error(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

double monotonic_seconds() {
  timespec now{};
  (void)::clock_gettime(CLOCK_MONOTONIC, &now);  // cannot fail for this clock
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

Terminal::Size window_size() {
  Terminal::Size size;
  winsize window{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col != 0) {
    size.columns = window.ws_col;
    if (window.ws_row != 0) size.rows = window.ws_row;
  } else if (const long columns = std::strtol(environment("COLUMNS").c_str(), nullptr, 10);
             columns > 0 && columns < 1000) {
    size.columns = static_cast<unsigned>(columns);  // a bar that was asked for in a pipe
  }
  return size;
}

bool dumb_terminal() {
  return environment("TERM").empty() || environment("TERM") == "dumb";
}

bool use_colour() {
  if (!environment("NO_COLOR").empty()) return false;
  if (const std::string force = environment("CLICOLOR_FORCE"); !force.empty()) return force != "0";
  return ::isatty(STDERR_FILENO) == 1 && !dumb_terminal();
}

}  // namespace

Terminal standard_terminal() {
  return {write_to_standard_error, monotonic_seconds, window_size, use_colour()};
}

ProgressMode resolve_mode(ProgressMode mode) {
  if (mode != ProgressMode::automatic) return mode;
  const bool draws = ::isatty(STDERR_FILENO) == 1 && !dumb_terminal() && environment("CI").empty();
  return draws ? ProgressMode::tty : ProgressMode::plain;
}

std::unique_ptr<Renderer> make_renderer(ProgressMode mode, Verbose verbose, Terminal terminal) {
  switch (resolve_mode(mode)) {
    case ProgressMode::tty:
      return std::make_unique<LiveRenderer>(std::move(terminal), verbose);
    case ProgressMode::json:
      return std::make_unique<JsonRenderer>(std::move(terminal));
    case ProgressMode::none:
      return std::make_unique<PlainRenderer>(std::move(terminal), Verbose::no, Quiet::yes);
    case ProgressMode::automatic:
    case ProgressMode::plain:
      break;
  }
  return std::make_unique<PlainRenderer>(std::move(terminal), verbose, Quiet::no);
}

}  // namespace gbox::cli
