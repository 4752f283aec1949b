#include "resolve.h"

#include <array>
#include <cstdlib>
#include <ctime>

#include "base_image.h"
#include "gbox/base/text.h"
#include "gbox/net/url.h"
#include "gbox/portage/binary_host.h"
#include "gbox/portage/stage3.h"
#include "gbox/portage/tree_snapshot.h"
#include "gbox/portage/trust.h"
#include "hosts.h"

namespace gbox::build {

namespace {

using portage::Purpose;

std::string unverified(const spec::Origin& origin) {
  return origin.verify ? "" : ", unverified";
}

std::string wish_of(const spec::Base& base, const std::string& arch, const std::string& machine) {
  if (!base.image.empty())
    return "image " + base.image + ", platform " +
           oci::to_string(oci::platform_of_machine(machine));
  if (base.stage3.empty()) {
    std::string wish = "tarball " + base.tarball;
    for (const Digest& digest : base.digests) wish += ", " + digest.to_string();
    return wish;
  }
  return "stage3 " + base.stage3 + ", arch " + arch + ", date " + base.date +
         unverified(base.origin);
}

std::string wish_of(const spec::Repository& repository) {
  if (!repository.git.empty())
    return "git " + repository.git + ", rev " + (repository.rev.empty() ? "HEAD" : repository.rev);
  return "snapshot " + repository.snapshot + ", format " +
         std::string(to_string(repository.format)) + unverified(repository.origin);
}

std::string wish_of(const spec::BinaryHost& host, const Inputs& inputs) {
  if (host.official.empty()) return "uri " + host.uri;
  return "official " + host.official + ", arch " + gentoo_arch(inputs.spec, inputs.machine);
}

// "20261115T170312Z" of an index's seconds; empty for a time that is none.
std::string stamp_of(const std::string& seconds) {
  const std::time_t time = std::strtoll(seconds.c_str(), nullptr, 10);
  std::tm parts{};
  std::array<char, 32> text{};
  if (::gmtime_r(&time, &parts) == nullptr) return "";
  return {text.data(), std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &parts)};
}

class Resolver {
 public:
  Resolver(const Inputs& inputs, Sources& sources)
      : inputs_(inputs), sources_(sources), mirror_(sources.settings()) {}

  // `known`: the stamp that the same wish had before, below which 'latest' does not go.
  spec::LockedBase base(const std::string& wish, const std::string& known) {
    const spec::Base& base = inputs_.spec.base;
    if (!base.image.empty()) {
      sources_.require_network("image " + quoted(base.image));
      return at(base.image_where, [&]() -> spec::LockedBase {
        return {wish, "",
                lock_base_image(inputs_, oci::platform_of_machine(inputs_.machine), sources_)};
      });
    }
    if (base.stage3.empty()) {
      portage::ResolvedFile file;
      file.name = base.tarball.substr(base.tarball.rfind('/') + 1);
      file.urls = {base.tarball};
      file.digests = base.digests;
      sources_.require_network(quoted(base.tarball));
      return {wish, "", sources_.settle(file, nullptr, "fetch base " + quoted(file.name))};
    }
    const std::string what = "stage3 " + quoted(base.stage3);
    sources_.require_network(what);
    return at(base.stage3_where, [&] {
      const auto ring = ring_of(Purpose::release, base.origin);
      portage::Stage3Wish query;
      query.arch = gentoo_arch(inputs_.spec, inputs_.machine);
      query.variant = base.stage3;
      query.date = base.date;
      query.mirrors = base.origin.mirrors;
      query.known_stamp = known;
      query.now = std::time(nullptr);
      const portage::ResolvedFile file =
          portage::resolve_stage3(query, mirror_, ring ? &*ring : nullptr, sources_.observer());
      return spec::LockedBase{wish, file.stamp,
                              sources_.settle(file, ring ? &*ring : nullptr, "fetch " + what)};
    });
  }

  spec::LockedRepository repository(const spec::Repository& repository, const std::string& wish,
                                    const std::string& known) {
    const std::string what = "repository " + quoted(repository.name);
    sources_.require_network(what);
    if (!repository.git.empty()) return commit(repository, wish);
    return at(repository.source_where, [&] {
      const auto ring = ring_of(Purpose::snapshot, repository.origin);
      portage::SnapshotWish query;
      query.date = repository.snapshot;
      query.format = repository.format;
      query.mirrors = repository.origin.mirrors;
      query.known_stamp = known;
      query.now = std::time(nullptr);
      const portage::ResolvedFile file = portage::resolve_tree_snapshot(
          query, mirror_, ring ? &*ring : nullptr, sources_.observer());
      spec::LockedRepository locked;
      locked.wish = wish;
      locked.date = file.stamp;
      locked.file = sources_.settle(file, ring ? &*ring : nullptr, "fetch " + what);
      return locked;
    });
  }

  spec::LockedBinaryHost binary_host(const spec::BinaryHost& host, const std::string& wish) {
    const std::string what = "the index of binary package host " + quoted(host.name);
    sources_.require_network(what);
    return at(host.where, [&] {
      portage::ResolvedFile file;
      file.name = host.name + "-Packages";
      for (const std::string& location : host_locations(inputs_, host))
        file.urls.push_back(net::join_url(location, "Packages"));
      spec::LockedBinaryHost locked;
      locked.wish = wish;
      locked.index = sources_.settle(file, nullptr, "fetch " + what);
      const sys::Fd index = sources_.open(locked.index, "fetch " + what, host.name);
      locked.stamp = stamp_of(read_index(host.name, index, locked.index).timestamp);
      return locked;
    });
  }

