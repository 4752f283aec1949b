#include "gbox/content/dependents.h"

#include <algorithm>
#include <map>
#include <set>

#include "gbox/base/text.h"
#include "gbox/portage/atom.h"

namespace gbox::content {

namespace {

std::set<std::string> provided(const Owners& owners) {
  std::set<std::string> all;
  for (const InstalledPackage& package : owners.packages())
    for (std::string& each : sonames(package, "PROVIDES")) all.insert(std::move(each));
  return all;
}

// What it asks of others, as "ABI/SONAME". Of a package that is there in part, taken over without
// its programs, Portage's list still says what all of it asked for.
std::vector<std::string> required(const InstalledPackage& package) {
  std::vector<std::string> all = sonames(package, "REQUIRES");
  const std::vector<NeededObject> objects = needed_objects(package);
  if (objects.empty()) return all;
  std::set<std::string> needed;
  for (const NeededObject& object : objects)
    needed.insert(object.needed.begin(), object.needed.end());
  std::erase_if(all, [&](const std::string& each) {
    return !needed.contains(each.substr(each.find('/') + 1));
  });
  return all;
}

bool matches_installed(const portage::Atom& atom, const InstalledPackage& package) {
  const std::string slot = package.field("SLOT");
  const std::size_t slash = slot.find('/');
  const std::string main = slot.substr(0, slash);
  portage::Candidate candidate{package.category, package.name, package.version, main, {}, {}};
  // A sub-slot that has been bound says what it was built with, not what it runs with.
  return portage::matches(atom, candidate);
}

// The words of a choice, each its own list; a plain atom is a list of one. VDB entries are written
// with their conditions decided, so that no flag is left to ask about.
std::vector<std::vector<std::string>> clauses_of(const std::string& text) {
  std::vector<std::vector<std::string>> clauses;
  std::size_t open = 0;  // brackets of the choice that is being read
  bool choice = false;
  for (std::string& word : split_words(text)) {
    if (word == "||") {
      if (open == 0) {
        choice = true;
        clauses.emplace_back();
      }
    } else if (word == "(") {
      if (choice) ++open;
    } else if (word == ")") {
      if (choice && --open == 0) choice = false;
    } else if (choice && open > 0) {
      clauses.back().push_back(std::move(word));
    } else if (!word.starts_with('!') && !word.ends_with('?')) {
      clauses.push_back({std::move(word)});
    }
  }
  return clauses;
}

class Removal {
 public:
  Removal(const Owners& before, const Owners& after) : after_(after) {
    for (const InstalledPackage& package : before.packages())
      if (after.find(package.cpv()) == nullptr) removed_.push_back(&package);
  }

  std::vector<Broken> broken() {
    if (removed_.empty()) return {};
    const std::set<std::string> left = provided(after_);
    std::map<std::string, const InstalledPackage*> lost;  // soname → who had it
    for (const InstalledPackage* package : removed_)
      for (std::string& each : sonames(*package, "PROVIDES"))
        if (!left.contains(each)) lost.emplace(std::move(each), package);
    for (const InstalledPackage& package : after_.packages()) {
      for (const std::string& each : required(package))
        if (const auto found = lost.find(each); found != lost.end())
          add(package, each.substr(each.find('/') + 1), *found->second);
      for (const char* field : {"RDEPEND", "PDEPEND"})
        for (const std::vector<std::string>& clause : clauses_of(package.field(field)))
          check(package, clause);
    }
    return std::move(broken_);
  }

 private:
  void check(const InstalledPackage& package, const std::vector<std::string>& clause) {
    const InstalledPackage* was = nullptr;
    std::string needs;
    for (const std::string& word : clause) {
      const auto atom = portage::parse_atom(word);
      if (!atom) continue;
      for (const InstalledPackage& each : after_.packages())
        if (matches_installed(*atom, each)) return;
      for (const InstalledPackage* each : removed_)
        if (was == nullptr && matches_installed(*atom, *each)) {
          was = each;
          needs = word;
        }
    }
    if (was != nullptr) add(package, needs, *was);
  }

  void add(const InstalledPackage& package, std::string needs, const InstalledPackage& removed) {
    if (told_.emplace(package.cpv(), removed.cpv()).second)
      broken_.push_back({package.cpv(), std::move(needs), removed.cpv()});
  }

  const Owners& after_;
  std::vector<const InstalledPackage*> removed_;
  std::set<std::pair<std::string, std::string>> told_;
  std::vector<Broken> broken_;
};

}  // namespace

std::vector<Broken> broken_by_removal(const Owners& before, const Owners& after) {
  return Removal(before, after).broken();
}

}  // namespace gbox::content
