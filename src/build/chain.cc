#include "chain.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "gbox/base/json.h"
#include "gbox/layer/flatten.h"
#include "gbox/plan/plan.h"
#include "gbox/sys/interrupt.h"
#include "root.h"

namespace gbox::build {

namespace {

// Layers that become one. With eight, 600 packages are mounted as some two dozen layers.
constexpr std::size_t kFanOut = 8;

}  // namespace

store::Record flatten_layers(const StepContext& context, const std::vector<std::string>& parents,
                             const std::vector<std::string>& layers, store::Record record) {
  const auto start = std::chrono::steady_clock::now();
  store::Work work = context.store.begin_step(record.step, layers.back());
  std::vector<sys::Fd> open;
  std::vector<int> fds;
  for (const std::string& id : layers) {
    open.push_back(sys::open(context.store.snapshot_path(id), O_RDONLY | O_DIRECTORY));
    fds.push_back(open.back().get());
  }
  const std::optional<MountedChain> below =
      parents.empty() ? std::nullopt : std::optional(mount_chain(context.store, parents));
  (void)layer::flatten(fds, work.fs_fd(), below ? below->get() : -1, [&] {
    sys::check_interrupt();
    context.observer.tick();
  });
  record.parents = parents;
  record.made_of = layers;
  record.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return context.store.publish(std::move(work), std::move(record));
}

Chain::Chain(const StepContext& context, std::string phase, std::vector<std::string> parents,
             std::string key)
    : context_(context),
      phase_(std::move(phase)),
      parents_(std::move(parents)),
      key_(std::move(key)),
      levels_(1) {}

std::vector<std::string> Chain::below(std::size_t level) const {
  std::vector<std::string> all = parents_;
  for (std::size_t i = levels_.size(); i-- > level;)
    for (const Layer& layer : levels_[i]) all.push_back(layer.snapshot);
  return all;
}

std::vector<std::string> Chain::snapshots() const {
  return below(0);
}

std::vector<std::string> Chain::own() const {
  std::vector<std::string> all = snapshots();
  all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(parents_.size()));
  return all;
}

void Chain::push(const store::Record& record, const std::string& key) {
  key_ = key;
  if (!record.log.empty()) add_log(record.log);
  levels_.front().push_back({record.snapshot, key});
  for (std::size_t level = 0; level < levels_.size(); ++level)
    if (levels_[level].size() >= kFanOut) shrink(level);
}

void Chain::shrink(std::size_t level) {
  if (level + 1 == levels_.size()) levels_.emplace_back();
  const std::vector<std::string> parents = below(level + 1);
  std::vector<std::string> layers;
  for (const Layer& layer : levels_[level]) layers.push_back(layer.snapshot);
  const std::string top = levels_[level].back().key;
  store::Record record;
  record.parts = Json::array({Json::array({"kind", "checkpoint"}), Json::array({"top", top}),
                              Json::array({"level", level})});
  record.key = plan::key_of(record.parts);
  auto found = context_.store.find_record(record.key, parents);
  // The layers it was made of may have been made again since, upon the same parents.
  if (found && found->extra != Json(layers)) {
    context_.store.forget_record(record.key);
    found.reset();
  }
  if (!found) {
    record.spec = context_.inputs.spec.name;
    record.step = phase_ + "/@checkpoint";
    record.phase = phase_;
    record.kind = "checkpoint";
    record.extra = layers;
    found = flatten_layers(context_, parents, layers, std::move(record));
  }
  levels_[level].clear();
  levels_[level + 1].push_back({found->snapshot, top});
}

}  // namespace gbox::build
