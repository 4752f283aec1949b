#include "chain_view.h"

#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "gbox/layer/flatten.h"
#include "gbox/sys/file.h"
#include "gbox/sys/interrupt.h"

namespace gbox::build {

namespace {

// Each costs an inode a directory and a name a file.
constexpr std::size_t kKept = 3;

using Key = std::vector<std::string>;

// All views of this process, in one directory of the store that nobody removes while it lives.
struct Views {
  std::mutex mutex;
  std::map<std::string, store::Work> places;  // by the store's path
  std::map<Key, std::weak_ptr<const ChainView>> known;
  std::list<std::shared_ptr<const ChainView>> last;  // the latest first
  unsigned count = 0;
};

Views& views() {
  static Views all;
  return all;
}

std::shared_ptr<const ChainView> merge(store::Store& store, const Key& snapshots, Views& all) {
  auto place = all.places.find(store.path());
  if (place == all.places.end())
    place = all.places.emplace(store.path(), store.begin_step("views of snapshots")).first;
  const std::string name = "view-" + std::to_string(all.count++);
  sys::mkdirat(place->second.fd(), name, 0700);
  auto view = std::make_shared<const ChainView>(place->second.path() + '/' + name, true);
  std::vector<sys::Fd> open;
  std::vector<int> layers;
  for (const std::string& id : snapshots) {
    open.push_back(sys::open(store.snapshot_path(id), O_RDONLY | O_DIRECTORY));
    layers.push_back(open.back().get());
  }
  (void)layer::flatten(layers, view->fd(), -1, [] { sys::check_interrupt(); });
  return view;
}

}  // namespace

ChainView::ChainView(std::string path, bool own)
    : path_(std::move(path)), own_(own), fd_(sys::open(path_, O_RDONLY | O_DIRECTORY)) {}

ChainView::~ChainView() {
  fd_.reset();
  if (!own_) return;
  try {
    sys::remove_tree(AT_FDCWD, path_);
  } catch (const std::exception&) {
    // Goes with the directory it lies in.
  }
}

std::shared_ptr<const ChainView> view_chain(store::Store& store,
                                            const std::vector<std::string>& snapshots) {
  Views& all = views();
  const std::lock_guard lock(all.mutex);
  Key key = snapshots;
  key.push_back(store.path());
  std::shared_ptr<const ChainView> view = all.known[key].lock();
  if (!view) {
    // The lowest layer hides nothing: alone it is what it shows.
    view = snapshots.size() == 1
               ? std::make_shared<const ChainView>(store.snapshot_path(snapshots.front()), false)
               : merge(store, snapshots, all);
    all.known[key] = view;
    std::erase_if(all.known, [](const auto& each) { return each.second.expired(); });
  }
  all.last.remove(view);
  all.last.push_front(view);
  if (all.last.size() > kKept) all.last.pop_back();
  return view;
}

}  // namespace gbox::build
