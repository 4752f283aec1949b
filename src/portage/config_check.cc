#include "gbox/portage/config_check.h"

#include <algorithm>
#include <tuple>

#include "check_context.h"
#include "gbox/base/text.h"
#include "gbox/portage/config.h"

namespace gbox::portage {

namespace {

constexpr std::size_t kShortList = 12;
constexpr std::size_t kNamesInNote = 3;
constexpr int kMainPriority = -1000;  // Portage's own for the main repository

// A phase that writes below /etc/portage decides what the phases behind it see: no file of the
// spec says what that will be.
bool touches_configuration(const spec::BuildSpec& spec) {
  constexpr std::string_view kPlace = "/etc/portage";
  for (const spec::Phase& phase : spec.phases) {
    if (phase.run.find(kPlace) != std::string::npos) return true;
    for (const spec::Copy& copy : phase.copy)
      if (copy.to.starts_with(kPlace) || copy.to == "/" || copy.to == "/etc/" || copy.to == "/etc")
        return true;
  }
  return false;
}

void sort_by_place(std::vector<SpecFault>& faults) {
  std::stable_sort(faults.begin(), faults.end(), [](const SpecFault& a, const SpecFault& b) {
    return std::tie(a.where.line, a.where.column) < std::tie(b.where.line, b.where.column);
  });
  // One word in two places of a table reads the same twice.
  faults.erase(std::unique(faults.begin(), faults.end(),
                           [](const SpecFault& a, const SpecFault& b) {
                             return a.where.line == b.where.line &&
                                    a.where.column == b.where.column && a.message == b.message;
                           }),
               faults.end());
  if (faults.size() > spec::kMaxFaults) faults.resize(spec::kMaxFaults);
}

void note_what_is_unknown(const std::set<std::string>& uncached, ConfigFindings& findings) {
  if (uncached.empty()) return;
  std::vector<std::string> names(uncached.begin(), uncached.end());
  const std::size_t more = names.size() > kNamesInNote ? names.size() - kNamesInNote : 0;
  names.resize(names.size() - more);
  std::string shown;
  if (more != 0) {
    for (const std::string& name : names) shown += quoted(name) + ", ";
    shown += std::to_string(more) + " more";
  } else {
    shown = quoted_list(names);
  }
  findings.notes.push_back(
      {"USE flags, keywords and licences are not checked for " + shown +
           ": the repository has no 'metadata/md5-cache' for them, or an old one",
       "run 'egencache --update --repo NAME' in the repository to have them checked"});
}

// The profile with its parents; what is wrong with it becomes a fault.
Profile read_profile(const spec::BuildSpec& spec, const ConfigCheck& check, const TreeIndex& tree,
                     ConfigFindings& findings) {
  const spec::PortageConfig& config = spec.portage;
  if (config.profile.empty()) return {};
  try {
    const ProfileChoice choice = chosen_profile(spec);
    for (const CheckedRepository& repository : check.repositories)
      if (repository.name == choice.repository->name)
        check_profile(repository, choice.path, config.profile_where);
    return load_profile(tree, choice.repository->name, choice.path, check.config_dirfd);
  } catch (const SpecError& error) {
    findings.faults.insert(findings.faults.end(), error.faults().begin(), error.faults().end());
  } catch (const SysError&) {
    throw;
  } catch (const Error& error) {
    findings.faults.push_back({config.profile_where, error.message(), error.hint()});
  }
  return {};
}

}  // namespace

CheckContext::CheckContext(const spec::BuildSpec& read, const ConfigCheck& check, TreeIndex& index,
                           const Profile& chosen, ConfigFindings& findings)
    : spec(read),
      tree(index),
      profile(chosen),
      settings(read, index, chosen, check.config_dirfd, check.arch),
      config_dirfd(check.config_dirfd),
      arch(check.arch),
      certain(!touches_configuration(read) && !check.emerge_decides),
      findings_(findings) {}

void CheckContext::fault(const Location& where, std::string message, std::string hint) {
  findings_.faults.push_back({where, std::move(message), std::move(hint)});
}

void CheckContext::warn(const Location& where, std::string message, std::string hint) {
  findings_.warnings.push_back({where, std::move(message), std::move(hint)});
}

void CheckContext::obstacle(const Location& where, std::string message, std::string hint) {
  if (certain) {
    fault(where, std::move(message), std::move(hint));
  } else {
    warn(where, std::move(message), std::move(hint));
  }
}

void CheckContext::absence(const Location& where, std::string message, std::string hint) {
  if (tree.complete()) {
    fault(where, std::move(message), std::move(hint));
  } else {
    warn(where, std::move(message), std::move(hint));
  }
}

std::string did_you_mean(const std::string& near, std::string otherwise) {
  return near.empty() ? otherwise : "did you mean " + quoted(near) + '?';
}

std::string listing(const std::string& start, const std::vector<std::string>& names) {
  if (names.empty() || names.size() > kShortList) return {};
  return start + ' ' + quoted_list(names);
}

ConfigFindings check_config(const spec::BuildSpec& spec, const ConfigCheck& check) {
  ConfigFindings findings;
  const spec::Repository* main = main_repository(spec);
  if (main == nullptr || check.repositories.empty()) return findings;
  std::vector<TreeIndex::Source> sources;
  for (const CheckedRepository& repository : check.repositories) {
    int priority = repository.name == main->name ? kMainPriority : 0;
    for (const spec::Repository& written : spec.repositories)
      if (written.name == repository.name) priority = written.priority.value_or(priority);
    sources.push_back({&repository, priority});
  }
  TreeIndex tree(sources, main->name);
  const Profile profile = read_profile(spec, check, tree, findings);
  CheckContext context(spec, check, tree, profile, findings);
  check_profile_state(context);
  check_atoms(context);  // first of those that follow: it says what is asked for
  check_flags(context);
  check_groups(context);
  check_words(context);
  check_visibility(context);
  note_what_is_unknown(context.uncached, findings);
  sort_by_place(findings.faults);
  sort_by_place(findings.warnings);
  return findings;
}

}  // namespace gbox::portage
