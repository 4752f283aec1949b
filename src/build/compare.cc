#include "gbox/build/compare.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <memory>
#include <set>
#include <span>

#include "compare.h"
#include "gbox/base/text.h"
#include "gbox/content/owners.h"
#include "gbox/layer/changes.h"
#include "gbox/oci/reader.h"
#include "gbox/store/store.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/fd.h"
#include "gbox/sys/idmap.h"
#include "gbox/sys/interrupt.h"
#include "gbox/sys/userns.h"
#include "import.h"
#include "root.h"
#include "waiting.h"

namespace gbox::build {

namespace {

using layer::Entry;
using layer::EntryKind;

constexpr std::size_t kReadBytes = 1u << 20;
// What a cause is looked for in: more of a file tells no more.
constexpr std::size_t kMaxCauseBytes = 32u << 20;

// One of the two, unpacked and listed.
struct Side {
  oci::LayoutReader reader;
  oci::Image image;
  std::unique_ptr<MountedChain> mount;
  layer::ChangeList list;
  content::Owners owners;
  std::map<std::string, const Entry*> entries;  // by path
};

std::unique_ptr<Side> open_side(store::Store& store, const std::string& place, Observer& observer) {
  oci::LayoutReader reader(oci::parse_source(place));
  oci::Image image = reader.pick();
  auto side = std::make_unique<Side>(Side{std::move(reader), std::move(image), {}, {}, {}, {}});
  const std::vector<std::string> chain = import_layers(store, side->reader, side->image, observer);
  side->mount = std::make_unique<MountedChain>(mount_chain(store, chain));
  layer::ScanOptions options;
  options.kind = layer::TreeKind::plain;
  options.check_interrupt = [] { sys::check_interrupt(); };
  side->list = layer::scan_tree(side->mount->get(), options);
  side->owners = content::Owners::read(side->mount->get());
  for (const Entry& entry : side->list.entries) side->entries[entry.path] = &entry;
  return side;
}

ImageSummary summary_of(const Side& side, const std::string& place) {
  ImageSummary summary;
  summary.place = place;
  summary.digest = side.image.descriptor.digest.to_string();
  summary.compressed_bytes = side.image.manifest.config.size;
  for (const oci::Descriptor& each : side.image.manifest.layers)
    summary.compressed_bytes += each.size;
  summary.content_bytes = side.list.content_bytes;
  summary.files = side.list.entries.size();
  summary.packages = side.owners.packages().size();
  summary.layers = side.image.manifest.layers.size();
  return summary;
}

// --- packages ---

std::set<std::string> flags_of(const content::InstalledPackage& package) {
  const content::Component component = content::component_of(package);
  return {component.use.begin(), component.use.end()};
}

using ByName = std::map<std::string, const content::InstalledPackage*>;

ByName by_name(const content::Owners& owners) {
  ByName names;
  for (const content::InstalledPackage& package : owners.packages()) {
    const std::string& slot = package.field("SLOT");
    const std::string main = slot.substr(0, slot.find('/'));
    names[package.package() + (main.empty() || main == "0" ? "" : ":" + main)] = &package;
  }
  return names;
}

std::vector<PackageDifference> package_differences(const content::Owners& before,
                                                   const content::Owners& after) {
  const ByName first = by_name(before), second = by_name(after);
  std::set<std::string> names;
  for (const auto& [name, package] : first) names.insert(name);
  for (const auto& [name, package] : second) names.insert(name);
  std::vector<PackageDifference> differences;
  for (const std::string& name : names) {
    const auto a = first.find(name), b = second.find(name);
    PackageDifference difference;
    difference.name = name;
    if (a != first.end()) difference.before = a->second->version;
    if (b != second.end()) difference.after = b->second->version;
    if (a != first.end() && b != second.end()) {
      const std::set<std::string> old = flags_of(*a->second), now = flags_of(*b->second);
      std::set_difference(now.begin(), now.end(), old.begin(), old.end(),
                          std::back_inserter(difference.use_added));
      std::set_difference(old.begin(), old.end(), now.begin(), now.end(),
                          std::back_inserter(difference.use_removed));
    }
    if (difference.before != difference.after || !difference.use_added.empty() ||
        !difference.use_removed.empty())
      differences.push_back(std::move(difference));
  }
  return differences;
}

// --- configuration ---

std::map<std::string, std::string> config_fields(const oci::ImageConfig& image) {
  const oci::ContainerConfig& config = image.config;
  std::map<std::string, std::string> fields = {
      {"platform", oci::to_string(image.platform)},
      {"created", image.created},
      {"user", config.user},
      {"working_dir", config.working_dir},
      {"stop_signal", config.stop_signal},
      {"entrypoint", join(config.entrypoint, " ")},
      {"cmd", join(config.cmd, " ")},
      {"ports", join({config.exposed_ports.begin(), config.exposed_ports.end()}, " ")},
      {"volumes", join({config.volumes.begin(), config.volumes.end()}, " ")}};
  for (const std::string& variable : config.env) {
    const std::size_t equals = variable.find('=');
    if (equals != std::string::npos)
      fields["env " + variable.substr(0, equals)] = variable.substr(equals + 1);
  }
  for (const auto& [name, value] : config.labels) fields["label " + name] = value;
  for (std::size_t i = 0; i < image.history.size(); ++i)
    fields["history " + std::to_string(i + 1)] = image.history[i].created_by;
  return fields;
}

std::vector<ConfigDifference> config_differences(const oci::ImageConfig& before,
                                                 const oci::ImageConfig& after) {
  auto first = config_fields(before);
  const auto second = config_fields(after);
  for (const auto& [name, value] : second) first.try_emplace(name);
  std::vector<ConfigDifference> differences;
  for (const auto& [name, value] : first) {
    const auto other = second.find(name);
    const std::string now = other == second.end() ? "" : other->second;
    if (value != now) differences.push_back({name, value, now});
  }
  return differences;
}

// --- files ---

const char* word_of(EntryKind kind) {
  switch (kind) {
    case EntryKind::directory:
      return "directory";
    case EntryKind::symlink:
      return "link";
    case EntryKind::fifo:
      return "FIFO";
    case EntryKind::char_device:
    case EntryKind::block_device:
      return "device";
    default:
      return "file";
  }
}

bool is_file(const Entry& entry) {
  return entry.kind == EntryKind::file || entry.kind == EntryKind::hardlink;
}

std::string octal(mode_t mode) {
  std::array<char, 8> text{};
  (void)std::snprintf(text.data(), text.size(), "%04o", mode & 07777u);
  return text.data();
}

std::string from_to(const std::string& word, const std::string& before, const std::string& after) {
  return word + ' ' + before + " → " + after;
}

std::string attribute_names(const Entry& entry) {
  std::vector<std::string> names;
  for (const auto& [name, value] : entry.xattrs) names.push_back(name);
  return names.empty() ? "none" : join(names, ",");
}

sys::Fd open_file(const Side& side, const Entry& entry) {
  return sys::open_beneath(side.mount->get(), entry.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK,
                           sys::Resolve::no_symlinks);
}

bool same_content(const Side& a, const Entry& first, const Side& b, const Entry& second) {
  if (first.status.st_size != second.status.st_size) return false;
  const sys::Fd left = open_file(a, first), right = open_file(b, second);
  std::vector<std::byte> x(kReadBytes), y(kReadBytes);
  for (;;) {
    const std::size_t count = sys::read_full(left.get(), x, first.path);
    if (sys::read_full(right.get(), y, second.path) != count) return false;
    if (count == 0) return true;
    if (!std::equal(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(count), y.begin()))
      return false;
  }
}

std::string head_of(const Side& side, const Entry& entry) {
  const sys::Fd fd = open_file(side, entry);
  std::string text(
      std::min<std::size_t>(kMaxCauseBytes, static_cast<std::size_t>(entry.status.st_size)), '\0');
  text.resize(sys::read_full(fd.get(), std::as_writable_bytes(std::span(text)), entry.path));
  return text;
}

std::uint64_t size_of(const Entry& entry) {
  return is_file(entry) ? static_cast<std::uint64_t>(entry.status.st_size) : 0;
}

class FileComparison {
 public:
  FileComparison(const Side& before, const Side& after, const CauseMarks* marks)
      : before_(before), after_(after), marks_(marks) {}

