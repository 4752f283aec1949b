// What emerge will refuse of the packages that the phases ask for: masked, not for this
// architecture, under a licence that is not accepted, or with USE flags that contradict each
// other. Portage says these after the phases before have run.
#include <algorithm>

#include "check_context.h"
#include "depend_text.h"
#include "gbox/base/text.h"

namespace gbox::portage {

namespace {

constexpr int kNewestEapi = 8;  // that every Portage of the last years knows
constexpr std::size_t kRemediesShown = 4;

bool is_live(const Ebuild& ebuild) {
  return ebuild.version.starts_with("9999") || ebuild.properties.find("live") != std::string::npos;
}

std::string rule_text(const Ebuild& ebuild, const std::vector<std::string>& words) {
  std::string text = '"' + ebuild.package() + "\" = [";
  for (std::size_t i = 0; i < words.size(); ++i)
    text += (i == 0 ? "\"" : ", \"") + printable(words[i]) + '"';
  return text + ']';
}

bool any_is_stable(const std::vector<Ebuild>& ebuilds, const std::string& arch) {
  return std::any_of(ebuilds.begin(), ebuilds.end(), [&](const Ebuild& ebuild) {
    const std::vector<std::string> keywords = split_words(ebuild.keywords);
    return std::find(keywords.begin(), keywords.end(), arch) != keywords.end();
  });
}

using Report = std::pair<std::string, std::string>;  // message and hint

Report about_keywords(CheckContext& context, const Ebuild& ebuild) {
  const std::string& arch = context.settings.arch();
  const std::vector<std::string> keywords = split_words(ebuild.keywords);
  const auto has = [&](const std::string& word) {
    return std::find(keywords.begin(), keywords.end(), word) != keywords.end();
  };
  if (has('~' + arch)) {
    const std::string stable =
        any_is_stable(context.tree.ebuilds(ebuild.category, ebuild.name), arch)
            ? ""
            : " (no version is stable on " + quoted(arch) + ")";
    return {quoted(ebuild.cpv()) + " is only " + quoted('~' + arch),
            "add " + rule_text(ebuild, {'~' + arch}) + " to 'package_accept_keywords'" + stable};
  }
  if (has('-' + arch) || has("-*"))
    return {quoted(ebuild.cpv()) + " does not work on " + quoted(arch) + ", say its keywords",
            "choose another package or version"};
  if (keywords.empty())
    return {quoted(ebuild.cpv()) + " has no keywords: nobody vouches for it",
            "to try it, add " + rule_text(ebuild, {"**"}) + " to 'package_accept_keywords'"};
  return {quoted(ebuild.cpv()) + " has no keyword for " + quoted(arch) +
              ": it is not known to work there",
          "to try it, add " + rule_text(ebuild, {"**"}) + " to 'package_accept_keywords'"};
}

Report about_licenses(const Ebuild& ebuild, const std::vector<std::string>& missing) {
  const std::string what = missing.size() == 1
                               ? "licence " + quoted(missing.front()) + " is not accepted"
                               : "licences " + quoted_list(missing) + " are not accepted";
  return {quoted(ebuild.cpv()) + ": " + what,
          "read the text in 'licenses' of the repository, then add " + rule_text(ebuild, missing) +
              " to 'package_license'"};
}

Report about_mask(const Ebuild& ebuild, const Mask& mask) {
  const bool own = mask.source.starts_with("'package_mask'");
  return {quoted(ebuild.cpv()) + " is masked by " + mask.source,
          own ? "leave out the mask or the package"
              : "the reason stands there; to merge it all the same, add \"" + ebuild.package() +
                    "\" to 'package_unmask'"};
}

// Why none of these is visible: the reason that the fewest steps would take away.
Report obstacle_of(CheckContext& context, const std::vector<const Ebuild*>& ebuilds) {
  // Newest first, live ebuilds last.
  std::vector<const Ebuild*> order(ebuilds.rbegin(), ebuilds.rend());
  std::stable_partition(order.begin(), order.end(),
                        [](const Ebuild* ebuild) { return !is_live(*ebuild); });
  const Ebuild* unmasked = nullptr;
  for (const Ebuild* ebuild : order) {
    if (context.settings.mask_of(*ebuild) != nullptr) continue;
    const bool keywords_fit =
        !context.settings.knows_keywords() || context.settings.missing_keywords(*ebuild).empty();
    if (keywords_fit) return about_licenses(*ebuild, context.settings.missing_licenses(*ebuild));
    if (unmasked == nullptr) unmasked = ebuild;
  }
  if (unmasked != nullptr) return about_keywords(context, *unmasked);
  return about_mask(*order.front(), *context.settings.mask_of(*order.front()));
}

// Single flags whose change would satisfy all of REQUIRED_USE: "'ncat' or '-symlink'".
std::string remedies(const CheckContext& context, const Ebuild& ebuild, const DependNode& required,
                     const DependNode& clause, const std::set<std::string>& enabled) {
  const std::set<std::string> masked = context.settings.masked_flags(ebuild);
  const std::set<std::string> forced = context.settings.forced_flags(ebuild);
  std::vector<std::string> found;
  std::function<void(const DependNode&, std::set<std::string>&)> collect =
      [&](const DependNode& node, std::set<std::string>& words) {
        if (!node.word.empty()) words.insert(node.word);
        for (const DependNode& child : node.children) collect(child, words);
      };
  std::set<std::string> flags;
  collect(clause, flags);
  for (const std::string& flag : flags) {
    std::set<std::string> flipped = enabled;
    const bool on = flipped.erase(flag) == 0;
    if (on) flipped.insert(flag);
    if (on ? masked.contains(flag) : forced.contains(flag)) continue;
    if (unmet_clause(required, [&](const std::string& name) { return flipped.contains(name); }))
      continue;
    if (found.size() < kRemediesShown) found.push_back(quoted((on ? "" : "-") + flag));
  }
  return join(found, " or ");
}

void check_required_use(CheckContext& context, const CheckContext::Request& request,
                        const Ebuild& ebuild) {
  if (context.profile.name.empty()) return;
  const auto required = parse_depend(ebuild.required_use);
  if (!required) return;
  const std::set<std::string> enabled = context.settings.enabled_flags(ebuild);
  const DependNode* clause =
      unmet_clause(*required, [&](const std::string& flag) { return enabled.contains(flag); });
  if (clause == nullptr) return;
  const std::string message =
      quoted(ebuild.cpv()) + " does not get the USE flags it requires: " + quoted(to_text(*clause));
  const std::string flips = remedies(context, ebuild, *required, *clause, enabled);
  const std::string hint = (flips.empty() ? "choose its flags" : "add " + flips) +
                           " in 'package_use' for " + quoted(ebuild.package());
  // A stage3 sets no USE flags of its own; any other base may.
  if (context.spec.base.stage3.empty()) {
    context.warn(request.where, message, hint);
  } else {
    context.obstacle(request.where, message, hint);
  }
}

void check_eapi(CheckContext& context, const CheckContext::Request& request, const Ebuild& ebuild) {
  const bool known = ebuild.eapi.size() == 1 && ebuild.eapi.front() >= '0' &&
                     ebuild.eapi.front() - '0' <= kNewestEapi;
  if (!known)
    context.warn(request.where,
                 quoted(ebuild.cpv()) + " has EAPI " + quoted(ebuild.eapi) +
                     ", which the base's Portage may be too old for",
                 "if emerge refuses it, use a newer base or an older tree");
}

void check_request(CheckContext& context, const CheckContext::Request& request) {
  const std::vector<const Ebuild*> all = context.tree.matching(request.atom);
  for (const Ebuild* ebuild : all)
    if (!ebuild->cached) {
      context.uncached.insert(ebuild->package());
      if (context.settings.mask_of(*ebuild) == nullptr) return;  // perhaps it is the one
    }
  const Ebuild* best = context.settings.best_visible(request.atom);
  if (best != nullptr) {
    check_eapi(context, request, *best);
    check_required_use(context, request, *best);
    return;
  }
  auto [message, hint] = obstacle_of(context, all);
  if (request.forgiving) {
    context.warn(request.where, std::move(message), std::move(hint));
  } else {
    context.obstacle(request.where, std::move(message), std::move(hint));
  }
}

}  // namespace

void check_visibility(CheckContext& context) {
  std::set<std::string> seen;
  for (const CheckContext::Request& request : context.requests)
    if (seen.insert(request.atom.text + (request.forgiving ? " " : "")).second)
      check_request(context, request);
}

}  // namespace gbox::portage
