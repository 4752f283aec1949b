#include "deeds.h"

#include "gbox/sys/beneath.h"

namespace gbox::build {

namespace {

portage::Environment emerge_environment(const Inputs& inputs, const std::string& root) {
  return merged(portage::base_environment(),
                portage::emerge_environment(inputs.spec.options, root));
}

// Of an emerge that merges one package after the other: with several at once it would keep what
// they print to itself.
portage::Environment package_environment(const Inputs& inputs, const std::string& root,
                                         std::optional<unsigned> jobs = {}) {
  spec::BuildOptions options = inputs.spec.options;
  options.emerge_jobs.reset();
  if (jobs) options.jobs = jobs;
  return merged(merged(portage::base_environment(), portage::emerge_environment(options, root)),
                {{"PKGDIR", std::string(portage::kPackagesDirectory)}});
}

bool has_program(int rootfd, const std::string& name) {
  for (const char* directory : {"usr/bin/", "bin/"})
    if (sys::try_open_beneath(rootfd, directory + name, O_PATH, sys::Resolve::in_root)) return true;
  return false;
}

}  // namespace

std::vector<Deed> deeds_of(const Inputs& inputs, const spec::Phase& phase) {
  std::vector<Deed> deeds;
  const bool hosts = !inputs.spec.binary_hosts.empty();
  for (portage::Command& command : portage::emerge_commands(phase, hosts))
    deeds.push_back({"emerge", std::move(command), emerge_environment(inputs, phase.root)});
  for (Deed& deed : later_deeds(inputs, phase)) deeds.push_back(std::move(deed));
  return deeds;
}

std::vector<Deed> later_deeds(const Inputs& inputs, const spec::Phase& phase) {
  std::vector<Deed> deeds;
  for (portage::Command& command : portage::unmerge_commands(phase))
    deeds.push_back({"unmerge", std::move(command), emerge_environment(inputs, phase.root)});
  for (portage::Command& command : portage::depclean_commands(phase))
    deeds.push_back({"depclean", std::move(command), emerge_environment(inputs, phase.root)});
  if (!phase.run.empty()) {
    portage::Environment environment(phase.env.begin(), phase.env.end());
    environment.emplace_back("ROOT", phase.root);
    if (inputs.epoch && !phase.env.contains("SOURCE_DATE_EPOCH"))
      environment.emplace_back("SOURCE_DATE_EPOCH", std::to_string(*inputs.epoch));
    const std::string shell = phase.shell == spec::Shell::bash ? "/bin/bash" : "/bin/sh";
    deeds.push_back({"run script",
                     {shell, "-e", "-c", phase.run},
                     merged(portage::base_environment(), environment)});
  }
  return deeds;
}

Deed compile_deed(const Inputs& inputs, const portage::PackageId& package, const StepRoot& root,
                  const CompileOptions& how) {
  portage::Environment environment = package_environment(inputs, package.root, how.jobs);
  // Portage's default is zstd, and it gives up on the package where the image has none.
  if (!has_program(root.mount().get(), "zstd"))
    environment = merged(environment, {{"BINPKG_COMPRESS", "gzip"}});
  std::string atom = '=' + package.cpv;
  if (!package.repository.empty()) atom += "::" + package.repository;
  return {"emerge", portage::compile_command(atom, package.root, how.merges),
          std::move(environment)};
}

Deed merge_deed(const Inputs& inputs, const std::vector<std::string>& cpvs,
                const std::string& root) {
  // gbox has verified the packages by their digests; signatures and an index they have none.
  return {"emerge", portage::merge_command(cpvs, root),
          merged(package_environment(inputs, root),
                 {{"FEATURES", "-binpkg-request-signature -pkgdir-index-trusted"}})};
}

Deed uninstall_deed(const Inputs& inputs, const portage::PackageId& package) {
  return {"unmerge", portage::uninstall_command(package.cpv, package.root),
          package_environment(inputs, package.root)};
}

Deed end_deed(const Inputs& inputs, const spec::Phase& phase) {
  return {"emerge", portage::end_command(phase), emerge_environment(inputs, phase.root)};
}

}  // namespace gbox::build
