#include "transfers.h"

#include <map>
#include <memory>

#include "gbox/base/text.h"
#include "gbox/sys/interrupt.h"

namespace gbox::build {

namespace {

// Several transfers run at once, a person watches one line: their sum.
class Sum {
 public:
  void add(const net::Progress& progress, Observer& observer) {
    parts_[std::string(progress.name)] = {progress.done, progress.total.value_or(0)};
    std::uint64_t done = 0;
    std::uint64_t total = 0;
    bool known = true;
    for (const auto& [name, part] : parts_) {
      done += part.first;
      total += part.second;
      known = known && part.second != 0;
    }
    const std::string what =
        parts_.size() == 1 ? parts_.begin()->first : std::to_string(parts_.size()) + " files";
    observer.progress("fetch " + what, done, known ? total : 0);
    if (known && done >= total) parts_.clear();
  }

 private:
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> parts_;
};

}  // namespace

void tell_of_transfers(net::Settings& settings, Observer& observer) {
  settings.warnings = &observer;
  settings.on_progress = [&observer, sum = std::make_shared<Sum>()](const net::Progress& progress) {
    sum->add(progress, observer);
  };
  settings.on_note = [&observer](std::string_view name, std::string_view text) {
    observer.fact("fetch", std::string(name) + ": " + std::string(text));
  };
}

net::Settings transfer_settings(const SourceOptions& sources, const sys::Fd& incoming,
                                Observer& observer) {
  net::Settings settings = net::Settings::from_environment();
  settings.extra_ca = sources.ca;
  net::check_extra_ca(settings);
  settings.partial_dirfd = incoming.get();
  settings.check_interrupt = [&observer] {
    sys::check_interrupt();
    observer.tick();
  };
  tell_of_transfers(settings, observer);
  return settings;
}

}  // namespace gbox::build