  std::vector<FileDifference> run() {
    auto a = before_.entries.begin();
    auto b = after_.entries.begin();
    while (a != before_.entries.end() || b != after_.entries.end()) {
      sys::check_interrupt();
      if (b == after_.entries.end() || (a != before_.entries.end() && a->first < b->first)) {
        alone(FileDifference::Kind::removed, before_, *(a++)->second);
      } else if (a == before_.entries.end() || b->first < a->first) {
        alone(FileDifference::Kind::added, after_, *(b++)->second);
      } else {
        both(*a->second, *b->second);
        ++a;
        ++b;
      }
    }
    return std::move(found_);
  }

 private:
  static std::string owner_of(const Side& side, const std::string& path) {
    const content::InstalledPackage* const owner = side.owners.owner('/' + path);
    return owner == nullptr ? "" : owner->cpv();
  }

  void alone(FileDifference::Kind kind, const Side& side, const Entry& entry) {
    FileDifference difference;
    difference.kind = kind;
    difference.path = '/' + entry.path;
    difference.package = owner_of(side, entry.path);
    (kind == FileDifference::Kind::added ? difference.size_after : difference.size_before) =
        size_of(entry);
    found_.push_back(std::move(difference));
  }

  void both(const Entry& a, const Entry& b) {
    FileDifference difference;
    std::vector<std::string>& what = difference.what;
    const auto number = [](auto value) { return std::to_string(value); };
    if (word_of(a.kind) != word_of(b.kind)) {
      what.push_back(from_to("type", word_of(a.kind), word_of(b.kind)));
    } else if (is_file(a)) {
      if (!same_content(before_, a, after_, b)) {
        what.emplace_back("content");
        if (marks_ != nullptr)
          difference.cause = content::cause_of_difference(
              a.path, head_of(before_, a), head_of(after_, b), marks_->before, marks_->after);
      }
      if ((a.kind == EntryKind::hardlink || b.kind == EntryKind::hardlink) && a.target != b.target)
        what.push_back(from_to("link of", a.target.empty() ? "none" : '/' + a.target,
                               b.target.empty() ? "none" : '/' + b.target));
    } else if (a.kind == EntryKind::symlink && a.target != b.target) {
      what.push_back(from_to("target", a.target, b.target));
    }
    if (a.kind != EntryKind::symlink && (a.status.st_mode & 07777) != (b.status.st_mode & 07777))
      what.push_back(from_to("mode", octal(a.status.st_mode), octal(b.status.st_mode)));
    if (a.status.st_uid != b.status.st_uid || a.status.st_gid != b.status.st_gid)
      what.push_back(from_to("owner", number(a.status.st_uid) + ':' + number(a.status.st_gid),
                             number(b.status.st_uid) + ':' + number(b.status.st_gid)));
    if (a.xattrs != b.xattrs)
      what.push_back(from_to("attributes", attribute_names(a), attribute_names(b)));
    if (a.status.st_mtim.tv_sec != b.status.st_mtim.tv_sec)
      what.push_back(
          from_to("time", number(a.status.st_mtim.tv_sec), number(b.status.st_mtim.tv_sec)));
    if (what.empty()) return;
    difference.kind = FileDifference::Kind::changed;
    difference.path = '/' + a.path;
    difference.package = owner_of(after_, a.path);
    difference.size_before = size_of(a);
    difference.size_after = size_of(b);
    found_.push_back(std::move(difference));
  }

