// What a phase says about its sandbox: the policy, how it changes it, and [limits].
#include "gbox/base/text.h"
#include "sections.h"
#include "table.h"

namespace gbox::spec {

namespace {

std::optional<PolicyNarrowing> read_narrowing(Context& context, Table& phase) {
  const toml::table* toml = phase.table("narrow");
  if (toml == nullptr) return std::nullopt;
  Table table(context, *toml, keys::kNarrow);
  PolicyNarrowing narrowing;
  narrowing.where = phase.where("narrow");
  narrowing.capabilities = table.strings("capabilities");
  narrowing.groups = table.strings("groups");
  narrowing.calls = table.strings("calls");
  if (!table.has("capabilities") && !table.has("groups") && !table.has("calls"))
    context.fault(narrowing.where, "'narrow' takes nothing away",
                  "name 'capabilities', 'groups' or 'calls'");
  return narrowing;
}

std::optional<PolicyWidening> read_widening(Context& context, Table& phase) {
  const toml::table* toml = phase.table("widen");
  if (toml == nullptr) return std::nullopt;
  Table table(context, *toml, keys::kWiden);
  PolicyWidening widening;
  widening.where = phase.where("widen");
  widening.capabilities = table.strings("capabilities");
  widening.calls = table.strings("calls");
  // It ends up in the image, for whoever asks later.
  if (const auto why = table.string("why")) {
    widening.why = why->value;
    if (const auto problem = check_text(why->value, Newlines::no))
      context.fault(why->where, "'why' " + problem->message, problem->hint);
  }
  if (!table.has("why"))
    context.fault(widening.where, "'widen' does not say why",
                  "add why = \"…\": it is shown in the plan, the log and the image");
  return widening;
}

}  // namespace

void read_policy(Context& context, Table& table, Phase& phase) {
  if (const auto policy = table.string("policy")) {
    phase.policy_where = policy->where;
    // What holds a slash is a file of the user's own.
    const bool file = policy->value.find('/') != std::string::npos;
    if (file ? !check_text(policy->value, Newlines::no)
             : context.accept(check_id(policy->value), policy->where, "policy", policy->value))
      phase.policy = policy->value;
  }
  phase.narrow = read_narrowing(context, table);
  phase.widen = read_widening(context, table);
}

Limits read_limits(Context& context, const toml::table& toml) {
  Table table(context, toml, keys::kLimits);
  Limits limits;
  for (const std::string_view key : keys::kLimitsList) {
    const toml::node* node = table.node(key);
    if (node == nullptr) continue;
    std::optional<Text> text;
    if (const auto* number = node->as_integer())
      text = Text(std::to_string(number->get()), table.where(key));
    else
      text = table.string(key);
    if (!text) continue;
    try {
      set_limit(limits, key, text->value, text->where);
    } catch (const Error& error) {
      context.fault(text->where, error.message(), error.hint());
    }
  }
  return limits;
}

}  // namespace gbox::spec
