#include "settings.h"

#include <algorithm>

#include "depend_text.h"
#include "gbox/base/text.h"

namespace gbox::portage {

namespace {

constexpr unsigned kMaxGroupDepth = 20;

std::vector<std::string> joined_words(const std::vector<spec::Text>& texts) {
  return spec::values_of(texts);
}

void add_rules(const std::vector<spec::PackageRule>& rules, std::vector<Rule>& result) {
  for (const spec::PackageRule& rule : rules)
    if (auto atom = parse_atom(rule.atom))
      result.push_back({std::move(*atom), spec::values_of(rule.values)});
}

void add_file(int config_dirfd, const std::string& name, std::vector<Rule>& result) {
  if (config_dirfd < 0) return;
  for (PackageLine& line : read_package_lines(config_dirfd, name))
    if (!line.removal) result.push_back({std::move(line.atom), std::move(line.values)});
}

// Portage reads what is said for every package as a part of make.conf: the values of all "*/*", in
// order.
std::vector<std::string> take_global(std::vector<Rule>& rules) {
  std::vector<std::string> values;
  for (Rule& rule : rules)
    if (rule.atom.text == "*/*")
      std::move(rule.values.begin(), rule.values.end(), std::back_inserter(values));
  std::erase_if(rules, [](const Rule& rule) { return rule.atom.text == "*/*"; });
  return values;
}

// What the spec's [portage] puts into make.conf, and then what config_dir's does.
Variables read_make_conf(const spec::PortageConfig& config, int config_dirfd) {
  Variables result(config.make_conf.begin(), config.make_conf.end());
  const auto set = [&](const char* name, const std::vector<spec::Text>& texts) {
    if (!texts.empty()) result[name] = join(joined_words(texts), " ");
  };
  set("USE", config.use);
  set("ACCEPT_KEYWORDS", config.accept_keywords);
  set("ACCEPT_LICENSE", config.license);
  if (config_dirfd < 0) return result;
  Variables known = result;
  std::vector<std::string> files = list_in(config_dirfd, "make.conf");
  for (std::string& file : files) file.insert(0, "make.conf/");
  if (files.empty()) files.emplace_back("make.conf");
  for (const std::string& file : files)
    for (auto& [name, value] : parse_variables(try_read_in(config_dirfd, file).value_or(""), known))
      result[name] = value;
  return result;
}

// As Portage stacks the lists of a repository and its masters: "-atom" takes an earlier one away.
void stack_masks(std::vector<Mask>& masks, const std::vector<PackageLine>& lines,
                 const std::string& repository, const std::string& source) {
  for (const PackageLine& line : lines) {
    if (line.removal) {
      std::erase_if(masks, [&](const Mask& mask) { return mask.atom.text == line.atom.text; });
    } else {
      masks.push_back({line.atom, repository, source});
    }
  }
}

// Portage's rule (its KeywordsManager): one keyword that both sides have is enough; '*', '~*' and
// '**' accept any stable, any testing and any at all.
bool accepts(const std::set<std::string>& accepted, const std::vector<std::string>& keywords) {
  bool stable = false;
  bool testing = false;
  for (const std::string& keyword : keywords) {
    if (keyword == "*" || accepted.contains(keyword)) return true;
    if (keyword.starts_with('~')) {
      testing = true;
    } else if (!keyword.starts_with('-')) {
      stable = true;
    }
    if (keyword == "~*")
      for (const std::string& word : accepted)
        if (word.starts_with('~')) return true;
  }
  return (testing && accepted.contains("~*")) || (stable && accepted.contains("*")) ||
         accepted.contains("**");
}

}  // namespace

std::string lower_case(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

std::vector<std::string> expanded_flags(const std::vector<std::string>& words) {
  std::vector<std::string> flags;
  std::string prefix;
  for (const std::string& word : words) {
    if (word.ends_with(':')) {
      prefix = lower_case(word.substr(0, word.size() - 1)) + '_';
    } else if (word.starts_with('-')) {
      flags.push_back('-' + prefix + word.substr(1));
    } else {
      flags.push_back(prefix + word);
    }
  }
  return flags;
}

Settings::Settings(const spec::BuildSpec& spec, TreeIndex& tree, const Profile& profile,
                   int config_dirfd, const std::string& arch)
    : tree_(tree),
      profile_(profile),
      arch_(arch),
      make_conf_(read_make_conf(spec.portage, config_dirfd)) {
  if (const auto found = profile.variables.find("ARCH"); found != profile.variables.end())
    arch_ = found->second;
  groups_ = words("USE_EXPAND");
  accept_keywords_ = words("ACCEPT_KEYWORDS");
  if (profile.variables.empty() && !arch_.empty()) {
    // Without a profile its own keyword is what every profile begins with.
    std::vector<std::string> own = {arch_};
    stack_words(own, accept_keywords_);
    accept_keywords_ = std::move(own);
  }
  if (arch_.empty()) accept_keywords_.clear();
  read_repositories();

  add_rules(spec.portage.package_use, use_);
  add_file(config_dirfd, "package.use", use_);
  for (const std::string& word : expanded_flags(take_global(use_))) make_conf_["USE"] += ' ' + word;
  for (const auto& lines : profile.accept_keywords)
    for (const PackageLine& line : lines)
      if (!line.removal) accept_keyword_rules_.push_back({line.atom, line.values});
  add_rules(spec.portage.package_accept_keywords, accept_keyword_rules_);
  add_file(config_dirfd, "package.keywords", accept_keyword_rules_);
  add_file(config_dirfd, "package.accept_keywords", accept_keyword_rules_);
  add_rules(spec.portage.package_license, license_rules_);
  add_file(config_dirfd, "package.license", license_rules_);
  read_masks(spec, config_dirfd);

  std::vector<std::string> licenses;
  const std::vector<std::string> global = take_global(license_rules_);
  for (const Variables* variables : {&profile.variables, &std::as_const(make_conf_)})
    if (const auto found = variables->find("ACCEPT_LICENSE"); found != variables->end())
      for (std::string& word : split_words(found->second)) licenses.push_back(std::move(word));
  licenses.insert(licenses.end(), global.begin(), global.end());
  if (licenses.empty()) licenses = {"*", "-@EULA"};  // Portage's own default
  for (const std::string& word : licenses) expand_licenses(word, accept_license_, 0);
}

void Settings::read_repositories() {
  for (const TreeRepository& repository : tree_.repositories()) {
    repository_layers_[repository.name] = read_flag_layer(repository.dirfd, "profiles");
    for (Line& line : read_lines(repository.dirfd, "profiles/license_groups")) {
      std::vector<std::string>& group = license_groups_[line.words.front()];
      group.insert(group.end(), line.words.begin() + 1, line.words.end());
    }
  }
}

void Settings::read_masks(const spec::BuildSpec& spec, int config_dirfd) {
  const auto source = [](const std::string& repository) {
    return "'profiles/package.mask' of repository " + quoted(repository);
  };
  for (const TreeRepository& repository : tree_.repositories()) {
    std::vector<Mask> own;
    for (const std::string& master : repository.masters)
      stack_masks(own, read_package_lines(tree_.find(master)->dirfd, "profiles/package.mask"),
                  repository.name, source(master));
    stack_masks(own, read_package_lines(repository.dirfd, "profiles/package.mask"), repository.name,
                source(repository.name));
    std::move(own.begin(), own.end(), std::back_inserter(masks_));
    stack_masks(unmasks_, read_package_lines(repository.dirfd, "profiles/package.unmask"),
                repository.name, "");
  }
  const std::string profile = "profile " + quoted(profile_.name);
  // A node takes away masks of its parents, not those of repositories; config_dir any.
  std::vector<Mask> masks;
  std::vector<Mask> unmasks;
  for (const auto& lines : profile_.masks) stack_masks(masks, lines, "", profile);
  for (const auto& lines : profile_.unmasks) stack_masks(unmasks, lines, "", profile);
  std::move(masks.begin(), masks.end(), std::back_inserter(masks_));
  std::move(unmasks.begin(), unmasks.end(), std::back_inserter(unmasks_));
  for (const spec::Text& text : spec.portage.package_mask)
    if (auto atom = parse_atom(text.value))
      masks_.push_back({std::move(*atom), "", "'package_mask' (" + to_string(text.where) + ")"});
  for (const spec::Text& text : spec.portage.package_unmask)
    if (auto atom = parse_atom(text.value)) unmasks_.push_back({std::move(*atom), "", ""});
  if (config_dirfd < 0) return;
  stack_masks(masks_, read_package_lines(config_dirfd, "package.mask"), "",
              "'package.mask' of 'config_dir'");
  stack_masks(unmasks_, read_package_lines(config_dirfd, "package.unmask"), "", "");
}

std::vector<std::string> Settings::words(const std::string& variable) const {
  const auto own = make_conf_.find(variable);
  if (own != make_conf_.end() && !is_incremental(variable)) return split_words(own->second);
  std::vector<std::string> list = profile_.words(variable);
  if (own != make_conf_.end()) stack_words(list, split_words(own->second));
  return list;
}

std::vector<std::string> Settings::keywords_of(const Ebuild& ebuild) const {
  std::vector<std::string> keywords = split_words(ebuild.keywords);
  std::erase(keywords, "-*");
  for (const auto& lines : profile_.keywords)
    for (const PackageLine& line : lines)
      if (!line.removal && matches(line.atom, ebuild.candidate()))
        stack_words(keywords, line.values);
  return keywords;
}

std::set<std::string> Settings::accepted_keywords(const Ebuild& ebuild) const {
  std::vector<const Atom*> atoms;
  std::vector<const Rule*> rules;
  for (const Rule& rule : accept_keyword_rules_)
    if (matches(rule.atom, ebuild.candidate())) {
      rules.push_back(&rule);
      atoms.push_back(&rule.atom);
    }
  std::vector<std::string> accepted = accept_keywords_;
  for (const std::size_t i : application_order(atoms, ebuild.version)) {
    if (!rules[i]->values.empty()) {
      stack_words(accepted, rules[i]->values);
      continue;
    }
    for (const std::string& keyword : accept_keywords_)  // none given: the testing ones
      if (!keyword.starts_with('~') && !keyword.starts_with('-'))
        stack_words(accepted, {'~' + keyword});
  }
  return {accepted.begin(), accepted.end()};
}

std::vector<std::string> Settings::missing_keywords(const Ebuild& ebuild) const {
  std::vector<std::string> keywords = keywords_of(ebuild);
  if (accepts(accepted_keywords(ebuild), keywords)) return {};
  if (keywords.empty()) keywords = {"**"};
  return keywords;
}

// use.stable.* apply to what would be masked if all its keywords were testing ones.
bool Settings::is_stable(const Ebuild& ebuild) const {
  const std::set<std::string> accepted = accepted_keywords(ebuild);
  std::vector<std::string> keywords = keywords_of(ebuild);
  if (!accepts(accepted, keywords)) return false;
  for (std::string& keyword : keywords)
    if (!keyword.starts_with('~')) keyword.insert(0, 1, '~');
  return !accepts(accepted, keywords);
}

void Settings::expand_licenses(const std::string& word, std::vector<std::string>& words,
                               unsigned depth) const {
  const bool negative = word.starts_with('-');
  const std::string name = negative ? word.substr(1) : word;
  const auto group =
      name.starts_with('@') ? license_groups_.find(name.substr(1)) : license_groups_.end();
  if (group == license_groups_.end() || depth > kMaxGroupDepth) {
    words.push_back(word);
    return;
  }
  for (const std::string& member : group->second)
    if (words.size() < kMaxDirectoryEntries)  // groups of groups may multiply
      expand_licenses((negative ? "-" : "") + member, words, depth + 1);
}

std::vector<std::string> Settings::missing_licenses(const Ebuild& ebuild) const {
  const auto license = parse_depend(ebuild.license);
  if (!license) return {};
  std::vector<const Atom*> atoms;
  std::vector<const Rule*> rules;
  for (const Rule& rule : license_rules_)
    if (matches(rule.atom, ebuild.candidate())) {
      rules.push_back(&rule);
      atoms.push_back(&rule.atom);
    }
  std::vector<std::string> tokens = accept_license_;
  for (const std::size_t i : application_order(atoms, ebuild.version))
    for (const std::string& word : rules[i]->values) expand_licenses(word, tokens, 0);

  const std::vector<std::string> all = words_of(*license);
  std::set<std::string> accepted;
  for (const std::string& token : tokens) {
    if (token == "*") {
      accepted.insert(all.begin(), all.end());
    } else if (token == "-*") {
      accepted.clear();
    } else if (token.starts_with('-')) {
      accepted.erase(token.substr(1));
    } else {
      accepted.insert(token);
    }
  }
  const std::set<std::string> enabled = ebuild.license.find('?') == std::string::npos
                                            ? std::set<std::string>()
                                            : enabled_flags(ebuild);
  return portage::missing_licenses(
      *license, [&](const std::string& flag) { return enabled.contains(flag); },
      [&](const std::string& name) { return accepted.contains(name); });
}

const Mask* Settings::mask_of(const Ebuild& ebuild) const {
  const auto applies = [&](const Mask& mask) {
    return (mask.repository.empty() || mask.repository == ebuild.repository) &&
           matches(mask.atom, ebuild.candidate());
  };
  const auto mask = std::find_if(masks_.begin(), masks_.end(), applies);
  if (mask == masks_.end()) return nullptr;
  return std::any_of(unmasks_.begin(), unmasks_.end(), applies) ? nullptr : &*mask;
}

bool Settings::is_visible(const Ebuild& ebuild) const {
  if (mask_of(ebuild) != nullptr) return false;
  if (!ebuild.cached) return true;
  if (knows_keywords() && !missing_keywords(ebuild).empty()) return false;
  return missing_licenses(ebuild).empty();
}

const Ebuild* Settings::best_visible(const Atom& atom) const {
  const std::vector<const Ebuild*> found = tree_.matching(atom);
  const auto best = std::find_if(found.rbegin(), found.rend(),
                                 [&](const Ebuild* ebuild) { return is_visible(*ebuild); });
  return best == found.rend() ? nullptr : *best;
}

}  // namespace gbox::portage