 private:
  spec::LockedRepository commit(const spec::Repository& repository, const std::string& wish) {
    spec::LockedRepository locked;
    locked.wish = wish;
    locked.git = repository.git;
    locked.commit = at(repository.source_where, [&] {
      return resolve_git(git_source(inputs_, repository), sources_.observer());
    });
    return locked;
  }

  // What goes wrong is told with the place of the wish.
  template <class Action>
  static auto at(const Location& where, Action&& action) -> decltype(action()) {
    try {
      return action();
    } catch (Error& error) {
      const std::string place = to_string(where);
      if (!place.empty()) error.add_context(place);
      throw;
    }
  }

  std::optional<portage::KeyRing> ring_of(Purpose purpose, const spec::Origin& origin) const {
    if (!origin.verify) return std::nullopt;
    portage::KeySources keys;
    keys.keyring =
        origin.keyring.empty() ? sources_.options().keyring : resolve_path(inputs_, origin.keyring);
    keys.user_directory = portage::user_key_directory();
    return portage::load_key_ring(purpose, keys, sources_.observer());
  }

  const Inputs& inputs_;
  Sources& sources_;
  portage::NetDownloader mirror_;
};

[[noreturn]] void throw_locked(const Inputs& inputs, const std::string& what,
                               const std::string& wish, const std::string* held) {
  throw Error("'--locked': the lock " + (held == nullptr ? "has no " + what
                                                         : "has " + what + " as " + quoted(*held) +
                                                               ", the spec says " + quoted(wish)),
              ExitCode::usage)
      .set_hint("run 'gbox lock " + inputs.spec.file + "', and keep the file it writes");
}

}  // namespace

GitSource git_source(const Inputs& inputs, const spec::Repository& repository) {
  return {repository.name,
          spec::is_url(repository.git) ? repository.git : resolve_path(inputs, repository.git),
          repository.rev};
}

std::string gentoo_arch(const spec::BuildSpec& spec, std::string_view machine) {
  if (!spec.base.arch.empty()) return spec.base.arch;
  struct Name {
    std::string_view machine;
    std::string_view arch;
  };
  static constexpr std::array<Name, 12> kNames = {{{"x86_64", "amd64"},
                                                   {"i686", "x86"},
                                                   {"aarch64", "arm64"},
                                                   {"armv7l", "arm"},
                                                   {"armv6l", "arm"},
                                                   {"ppc64le", "ppc"},
                                                   {"ppc64", "ppc"},
                                                   {"riscv64", "riscv"},
                                                   {"s390x", "s390"},
                                                   {"loongarch64", "loong"},
                                                   {"mips64", "mips"},
                                                   {"alpha", "alpha"}}};
  for (const Name& name : kNames)
    if (name.machine == machine) return std::string(name.arch);
  throw SpecError(
      {{spec.base.where, "Gentoo's name for this machine (" + quoted(machine) + ") is not known",
        "add arch = \"…\" to [base], as the mirror's directories are called"}});
}

spec::Lock resolve_inputs(const Inputs& inputs, const spec::Lock& old,
                          const std::set<std::string>& again, Sources& sources) {
  const bool locked = sources.options().locked;
  Resolver resolver(inputs, sources);
  spec::Lock lock;
  lock.cpu = old.cpu;
  if (inputs.spec.base.is_fetched()) {
    const std::string wish = wish_of(
        inputs.spec.base,
        inputs.spec.base.stage3.empty() ? std::string() : gentoo_arch(inputs.spec, inputs.machine),
        inputs.machine);
    const bool known = old.base && old.base->wish == wish;
    if (!known && locked) throw_locked(inputs, "base", wish, old.base ? &old.base->wish : nullptr);
    lock.base = known && !again.contains("base")
                    ? *old.base
                    : resolver.base(wish, known ? old.base->stamp : std::string());
  }
  for (const spec::Repository& repository : inputs.spec.repositories) {
    if (!repository.path.empty()) continue;
    const std::string wish = wish_of(repository);
    const auto found = old.repositories.find(repository.name);
    const bool there = found != old.repositories.end();
    const bool known = there && found->second.wish == wish;
    if (!known && locked)
      throw_locked(inputs, "repository " + quoted(repository.name), wish,
                   there ? &found->second.wish : nullptr);
    lock.repositories[repository.name] =
        known && !again.contains(repository.name)
            ? found->second
            : resolver.repository(repository, wish, known ? found->second.date : std::string());
  }
  for (const spec::BinaryHost& host : inputs.spec.binary_hosts) {
    const std::string wish = wish_of(host, inputs);
    const auto found = old.binary_hosts.find(host.name);
    const bool there = found != old.binary_hosts.end();
    const bool known = there && found->second.wish == wish;
    if (!known && locked)
      throw_locked(inputs, "binary package host " + quoted(host.name), wish,
                   there ? &found->second.wish : nullptr);
    lock.binary_hosts[host.name] =
        known && !again.contains(host.name) ? found->second : resolver.binary_host(host, wish);
  }
  return lock;
}

}  // namespace gbox::build