  const Side& before_;
  const Side& after_;
  const CauseMarks* marks_;
  std::vector<FileDifference> found_;
};

}  // namespace

ImageDifference compare(store::Store& store, const std::string& before, const std::string& after,
                        const CauseMarks* marks, Observer& observer) {
  const std::unique_ptr<Side> a = open_side(store, before, observer);
  const std::unique_ptr<Side> b = open_side(store, after, observer);
  ImageDifference difference;
  difference.before = summary_of(*a, before);
  difference.after = summary_of(*b, after);
  std::set<std::string> known;
  for (const oci::Descriptor& each : a->image.manifest.layers)
    known.insert(each.digest.to_string());
  for (const oci::Descriptor& each : b->image.manifest.layers) {
    if (known.contains(each.digest.to_string()))
      ++difference.same_layers;
    else
      difference.new_bytes += each.size;
  }
  if (a->image.manifest.config.digest != b->image.manifest.config.digest)
    difference.new_bytes += b->image.manifest.config.size;
  if (difference.is_equal()) return difference;
  difference.packages = package_differences(a->owners, b->owners);
  difference.config = config_differences(a->image.config, b->image.config);
  difference.files = FileComparison(*a, *b, marks).run();
  return difference;
}

ImageDifference compare_images(const std::string& store_path, const std::string& before,
                               const std::string& after, Observer& observer) {
  store::Store store =
      store::Store::open(store_path, sys::describe(sys::current_uid_map()), observer);
  const sys::FileLock lease = store.lease("gbox image diff", waiting(observer));
  return compare(store, before, after, nullptr, observer);
}

}  // namespace gbox::build
