#include "find_step.h"

#include <algorithm>

#include "gbox/base/error.h"
#include "gbox/base/text.h"

namespace gbox::build {

namespace {

constexpr std::size_t kShortestKeyPrefix = 6;

}  // namespace

bool names_image(const std::string& text) {
  return text.starts_with("oci:") || text.starts_with("oci-archive:");
}

std::optional<store::Record> newest_of(const store::Store& store, const std::string& name,
                                       const std::string& spec) {
  if (auto record = store.latest_record_of(name, spec)) return record;
  std::optional<store::Record> newest;
  for (store::Record& record : store.records()) {
    if (!record.extra.is_object() || (!spec.empty() && record.spec != spec)) continue;
    const auto merged = record.extra.find("merged");
    if (merged != record.extra.end() && merged->is_array() &&
        std::find(merged->begin(), merged->end(), name) != merged->end() &&
        (!newest || record.created >= newest->created))
      newest = std::move(record);
  }
  return newest;
}

store::Record find_step(const store::Store& store, const std::string& name) {
  if (auto record = newest_of(store, name)) return std::move(*record);
  std::vector<store::Record> matches;
  std::vector<std::string> names;
  for (store::Record& record : store.records()) {
    if (name.size() >= kShortestKeyPrefix && record.key.starts_with(name))
      matches.push_back(record);
    names.push_back(record.step);
  }
  if (matches.size() == 1) return std::move(matches.front());
  if (matches.size() > 1)
    throw Error("the key " + quoted(name) + " fits " + std::to_string(matches.size()) + " steps",
                ExitCode::usage)
        .set_hint("give more of its digits: 'gbox cache ls' shows them");
  Error error("no finished step " + quoted(name) + " in the store", ExitCode::usage);
  const std::string near = nearest(name, names);
  throw error.set_hint(near.empty() ? "'gbox cache ls' shows what is there; an image is named "
                                      "'oci:DIR' or 'oci-archive:FILE'"
                                    : "did you mean " + quoted(near) + "?");
}

std::vector<std::string> chain_of(const store::Record& record) {
  std::vector<std::string> snapshots = record.parents;
  snapshots.push_back(record.snapshot);
  return snapshots;
}

}  // namespace gbox::build
