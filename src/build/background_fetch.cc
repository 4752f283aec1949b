#include "background_fetch.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "gbox/base/text.h"
#include "gbox/sys/interrupt.h"
#include "transfers.h"

namespace gbox::build {

namespace {

struct Stopped {};  // thrown in the thread alone

}  // namespace

class BackgroundFetch::Mailbox : public Observer {
 public:
  void fact(std::string_view subject, std::string_view text) override {
    const std::lock_guard lock(mutex_);
    facts_.emplace_back(subject, text);
  }
  void warn(const Warning& warning) override {
    const std::lock_guard lock(mutex_);
    warnings_.push_back(warning);
  }
  void progress(std::string_view activity, std::uint64_t done, std::uint64_t total) override {
    const std::lock_guard lock(mutex_);
    activity_ = activity;
    done_ = done;
    total_ = total;
  }
  void plan(const std::vector<StepInfo>&, unsigned) override {}
  void step_started(const StepInfo&) override {}
  void step_output(const StepInfo&, std::string_view) override {}
  void step_cached(const StepInfo&) override {}
  void step_done(const StepInfo&, double) override {}
  void step_failed(const StepInfo&, double, std::string_view) override {}
  void tick() override {}
  void waiting(std::string_view) override {}
  void build_done(const std::vector<OutputInfo>&, double) override {}

  void hand_on(Observer& observer) {
    const std::lock_guard lock(mutex_);
    for (const auto& [subject, text] : facts_) observer.fact(subject, text);
    for (const Warning& warning : warnings_) observer.warn(warning);
    if (!activity_.empty()) observer.progress(activity_, done_, total_);
    facts_.clear();
    warnings_.clear();
    activity_.clear();
  }

 private:
  std::mutex mutex_;
  std::vector<std::pair<std::string, std::string>> facts_;
  std::vector<Warning> warnings_;
  std::string activity_;
  std::uint64_t done_ = 0;
  std::uint64_t total_ = 0;
};

BackgroundFetch::BackgroundFetch(DistfilePlaces places, net::Settings settings)
    : places_(std::move(places)),
      settings_(std::move(settings)),
      mailbox_(std::make_unique<Mailbox>()) {
  tell_of_transfers(settings_, *mailbox_);
  settings_.check_interrupt = [this] {
    if (stop_) throw Stopped();
    sys::check_interrupt();
  };
  thread_ = std::thread([this] { work(); });
}

BackgroundFetch::~BackgroundFetch() {
  stop_ = true;
  changed_.notify_all();
  thread_.join();
}

std::size_t BackgroundFetch::add(std::vector<NeededFile> files) {
  const std::lock_guard lock(mutex_);
  std::size_t count = 0;
  for (NeededFile& file : files) {
    const auto [known, made] = known_.try_emplace(file.file.name, file.file.digests);
    if (!made && known->second != file.file.digests)
      throw Error("fetch distfiles: two phases mean different files by " + quoted(file.file.name),
                  ExitCode::input);
    if (!made) continue;
    waiting_.push_back(std::move(file));
    ++count;
  }
  changed_.notify_all();
  return count;
}

bool BackgroundFetch::has(const std::vector<NeededFile>& files) const {
  const std::lock_guard lock(mutex_);
  return std::all_of(files.begin(), files.end(),
                     [&](const NeededFile& file) { return here_.contains(file.file.name); });
}

bool BackgroundFetch::is_idle() const {
  const std::lock_guard lock(mutex_);
  return (waiting_.empty() && !busy_) || fault_ != nullptr;
}

std::vector<MissingFile> BackgroundFetch::missing() const {
  const std::lock_guard lock(mutex_);
  return missing_;
}

std::size_t BackgroundFetch::asked_for() const {
  const std::lock_guard lock(mutex_);
  return known_.size();
}

void BackgroundFetch::tell(Observer& observer) {
  mailbox_->hand_on(observer);
  const std::lock_guard lock(mutex_);
  if (fault_) std::rethrow_exception(fault_);
}

void BackgroundFetch::work() {
  try {
    for (;;) {
      std::vector<NeededFile> files;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return stop_ || !waiting_.empty(); });
        if (stop_) return;
        files.assign(std::make_move_iterator(waiting_.begin()),
                     std::make_move_iterator(waiting_.end()));
        waiting_.clear();
        busy_ = true;
      }
      std::vector<MissingFile> missing =
          fetch_distfiles(files, places_, settings_, [this](const std::string& name) {
            const std::lock_guard lock(mutex_);
            here_.insert(name);
          });
      const std::lock_guard lock(mutex_);
      std::move(missing.begin(), missing.end(), std::back_inserter(missing_));
      std::sort(missing_.begin(), missing_.end(), [](const MissingFile& a, const MissingFile& b) {
        return a.file.name < b.file.name;
      });
      busy_ = false;
    }
  } catch (const Stopped&) {
    // As asked.
  } catch (...) {
    const std::lock_guard lock(mutex_);
    fault_ = std::current_exception();
  }
}

}  // namespace gbox::build
