#include "gbox/oci/push.h"

#include <algorithm>
#include <atomic>
#include <mutex>

#include "gbox/base/error.h"
#include "gbox/base/json.h"
#include "gbox/base/text.h"
#include "gbox/oci/attachment.h"
#include "gbox/oci/crew.h"
#include "gbox/oci/reader.h"
#include "linked.h"
#include "parcel.h"

namespace gbox::oci {

namespace {

constexpr int kReferrerRounds = 4;  // a signature of an SBOM of an image, and one to spare

// All that is pushed, and which layout has which blob.
struct Load {
  std::vector<LayoutReader> readers;
  Parcel parcel;
  std::map<Digest, std::size_t> reader_of;
  Descriptor root;
  std::size_t referrers = 0;

  // `root` and all below it, out of one reader.
  void add(std::size_t reader, const Descriptor& wanted) {
    std::vector<Digest> before;
    gather(parcel, wanted,
           [&](const Descriptor& each) { return readers[reader].read_document(each); });
    for (const auto& [digest, descriptor] : parcel.blobs) reader_of.emplace(digest, reader);
  }

  Descriptor add_index(const Index& index) {
    Parcel::Document document{.text = to_json(index)};
    document.descriptor = {.media_type = std::string(kIndexType),
                           .digest = sha256(document.text),
                           .size = document.text.size()};
    parcel.documents.push_back(document);
    return document.descriptor;
  }
};

// The manifests of images below these entries, with the platform each is for.
std::vector<Descriptor> images_of(const LayoutReader& reader,
                                  const std::vector<Descriptor>& entries, int depth = 1) {
  std::vector<Descriptor> found;
  for (Descriptor entry : entries) {
    if (entry.media_type == kIndexType && depth <= 4) {
      const std::vector<Descriptor> nested =
          parse_index(reader.read_document(entry), gbox::quoted(entry.digest.to_string()))
              .manifests;
      for (Descriptor& each : images_of(reader, nested, depth + 1)) found.push_back(each);
      continue;
    }
    if (entry.media_type != kManifestType) continue;
    const bool other = entry.platform && entry.platform->os == "unknown";
    // An attestation stands in the index beside what it is about.
    if (!other && !entry.annotations.contains("vnd.docker.reference.type")) {
      const Linked linked = parse_linked(reader.read_document(entry), entry.media_type,
                                         gbox::quoted(entry.digest.to_string()));
      if (!linked.subject && linked.blobs.front().media_type == kConfigType)
        entry.platform = reader.read_image(entry).config.platform;
      else
        continue;  // an artifact: it goes along as what it is about is pushed
    }
    entry.annotations.erase(std::string(kRefNameKey));
    entry.annotations.erase(std::string(kImageNameKey));
    found.push_back(std::move(entry));
  }
  return found;
}

void refuse_twice(const std::vector<Descriptor>& entries) {
  std::map<Platform, Digest> seen;
  for (const Descriptor& entry : entries) {
    if (!entry.platform || entry.platform->os == "unknown") continue;
    const auto [known, added] = seen.emplace(*entry.platform, entry.digest);
    if (added || known->second == entry.digest) continue;
    throw Error("two of the sources are for " + gbox::quoted(to_string(*entry.platform)),
                ExitCode::usage)
        .set_hint("one tag can stand for one image a platform: push them under tags of their own");
  }
}

// Documents of the layout that are about what is pushed, whether or not something names them.
void add_referrers(Load& load, std::size_t reader) {
  std::vector<Descriptor> candidates;
  const std::function<void(const std::vector<Descriptor>&, int)> collect =
      [&](const std::vector<Descriptor>& entries, int depth) {
        for (const Descriptor& entry : entries) {
          if (candidates.size() > kMaxIndexEntries) return;
          if (entry.media_type == kManifestType) candidates.push_back(entry);
          if (entry.media_type == kIndexType && depth <= 4)
            collect(parse_index(load.readers[reader].read_document(entry),
                                gbox::quoted(entry.digest.to_string()))
                        .manifests,
                    depth + 1);
        }
      };
  collect(load.readers[reader].index().manifests, 1);
  if (const auto attached = referrers_of(load.readers[reader].index().annotations))
    collect({*attached}, 1);
  for (int round = 0; round < kReferrerRounds; ++round) {
    bool more = false;
    for (const Descriptor& candidate : candidates) {
      if (load.parcel.has_document(candidate.digest)) continue;
      const Linked linked =
          parse_linked(load.readers[reader].read_document(candidate), candidate.media_type,
                       gbox::quoted(candidate.digest.to_string()));
      if (!linked.subject || !load.parcel.has_document(linked.subject->digest)) continue;
      load.add(reader, candidate);
      more = true;
    }
    if (!more) return;
  }
}

Load load_sources(const std::vector<ImageLocation>& sources) {
  Load load;
  std::vector<Descriptor> entries;
  for (const ImageLocation& source : sources) load.readers.emplace_back(source);
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const std::vector<Descriptor> named = load.readers[i].named();
    with_context("read " + gbox::quoted(to_string(sources[i])), [&] {
      if (sources.size() == 1 && named.size() == 1) {
        load.root = named.front();
        load.add(i, load.root);
      } else {
        const std::vector<Descriptor> images = images_of(load.readers[i], named);
        if (images.empty()) throw Error("it holds no container image", ExitCode::input);
        for (const Descriptor& image : images) load.add(i, image);
        entries.insert(entries.end(), images.begin(), images.end());
      }
      add_referrers(load, i);
    });
  }
  if (!entries.empty()) {
    refuse_twice(entries);
    std::sort(entries.begin(), entries.end(), [](const Descriptor& a, const Descriptor& b) {
      return std::tie(a.platform, a.digest) < std::tie(b.platform, b.digest);
    });
    entries.erase(std::unique(entries.begin(), entries.end()), entries.end());
    load.root = load.add_index({.manifests = entries});
  }
  load.referrers = static_cast<std::size_t>(
      std::count_if(load.parcel.documents.begin(), load.parcel.documents.end(),
                    [](const Parcel::Document& document) { return document.has_subject; }));
  return load;
}

// Registries without the API of referrers find them by a tag that stands for it (distribution
// spec, "Referrers Tag Schema").
void add_to_referrers_tag(Registry& registry, const Parcel::Document& document) {
  const Linked linked = parse_linked(document.text, document.descriptor.media_type, "a referrer");
  const std::string tag = Registry::referrers_tag(linked.subject->digest);
  const std::string what = "the referrers " + gbox::quoted(tag);
  Json index = {{"schemaVersion", 2}, {"mediaType", kIndexType}, {"manifests", Json::array()}};
  if (const auto old = registry.try_manifest(tag)) {
    for (const Descriptor& known : parse_index(old->text, what).manifests)
      if (known.digest == document.descriptor.digest) return;
    index = parse_json(old->text, what);
  }
  // By the specification, those who look for an SBOM need not open the rest.
  Json entry = {{"mediaType", document.descriptor.media_type},
                {"digest", document.descriptor.digest.to_string()},
                {"size", document.descriptor.size},
                {"artifactType", linked.artifact_type.empty() ? linked.blobs.front().media_type
                                                              : linked.artifact_type}};
  if (!linked.annotations.empty()) entry["annotations"] = linked.annotations;
  index["manifests"].push_back(std::move(entry));
  (void)registry.put_manifest(canonical_json(index), std::string(kIndexType), tag);
}

class Push {
 public:
  Push(const PushRequest& request, Load& load) : request_(request), load_(load) {
    for (const auto& [digest, blob] : load.parcel.blobs) {
      blobs_.push_back(blob);
      total_ += blob.size;
    }
    // Large ones first: the last thread to end should have little left.
    std::stable_sort(blobs_.begin(), blobs_.end(),
                     [](const Descriptor& a, const Descriptor& b) { return a.size > b.size; });
    summary_.digest = load.root.digest;
    summary_.referrers = load.referrers;
  }

