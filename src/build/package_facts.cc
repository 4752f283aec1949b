#include "package_facts.h"

#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "gbox/base/text.h"
#include "gbox/plan/package.h"
#include "gbox/portage/installed.h"
#include "gbox/sandbox/policy.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/digest.h"
#include "root.h"

namespace gbox::build {

namespace {

constexpr std::string_view kRepositoriesPrefix = "/var/db/repos/";

using Planned = portage::PlannedPackage;

// Digests of files by the path that a sandbox sees, each read once: out of the repositories where
// they are mounted, else out of the step's root.
class InsideFiles {
 public:
  InsideFiles(const Inputs& inputs, int rootfd) : inputs_(inputs), rootfd_(rootfd) {}

  // Of a file; "missing" when there is none.
  const std::string& file(const std::string& path) {
    const auto known = digests_.find(path);
    if (known != digests_.end()) return known->second;
    const auto fd = open(path, O_RDONLY | O_NONBLOCK);
    std::string digest = "missing";
    if (fd && S_ISREG(sys::fstat(fd->get()).st_mode))
      digest = sys::sha256_of(fd->get(), path).to_string();
    return digests_.emplace(path, std::move(digest)).first->second;
  }

  // Of a directory with all it holds; empty when there is none.
  std::string tree(const std::string& path) {
    const auto fd = open(path, O_RDONLY | O_DIRECTORY);
    return fd ? portage::tree_digest(fd->get()).to_string() : std::string();
  }

 private:
  std::optional<sys::Fd> open(const std::string& path, int flags) {
    try {
      for (const portage::CheckedRepository& repository : inputs_.repositories) {
        const std::string prefix = std::string(kRepositoriesPrefix) + repository.name + '/';
        if (path.starts_with(prefix))
          return sys::try_open_beneath(repository.directory.get(), path.substr(prefix.size()),
                                       flags, sys::Resolve::beneath);
      }
      return sys::try_open_beneath(rootfd_, path, flags, sys::Resolve::in_root);
    } catch (const SysError&) {
      throw;
    } catch (const Error&) {
      return std::nullopt;  // a link out of the repository: nothing of it is there
    }
  }

  const Inputs& inputs_;
  int rootfd_;
  std::map<std::string, std::string> digests_;
};

std::string strongest(const portage::Distfile& file) {
  std::string text;
  for (const Digest& digest : file.digests)
    if (text.empty() || digest.algorithm() == HashAlgorithm::blake2b) text = digest.to_string();
  return text;
}

class Facts {
 public:
  Facts(const StepContext& context, const spec::Phase& phase, const portage::EmergePlan& plan,
        const Installed& installed, const std::vector<std::string>& parents)
      : context_(context),
        phase_(phase),
        plan_(plan),
        installed_(installed),
        parents_(parents),
        root_(mount_chain(context.store, parents)),
        files_(context.inputs, root_.get()),
        strays_(installed.strays()),
        selectors_(selectors()) {}

  std::vector<PackageStep> steps() {
    std::vector<PackageStep> steps;
    const std::vector<std::string> names = step_names();
    for (std::size_t i = 0; i < plan_.packages.size(); ++i) {
      PackageStep step;
      step.index = i;
      step.name = names[i];
      const Planned& package = plan_.packages[i];
      if (package.operation == Planned::Operation::merge) {
        plan::PackageInputs inputs = inputs_of(package);
        if (package.live() || phase_.network != spec::Network::none) {
          inputs.once = "phase " + phase_key();
          step.reusable = false;
        }
        step.parts = plan::package_parts(inputs);
        step.key = plan::key_of(step.parts);
      }
      keys_.push_back(step.key);
      steps.push_back(std::move(step));
    }
    return steps;
  }

 private:
  // A phase with a root of its own merges there and, what builds need, into '/'.
  static std::string place_of(const Planned& package, const spec::Phase& phase) {
    return package.id.root == phase.root ? "" : '@' + package.id.root;
  }

  std::vector<std::string> step_names() const {
    std::map<std::string, unsigned> count;
    const auto named = [&](const Planned& package) {
      return std::string(package.id.package()) + place_of(package, phase_);
    };
    for (const Planned& package : plan_.packages) ++count[named(package)];
    std::vector<std::string> names;
    for (const Planned& package : plan_.packages)
      names.push_back(phase_.name + '/' + std::string(package.id.package()) +
                      (count[named(package)] > 1 ? ':' + package.id.slot : "") +
                      place_of(package, phase_));
    return names;
  }

