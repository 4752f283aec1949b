#include "repos_image.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <filesystem>
#include <optional>

#include "gbox/base/text.h"
#include "gbox/layer/changes.h"
#include "gbox/layer/pack.h"
#include "gbox/portage/config.h"
#include "gbox/portage/repository.h"
#include "gbox/sys/interrupt.h"
#include "memo.h"
#include "settle.h"

namespace gbox::build {

namespace {

// Raised when equal repositories would give other layers.
constexpr char kReposFormat[] = "repository-layer-1";
// 2000-01-01, and about eight years in seconds: see derived_time().
constexpr std::int64_t kTimeBase = 946684800;
constexpr std::size_t kTimeDigits = 7;

// Version control, and what older set-ups keep inside a repository: neither is part of one, and no
// mirror serves them.
bool leave_out(const std::string& path) {
  return portage::is_version_control(path) || path == "distfiles" || path == "packages" ||
         path == "lost+found";
}

// The time of a directory that has none of its own: a checkout's times are those of the checkout.
// It follows from the content, because Portage takes a file with the old time for the old file
// (profiles/updates, its own cache): one constant for all would hide every change from it.
std::int64_t derived_time(const std::string& digest) {
  return kTimeBase + std::stoll(digest.substr(digest.find(':') + 1, kTimeDigits), nullptr, 16);
}

// What is known of a tree without reading its files.
struct Survey {
  std::int64_t newest = 0;   // mtime of its files and links
  std::int64_t settled = 0;  // when anything of it was last touched
  std::string state;         // digest of all that stat(2) tells
};

Survey survey(int dirfd) {
  layer::ScanOptions options;
  options.kind = layer::TreeKind::plain;
  options.leave_out = leave_out;
  options.check_interrupt = [] { sys::check_interrupt(); };
  Survey found;
  Hasher hasher(HashAlgorithm::sha256);
  for (const layer::Entry& entry : layer::scan_tree(dirfd, options).entries) {
    const struct stat& status = entry.status;
    if (entry.kind != layer::EntryKind::directory)
      found.newest = std::max<std::int64_t>(found.newest, status.st_mtim.tv_sec);
    found.settled =
        std::max<std::int64_t>({found.settled, status.st_mtim.tv_sec, status.st_ctim.tv_sec});
    std::string line = std::to_string(entry.path.size()) + ' ' + entry.path + ' ' + entry.target;
    for (const std::int64_t value :
         {static_cast<std::int64_t>(status.st_dev), static_cast<std::int64_t>(status.st_ino),
          static_cast<std::int64_t>(status.st_mode), static_cast<std::int64_t>(status.st_size),
          static_cast<std::int64_t>(status.st_mtim.tv_sec),
          static_cast<std::int64_t>(status.st_mtim.tv_nsec),
          static_cast<std::int64_t>(status.st_ctim.tv_sec),
          static_cast<std::int64_t>(status.st_ctim.tv_nsec)})
      line += ' ' + std::to_string(value);
    hasher.update(line + '\n');
  }
  found.state = hasher.finish().to_string();
  return found;
}

struct RepositoryLayer {
  std::string name;
  std::string revision;  // for people and labels
  oci::LayerBlob blob;
  std::int64_t time = 0;  // when what it holds was published; 0: not known
};

class ReposImage {
 public:
  ReposImage(Inputs& inputs, Sources& sources, const LayerPacker& packer)
      : inputs_(inputs), sources_(sources), store_(sources.store()), packer_(packer) {}

  oci::ImageSpec describe(const Built& base) {
    std::vector<RepositoryLayer> layers;
    for (const spec::Repository& repository : inputs_.spec.repositories)
      layers.push_back(with_context("image of repository " + quoted(repository.name),
                                    [&] { return layer_of(repository); }));
    std::int64_t time = 0;
    for (const RepositoryLayer& layer : layers) time = std::max(time, layer.time);
    if (packer_.epoch() && (time == 0 || time > *packer_.epoch())) time = *packer_.epoch();
    oci::ImageSpec image;
    image.created = oci::rfc3339(time);
    image.platform = image_platform(inputs_, store_, base);
    for (const RepositoryLayer& layer : layers) {
      const std::string location = portage::repository_location(layer.name);
      image.config.volumes.insert(location);
      image.config.labels["gbox.repository." + layer.name] = layer.revision;
      oci::ImageEntry entry;
      entry.layer = layer.blob;
      entry.history.created = image.created;
      entry.history.created_by = "gbox: repository " + layer.name + " (" + layer.revision + ')';
      image.entries.push_back(std::move(entry));
    }
    image.annotations = image.config.labels;
    return image;
  }

 private:
  RepositoryLayer layer_of(const spec::Repository& repository) {
    return repository.path.empty() ? layer_of_locked(repository) : layer_of_local(repository);
  }

  // The lock decides what it holds, so that nothing is opened for a layer that is there already.
  RepositoryLayer layer_of_locked(const spec::Repository& repository) {
    const spec::LockedRepository& locked = inputs_.lock.repositories.at(repository.name);
    RepositoryLayer layer;
    layer.name = repository.name;
    layer.revision = locked.commit.empty()
                         ? "snapshot " + locked.date + ' ' + locked.file.sha256().to_string()
                         : "commit " + locked.commit;
    const std::string key = key_of(repository.name, layer.revision);
    auto anchor = store_.find_record(key);
    if (!anchor) {
      const Survey found = survey(directory_of(repository.name));
      anchor = drop_anchor(key, layer, found.newest);
    }
    layer.time = time_of(*anchor);
    layer::Adoption adoption = adoption_of(repository.name);
    // Of an archive's and a commit's files the times are theirs; of its directories, which need not
    // be in it, they may be those of the unpacking.
    adoption.directory_mtime = layer.time;
    layer.blob = pack(adoption, repository.name, anchor->snapshot);
    return layer;
  }

