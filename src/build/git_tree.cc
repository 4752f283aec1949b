#include "git_tree.h"

#include <poll.h>

#include <algorithm>
#include <map>
#include <vector>

#include "gbox/base/text.h"
#include "gbox/layer/unpack.h"
#include "gbox/net/url.h"
#include "gbox/sys/interrupt.h"
#include "git.h"
#include "waiting.h"

namespace gbox::build {

namespace {

// Version of the rules by which commits become trees: a change gives other snapshots.
constexpr char kGitFormat[] = "git-tree-1";
constexpr std::string_view kBranches = "refs/heads/";
constexpr std::string_view kTags = "refs/tags/";
constexpr std::string_view kPeeled = "^{}";  // behind an annotated tag: what it points at

bool is_commit(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string digest_of(const std::string& commit) {
  return std::string(kGitFormat) + ':' + commit;
}

std::string fetching(const GitSource& source) {
  return "fetch repository " + quoted(source.name) + " from " + quoted(net::shown_url(source.url));
}

void check_source(const GitSource& source) {
  // Git would take the one for an option; the other runs a program (gitremote-helpers(7)).
  if (source.url.starts_with('-') || source.url.find("::") != std::string::npos)
    throw Error(fetching(source) + ": that is no URL of a git repository", ExitCode::input)
        .set_hint("an https, http, ssh, git or file URL is expected, or an absolute path");
}

[[noreturn]] void throw_unreachable(const GitSource& source, const sys::HelperOutput& output) {
  throw Error(fetching(source) + ": " + git_reason(output), ExitCode::input)
      .set_hint("see that the URL is right and can be reached from here without a password prompt");
}

using References = std::map<std::string, std::string>;  // name → commit, tags peeled

References references_of(const GitSource& source) {
  const sys::HelperOutput output = Git().run({"ls-remote", "--", source.url}, fetching(source));
  if (output.status.code != 0) throw_unreachable(source, output);
  References references;
  for (const std::string& line : split(output.output, '\n')) {
    const std::size_t tab = line.find('\t');
    if (tab == std::string::npos || !is_commit(std::string_view(line).substr(0, tab))) continue;
    std::string name = line.substr(tab + 1);
    // The peeled one comes behind the tag itself, and counts.
    if (name.ends_with(kPeeled)) name.resize(name.size() - kPeeled.size());
    references[name] = line.substr(0, tab);
  }
  return references;
}

[[noreturn]] void throw_no_rev(const GitSource& source, const References& references) {
  std::vector<std::string> names;
  for (const auto& [name, commit] : references)
    for (const std::string_view kind : {kBranches, kTags})
      if (name.starts_with(kind)) names.push_back(name.substr(kind.size()));
  const std::string near = nearest(source.rev, names);
  const bool digits = source.rev.size() >= 7 &&
                      source.rev.find_first_not_of("0123456789abcdef") == std::string::npos;
  constexpr std::size_t kShown = 5;
  if (names.size() > kShown) names.resize(kShown);
  throw Error(fetching(source) + ": it has no branch or tag " + quoted(source.rev), ExitCode::input)
      .set_hint(digits          ? "a commit is named by all its 40 digits"
                : !near.empty() ? "did you mean " + quoted(near) + '?'
                : names.empty() ? "the repository is empty"
                                : "it has " + join(names, ", ") + ", …");
}

// Commits that have no name there, where the server gives out only what has one.
bool wants_history(const std::string& errors) {
  return errors.find("unadvertised object") != std::string::npos ||
         errors.find("shallow capabilities") != std::string::npos;
}

[[noreturn]] void throw_no_commit(const GitSource& source, const std::string& commit) {
  throw Error(fetching(source) + ": it has no commit " + quoted(commit), ExitCode::input)
      .set_hint(
          "it may have been removed by a forced push: name another 'rev', or run "
          "'gbox lock --update " +
          source.name + "'");
}

// Brings `commit` into the bare repository, alone when the server can.
void fetch(const Git& git, const GitSource& source, const std::string& commit,
           const std::string& repository, Observer& observer) {
  const std::string reference = "refs/gbox/" + commit;
  if (git.try_text({"rev-parse", "--quiet", "--verify", reference + "^{commit}"}, "read")) return;
  observer.progress("fetch " + source.name, 0, 0);
  const std::vector<std::string> common = {"fetch", "--quiet", "--no-tags", "--no-write-fetch-head",
                                           "--no-recurse-submodules"};
  std::vector<std::string> alone = common;
  for (const std::string& word :
       {std::string("--depth=1"), std::string("--"), source.url, '+' + commit + ':' + reference})
    alone.push_back(word);
  sys::HelperOutput output = git.run(alone, fetching(source));
  if (output.status.code == 0) return;
  if (output.errors.find("not our ref") != std::string::npos) throw_no_commit(source, commit);
  if (!wants_history(output.errors)) throw_unreachable(source, output);
  std::vector<std::string> all = common;
  if (sys::try_fstatat(AT_FDCWD, repository + "/shallow", 0)) all.emplace_back("--unshallow");
  for (const std::string& word :
       {std::string("--"), source.url, std::string("+refs/heads/*:refs/gbox-heads/*"),
        std::string("+refs/tags/*:refs/gbox-tags/*")})
    all.push_back(word);
  output = git.run(all, fetching(source));
  if (output.status.code != 0) throw_unreachable(source, output);
  if (!git.try_text({"update-ref", reference, commit}, "keep")) throw_no_commit(source, commit);
}

// The commit's files, by the way of every archive of unknown origin.
void check_out(const Git& git, const GitSource& source, const std::string& commit, int target,
               Observer& observer) {
  const std::string deed = "check out commit " + quoted(commit);
  sys::RunningHelper archive = git.start({"archive", "--format=tar", commit}, deed);
  layer::UnpackOptions options;
  options.access = layer::Access::readable;
  options.warnings = &observer;
  options.progress = [&](std::uint64_t done) {
    observer.progress("check out " + source.name, done, 0);
  };
  options.check_interrupt = [] { sys::check_interrupt(); };
  const auto expect_success = [&] {
    const sys::HelperOutput end = archive.wait();
    if (end.status.code != 0) throw Error(deed + ": " + git_reason(end), ExitCode::input);
  };
  try {
    (void)layer::unpack_archive(archive.output(), commit, target, options);
  } catch (const Interrupted&) {
    throw;
  } catch (const Error&) {
    // When git met damage, what is wrong with its output follows from that.
    pollfd polled{archive.output(), POLLIN, 0};
    if (::poll(&polled, 1, 0) == 1 && (polled.revents & POLLIN) == 0) expect_success();
    throw;
  }
  expect_success();
  if (sys::try_fstatat(target, ".gitmodules", AT_SYMLINK_NOFOLLOW))
    observer.warn({"repository " + quoted(source.name) + ": its submodules are left out",
                   "name the repositories they come from in the spec, when they are needed"});
}

}  // namespace

std::string resolve_git(const GitSource& source, Observer& observer) {
  check_source(source);
  if (is_commit(source.rev)) return source.rev;
  observer.progress("ask " + net::shown_url(source.url), 0, 0);
  const References references = references_of(source);
  const auto find = [&](const std::string& name) {
    const auto found = references.find(name);
    return found == references.end() ? std::string() : found->second;
  };
  if (source.rev.empty() || source.rev == "HEAD" || source.rev.starts_with("refs/")) {
    const std::string commit = find(source.rev.empty() ? "HEAD" : source.rev);
    if (commit.empty()) throw_no_rev(source, references);
    return commit;
  }
  const std::string branch = find(std::string(kBranches) + source.rev);
  const std::string tag = find(std::string(kTags) + source.rev);
  if (branch.empty() && tag.empty()) throw_no_rev(source, references);
  if (!branch.empty() && !tag.empty() && branch != tag)
    throw Error(fetching(source) + ": " + quoted(source.rev) + " is a branch and a tag",
                ExitCode::input)
        .set_hint("write 'refs/heads/" + source.rev + "' or 'refs/tags/" + source.rev + "'");
  return branch.empty() ? tag : branch;
}

bool has_git_tree(const store::Store& store, const std::string& commit) {
  return has_tree(store, digest_of(commit));
}

OpenedTree open_git_tree(store::Store& store, const GitSource& source, const std::string& commit,
                         Observer& observer) {
  check_source(source);
  if (!is_commit(commit))
    throw Error("internal error: " + quoted(commit) + " is no commit's full name");
  return ensure_tree(store, source.name, digest_of(commit), observer, [&](int target) {
    const store::GitCache cache = store.open_git_cache(sha256(source.url), waiting(observer));
    const Git git(cache.path);
    git.ensure_repository();
    fetch(git, source, commit, cache.path, observer);
    const auto tree = git.try_text({"rev-parse", "--verify", commit + "^{tree}"}, "read");
    if (!tree)
      throw Error(fetching(source) + ": " + quoted(commit) + " is no commit", ExitCode::input);
    check_out(git, source, commit, target, observer);
    return Json::array({Json::array({"git", net::shown_url(source.url)}),
                        Json::array({"commit", commit}), Json::array({"tree", *tree})});
  });
}

}  // namespace gbox::build
