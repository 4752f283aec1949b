// Packages of the store into a directory of include/gbox/build/share.h.
#include "share_write.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <thread>

#include "caller.h"
#include "gbox/base/text.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/digest.h"
#include "gbox/sys/file.h"
#include "gbox/sys/interrupt.h"
#include "package_index.h"
#include "shared_directory.h"
#include "shared_package.h"

namespace gbox::build {

namespace {

constexpr const char* kIndex = "Packages";
constexpr std::size_t kMaxSharedIndexBytes = 64u << 20;
constexpr unsigned kMaxBuilds = 100'000;
// What decided the build, of the variables of a configuration; "" when it is not told.
std::string variable_of(const store::Package& package, const char* name) {
  for (const Json& part : package.parts)
    if (part.is_array() && part.size() == 2 && part[0] == "variables" && part[1].is_object())
      if (const auto value = part[1].find(name); value != part[1].end() && value->is_string())
        return value->get<std::string>();
  return {};
}

class PackageWriter {
 public:
  PackageWriter(store::Store& store, const std::string& path, const std::set<std::string>& renewed,
                Observer& observer)
      : store_(store),
        directory_(path),
        renewed_(renewed),
        observer_(observer),
        progress_{observer, "exporting", 0, 0} {
    ensure(kShareDirectory);
    lock();
    sweep();
    known_ = directory_.list(observer_, damaged_);
    for (const auto& [key, shared] : known_) taken_.insert(shared.place);
  }

  ShareResult run(const std::vector<store::Package>& packages) {
    std::vector<const store::Package*> fresh;
    for (const store::Package& package : packages) {
      if (is_there(package)) {
        ++result_.already;
        continue;
      }
      progress_.total += package.size_bytes;
      fresh.push_back(&package);
    }
    try {
      for (const store::Package* package : fresh) write(*package);
    } catch (...) {
      try_write_index();  // for what is there
      throw;
    }
    observer_.progress(progress_.activity, progress_.total, progress_.total);
    write_index();
    return result_;
  }

 private:
  // Made as root, the caller's in the end.
  void ensure(const std::string& path) {
    std::string made;
    for (const std::string& name : split(path, '/')) {
      made += (made.empty() ? "" : "/") + name;
      if (sys::try_fstatat(directory_.fd(), made, AT_SYMLINK_NOFOLLOW)) continue;
      sys::mkdirat(directory_.fd(), made, 0755);
      give_to_caller(directory_.path() + '/' + made);
    }
  }

