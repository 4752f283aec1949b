#include "gbox/build/image_usage.h"

#include <map>
#include <set>

#include "find_step.h"
#include "gbox/base/text.h"
#include "gbox/oci/location.h"
#include "gbox/oci/reader.h"
#include "gbox/store/store.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/idmap.h"
#include "gbox/sys/interrupt.h"
#include "gbox/sys/userns.h"
#include "import.h"
#include "root.h"
#include "savings.h"

namespace gbox::build {

namespace {

// What a phase's key says of what it does; null for what is no phase.
Json definition_of(const store::Record& record) {
  if (record.parts.is_array())
    for (const Json& part : record.parts)
      if (part.is_array() && part.size() == 2 && part[0] == "definition" && part[1].is_object())
        return part[1];
  return {};
}

std::string root_of(const store::Record& record) {
  const Json definition = definition_of(record);
  return definition.is_object() ? json_string_or_empty(definition, "root", "a record") : "";
}

void add_kept_locales(const store::Record& record, std::vector<std::string>& keep) {
  const Json definition = definition_of(record);
  if (!definition.is_object() || !definition.contains("trim")) return;
  const Json& trim = definition["trim"];
  if (!trim.is_object() || !trim.contains("keep_locales") || !trim["keep_locales"].is_array())
    return;
  for (const Json& each : trim["keep_locales"])
    if (each.is_string()) keep.push_back(each.get<std::string>());
}

// The database of the last state that has one: it may have been trimmed since.
content::Owners owners_of(store::Store& store, std::vector<std::string> snapshots,
                          const std::string& root, bool& found) {
  for (; !snapshots.empty(); snapshots.pop_back()) {
    const MountedChain chain = mount_chain(store, snapshots);
    const auto directory = sys::try_open_directory(chain.get(), root);
    if (!directory || !content::has_database(directory->get())) continue;
    found = true;
    return content::Owners::read(directory->get());
  }
  return {};
}

// What the phases of a chain have saved, and the locales that they keep.
void look_at_phases(const store::Store& store, const std::vector<std::string>& chain,
                    std::vector<Saving>& saved, std::vector<std::string>& keep) {
  std::map<std::string, store::Record> by_snapshot;
  for (store::Record& record : store.records())
    if (record.kind == "phase") by_snapshot[record.snapshot] = std::move(record);
  for (const std::string& id : chain) {
    const auto found = by_snapshot.find(id);
    if (found == by_snapshot.end()) continue;
    add_kept_locales(found->second, keep);
    for (Saving& saving : savings_of(found->second.extra)) {
      saving.phase = found->second.phase;
      saved.push_back(std::move(saving));
    }
  }
}

struct Named {
  std::string reference;
  oci::Descriptor manifest;
};

// Indexes lie in indexes where one name stands for several platforms.
void collect(const oci::LayoutReader& reader, const oci::Index& index, const std::string& name,
             unsigned depth, std::vector<Named>& found) {
  constexpr unsigned kMaxDepth = 4;
  for (const oci::Descriptor& entry : index.manifests) {
    const auto own = entry.annotations.find(std::string(oci::kRefNameKey));
    const std::string reference = own == entry.annotations.end() ? name : own->second;
    // What tells of an image stands beside it under a platform that nobody has.
    if (entry.platform && entry.platform->os == "unknown") continue;
    if (entry.media_type == oci::kManifestType)
      found.push_back({reference, entry});
    else if (entry.media_type == oci::kIndexType && depth < kMaxDepth)
      collect(reader,
              oci::parse_index(reader.read_document(entry), quoted(entry.digest.to_string())),
              reference, depth + 1, found);
    if (found.size() > oci::kMaxIndexEntries)
      throw Error("list images: more than " + std::to_string(oci::kMaxIndexEntries),
                  ExitCode::input);
  }
}

}  // namespace

ImageUsage image_usage(const std::string& path, const std::string& subject, const std::string& root,
                       const std::vector<std::string>& keep_locales, Observer& observer) {
  store::Store store = store::Store::open(path, sys::describe(sys::current_uid_map()), observer);
  const sys::FileLock lease = store.lease("gbox image du");
  ImageUsage usage;
  usage.subject = subject;
  usage.root = root;
  std::vector<std::string> snapshots;
  std::vector<std::string> keep = keep_locales;
  if (names_image(subject)) {
    const oci::LayoutReader reader(oci::parse_source(subject));
    snapshots = import_layers(store, reader, reader.pick(), observer);
  } else {
    const store::Record record = find_step(store, subject);
    usage.subject = record.step;
    snapshots = chain_of(record);
    if (usage.root.empty()) usage.root = root_of(record);
    look_at_phases(store, snapshots, usage.saved, keep);
  }
  if (usage.root.empty()) usage.root = "/";
  const MountedChain chain = mount_chain(store, snapshots);
  const auto directory = sys::try_open_directory(chain.get(), usage.root);
  if (!directory)
    throw Error("there is no directory " + quoted(usage.root) + " in " + quoted(subject),
                ExitCode::usage)
        .set_hint("'--root /' looks at all of it");
  const content::Tree tree = content::Tree::scan(directory->get(), [] { sys::check_interrupt(); });
  const content::Owners owners = owners_of(store, snapshots, usage.root, usage.by_package);
  usage.sizes = content::sizes_of(tree, owners, keep);
  for (const content::Share& share : usage.sizes.packages)
    if (!share.name.empty()) ++usage.packages;
  return usage;
}

std::vector<ListedImage> list_images(const std::string& location) {
  const oci::LayoutReader reader(oci::parse_source(location));
  std::vector<ListedImage> images;
  std::vector<Named> manifests;
  collect(reader, reader.index(), {}, 1, manifests);
  for (const auto& [name, descriptor] : manifests) {
    const oci::Image image = reader.read_image(descriptor);
    ListedImage listed;
    listed.reference = name;
    listed.digest = descriptor.digest.to_string();
    listed.platform = oci::to_string(image.config.platform);
    listed.created = image.config.created;
    listed.size_bytes = image.manifest.config.size;
    std::size_t history = 0;
    for (const oci::Descriptor& layer : image.manifest.layers) {
      const auto& entries = image.config.history;
      while (history < entries.size() && entries[history].empty_layer) ++history;
      listed.layers.push_back(
          {layer.digest.to_string(), layer.size,
           history < entries.size() ? entries[history].created_by : std::string()});
      ++history;
      listed.size_bytes += layer.size;
    }
    images.push_back(std::move(listed));
  }
  return images;
}

}  // namespace gbox::build
