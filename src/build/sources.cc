#include "sources.h"

#include <algorithm>
#include <utility>

#include "gbox/base/text.h"
#include "gbox/net/url.h"
#include "gbox/sys/file.h"
#include "transfers.h"

namespace gbox::build {

namespace {

bool is_regular_file(const std::string& path) {
  const auto status = sys::try_fstatat(AT_FDCWD, path, 0);
  return status && S_ISREG(status->st_mode);
}

}  // namespace

// A fetched file in incoming/ that is not an input yet; removed unless it becomes one.
struct Sources::Arrived {
  store::Store& store;
  std::string name;
  net::Fetched fetched;

  Arrived(store::Store& where, std::string file) : store(where), name(std::move(file)) {}
  Arrived(Arrived&& other) noexcept
      : store(other.store),
        name(std::exchange(other.name, {})),
        fetched(std::move(other.fetched)) {}
  Arrived& operator=(Arrived&&) = delete;
  ~Arrived() {
    if (!name.empty()) store.discard_incoming(name);
  }
  void adopt() { store.adopt_input(std::exchange(name, {}), fetched.sha256); }
};

Sources::Sources(const SourceOptions& options, const Inputs& inputs, store::Store& store,
                 Observer& observer)
    : options_(options),
      inputs_(inputs),
      store_(store),
      observer_(observer),
      incoming_(store.open_incoming()),
      settings_(transfer_settings(options, incoming_, observer)) {}

std::vector<std::string> Sources::nearby(const std::string& name) const {
  std::vector<std::string> paths;
  for (const std::string& directory : {inputs_.directory, inputs_.distfiles})
    if (!directory.empty() && is_regular_file(directory + '/' + name))
      paths.push_back(directory + '/' + name);
  return paths;
}

void Sources::require_network(const std::string& what) const {
  if (!options_.offline) return;
  throw Error(what + " is not in the store, and '--offline' says to fetch nothing", ExitCode::input)
      .set_hint("run 'gbox fetch " + inputs_.spec.file + "' where there is a network");
}

Sources::Arrived Sources::fetch(const net::Transfer& transfer, const std::string& deed,
                                const std::string& hint) {
  // A name of its own: two builds that want the same file must not publish over one another's
  // between verifying and keeping it.
  Arrived arrived(store_, sys::random_hex(8) + '-' + transfer.name);
  net::Transfer own = transfer;
  own.file = arrived.name;
  std::vector<net::Fetched> results =
      net::fetch_all(incoming_.get(), std::span(&own, 1), settings_);
  net::require(results, deed, hint);
  arrived.fetched = std::move(results.front());
  return arrived;
}

sys::Fd Sources::open(const spec::LockedFile& file, const std::string& deed,
                      const std::string& key) {
  if (auto fd = store_.open_input(file.sha256())) return std::move(*fd);
  net::Transfer transfer;
  transfer.name = file.name;
  transfer.size = file.size;
  transfer.digests = file.digests;
  transfer.urls = nearby(file.name);
  if (transfer.urls.empty()) require_network(quoted(file.name));
  if (!options_.offline)
    transfer.urls.insert(transfer.urls.end(), file.urls.begin(), file.urls.end());
  Arrived arrived =
      fetch(transfer, deed + ' ' + quoted(file.name),
            "'gbox lock " + inputs_.spec.file + " --update " + key +
                "' takes what the mirror has now; or place the file beside the spec: its digest "
                "is known");
  arrived.adopt();
  auto fd = store_.open_input(file.sha256());
  if (!fd) throw Error("internal error: input " + quoted(file.name) + " is gone");
  return std::move(*fd);
}

// A place whose bytes are not what was signed counts as one that has not got the file.
Sources::Arrived Sources::fetch_verified(net::Transfer transfer,
                                         const portage::ResolvedFile& resolved,
                                         const portage::KeyRing* ring, const std::string& deed,
                                         std::string& signer) {
  const std::string hint =
      resolved.stamp.empty() ? "is the URL right? a file of this name beside the spec is taken too"
                             : "name several mirrors, they are tried in order: mirror = "
                               "[\"https://…\", \"https://…\"]";
  for (;;) {
    Arrived arrived = fetch(transfer, deed, hint);
    const sys::Fd fd = sys::openat(incoming_.get(), arrived.name, O_RDONLY | O_NOFOLLOW);
    try {
      signer = portage::verify_resolved(fd.get(), resolved, ring).fingerprint;
      return arrived;
    } catch (portage::SignatureError& error) {
      const std::string from = arrived.fetched.requested_url;
      error.add_context(deed + " from " + quoted(net::shown_host(from)));
      const bool tried = std::erase(transfer.urls, from) != 0;
      if (error.code() != ExitCode::input || !tried || transfer.urls.empty()) throw;
      observer_.warn({error.message(), error.hint()});
    }
  }
}

spec::LockedFile Sources::settle(const portage::ResolvedFile& resolved,
                                 const portage::KeyRing* ring, const std::string& deed) {
  spec::LockedFile file;
  file.name = resolved.name;
  file.urls = resolved.urls;
  file.digests = resolved.digests;
  file.signer = resolved.signer.fingerprint;
  const bool named =
      std::any_of(file.digests.begin(), file.digests.end(),
                  [](const Digest& digest) { return digest.algorithm() == HashAlgorithm::sha256; });
  if (!named || !resolved.size || !resolved.signature.empty()) {
    net::Transfer transfer;
    transfer.name = resolved.name;
    transfer.size = resolved.size;
    transfer.digests = resolved.digests;
    transfer.urls = nearby(resolved.name);
    transfer.urls.insert(transfer.urls.end(), resolved.urls.begin(), resolved.urls.end());
    Arrived arrived = fetch_verified(transfer, resolved, ring, deed, file.signer);
    file.size = arrived.fetched.bytes;
    if (!named) file.digests.push_back(arrived.fetched.sha256);
    arrived.adopt();
  } else {
    file.size = *resolved.size;
  }
  std::sort(file.digests.begin(), file.digests.end());
  return file;
}

}  // namespace gbox::build
