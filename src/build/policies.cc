#include "gbox/build/policies.h"

#include <algorithm>

#include "gbox/base/text.h"
#include "gbox/sandbox/policy_change.h"
#include "gbox/sys/fd.h"
#include "step.h"

namespace gbox::build {

namespace {

constexpr std::size_t kMaxPolicyBytes = 1u << 20;  // written by hand
constexpr std::size_t kMaxNamed = 4;               // in a message

bool is_file(const std::string& policy) {
  return policy.find('/') != std::string::npos;
}

// What a phase without a word about it gets.
std::string usual_policy(const spec::Phase& phase) {
  const bool merges =
      !phase.emerge.atoms.empty() || !phase.unmerge.empty() || !phase.copy_package.empty();
  return merges ? "emerge" : "run";
}

std::vector<sandbox::Word> words(const std::vector<spec::Text>& texts) {
  std::vector<sandbox::Word> result;
  for (const spec::Text& text : texts) result.push_back({text.value, text.where});
  return result;
}

std::string shortened(const std::vector<std::string>& names) {
  if (names.size() <= kMaxNamed + 1) return join(names, ", ");
  return join({names.begin(), names.begin() + kMaxNamed}, ", ") + " and " +
         std::to_string(names.size() - kMaxNamed) + " more";
}

std::string read_policy_file(const std::string& path) {
  const sys::Fd fd = sys::open(path, O_RDONLY | O_NONBLOCK);
  if (!S_ISREG(sys::fstat(fd.get()).st_mode)) throw Error("it is not a file", ExitCode::usage);
  std::string text(kMaxPolicyBytes + 1, '\0');
  text.resize(sys::read_full(fd.get(), std::as_writable_bytes(std::span(text)), path));
  if (text.size() > kMaxPolicyBytes)
    throw Error("it is larger than " + human_size(kMaxPolicyBytes), ExitCode::usage);
  return text;
}

class Chooser {
 public:
  Chooser(const spec::Phase& phase, const std::string& directory)
      : phase_(phase),
        directory_(directory),
        name_(phase.policy.empty() ? usual_policy(phase) : phase.policy) {}

  PhasePolicy choose() {
    PhasePolicy result;
    result.policy = is_file(name_) ? from_file(result) : sandbox::load_policy(name_);
    if (phase_.narrow) narrow(result);
    if (phase_.widen) widen(result);
    require_network(result.policy);
    result.limits = limits_of(result.policy);
    return result;
  }

 private:
  sandbox::Policy from_file(PhasePolicy& result) {
    const std::string path = name_.starts_with('/') ? name_ : directory_ + '/' + name_;
    sandbox::Policy policy = sandbox::parse_policy(name_, read_policy_file(path));
    for (const std::string& own : sandbox::policy_names())
      if (sandbox::beyond(policy, sandbox::load_policy(own)).empty()) return policy;
    const std::string usual = usual_policy(phase_);
    result.widened = sandbox::beyond(policy, sandbox::load_policy(usual));
    if (phase_.widen) return policy;
    throw SpecError(
        {{phase_.policy_where,
          "policy " + quoted(name_) + " allows more than " + quoted(usual) + ": " +
              shortened(result.widened),
          "say why: widen = { why = \"…\" }; it is shown in the plan, the log and the image"}});
  }

  void require_network(const sandbox::Policy& policy) const {
    if (sandbox_network(phase_.network) <= policy.network) return;
    throw SpecError({{phase_.where,
                      "phase " + quoted(phase_.name) + " asks for network " +
                          quoted(to_string(phase_.network)) + ", and policy " + quoted(name_) +
                          " allows " + quoted(sandbox::to_string(policy.network)) + " at most",
                      "take another policy, or a file of your own that allows it"}});
  }

  void narrow(PhasePolicy& result) const {
    const spec::PolicyNarrowing& from = *phase_.narrow;
    sandbox::narrow(result.policy,
                    {from.where, words(from.capabilities), words(from.groups), words(from.calls)});
    for (const spec::Text& word : from.capabilities)
      result.narrowed.push_back("capability " + word.value);
    for (const spec::Text& word : from.groups) result.narrowed.push_back("group " + word.value);
    for (const spec::Text& word : from.calls)
      result.narrowed.push_back("system call " + word.value);
  }

  void widen(PhasePolicy& result) const {
    const spec::PolicyWidening& from = *phase_.widen;
    if (from.capabilities.empty() && from.calls.empty() && result.widened.empty())
      throw SpecError({{from.where, "'widen' adds nothing", "name 'capabilities' or 'calls'"}});
    sandbox::widen(result.policy,
                   {from.where, words(from.capabilities), words(from.calls), from.why});
    for (const spec::Text& word : from.capabilities)
      result.widened.push_back("capability " + word.value);
    for (const spec::Text& word : from.calls) result.widened.push_back("system call " + word.value);
    result.why = from.why;
    result.where = from.where;
  }

  const spec::Phase& phase_;
  const std::string& directory_;
  std::string name_;
};

std::optional<spec::Limit> smaller(const std::optional<spec::Limit>& one,
                                   const std::optional<spec::Limit>& other) {
  if (!one || !other) return one ? one : other;
  return other->value < one->value ? other : one;
}

}  // namespace

spec::Limits limits_of(const sandbox::Policy& policy) {
  spec::Limits limits;
  std::vector<SpecFault> faults;
  for (const sandbox::LimitWord& word : policy.limits) {
    try {
      spec::set_limit(limits, word.name, word.text, word.where);
    } catch (const Error& error) {
      faults.push_back({word.where, error.message(), error.hint()});
    }
  }
  if (!faults.empty()) throw SpecError(std::move(faults));
  return limits;
}

spec::Limits tightest(const spec::Limits& one, const spec::Limits& other) {
  return {smaller(one.time, other.time), smaller(one.memory, other.memory),
          smaller(one.processes, other.processes), smaller(one.file_size, other.file_size),
          smaller(one.disk, other.disk)};
}

std::map<std::string, PhasePolicy> phase_policies(const spec::BuildSpec& spec,
                                                  const std::string& directory) {
  std::map<std::string, PhasePolicy> result;
  std::vector<SpecFault> faults;
  for (const spec::Phase& phase : spec.phases) {
    const Location where = phase.policy_where.line == 0 ? phase.where : phase.policy_where;
    try {
      result[phase.name] = Chooser(phase, directory).choose();
    } catch (const SpecError& error) {
      faults.insert(faults.end(), error.faults().begin(), error.faults().end());
    } catch (const Error& error) {
      faults.push_back({where,
                        "phase " + quoted(phase.name) + ": policy " + quoted(phase.policy) + ": " +
                            error.message(),
                        error.hint()});
    }
  }
  if (!faults.empty()) throw SpecError(std::move(faults));
  return result;
}

std::string widening_text(const PhasePolicy& policy) {
  if (policy.widened.empty()) return {};
  return "policy " + quoted(policy.policy.name) + ", widened by " + join(policy.widened, ", ") +
         ": " + policy.why + " (" + to_string(policy.where) + ')';
}

}  // namespace gbox::build
