// What a command may say, and where: results on standard output, everything else through the
// progress renderer on standard error. main makes one Console and hands it to the command.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "gbox/build/observer.h"
#include "progress.h"

namespace gbox::cli {

class Console {
 public:
  Console(ProgressMode mode, Verbose verbose);

  // The renderer chosen by --progress. Errors go through it too, so that a bar is cleared before
  // the error is printed and a stream of JSON events stays one.
  [[nodiscard]] Renderer& progress() noexcept { return *renderer_; }

  // Writes to standard output, as given; result_line adds the newline. Throws Error when it
  // cannot be written: a script that reads our results must not see success for half of them.
  // A reader that went away (gbox log | head) is Interrupted(SIGPIPE), which main ends on in
  // silence.
  void result(std::string_view text);
  void result_line(std::string_view text);

 private:
  std::unique_ptr<Renderer> renderer_;
};

}  // namespace gbox::cli
