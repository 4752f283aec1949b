// What a profile that exists may still be: deprecated, experimental, or of another flavour than
// the base that it is to rule (another libc cannot be switched to by merging).
#include <array>

#include "check_context.h"
#include "gbox/base/text.h"

namespace gbox::portage {

namespace {

// Parts of a name: "default/linux/amd64/23.0/musl" has 'musl', and so has "musl-llvm".
std::set<std::string> parts_of(const std::string& name) {
  std::set<std::string> parts;
  for (const std::string& part : split(name, '/'))
    for (const std::string& piece : split(part, '-')) parts.insert(piece);
  return parts;
}

void check_arch(CheckContext& context) {
  const std::string& profile_arch = context.settings.arch();
  if (context.arch.empty() || profile_arch.empty() || profile_arch == context.arch) return;
  context.fault(context.spec.portage.profile_where,
                "profile " + quoted(context.profile.name) + " is for " + quoted(profile_arch) +
                    ", the base is for " + quoted(context.arch),
                "choose a profile of " + quoted(context.arch) +
                    ": see 'profiles/profiles.desc' of the repository");
}

void check_flavour(CheckContext& context) {
  const std::string& variant = context.spec.base.stage3;
  const Location& where = context.spec.portage.profile_where;
  const std::string both = "profile " + quoted(context.profile.name) + " and stage3 " +
                           quoted(variant) + " do not fit: ";
  const std::set<std::string> base = parts_of(variant);
  const std::set<std::string> profile = parts_of(context.profile.name);
  const auto differ = [&](const char* part) {
    return base.contains(part) != profile.contains(part);
  };
  if (differ("musl")) {
    const std::string with = base.contains("musl") ? "the base" : "the profile";
    context.fault(where, both + "only " + with + " is for musl",
                  "a libc cannot be switched: choose the profile and the stage3 of one kind");
  }
  const bool base_multilib = !base.contains("nomultilib");
  const bool profile_multilib = context.profile.name.find("no-multilib") == std::string::npos;
  if (!base_multilib && profile_multilib && context.settings.arch() == "amd64" &&
      !profile.contains("musl") && !profile.contains("x32"))
    context.fault(where, both + "the base has no 32-bit libraries to build on",
                  "choose the 'no-multilib' profile, or a stage3 without 'nomultilib'");
  if (differ("systemd"))
    context.warn(where,
                 both + "only " + (base.contains("systemd") ? "the base" : "the profile") +
                     " is for systemd",
                 "merge '@world' with changed USE flags first, or choose both of one kind");
  if (profile.contains("llvm") && !base.contains("llvm"))
    context.warn(where, both + "the base has no llvm to compile with",
                 "choose an 'llvm' stage3, or the profile without");
  const bool base_split = base.contains("splitusr");
  const bool profile_split = context.profile.name.find("split-usr") != std::string::npos;
  if (base_split != profile_split)
    context.warn(where,
                 both + "only " + (base_split ? "the base" : "the profile") +
                     " has '/bin' and '/lib' apart from '/usr'",
                 "choose both of one kind: merged or 'split-usr'");
}

void check_status(CheckContext& context) {
  const TreeRepository* repository = context.tree.find(context.profile.repository);
  if (repository == nullptr) return;
  for (const Line& line : read_lines(repository->dirfd, "profiles/profiles.desc"))
    if (line.words.size() >= 3 && line.words[1] == context.profile.name && line.words[2] == "exp")
      context.warn(context.spec.portage.profile_where,
                   "profile " + quoted(context.profile.name) + " is experimental",
                   "'profiles/profiles.desc' lists those that are kept 'stable'");
}

}  // namespace

void check_profile_state(CheckContext& context) {
  if (context.profile.name.empty()) return;
  check_arch(context);
  check_status(context);
  if (!context.profile.replacement.empty())
    context.warn(context.spec.portage.profile_where,
                 "profile " + quoted(context.profile.name) + " is deprecated",
                 "use " + quoted(context.profile.replacement));
  const std::string& eapi = context.profile.eapi;
  if (eapi.size() > 1 || eapi == "9")
    context.warn(context.spec.portage.profile_where,
                 "profile " + quoted(context.profile.name) + " has EAPI " + quoted(eapi) +
                     ", which the base's Portage may be too old for",
                 "if emerge refuses it, use a newer base or an older tree");
  if (!context.spec.base.stage3.empty()) check_flavour(context);
}

}  // namespace gbox::portage
