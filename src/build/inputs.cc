#include "inputs.h"

#include <sys/utsname.h>

#include <climits>
#include <cstdlib>
#include <memory>
#include <span>

#include "base_image.h"
#include "epoch.h"
#include "gbox/base/text.h"
#include "gbox/portage/binary_host.h"
#include "gbox/portage/command.h"
#include "gbox/sandbox/policy.h"
#include "gbox/sys/file.h"
#include "gbox/sys/interrupt.h"
#include "memo.h"
#include "phase_mounts.h"
#include "resolve.h"

namespace gbox::build {

namespace {

// Version of the rules by which a base is unpacked: a change gives other snapshots.
constexpr char kBaseFormat[] = "1";
// Version of what gbox itself does in a step (mounts, environment, copy and remove).
constexpr char kStepFormat[] = "1";

std::string absolute(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr),
                                                         &std::free);
  if (!real) throw SysError(errno, "open " + quoted(path), ExitCode::input);
  return real.get();
}

std::string read_spec_text(const std::string& path) {
  try {
    return sys::read_file(path, spec::kMaxSpecBytes);
  } catch (SysError& error) {
    if (error.error_number() == ENOENT) error.set_hint("name the spec: 'gbox build SPEC'");
    if (error.error_number() == EACCES)
      error.set_hint("the file or a directory above it is closed to you");
    throw error.add_context("read spec").add_code(ExitCode::usage);
  } catch (Error& error) {
    throw error.add_context("read spec").add_code(ExitCode::usage);
  }
}

[[noreturn]] void throw_at(const Location& where, std::string message, std::string hint) {
  Error error(to_string(where) + ": " + std::move(message), ExitCode::input);
  throw error.set_hint(std::move(hint));
}

sys::Fd open_input(const std::string& path, const Location& where, const std::string& what,
                   int flags) {
  try {
    return sys::open(path, flags);
  } catch (const SysError& error) {
    throw_at(where, what + ": " + error.message(),
             error.error_number() == ENOENT
                 ? "relative paths start at the directory of the spec"
                 : "the file and all directories above it must be open to you");
  }
}

std::vector<Digest> digests_of(int fd, const std::string& path,
                               const std::vector<HashAlgorithm>& algorithms) {
  std::vector<Hasher> hashers;
  for (const HashAlgorithm algorithm : algorithms) hashers.emplace_back(algorithm);
  std::vector<std::byte> buffer(1u << 20);
  if (::lseek(fd, 0, SEEK_SET) != 0) throw SysError(errno, "read " + quoted(path));
  while (const std::size_t count = sys::read_full(fd, buffer, path)) {
    for (Hasher& hasher : hashers) hasher.update(std::span(buffer).first(count));
    sys::check_interrupt();
  }
  std::vector<Digest> result;
  for (Hasher& hasher : hashers) result.push_back(hasher.finish());
  return result;
}

// The archive's SHA-256, which keys its snapshot; what the spec promises is checked on the way.
void digest_base(Inputs& inputs, store::Store& store) {
  const spec::Base& base = inputs.spec.base;
  const std::string path = resolve_path(inputs, base.tarball);
  inputs.base_name = base.tarball;
  inputs.base_archive = open_input(path, base.where, "base", O_RDONLY);
  if (!S_ISREG(sys::fstat(inputs.base_archive.get()).st_mode))
    throw_at(base.where, "base: " + quoted(path) + " is not a file",
             "name a tar archive (plain, gzip, bzip2, xz or zstd)");
  std::vector<HashAlgorithm> algorithms = {HashAlgorithm::sha256};
  for (const Digest& digest : base.digests)
    if (digest.algorithm() != HashAlgorithm::sha256) algorithms.push_back(digest.algorithm());
  const int fd = inputs.base_archive.get();
  const std::vector<Digest> found = remembered_file_digests(
      store, fd, path, algorithms, [&] { return digests_of(fd, path, algorithms); });
  for (const Digest& wanted : base.digests)
    for (const Digest& digest : found)
      if (digest.algorithm() == wanted.algorithm() && digest != wanted)
        throw_at(base.where,
                 "verify " + quoted(path) + ": its " + std::string(digest.algorithm_name()) +
                     " is " + digest.hex() + ", the spec says " + wanted.hex(),
                 "the file is damaged or another one: fetch it again, or correct the spec");
  inputs.base_digest = found.front().to_string();
}