  PushSummary run() {
    std::vector<RegistryReference> places;
    for (const RegistryReference& target : request_.targets) {
      const bool known = std::any_of(places.begin(), places.end(), [&](const auto& place) {
        return place.name() == target.name();
      });
      if (!known) places.push_back(target);
    }
    for (const RegistryReference& place : places) push_to(place);
    return summary_;
  }

 private:
  void push_to(const RegistryReference& place) {
    // Blobs that another repository of the same registry has got by now.
    std::vector<std::string> mount_from;
    for (const RegistryReference& done : done_)
      if (done.host == place.host) mount_from.push_back(done.repository);
    send_blobs(place, mount_from);
    Registry registry(request_.registry, place.host, place.repository, Rights::push, mount_from);
    for (const Parcel::Document& document : load_.parcel.documents) {
      const std::string digest = document.descriptor.digest.to_string();
      if (!registry.has_manifest(document.descriptor.digest) || document.has_subject) {
        const bool linked =
            registry.put_manifest(document.text, document.descriptor.media_type, digest);
        if (document.has_subject && !linked) add_to_referrers_tag(registry, document);
      }
    }
    const Parcel::Document& root = *std::find_if(
        load_.parcel.documents.begin(), load_.parcel.documents.end(),
        [&](const auto& each) { return each.descriptor.digest == load_.root.digest; });
    for (const RegistryReference& target : request_.targets)
      if (target.name() == place.name())
        (void)registry.put_manifest(root.text, root.descriptor.media_type, target.tag);
    done_.push_back(place);
  }