  // Packed from where it lies, and found again as long as nothing there was touched.
  RepositoryLayer layer_of_local(const spec::Repository& repository) {
    const std::int64_t now = std::time(nullptr);
    const std::string& digest = inputs_.repository_digests.at(repository.name);
    RepositoryLayer layer;
    layer.name = repository.name;
    layer.revision = "content " + digest;
    const Survey found = survey(directory_of(repository.name));
    std::string snapshot;
    if (found.settled + kSettled_s < now) {
      const std::string key = key_of(repository.name, layer.revision + ' ' + found.state);
      auto anchor = store_.find_record(key);
      if (!anchor) anchor = drop_anchor(key, layer, 0);
      snapshot = anchor->snapshot;
    }
    layer::Adoption adoption = adoption_of(repository.name);
    adoption.file_mtime = adoption.directory_mtime = derived_time(digest);
    layer.blob = pack(adoption, repository.name, snapshot);
    return layer;
  }

  static std::string key_of(const std::string& name, const std::string& content) {
    return sha256(std::string(kReposFormat) + '\n' + name + '\n' + content).hex();
  }

  static layer::Adoption adoption_of(const std::string& name) {
    layer::Adoption adoption;
    adoption.prefix = portage::repository_location(name).substr(1);
    adoption.leave_out = leave_out;
    return adoption;
  }

  // A record with an empty snapshot: the layer is kept and collected with it, as a step's is.
  store::Record drop_anchor(const std::string& key, const RepositoryLayer& layer,
                            std::int64_t newest) {
    store::Record record;
    record.key = key;
    record.step = "image of repository " + layer.name;
    record.kind = "repository layer";
    record.parts =
        Json::array({Json::array({"repository", layer.revision}), Json::array({"newest", newest})});
    return store_.publish(store_.begin_step(record.step), std::move(record));
  }

  static std::int64_t time_of(const store::Record& anchor) {
    for (const Json& part : anchor.parts)
      if (part.is_array() && part.size() == 2 && part[0] == "newest" && part[1].is_number_integer())
        return part[1].get<std::int64_t>();
    throw Error("internal error: a repository's layer without a time");
  }

  int directory_of(const std::string& name) {
    if (find_opened(inputs_, name) == nullptr) open_repositories(inputs_, sources_);
    const portage::CheckedRepository* found = find_opened(inputs_, name);
    if (found == nullptr)
      throw Error("internal error: repository " + quoted(name) + " is not open");
    // As it was first seen: a copy is not opened where nothing runs, and would be another state.
    return found->source ? found->source.get() : found->directory.get();
  }

  oci::LayerBlob pack(const layer::Adoption& adoption, const std::string& name,
                      const std::string& anchor) {
    Observer& observer = sources_.observer();
    PackReport report;
    report.warnings = &observer;
    report.progress = [&](std::uint64_t done, std::uint64_t total) {
      observer.progress("pack repository " + name, done, total);
    };
    report.check_interrupt = [] { sys::check_interrupt(); };
    return packer_.pack_tree(
        adoption, anchor, [&] { return directory_of(name); }, report);
  }

  Inputs& inputs_;
  Sources& sources_;
  store::Store& store_;
  const LayerPacker& packer_;
};

std::string image_name_of(const spec::BuildSpec& spec) {
  return spec.name + "-repos";
}

// One is the other, or lies in it: writing the outer one would remove the inner.
bool share_a_place(const std::string& a, const std::string& b) {
  namespace fs = std::filesystem;
  const fs::path one = fs::weakly_canonical(fs::absolute(a));
  const fs::path two = fs::weakly_canonical(fs::absolute(b));
  const auto [in_one, in_two] = std::mismatch(one.begin(), one.end(), two.begin(), two.end());
  return in_one == one.end() || in_two == two.end();
}

}  // namespace

std::vector<oci::OutputTarget> check_repos_outputs(const std::vector<std::string>& outputs,
                                                   const std::vector<oci::OutputTarget>& images,
                                                   const spec::BuildSpec& spec,
                                                   oci::Others others) {
  if (!outputs.empty() && spec.repositories.empty())
    throw Error("'--repos-output': " + quoted(spec.file) + " names no ebuild repository",
                ExitCode::usage)
        .set_hint("name one as [repos.NAME], or leave the option out");
  std::vector<oci::OutputTarget> targets;
  for (const std::string& output : outputs) {
    oci::OutputTarget target = oci::parse_output(output);
    oci::check_target(
        target, oci::image_name(target.reference, image_name_of(spec), spec.tag).ref_name, others);
    std::vector<oci::OutputTarget> elsewhere = images;
    elsewhere.insert(elsewhere.end(), targets.begin(), targets.end());
    for (const oci::OutputTarget& other : elsewhere)
      if (share_a_place(target.path, other.path))
        throw Error("'--repos-output " + oci::to_string(target) + "' and the output " +
                        quoted(oci::to_string(other)) + " are the same place",
                    ExitCode::usage)
            .set_hint("an image layout holds one image: give each a path of its own");
    targets.push_back(std::move(target));
  }
  return targets;
}

std::vector<OutputInfo> emit_repos_image(Inputs& inputs, Sources& sources, const Built& base,
                                         const std::vector<oci::OutputTarget>& targets,
                                         const LayerPacker& packer, oci::Others others) {
  if (targets.empty()) return {};
  const oci::ImageSpec image = ReposImage(inputs, sources, packer).describe(base);
  return write_image(image, image_name_of(inputs.spec), inputs.spec.tag, targets,
                     sources.observer(), others);
}

}  // namespace gbox::build
