#include "answer.h"

#include <chrono>

#include "capture.h"
#include "gbox/base/text.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/interrupt.h"
#include "gbox/sys/mount.h"
#include "image_command.h"
#include "lesser_proc.h"
#include "root.h"

namespace gbox::build {

namespace {

constexpr std::size_t kToldLines = 5;

// Thrown to end a sandbox that takes too long.
struct TooLong {};

// The last lines of what it said, under the message.
std::string excerpt(const Captured& captured) {
  std::vector<std::string> lines;
  for (const std::string* text : {&captured.output, &captured.messages})
    for (std::string& line : split(*text, '\n'))
      if (!trim(line).empty()) lines.push_back(std::move(line));
  std::string told;
  const std::size_t first = lines.size() > kToldLines ? lines.size() - kToldLines : 0;
  for (std::size_t i = first; i < lines.size(); ++i) told += '\n' + printable(lines[i]);
  return told;
}

}  // namespace

std::optional<Warning> answer_of(store::Store& store, const std::vector<std::string>& snapshots,
                                 const std::string& directory, const oci::ContainerConfig& config,
                                 const std::string& command, Observer& observer) {
  const store::Work work = store.begin_step("check image", snapshots.back());
  const StepRoot root(store, work, snapshots, sandbox::own_targets());
  sandbox::Settings settings;
  if (directory == "/") {
    settings.root = root.mount();
  } else {
    // Attached only to be opened below: what is bound stays.
    const sys::AttachedMount whole(root.mount(), root.scratch("tmp"));
    const sys::Fd fd = sys::open_beneath(whole.fd(), sys::normalized_relative(directory),
                                         O_PATH | O_DIRECTORY, sys::Resolve::in_root);
    settings.root = sys::open_tree(fd.get(), "", sys::Recursive::no);
  }
  settings.command = command_of_image(config, split_words(command), settings.root.get());
  const std::string asked = "check image: " + quoted(command);
  const auto start = std::chrono::steady_clock::now();
  const auto on_tick = [&] {
    sys::check_interrupt();
    observer.tick();
    if (std::chrono::steady_clock::now() - start > std::chrono::duration<double>(kAnswerSeconds))
      throw TooLong();
  };
  try {
    add_lesser_proc(settings, root);
    (void)sandbox::ensure_targets(settings);
    CaptureLimits limits;
    limits.output_bytes = 1u << 20;
    const Captured captured =
        run_captured(std::move(settings), sandbox::load_policy("run"), {}, limits, on_tick);
    if (captured.status.code == 0 && captured.status.signal == 0) return std::nullopt;
    return Warning{
        asked + " exits with " + std::to_string(captured.status.code) + excerpt(captured),
        "it must exit with 0; 'answer' of [output.check] names it"};
  } catch (const TooLong&) {
    return Warning{
        asked + " has not ended after " + std::to_string(static_cast<int>(kAnswerSeconds)) + " s",
        "name a command that ends by itself, such as one with '--version'"};
  } catch (const Interrupted&) {
    throw;
  } catch (const Error& error) {
    return Warning{asked + ": " + error.message(), error.hint()};
  }
}

}  // namespace gbox::build