  // Which of several compilers is the one in use is no package's content.
  std::map<std::string, std::string> selectors() {
    std::map<std::string, std::string> found;
    for (const std::string directory : {"/etc/env.d/gcc", "/etc/env.d/binutils"}) {
      const auto fd = sys::try_open_beneath(root_.get(), directory, O_RDONLY | O_DIRECTORY,
                                            sys::Resolve::in_root);
      if (!fd) continue;
      for (const std::string& name : sys::list_directory(fd->get(), directory))
        if (name.starts_with("config-"))
          found[directory + '/' + name] = files_.file(directory + '/' + name);
    }
    return found;
  }

  std::string phase_key() const {
    const auto index = context_.inputs.plan.find(phase_.name);
    return index ? context_.inputs.plan.steps[*index].key : std::string();
  }

  plan::PackageInputs inputs_of(const Planned& package) {
    plan::PackageInputs inputs;
    inputs.cpv = package.id.cpv;
    inputs.repository = package.id.repository;
    inputs.ebuild = files_.file(package.ebuild);
    for (const auto& [name, path] : package.eclasses) inputs.eclasses[name] = files_.file(path);
    inputs.files = files_.tree(sys::split_last(package.ebuild).first + "/files");
    for (const portage::Distfile& file : package.distfiles)
      inputs.distfiles[file.name] = strongest(file);
    for (const std::string& flag : package.use_enabled) inputs.use[flag] = true;
    for (const std::string& flag : package.use_disabled) inputs.use[flag] = false;
    inputs.variables = package.variables;
    inputs.hooks = selectors_;
    for (const auto* paths : {&plan_.profile_bashrcs, &package.bashrcs, &package.patches})
      for (const std::string& path : *paths) inputs.hooks[path] = files_.file(path);
    // Files that any package may read; caches and secrets decide nothing.
    if (const auto binds = context_.inputs.bind_digests.find(phase_.name);
        binds != context_.inputs.bind_digests.end())
      for (const auto& [target, digest] : binds->second) inputs.hooks["mounted " + target] = digest;
    inputs.policy[phase_.policy] = policy_of(context_.inputs, phase_).digest.to_string();
    inputs.environment = portage::base_environment();
    inputs.network = spec::to_string(phase_.network);
    for (const std::size_t number : package.builds_with)
      inputs.dependencies[plan_.node(number).cpv] = identity(number);
    inputs.strays = strays_;
    return inputs;
  }

  // What is present when a package is built: an earlier merge of the plan, or installed before.
  std::string identity(std::size_t number) {
    if (number < plan_.packages.size()) {
      if (number >= keys_.size() || keys_[number].empty())
        throw Error("plan of phase " + quoted(phase_.name) + ": " +
                        quoted(plan_.packages[number].id.cpv) +
                        " is said to be there before it is merged",
                    ExitCode::plan);
      return "key " + keys_[number];
    }
    const std::string& cpv = plan_.node(number).cpv;
    const auto known = identities_.find(cpv);
    if (known != identities_.end()) return known->second;
    std::string key = installed_.key_of(cpv, root_.get());
    std::string text = key.empty() ? "files " + files_of(cpv) : "key " + key;
    return identities_.emplace(cpv, std::move(text)).first->second;
  }

  // Reading a compiler's hundreds of megabytes is done once for each chain.
  std::string files_of(const std::string& cpv) {
    const std::string subject = "installed " + cpv + " on " + parents_.back();
    const std::string state = join(parents_, " ");
    if (auto digest = context_.store.find_memo(subject, state)) return *digest;
    std::string digest = portage::installed_digest(root_.get(), cpv).hex();
    context_.store.put_memo(subject, state, digest);
    return digest;
  }

  const StepContext& context_;
  const spec::Phase& phase_;
  const portage::EmergePlan& plan_;
  const Installed& installed_;
  const std::vector<std::string>& parents_;
  MountedChain root_;
  InsideFiles files_;
  std::string strays_;
  std::map<std::string, std::string> selectors_;
  std::vector<std::string> keys_;                  // of the packages so far
  std::map<std::string, std::string> identities_;  // of installed ones
};

}  // namespace

std::vector<PackageStep> package_steps(const StepContext& context, const spec::Phase& phase,
                                       const portage::EmergePlan& plan, const Installed& installed,
                                       const std::vector<std::string>& parents) {
  return Facts(context, phase, plan, installed, parents).steps();
}

}  // namespace gbox::build
