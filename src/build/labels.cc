#include "labels.h"

#include <string_view>
#include <vector>

#include "gbox/base/text.h"

namespace gbox::build {

namespace {

// Of several the last one counts, as it does for the compiler.
std::string march_of_flags(std::string_view flags) {
  constexpr std::string_view kOption = "-march=";
  std::string march;
  for (const std::string& word : split_words(flags))
    if (word.starts_with(kOption)) march = word.substr(kOption.size());
  return march;
}

std::string unverified_inputs(const spec::BuildSpec& spec) {
  std::vector<std::string> names;
  if (!spec.base.stage3.empty() && !spec.base.origin.verify) names.emplace_back("base");
  for (const spec::Repository& repository : spec.repositories)
    if (!repository.snapshot.empty() && !repository.origin.verify) names.push_back(repository.name);
  for (const spec::BinaryHost& host : spec.binary_hosts)
    if (!host.verify_signature) names.push_back(host.name);
  return join(names, " ");
}

}  // namespace

std::string widened_policies(const std::map<std::string, PhasePolicy>& policies) {
  std::vector<std::string> widened;
  for (const auto& [phase, policy] : policies)
    if (!policy.widened.empty())
      widened.push_back(phase + ": " + policy.policy.name + " and " + join(policy.widened, ", ") +
                        " (" + policy.why + ')');
  return join(widened, "; ");
}

std::map<std::string, std::string> own_labels(const spec::BuildSpec& spec,
                                              const std::map<std::string, PhasePolicy>& policies) {
  std::map<std::string, std::string> labels = {
      {kMarchLabel, march_of_flags(spec.portage.common_flags)},
      {kUnverifiedLabel, unverified_inputs(spec)},
      {kWidenedLabel, widened_policies(policies)}};
  std::erase_if(labels, [](const auto& label) { return label.second.empty(); });
  return labels;
}

}  // namespace gbox::build
