#include "image_facts.h"

#include <algorithm>

#include "gbox/base/json.h"

namespace gbox::build {

namespace {

// Raised whenever the same root could be judged otherwise.
constexpr int kCheckVersion = 1;

std::string subject_of(const std::string& spec) {
  return "image check " + spec;
}

Json texts_of(const std::vector<spec::Text>& texts) {
  Json list = Json::array();
  for (const spec::Text& text : texts)
    list.push_back(Json::array({text.value, to_string(text.where)}));
  return list;
}

}  // namespace

bool ImageFacts::operator==(const ImageFacts& other) const {
  return platform == other.platform && user == other.user && licenses == other.licenses &&
         told == other.told &&
         std::equal(warnings.begin(), warnings.end(), other.warnings.begin(), other.warnings.end(),
                    [](const Warning& a, const Warning& b) {
                      return a.message == b.message && a.hint == b.hint;
                    });
}

std::string check_state(const Inputs& inputs, const std::vector<Built>& steps,
                        const oci::ContainerConfig& config) {
  const spec::Output& output = inputs.spec.output;
  Json chain = Json::array();
  for (const Built& step : steps)
    chain.push_back(Json::array({step.record.phase, step.record.snapshot}));
  // Places too: they stand in warnings.
  const Json state = {
      {"version", kCheckVersion},
      {"gbox", GBOX_VERSION},
      {"steps", std::move(chain)},
      {"base", inputs.base_digest},
      {"root", output.root},
      {"closure", output.check.closure.value_or(output.root != "/")},
      {"allow", texts_of(output.check.allow)},
      {"answer", texts_of(output.check.answer)},
      {"entrypoint", config.entrypoint},
      {"cmd", config.cmd},
      {"env", config.env},
      {"user", config.user},
      {"working_dir", config.working_dir},
      {"places",
       Json::array({to_string(output.config.entrypoint_where), to_string(output.config.cmd_where),
                    to_string(output.config.user_where)})},
  };
  return sha256(canonical_json(state)).hex();
}

std::optional<ImageFacts> recall_facts(store::Store& store, const std::string& spec,
                                       const std::string& state) {
  const auto memo = store.find_memo(subject_of(spec), state);
  if (!memo) return std::nullopt;
  try {
    const Json known = parse_json(*memo, "a memo");
    ImageFacts facts;
    facts.platform = {known.at("os").get<std::string>(),
                      known.at("architecture").get<std::string>(),
                      known.at("variant").get<std::string>()};
    facts.user = known.at("user").get<std::string>();
    facts.licenses = known.at("licenses").get<std::string>();
    facts.told = known.at("told").get<std::vector<std::pair<std::string, std::string>>>();
    for (const Json& each : known.at("warnings"))
      facts.warnings.push_back({each.at(0).get<std::string>(), each.at(1).get<std::string>()});
    return facts;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

void remember_facts(store::Store& store, const std::string& spec, const std::string& state,
                    const ImageFacts& facts) {
  Json warnings = Json::array();
  for (const Warning& warning : facts.warnings)
    warnings.push_back(Json::array({warning.message, warning.hint}));
  const Json memo = {
      {"os", facts.platform.os},           {"architecture", facts.platform.architecture},
      {"variant", facts.platform.variant}, {"user", facts.user},
      {"licenses", facts.licenses},        {"told", facts.told},
      {"warnings", std::move(warnings)}};
  store.put_memo(subject_of(spec), state, canonical_json(memo));
}

}  // namespace gbox::build