void digest_repositories(Inputs& inputs, store::Store& store, WarningSink& warnings) {
  for (const spec::Repository& repository : inputs.spec.repositories) {
    if (repository.path.empty()) continue;
    portage::CheckedRepository checked =
        portage::check_repository(repository, resolve_path(inputs, repository.path));
    for (const Warning& warning : checked.warnings) warnings.warn(warning);
    const int dirfd = checked.directory.get();
    const portage::RepositoryState state = portage::repository_state(dirfd);
    checked.closed = state.closed;
    inputs.repository_digests[repository.name] =
        remembered_repository_digest(store, dirfd, checked.path, state).to_string();
    inputs.repositories.push_back(std::move(checked));
  }
}

std::string digest_path(const std::string& path, const Location& where, const std::string& what) {
  const sys::Fd fd = open_input(path, where, what, O_RDONLY | O_NONBLOCK);
  const struct stat status = sys::fstat(fd.get());
  if (S_ISDIR(status.st_mode)) return "tree:" + portage::tree_digest(fd.get()).to_string();
  if (!S_ISREG(status.st_mode))
    throw_at(where, what + ": " + quoted(path) + " is neither a file nor a directory", "");
  const bool executable = (status.st_mode & 0111) != 0;
  return (executable ? "program:" : "file:") +
         digests_of(fd.get(), path, {HashAlgorithm::sha256}).front().to_string();
}

void digest_binds(Inputs& inputs) {
  inputs.bind_digests.clear();
  for (const spec::Phase& phase : inputs.spec.phases)
    for (const spec::PhaseMount& mount : phase.mounts) {
      if (mount.kind != spec::PhaseMount::Kind::bind) continue;
      const BindSource source =
          with_context(mount_words(mount), [&] { return open_bind(inputs.directory, mount); });
      inputs.bind_digests[phase.name][mount.target] =
          digest_path("/proc/self/fd/" + std::to_string(source.directory.get()) + '/' + source.name,
                      mount.where, "mount " + quoted(mount.from));
    }
}

std::string read_patch(const Inputs& inputs, const spec::Text& file) {
  const std::string path = resolve_path(inputs, file.value);
  const sys::Fd fd = open_input(path, file.where, "patches", O_RDONLY | O_NONBLOCK);
  if (!S_ISREG(sys::fstat(fd.get()).st_mode))
    throw_at(file.where, "patches: " + quoted(path) + " is not a file", "");
  std::string text(portage::kMaxPatchBytes + 1, '\0');
  text.resize(sys::read_full(fd.get(), std::as_writable_bytes(std::span(text)), path));
  if (text.size() > portage::kMaxPatchBytes)
    throw_at(file.where,
             "patches: " + quoted(path) + " is larger than " + human_size(portage::kMaxPatchBytes),
             "");
  return text;
}

void digest_config(Inputs& inputs, plan::PlanInputs& plan_inputs) {
  inputs.config_files = portage::config_files(
      inputs.spec, [&](const spec::Text& file) { return read_patch(inputs, file); });
  for (const portage::ConfigFile& file : inputs.config_files)
    plan_inputs.config[file.path] =
        (file.kind == portage::ConfigFile::Kind::symlink ? "link:" : "") +
        sha256(file.content).to_string();
  const spec::PortageConfig& config = inputs.spec.portage;
  if (!config.config_dir.empty())
    plan_inputs.config["config_dir"] =
        digest_path(resolve_path(inputs, config.config_dir), config.config_dir_where, "config_dir");
}

void choose_policies(Inputs& inputs) {
  inputs.policies = phase_policies(inputs.spec, inputs.directory);
  for (spec::Phase& phase : inputs.spec.phases)
    phase.policy = inputs.policies[phase.name].policy.name;
}

}  // namespace