  void send_blobs(const RegistryReference& place, const std::vector<std::string>& mount_from) {
    std::atomic<std::int64_t> moved = 0;
    std::mutex mutex;
    const auto send = [&](Registry& registry, std::size_t index) {
      const Descriptor& blob = blobs_[index];
      const BlobFile file = load_.readers[load_.reader_of.at(blob.digest)].open_blob(blob);
      const Registry::Put put =
          registry.put_blob(blob, file, [&](std::int64_t bytes) { moved += bytes; });
      const std::lock_guard lock(mutex);
      summary_.sent += put == Registry::Put::sent ? 1 : 0;
      summary_.sent_bytes += put == Registry::Put::sent ? blob.size : 0;
      summary_.mounted += put == Registry::Put::mounted ? 1 : 0;
      summary_.there += put == Registry::Put::there ? 1 : 0;
    };
    Crew({.options = request_.registry,
          .host = place.host,
          .repository = place.repository,
          .rights = Rights::push,
          .mount_from = mount_from})
        .run(blobs_.size(), send, [&] {
          if (request_.progress)
            request_.progress("push to " + place.name(),
                              static_cast<std::uint64_t>(std::max<std::int64_t>(0, moved)), total_);
        });
    if (request_.progress) request_.progress("push to " + place.name(), total_, total_);
  }

  const PushRequest& request_;
  Load& load_;
  std::vector<Descriptor> blobs_;
  std::uint64_t total_ = 0;
  std::vector<RegistryReference> done_;
  PushSummary summary_;
};

void check(const PushRequest& request) {
  for (const RegistryReference& target : request.targets)
    if (target.digest)
      throw Error("push to " + gbox::quoted(to_string(target)) + ": a digest cannot be chosen",
                  ExitCode::usage)
          .set_hint(
              "leave out '@' and what follows; the digest is printed when the image is there");
}

}  // namespace

PushSummary push(const PushRequest& request) {
  check(request);
  Load load = load_sources(request.sources);
  return with_context("push", [&] { return Push(request, load).run(); });
}

}  // namespace gbox::oci