  // Two exports at once would take one name for two builds.
  void lock() {
    observer_.tick();
    while (true) {
      if (auto held = sys::FileLock::try_lock_directory(directory_.fd(), kShareDirectory)) {
        lock_ = std::move(*held);
        return;
      }
      sys::check_interrupt();
      observer_.waiting("another gbox that writes to " + quoted(directory_.path()));
      observer_.tick();
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }

  // What a killed export was about to write.
  void sweep() {
    for (const std::string& name : sys::list_directory(lock_.fd(), kShareDirectory))
      if (name.starts_with(kUnfinished)) (void)::unlinkat(lock_.fd(), name.c_str(), 0);
  }

  bool is_there(const store::Package& package) {
    if (renewed_.contains(package.key)) return false;
    // Another build of the same key is as good; who reads it now must not find its file replaced.
    const auto found = known_.find(package.key);
    std::string why;
    return found != known_.end() && directory_.open(found->second, why);
  }

  // Where the package is to lie: where a step has it, unless another build has that name. Portage
  // tells builds of one version apart by a number in the name.
  std::string free_place(const store::Package& package) {
    const auto is_free = [&](const std::string& place) {
      if (taken_.contains(place)) return false;
      const auto status = sys::try_fstatat(directory_.fd(), place, AT_SYMLINK_NOFOLLOW);
      if (!status) return true;
      // Left by an export that was killed between the file and what is told of it.
      SharedPackage same{package, place};
      std::string why;
      const auto file = directory_.open(same, why);
      if (!file) return false;
      return sys::sha256_of(file->get(), place) == package.sha256;
    };
    if (const auto earlier = known_.find(package.key); earlier != known_.end())
      return earlier->second.place;  // to be written anew
    if (is_free(package.path)) return package.path;
    for (unsigned id = 1; id < kMaxBuilds; ++id) {
      const std::string place = instance_path(package.cpv, package.file, id);
      if (place.empty()) break;
      if (is_free(place)) return place;
    }
    throw Error("its name " + quoted(package.path) + " is taken", ExitCode::input);
  }

  void write(const store::Package& package) {
    try {
      const SharedPackage shared{package, free_place(package)};
      // Read back as an import would: what that refuses is of no use there.
      (void)parse_shared_facts(shared_facts(shared), package.key + ".json");
      copy(shared);
      put(package.key + ".json", shared_facts(shared));
      taken_.insert(shared.place);
      known_.insert_or_assign(package.key, shared);
      ++result_.written;
      result_.bytes += package.size_bytes;
    } catch (const Error& error) {
      if (error.code() != ExitCode::input) throw;
      ++result_.refused;
      observer_.warn({quoted(package.cpv) + " is not exported: " + error.message(), {}});
    }
  }

  void copy(const SharedPackage& shared) {
    const std::string name = std::string(kUnfinished) + sys::random_hex(8);
    const sys::Fd from = store_.open_package(shared.package);
    const sys::Fd to = sys::openat(lock_.fd(), name, O_WRONLY | O_CREAT | O_EXCL, 0644);
    struct Remove {
      int directory;
      const std::string& name;
      ~Remove() { (void)::unlinkat(directory, name.c_str(), 0); }  // gone already is as good
    } remove{lock_.fd(), name};
    const Digest digest = copy_bytes(from.get(), to.get(), shared.package.size_bytes, progress_);
    if (digest != shared.package.sha256) {
      store_.forget_package(shared.package.key);
      throw Error("it is damaged in the store, and dropped there", ExitCode::input);
    }
    if (::fchmod(to.get(), 0644) != 0) throw SysError(errno, "chmod " + quoted(name));
    // An index entry counts for Portage while its MTIME is the file's.
    const std::int64_t mtime = mtime_of(shared.package);
    const struct timespec times[2] = {{mtime, 0}, {mtime, 0}};
    if (::futimens(to.get(), times) != 0) throw SysError(errno, "set the time of " + quoted(name));
    sys::fsync(to.get(), name);
    give_to_caller(directory_.path() + '/' + kShareDirectory + '/' + name);
    const auto [parent, file] = sys::split_last(shared.place);
    ensure(parent);
    const sys::Fd target = sys::open_beneath(directory_.fd(), parent, O_RDONLY | O_DIRECTORY,
                                             sys::Resolve::no_symlinks);
    sys::renameat(lock_.fd(), name, target.get(), file);
  }

  void put(const std::string& name, const std::string& text) {
    sys::write_file_atomically(lock_.fd(), name, text, 0644);
    give_to_caller(directory_.path() + '/' + kShareDirectory + '/' + name);
  }

  static std::int64_t mtime_of(const store::Package& package) {
    const std::string text = field(parse_fields(package.stanza), "MTIME");
    if (!text.empty() && text.size() < 12 &&
        text.find_first_not_of("0123456789") == std::string::npos)
      return std::stoll(text);
    return package.created.seconds;
  }

  [[nodiscard]] std::optional<IndexFields> entry_of(const SharedPackage& shared) const {
    IndexFields fields = parse_fields(shared.package.stanza);
    if (fields.empty()) return std::nullopt;  // Portage looks into the file by itself
    const auto status = sys::try_fstatat(directory_.fd(), shared.place, AT_SYMLINK_NOFOLLOW);
    if (!status || !S_ISREG(status->st_mode) ||
        static_cast<std::uint64_t>(status->st_size) != shared.package.size_bytes)
      return std::nullopt;
    set_field(fields, "PATH", shared.place);
    set_field(fields, "SIZE", std::to_string(status->st_size));
    set_field(fields, "MTIME", std::to_string(status->st_mtime));
    if (const unsigned id = instance_id(shared.package.cpv, shared.place))
      set_field(fields, "BUILD_ID", std::to_string(id));
    // Left out where the header of its first index said the same.
    if (const std::string host = variable_of(shared.package, "CHOST");
        !host.empty() && field(fields, "CHOST").empty())
      set_field(fields, "CHOST", host);
    return fields;
  }

  void write_index() {
    const auto there = sys::try_open_beneath(directory_.fd(), kIndex, O_RDONLY | O_NONBLOCK,
                                             sys::Resolve::no_symlinks);
    if (there && result_.written == 0) return;
    PackageIndex index;
    if (there && S_ISREG(sys::fstat(there->get()).st_mode)) {
      std::string text(kMaxSharedIndexBytes, '\0');
      text.resize(sys::read_full(there->get(), std::as_writable_bytes(std::span(text)), kIndex));
      index = parse_package_index(text);
      // Portage, or somebody, has put packages of their own there: they stay.
      std::erase_if(index.entries, [&](const IndexFields& entry) {
        const std::string path = field(entry, "PATH");
        return path.empty() || taken_.contains(path) || sys::normalized_relative(path) != path ||
               !sys::try_fstatat(directory_.fd(), path, AT_SYMLINK_NOFOLLOW);
      });
    }
    std::set<std::string> arches;
    for (const auto& [key, shared] : known_) {
      if (auto entry = entry_of(shared)) index.entries.push_back(std::move(*entry));
      if (std::string arch = variable_of(shared.package, "ARCH"); !arch.empty())
        arches.insert(std::move(arch));
    }
    if (arches.size() == 1 && field(index.header, "ARCH").empty())
      set_field(index.header, "ARCH", *arches.begin());
    const std::string text = index_text(std::move(index), std::time(nullptr));
    sys::write_file_atomically(directory_.fd(), kIndex, text, 0644);
    give_to_caller(directory_.path() + '/' + kIndex);
  }

  void try_write_index() noexcept {
    try {
      write_index();
    } catch (const std::exception&) {
      // Portage does not see the last packages; the next export writes it again.
    }
  }

  store::Store& store_;
  SharedDirectory directory_;
  const std::set<std::string>& renewed_;
  Observer& observer_;
  sys::FileLock lock_;
  std::size_t damaged_ = 0;
  std::map<std::string, SharedPackage> known_;
  std::set<std::string> taken_;  // places
  CopyProgress progress_;
  ShareResult result_;
};

}  // namespace

void make_shared_directory(const std::string& path) {
  const bool fresh = !sys::try_fstatat(AT_FDCWD, path, 0).has_value();
  sys::ensure_directories(AT_FDCWD, path);
  if (fresh) give_to_caller(path);
}

ShareResult write_packages(store::Store& store, const std::string& directory,
                           const std::vector<store::Package>& packages,
                           const std::set<std::string>& renewed, Observer& observer) {
  return PackageWriter(store, directory, renewed, observer).run(packages);
}

}  // namespace gbox::build
