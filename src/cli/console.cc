#include "console.h"

#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace gbox::cli {

Console::Console(ProgressMode mode, Verbose verbose)
    : renderer_(make_renderer(mode, verbose, standard_terminal())) {}

void Console::result(std::string_view text) {
  renderer_->suspend();
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      if (errno == EPIPE) throw Interrupted(SIGPIPE);
      throw SysError(errno, "write to standard output");
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

void Console::result_line(std::string_view text) {
  result(std::string(text) + '\n');
}

}  // namespace gbox::cli
