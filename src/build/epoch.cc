#include "epoch.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <ctime>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/layer/changes.h"
#include "gbox/sys/fd.h"
#include "gbox/sys/interrupt.h"

namespace gbox::build {

namespace {

constexpr char kTimeMemo[] = "newest-time-1";

std::optional<int> digits(const std::string& text, std::size_t at, std::size_t count) {
  int value = 0;
  const char* const begin = text.data() + at;
  const auto [end, error] = std::from_chars(begin, begin + count, value);
  if (error != std::errc() || end != begin + count || value < 0) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::int64_t> environment_epoch() {
  const char* text = std::getenv("SOURCE_DATE_EPOCH");
  if (text == nullptr || *text == '\0') return std::nullopt;
  const auto value = whole_number<std::int64_t>(text);
  if (!value || *value < 0)
    throw Error("'SOURCE_DATE_EPOCH' is " + quoted(text) + ", not a number of seconds",
                ExitCode::usage);
  return value;
}

std::optional<std::int64_t> time_of_stamp(const std::string& stamp) {
  const bool has_time = stamp.size() == 16 && stamp[8] == 'T' && stamp[15] == 'Z';
  if (stamp.size() != 8 && !has_time) return std::nullopt;
  const auto year = digits(stamp, 0, 4), month = digits(stamp, 4, 2), day = digits(stamp, 6, 2);
  if (!year || !month || !day) return std::nullopt;
  std::tm time{};
  time.tm_year = *year - 1900;
  time.tm_mon = *month - 1;
  time.tm_mday = *day;
  if (has_time) {
    const auto hour = digits(stamp, 9, 2), minute = digits(stamp, 11, 2),
               second = digits(stamp, 13, 2);
    if (!hour || !minute || !second) return std::nullopt;
    time.tm_hour = *hour;
    time.tm_min = *minute;
    time.tm_sec = *second;
  }
  return ::timegm(&time);
}

std::optional<std::int64_t> input_epoch(const Inputs& inputs) {
  if (inputs.spec.output.source_date_epoch) return inputs.spec.output.source_date_epoch;
  std::optional<std::int64_t> newest;
  const auto add = [&](const std::string& stamp) {
    if (const auto time = time_of_stamp(stamp)) newest = std::max(newest.value_or(0), *time);
  };
  if (inputs.lock.base) add(inputs.lock.base->stamp);
  for (const auto& [name, repository] : inputs.lock.repositories) add(repository.date);
  return newest;
}

std::int64_t base_epoch(store::Store& store, const std::string& snapshot) {
  if (const auto known = store.find_memo(kTimeMemo, snapshot))
    if (const auto value = whole_number<std::int64_t>(*known)) return *value;
  const sys::Fd root = sys::open(store.snapshot_path(snapshot), O_RDONLY | O_DIRECTORY);
  layer::ScanOptions options;
  options.kind = layer::TreeKind::upper;  // as a layer of an image, it may hide others
  options.check_interrupt = [] { sys::check_interrupt(); };
  std::int64_t newest = 0;
  for (const layer::Entry& entry : layer::scan_tree(root.get(), options).entries)
    // Unpacking sets a directory's time last, but whoever puts something into it changes it.
    if (entry.kind != layer::EntryKind::directory)
      newest = std::max<std::int64_t>(newest, entry.status.st_mtim.tv_sec);
  store.put_memo(kTimeMemo, snapshot, std::to_string(newest));
  return newest;
}

void warn_of_future(std::int64_t epoch, WarningSink& warnings) {
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  if (epoch > now)
    warnings.warn({"the image's time, " + std::to_string(epoch) +
                       ", lies in the future: files keep the times at which they were made, and "
                       "another build will give another image",
                   "choose an earlier SOURCE_DATE_EPOCH, or 'source_date_epoch' in [output]"});
}

}  // namespace gbox::build