std::string resolve_path(const Inputs& inputs, const std::string& path) {
  return path.starts_with('/') ? path : inputs.directory + '/' + path;
}

portage::CheckedRepository* find_opened(Inputs& inputs, std::string_view name) {
  for (portage::CheckedRepository& repository : inputs.repositories)
    if (repository.name == name) return &repository;
  return nullptr;
}

const sandbox::Policy& policy_of(const Inputs& inputs, const spec::Phase& phase) {
  const auto found = inputs.policies.find(phase.name);
  if (found == inputs.policies.end())
    throw Error("internal error: no policy of phase " + quoted(phase.name));
  return found->second.policy;
}

std::map<std::string, PhasePolicy> policies_of_spec(
    const std::string& path, const std::map<std::string, std::string>& overrides) {
  struct Silent : WarningSink {
    void warn(const Warning&) override {}
  } silent;
  return read_inputs({path, overrides}, silent).policies;
}

Inputs read_inputs(const SpecSource& source, WarningSink& warnings) {
  Inputs inputs;
  const std::string text = read_spec_text(source.path);
  inputs.spec_digest = sha256(text).hex();
  inputs.spec = spec::read_spec(source.path, text, source.overrides);
  for (const SpecFault& fault : inputs.spec.warnings)
    warnings.warn({to_string(fault.where) + ": " + fault.message, fault.hint});
  const std::string path = absolute(source.path);
  inputs.directory = path.substr(0, path.rfind('/'));
  if (inputs.directory.empty()) inputs.directory = "/";
  utsname machine{};
  if (::uname(&machine) != 0) throw SysError(errno, "read the machine's architecture");
  inputs.machine = machine.machine;
  choose_policies(inputs);
  // In the image, one of Gentoo's own is where it is for everybody, whatever this build's mirror.
  for (spec::BinaryHost& host : inputs.spec.binary_hosts)
    if (!host.official.empty())
      host.uri = portage::official_host(spec::kDefaultMirror,
                                        gentoo_arch(inputs.spec, inputs.machine), host.official);
  if (!inputs.spec.options.distfiles.empty()) {
    inputs.distfiles = resolve_path(inputs, inputs.spec.options.distfiles);
    (void)open_input(inputs.distfiles, inputs.spec.options.distfiles_where, "distfiles",
                     O_PATH | O_DIRECTORY);
  }
  return inputs;
}

void digest_local_inputs(Inputs& inputs, store::Store& store, WarningSink& warnings) {
  digest_repositories(inputs, store, warnings);
  if (inputs.spec.base.is_fetched()) return;
  if (inputs.spec.base.image.empty())
    digest_base(inputs, store);
  else
    digest_base_image(inputs);
}

void make_plan(Inputs& inputs) {
  plan::PlanInputs plan_inputs;
  plan_inputs.base_format = kBaseFormat;
  plan_inputs.base_digest = inputs.base_digest;
  plan_inputs.repositories = inputs.repository_digests;
  for (const auto& [name, host] : inputs.lock.binary_hosts)
    plan_inputs.binary_hosts[name] = host.index.sha256().to_string();
  plan_inputs.helpers["step"] = kStepFormat;
  plan_inputs.environment = portage::base_environment();
  digest_binds(inputs);
  plan_inputs.mount_sources = inputs.bind_digests;
  for (const spec::Phase& phase : inputs.spec.phases) {
    plan_inputs.phase_policies[phase.name] = policy_of(inputs, phase).digest.to_string();
    for (const spec::Copy& copy : phase.copy)
      plan_inputs.copy_sources[phase.name].push_back(
          digest_path(resolve_path(inputs, copy.from), copy.where, "copy"));
  }
  digest_config(inputs, plan_inputs);
  inputs.epoch = input_epoch(inputs);
  plan_inputs.epoch = inputs.epoch;
  inputs.plan = plan::make_plan(inputs.spec, plan_inputs);
}

}  // namespace gbox::build
