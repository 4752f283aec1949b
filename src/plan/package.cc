#include "gbox/plan/package.h"

#include "gbox/plan/plan.h"
#include "parts.h"

namespace gbox::plan {

Json package_parts(const PackageInputs& inputs) {
  Json parts = Json::array();
  add(parts, part::kKeyFormat, kPackageKeyFormat);
  add(parts, part::kKind, "package");
  add(parts, part::kPackage, {{"cpv", inputs.cpv}, {"repository", inputs.repository}});
  add(parts, part::kEbuild, inputs.ebuild);
  add(parts, part::kEclasses, inputs.eclasses);
  if (!inputs.files.empty()) add(parts, part::kFiles, inputs.files);
  add(parts, part::kDistfiles, inputs.distfiles);
  add(parts, part::kUse, inputs.use);
  // The environment wins over the configuration, and Portage tells of it for one root only.
  std::map<std::string, std::string> variables = inputs.variables;
  for (const auto& [name, value] : inputs.environment) variables.erase(name);
  add(parts, part::kVariables, std::move(variables));
  add(parts, part::kHooks, inputs.hooks);
  add(parts, part::kPolicy, inputs.policy);
  Json environment = Json::object();
  for (const auto& [name, value] : inputs.environment) environment[name] = value;
  add(parts, part::kEnvironment, std::move(environment));
  if (inputs.network != "none") add(parts, part::kNetwork, inputs.network);
  add(parts, part::kDependencies, inputs.dependencies);
  if (!inputs.strays.empty()) add(parts, part::kStrays, inputs.strays);
  if (!inputs.once.empty()) add(parts, part::kOnce, inputs.once);
  return parts;
}

Json merge_parts(const std::string& parent, const Json& package, const std::string& root) {
  Json parts = package;
  add(parts, part::kParent, parent);
  add(parts, part::kRoot, root);
  return parts;
}

}  // namespace gbox::plan
