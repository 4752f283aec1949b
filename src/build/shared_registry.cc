#include "shared_registry.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <type_traits>
#include <utility>

#include "cache_chain.h"
#include "gbox/base/text.h"
#include "gbox/build/registries.h"
#include "gbox/oci/bundle.h"
#include "gbox/oci/reference.h"
#include "gbox/sys/interrupt.h"
#include "refused.h"

namespace gbox::build {

namespace {

oci::Crew::Place place_of(const std::string& text, const std::string& option,
                          const SourceOptions& sources, Observer& observer) {
  const oci::RegistryReference reference = oci::parse_repository(text, option);
  oci::Crew::Place place;
  place.options = registry_options(sources.ca, sources.plain_http, observer);
  place.options.memo = oci::make_credential_memo();
  place.host = reference.host;
  place.repository = reference.repository;
  place.rights = option == "--cache-to" ? oci::Rights::push : oci::Rights::pull;
  return place;
}

// Facts, by `parse`, if they are of this very file.
template <class Parse>
auto told_of(const std::optional<std::string>& facts, const oci::Descriptor& file, std::string& why,
             Parse&& parse) -> std::optional<decltype(parse(*facts))> {
  return unless_refused(why, [&]() -> std::optional<decltype(parse(*facts))> {
    if (!facts) return std::nullopt;
    auto shared = parse(*facts);
    const auto [digest, size] = [&] {
      if constexpr (std::is_same_v<decltype(shared), SharedPackage>)
        return std::pair(shared.package.sha256, shared.package.size_bytes);
      else
        return std::pair(shared.sha256, shared.size_bytes);
    }();
    if (file.digest == digest && file.size == size) return shared;
    why = "its file is another one than it says";
    return std::nullopt;
  });
}

}  // namespace

const SharedRegistry::Kind SharedRegistry::kPackage = {"package", ""};
const SharedRegistry::Kind SharedRegistry::kCache = {"cache", "cache-"};
const SharedRegistry::Kind SharedRegistry::kSnapshot = {"snapshot", "snapshot-"};

std::string SharedRegistry::Kind::artifact() const {
  return "application/vnd.gbox." + name + ".v1";
}
std::string SharedRegistry::Kind::facts_type() const {
  return "application/vnd.gbox." + name + ".facts.v1+json";
}
std::string SharedRegistry::Kind::file_type() const {
  return "application/vnd.gbox." + name + ".file.v1";
}

SharedRegistry::SharedRegistry(const std::string& text, const std::string& option,
                               const SourceOptions& sources, Observer& observer)
    : text_(text),
      option_(option),
      observer_(observer),
      place_(place_of(text, option, sources, observer)),
      registry_(place_.options, place_.host, place_.repository, place_.rights) {}

void SharedRegistry::give_up(const Error& error, const std::string& loss) {
  gone_ = true;
  observer_.warn(
      {option_ + ": " + error.message(), error.hint().empty() ? loss : error.hint() + "; " + loss});
}

oci::Crew SharedRegistry::crew() const {
  return oci::Crew(place_);
}

// Throws for a registry that gives no answer.
SharedRegistry::Looked SharedRegistry::look(oci::Registry& registry, const Kind& kind,
                                            const std::string& name) {
  Looked looked;
  const std::optional<oci::Registry::Document> document = registry.try_manifest(kind.tags + name);
  if (!document) return looked;
  try {
    const oci::Bundle bundle = oci::parse_bundle(document->text, "the manifest");
    if (bundle.type != kind.artifact() || bundle.blobs.size() != 1) {
      looked.why = "it is no " + kind.name + " of gbox";
      return looked;
    }
    looked.facts = registry.get_small_blob(bundle.config, kMaxSharedFacts);
    looked.file = bundle.blobs.front();
  } catch (const Interrupted&) {
    throw;
  } catch (const Error& error) {
    looked.why = error.message();
  }
  return looked;
}

const SharedRegistry::Looked* SharedRegistry::looked(const Kind& kind, const std::string& name) {
  const std::string tag = kind.tags + name;
  if (const auto known = looked_.find(tag); known != looked_.end()) return &known->second;
  if (gone_) return nullptr;
  try {
    return &looked_.emplace(tag, look(registry_, kind, name)).first->second;
  } catch (const Interrupted&) {
    throw;
  } catch (const Error& error) {
    if (place_.rights == oci::Rights::push) throw;  // it is written to, or that is given up
    give_up(error, "nothing is taken from there");
    return nullptr;
  }
}

void SharedRegistry::look_for(const std::vector<std::string>& keys) {
  std::vector<std::string> names;
  for (const std::string& key : keys)
    if (!looked_.contains(kPackage.tags + key)) names.push_back(key);
  if (gone_ || names.size() < 2) return;  // one connection is there
  std::mutex mutex;
  std::atomic<std::size_t> done = 0;
  try {
    crew().run(
        names.size(),
        [&](oci::Registry& registry, std::size_t index) {
          Looked found = look(registry, kPackage, names[index]);
          ++done;
          const std::lock_guard lock(mutex);
          looked_.insert_or_assign(kPackage.tags + names[index], std::move(found));
        },
        [&] { observer_.progress("look for packages in " + text_, done, names.size()); });
  } catch (const Interrupted&) {
    throw;
  } catch (const Error& error) {
    give_up(error, "nothing is taken from there");
  }
}

template <class Parse>
auto SharedRegistry::find(const Kind& kind, const std::string& name, std::string& why,
                          Parse&& parse) -> std::optional<decltype(parse(std::string()))> {
  const Looked* const found = looked(kind, name);
  why = found != nullptr ? found->why : "";
  if (found == nullptr) return std::nullopt;
  return told_of(found->facts, found->file, why, parse);
}

std::optional<SharedPackage> SharedRegistry::find(const std::string& key, std::string& why) {
  return find(kPackage, key, why,
              [&](const std::string& facts) { return parse_shared_facts(facts, key + ".json"); });
}

std::optional<SharedCache> SharedRegistry::find_cache(const std::string& id, std::string& why) {
  return find(kCache, cache_key(id), why, [&](const std::string& facts) {
    return parse_shared_cache(facts, shared_cache_name(id));
  });
}

std::optional<SharedSnapshot> SharedRegistry::find_snapshot(const std::string& tag,
                                                            std::string& why) {
  return find(kSnapshot, tag, why,
              [&](const std::string& facts) { return parse_shared_snapshot(facts, tag); });
}

std::optional<sys::Fd> SharedRegistry::fetch(const Kind& kind, const std::string& name,
                                             const std::string& shown, int scratch,
                                             std::string& why) {
  const auto known = looked_.find(kind.tags + name);
  if (known == looked_.end()) return std::nullopt;
  const oci::Descriptor& wanted = known->second.file;
  sys::Fd file = sys::openat(scratch, ".", O_TMPFILE | O_RDWR, 0600);
  try {
    std::uint64_t done = 0;
    registry_.get_blob(wanted, file.get(), [&](std::int64_t bytes) {
      done += static_cast<std::uint64_t>(bytes);
      observer_.progress("fetch " + shown, done, wanted.size);
    });
  } catch (const Interrupted&) {
    throw;
  } catch (const SysError&) {
    throw;  // of the disk here, which the build needs as well
  } catch (const Error& error) {
    why = error.message();
    return std::nullopt;
  }
  if (::lseek(file.get(), 0, SEEK_SET) < 0) throw SysError(errno, "read " + quoted(shown));
  return file;
}

std::optional<sys::Fd> SharedRegistry::fetch(const SharedPackage& shared, int scratch,
                                             std::string& why) {
  return fetch(kPackage, shared.package.key, shared.package.cpv, scratch, why);
}

std::optional<sys::Fd> SharedRegistry::fetch(const SharedCache& shared, int scratch,
                                             std::string& why) {
  return fetch(kCache, cache_key(shared.id), "cache " + shared.id, scratch, why);
}

std::optional<sys::Fd> SharedRegistry::fetch(const SharedSnapshot& shared, int scratch,
                                             std::string& why) {
  return fetch(kSnapshot, shared_snapshot_tag(shared.key, shared.upon),
               "snapshot of " + shared.step, scratch, why);
}

bool SharedRegistry::try_writing() {
  try {
    registry_.check_writable();
    return true;
  } catch (const Interrupted&) {
    throw;
  } catch (const Error& error) {
    give_up(error, "nothing is written there, and the image is not concerned");
    return false;
  }
}

// The tag comes last: who finds it finds all of it.
void SharedRegistry::put(oci::Registry& registry, const Kind& kind, const std::string& name,
                         const std::string& facts, const Digest& digest, const oci::BlobFile& file,
                         const oci::Moved& moved) {
  oci::Bundle bundle;
  bundle.type = kind.artifact();
  bundle.config = {.media_type = kind.facts_type(), .digest = sha256(facts), .size = facts.size()};
  bundle.blobs = {{.media_type = kind.file_type(), .digest = digest, .size = file.size}};
  (void)registry.put_small_blob(bundle.config, facts);
  (void)registry.put_blob(bundle.blobs.front(), file, moved);
  (void)registry.put_manifest(oci::to_json(bundle), std::string(oci::kManifestType),
                              kind.tags + name);
}

ShareResult SharedRegistry::write(store::Store& store, const std::vector<store::Package>& packages,
                                  const std::set<std::string>& renewed) {
  ShareResult result;
  std::uint64_t total = 0;
  for (const store::Package& package : packages) total += package.size_bytes;
  std::mutex mutex;
  std::atomic<std::int64_t> done = 0;
  const auto work = [&](oci::Registry& registry, std::size_t index) {
    const store::Package& package = packages[index];
    const auto size = static_cast<std::int64_t>(package.size_bytes);
    if (!renewed.contains(package.key) && registry.has_tag(kPackage.tags + package.key)) {
      done += size;
      const std::lock_guard lock(mutex);
      ++result.already;
      return;
    }
    const oci::BlobFile file{
        .fd = store.open_package(package), .offset = 0, .size = package.size_bytes};
    put(registry, kPackage, package.key, shared_facts({package, package.path}), package.sha256,
        file, [&](std::int64_t bytes) { done += bytes; });
    const std::lock_guard lock(mutex);
    ++result.written;
    result.bytes += package.size_bytes;
  };
  crew().run(packages.size(), work, [&] {
    observer_.progress("send packages to " + text_,
                       static_cast<std::uint64_t>(std::max<std::int64_t>(0, done)), total);
  });
  return result;
}

void SharedRegistry::put(const Kind& kind, const std::string& name, const std::string& shown,
                         const std::string& facts, const Digest& digest, std::uint64_t size,
                         const sys::Fd& file) {
  std::int64_t done = 0;  // what a cut has taken back is counted back
  put(registry_, kind, name, facts, digest,
      {.fd = sys::open("/proc/self/fd/" + std::to_string(file.get()), O_RDONLY),
       .offset = 0,
       .size = size},
      [&](std::int64_t bytes) {
        done += bytes;
        observer_.progress("send " + shown,
                           static_cast<std::uint64_t>(std::max<std::int64_t>(0, done)), size);
      });
}

void SharedRegistry::put(const SharedCache& cache, const sys::Fd& file) {
  put(kCache, cache_key(cache.id), "cache " + cache.id, shared_cache_facts(cache), cache.sha256,
      cache.size_bytes, file);
}

void SharedRegistry::put(const SharedSnapshot& snapshot, const sys::Fd& file) {
  put(kSnapshot, shared_snapshot_tag(snapshot.key, snapshot.upon), "snapshot of " + snapshot.step,
      shared_snapshot_facts(snapshot), snapshot.sha256, snapshot.size_bytes, file);
}

}  // namespace gbox::build
