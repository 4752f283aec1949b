#include "capture.h"

#include <poll.h>
#include <sys/mman.h>

#include <array>
#include <cerrno>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/sys/interrupt.h"

namespace gbox::build {

namespace {

// Sealed: the sandbox reads it, and whatever it does to it reaches nobody.
sys::Fd sealed_file(std::string_view text) {
  sys::Fd file(::memfd_create("gbox-input", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file) throw SysError(errno, "memfd_create 'gbox-input'");
  sys::write_all(file.get(), text, "the question's input");
  if (::lseek(file.get(), 0, SEEK_SET) != 0) throw SysError(errno, "lseek 'gbox-input'");
  constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  if (::fcntl(file.get(), F_ADD_SEALS, kSeals) != 0)
    throw SysError(errno, "fcntl F_ADD_SEALS 'gbox-input'");
  return file;
}

// One end of a pipe, read until its end into a text that may be full.
struct Stream {
  sys::Fd end;
  std::string text;
  std::size_t limit;
  bool overflow = false;

  void read() {
    std::array<char, 65536> buffer;
    const ssize_t count = ::read(end.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) return;
    if (count < 0) throw SysError(errno, "read what the image answers");
    if (count == 0) end.reset();
    const std::size_t size = static_cast<std::size_t>(count);
    const std::size_t room = limit - text.size();
    text.append(buffer.data(), std::min(size, room));
    if (size > room) overflow = true;
  }
};

}  // namespace

Captured run_captured(sandbox::Settings settings, const sandbox::Policy& policy,
                      std::string_view input, const CaptureLimits& limits,
                      const std::function<void()>& on_tick) {
  const sys::Fd standard_input = sealed_file(input);
  sys::Pipe output = sys::pipe();
  sys::Pipe messages = sys::pipe();
  sandbox::Sandbox box = sandbox::Sandbox::start(
      std::move(settings), policy,
      sandbox::Pipes{standard_input.get(), output.write.get(), messages.write.get()});
  output.write.reset();
  messages.write.reset();
  std::array<Stream, 2> streams = {Stream{std::move(output.read), {}, limits.output_bytes},
                                   Stream{std::move(messages.read), {}, limits.messages_bytes}};
  while (streams[0].end || streams[1].end) {
    // poll(2) passes over descriptors below 0.
    std::array<pollfd, 3> watched = {pollfd{streams[0].end.get(), POLLIN, 0},
                                     pollfd{streams[1].end.get(), POLLIN, 0},
                                     pollfd{sys::interrupt_fd(), POLLIN, 0}};
    if (::poll(watched.data(), watched.size(), 100) < 0 && errno != EINTR)
      throw SysError(errno, "watch what the image answers");
    sys::check_interrupt();  // the sandbox's destructor kills it on the way out
    if (on_tick) on_tick();
    for (std::size_t i = 0; i < streams.size(); ++i)
      if (watched[i].revents != 0) streams[i].read();
    if (streams[0].overflow)
      throw Error("the image answers with more than " + human_size(limits.output_bytes),
                  ExitCode::plan);
  }
  Captured captured;
  captured.status = box.wait();
  captured.output = std::move(streams[0].text);
  captured.messages = std::move(streams[1].text);
  return captured;
}

}  // namespace gbox::build
