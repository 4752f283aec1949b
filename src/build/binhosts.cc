#include "binhosts.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "gbox/base/text.h"
#include "gbox/net/url.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/fd.h"
#include "gbox/sys/file.h"
#include "gbox/sys/interrupt.h"

namespace gbox::build {

namespace {

// Where a package lies until it is known to be whole: beside the mirror's own names.
constexpr char kIncoming[] = ".incoming";

// SHA-1 tells a whole file from a damaged one; nobody's word is taken for it.
std::string sha1_of(int fd, const std::string& name) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  if (!context || EVP_DigestInit_ex(context.get(), EVP_sha1(), nullptr) != 1)
    throw Error("SHA-1 is not available in this machine's OpenSSL");
  std::vector<std::byte> buffer(1u << 20);
  if (::lseek(fd, 0, SEEK_SET) != 0) throw SysError(errno, "lseek " + quoted(name));
  while (const std::size_t count = sys::read_full(fd, buffer, name)) {
    (void)EVP_DigestUpdate(context.get(), buffer.data(), count);  // cannot fail for a hash
    sys::check_interrupt();
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
  unsigned size = 0;
  (void)EVP_DigestFinal_ex(context.get(), raw.data(), &size);
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    hex += "0123456789abcdef"[raw[i] >> 4];
    hex += "0123456789abcdef"[raw[i] & 15];
  }
  return hex;
}

bool is_whole(int fd, const portage::IndexEntry& entry) {
  const struct stat status = sys::fstat(fd);
  return S_ISREG(status.st_mode) && static_cast<std::uint64_t>(status.st_size) == entry.size &&
         (entry.sha1.empty() || sha1_of(fd, entry.path) == entry.sha1);
}

// Portage uses a file in place when its time is the index's.
void set_time(int fd, const portage::IndexEntry& entry) {
  const timespec time{entry.mtime, 0};
  const std::array<timespec, 2> times = {time, time};
  if (::futimens(fd, times.data()) != 0) throw SysError(errno, "set the time of a package");
}

}  // namespace

BinaryHostMirror::BinaryHostMirror(std::string name, std::vector<std::string> locations,
                                   std::string directory, portage::BinaryIndex index)
    : name_(std::move(name)),
      locations_(std::move(locations)),
      directory_(std::move(directory)),
      index_(std::move(index)) {
  sys::ensure_directories(AT_FDCWD, directory_);
  sys::ensure_directories(AT_FDCWD, directory_ + '/' + kIncoming, 0700);
}

std::vector<const portage::IndexEntry*> BinaryHostMirror::taken(
    std::span<const portage::EmergePlan> plans) const {
  const std::string base = "file://" + binary_host_target(name_);
  std::vector<const portage::IndexEntry*> entries;
  for (const portage::EmergePlan& plan : plans)
    for (const portage::PlannedPackage& package : plan.packages) {
      if (!package.binary || !package.binary->remote || package.binary->base_uri != base) continue;
      const portage::IndexEntry* entry = portage::find_entry(index_, package.binary->path);
      if (entry == nullptr)
        throw Error("binary package host " + quoted(name_) + ": its index has no " +
                        quoted(package.binary->path),
                    ExitCode::input);
      if (std::find(entries.begin(), entries.end(), entry) == entries.end())
        entries.push_back(entry);
    }
  return entries;
}

std::vector<const portage::IndexEntry*> BinaryHostMirror::lacking(
    std::span<const portage::EmergePlan> plans) const {
  const sys::Fd directory = sys::open(directory_, O_RDONLY | O_DIRECTORY);
  std::vector<const portage::IndexEntry*> entries;
  for (const portage::IndexEntry* entry : taken(plans)) {
    const auto file = sys::try_open_beneath(directory.get(), entry->path, O_RDONLY | O_NONBLOCK,
                                            sys::Resolve::no_symlinks);
    if (file && is_whole(file->get(), *entry)) {
      set_time(file->get(), *entry);  // another index may have named the same file
    } else {
      entries.push_back(entry);
    }
  }
  return entries;
}

std::vector<std::string> BinaryHostMirror::missing(
    std::span<const portage::EmergePlan> plans) const {
  std::vector<std::string> names;
  for (const portage::IndexEntry* entry : lacking(plans))
    names.push_back(entry->path.substr(entry->path.rfind('/') + 1));
  return names;
}

void BinaryHostMirror::show(const std::string& path,
                            std::span<const portage::EmergePlan> plans) const {
  const sys::Fd from = sys::open(directory_, O_RDONLY | O_DIRECTORY);
  const sys::Fd to = sys::open(path, O_RDONLY | O_DIRECTORY);
  sys::write_file_atomically(to.get(), "Packages", index_.text, 0644, sys::Durable::no);
  for (const portage::IndexEntry* entry : taken(plans)) {
    const auto [parent, name] = sys::split_last(sys::normalized_relative(entry->path));
    if (!parent.empty()) sys::ensure_directories(to.get(), parent);
    if (::linkat(from.get(), entry->path.c_str(), to.get(), entry->path.c_str(), 0) != 0)
      throw SysError(errno, "link " + quoted(entry->path));
  }
}

std::vector<std::string> BinaryHostMirror::fetch_packages(
    std::span<const portage::EmergePlan> plans, const net::Settings& settings) {
  const std::vector<const portage::IndexEntry*> entries = lacking(plans);
  const sys::Fd directory = sys::open(directory_, O_RDONLY | O_DIRECTORY);
  const sys::Fd incoming = sys::openat(directory.get(), kIncoming, O_RDONLY | O_DIRECTORY);
  std::vector<net::Transfer> transfers;
  for (const portage::IndexEntry* entry : entries) {
    net::Transfer transfer;
    for (const std::string& location : locations_)
      transfer.urls.push_back(net::join_url(location, entry->path));
    transfer.name = entry->path.substr(entry->path.rfind('/') + 1);
    transfer.needed_by = name_;
    transfer.size = entry->size;
    transfer.max_bytes = entry->size;
    transfer.file = sha256(entry->path).hex() + ".new";
    transfers.push_back(std::move(transfer));
  }
  const std::vector<net::Fetched> results = net::fetch_all(incoming.get(), transfers, settings);
  std::vector<std::string> damaged;
  std::vector<std::string> fetched;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!results[i].ok) continue;
    const sys::Fd file = sys::openat(incoming.get(), transfers[i].file, O_RDONLY | O_NOFOLLOW);
    if (!is_whole(file.get(), *entries[i])) {
      sys::unlinkat(incoming.get(), transfers[i].file, 0);
      damaged.push_back(transfers[i].name);
      continue;
    }
    set_time(file.get(), *entries[i]);
    if (::fchmod(file.get(), 0644) != 0) throw SysError(errno, "chmod a package");
    const auto [parent, name] = sys::split_last(sys::normalized_relative(entries[i]->path));
    if (!parent.empty()) sys::ensure_directories(directory.get(), parent);
    sys::renameat(incoming.get(), transfers[i].file, directory.get(), entries[i]->path);
    fetched.push_back(entries[i]->path);
  }
  net::require(results, "fetch binary packages of host " + quoted(name_));
  if (!damaged.empty())
    throw Error("fetch binary packages of host " + quoted(name_) + ": " + quoted_list(damaged) +
                    " are other files than its index says",
                ExitCode::input)
        .set_hint("the host is being updated, or not to be trusted: try later, or leave it out");
  return fetched;
}

std::string binary_host_target(std::string_view name) {
  return std::string(portage::kBinaryHostsDirectory) + '/' + std::string(name);
}

}  // namespace gbox::build
