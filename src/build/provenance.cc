#include "provenance.h"

#include <filesystem>

#include "gbox/base/json.h"
#include "gbox/base/text.h"
#include "gbox/oci/image.h"
#include "gbox/sys/level.h"

namespace gbox::build {

namespace {

// No page describes it yet: a name, not an address. What the parameters mean is in gbox(1).
constexpr char kBuildType[] = "urn:gbox:build:1";
constexpr char kBuilder[] = "urn:gbox:builder:local";

std::string hex_of(const std::string& digest) {
  return digest.substr(digest.find(':') + 1);
}

OrderedJson dependency(const std::string& name, const spec::LockedFile& file) {
  OrderedJson entry = {{"name", name}};
  if (!file.urls.empty()) entry["uri"] = file.urls.front();
  for (const Digest& digest : file.digests)
    entry["digest"][std::string(digest.algorithm_name())] = digest.hex();
  if (!file.signer.empty()) entry["annotations"]["signer"] = file.signer;
  return entry;
}

OrderedJson dependencies(const Inputs& inputs) {
  OrderedJson list = OrderedJson::array();
  if (inputs.lock.base)
    list.push_back(dependency("base", inputs.lock.base->file));
  else  // of this machine: its name and content, not where it lies
    list.push_back(OrderedJson{
        {"name", "base"},
        {"digest", {{"sha256", hex_of(inputs.base_digest)}}},
        {"annotations", {{"file", std::filesystem::path(inputs.base_name).filename().string()}}}});
  for (const auto& [name, digest] : inputs.repository_digests) {
    const auto locked = inputs.lock.repositories.find(name);
    if (locked != inputs.lock.repositories.end() && locked->second.commit.empty()) {
      list.push_back(dependency("repository " + name, locked->second.file));
    } else if (locked != inputs.lock.repositories.end()) {
      list.push_back(OrderedJson{{"name", "repository " + name},
                                 {"uri", "git+" + locked->second.git},
                                 {"digest", {{"gitCommit", locked->second.commit}}}});
    } else {
      list.push_back(
          OrderedJson{{"name", "repository " + name}, {"digest", {{"gboxTree", digest}}}});
    }
  }
  for (const auto& [name, host] : inputs.lock.binary_hosts)
    list.push_back(dependency("binhost " + name, host.index));
  return list;
}

OrderedJson policies(const Inputs& inputs) {
  OrderedJson list = OrderedJson::array();
  for (const spec::Phase& phase : inputs.spec.phases) {
    const auto found = inputs.policies.find(phase.name);
    if (found == inputs.policies.end()) continue;
    const PhasePolicy& policy = found->second;
    OrderedJson entry = {{"phase", phase.name},
                         {"policy", policy.policy.name},
                         {"digest", policy.policy.digest.to_string()},
                         {"network", spec::to_string(phase.network)}};
    if (!policy.widened.empty()) {
      entry["widened"] = policy.widened;
      entry["why"] = policy.why;
    }
    if (!policy.narrowed.empty()) entry["narrowed"] = policy.narrowed;
    list.push_back(std::move(entry));
  }
  return list;
}

OrderedJson steps_of(const std::vector<Built>& steps) {
  OrderedJson list = OrderedJson::array();
  for (const Built& step : steps)
    list.push_back(OrderedJson{{"name", step.record.step}, {"key", step.record.key}});
  return list;
}

}  // namespace

std::string write_provenance(const Inputs& inputs, const std::vector<Built>& steps,
                             const std::string& image, std::int64_t epoch,
                             const BuildTimes& moment) {
  const sys::Means& means = sys::means();
  OrderedJson external = {{"spec", {{"digest", {{"sha256", inputs.spec_digest}}}}},
                          {"name", inputs.spec.name},
                          {"tag", inputs.spec.tag}};
  if (!inputs.spec.args.empty()) external["args"] = inputs.spec.args;
  if (!inputs.lock.empty())
    external["lock"] = {{"digest", {{"sha256", sha256(spec::write_lock(inputs.lock)).hex()}}}};
  const OrderedJson internal = {{"level", sys::to_string(sys::level_of(means))},
                                {"means",
                                 {{"ids", sys::to_string(means.ids)},
                                  {"proc", sys::to_string(means.proc)},
                                  {"storage", sys::to_string(means.storage)}}},
                                {"machine", inputs.machine},
                                {"sourceDateEpoch", epoch},
                                {"policies", policies(inputs)},
                                {"steps", steps_of(steps)}};
  const OrderedJson statement = {
      {"_type", "https://in-toto.io/Statement/v1"},
      {"subject",
       OrderedJson::array({OrderedJson{{"name", inputs.spec.name + ':' + inputs.spec.tag},
                                       {"digest", {{"sha256", hex_of(image)}}}}})},
      {"predicateType", "https://slsa.dev/provenance/v1"},
      {"predicate",
       {{"buildDefinition",
         {{"buildType", kBuildType},
          {"externalParameters", std::move(external)},
          {"internalParameters", internal},
          {"resolvedDependencies", dependencies(inputs)}}},
        {"runDetails",
         {{"builder", {{"id", kBuilder}, {"version", {{"gbox", GBOX_VERSION}}}}},
          {"metadata",
           {{"startedOn", oci::rfc3339(moment.begin)},
            {"finishedOn", oci::rfc3339(moment.end)}}}}}}}};
  return statement.dump() + '\n';
}

}  // namespace gbox::build
