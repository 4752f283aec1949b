#include "git.h"

#include <cstdlib>

#include "gbox/base/text.h"
#include "gbox/sys/file.h"

namespace gbox::build {

namespace {

// What a listing of all branches and tags may take; the largest known have a few megabytes.
constexpr std::size_t kOutputLimit = 64u << 20;

// What a network needs that is not direct. Names of git's own are left out: they would change what
// is fetched.
constexpr const char* kFromCaller[] = {
    "http_proxy", "https_proxy", "HTTPS_PROXY",   "all_proxy",     "ALL_PROXY",
    "no_proxy",   "NO_PROXY",    "SSH_AUTH_SOCK", "SSL_CERT_FILE", "SSL_CERT_DIR"};

std::vector<std::string> environment() {
  std::vector<std::string> result = {
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "HOME=/nonexistent",
      "LC_ALL=C",  // its messages are read
      "GIT_CONFIG_NOSYSTEM=1",
      "GIT_CONFIG_GLOBAL=/dev/null",
      "GIT_ATTR_NOSYSTEM=1",
      "GIT_TERMINAL_PROMPT=0",
      "GIT_ASKPASS=/bin/false",
      "GIT_SSH_COMMAND=ssh -o BatchMode=yes",
      "GIT_ALLOW_PROTOCOL=https:http:file:ssh:git",
      "GIT_NO_REPLACE_OBJECTS=1",
  };
  for (const char* name : kFromCaller)
    if (const char* value = std::getenv(name)) result.push_back(std::string(name) + '=' + value);
  return result;
}

constexpr const char* kSettings[] = {
    "core.hooksPath=/dev/null",
    "core.attributesFile=/dev/null",
    "core.fsmonitor=false",
    "core.autocrlf=false",
    "core.eol=lf",
    "credential.helper=",
    "transfer.fsckObjects=true",
    "fetch.recurseSubmodules=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=60",
    "http.followRedirects=initial",
    "advice.detachedHead=false",
    "tar.umask=0022",
};

// Beats every .gitattributes (gitattributes(5)): files leave as they were committed, all of them.
constexpr std::string_view kAttributes =
    "* !text !eol !crlf !ident !filter !working-tree-encoding !export-ignore !export-subst\n";

void remove_locks(int repository, const std::string& directory) {
  const auto fd = sys::try_openat(repository, directory, O_RDONLY | O_DIRECTORY);
  if (!fd) return;
  for (const std::string& name : sys::list_directory(fd->get(), directory))
    if (name.ends_with(".lock")) sys::unlinkat(fd->get(), name, 0);
}

}  // namespace

Git::Git(std::string repository)
    : program_(sys::find_in_path("git")), repository_(std::move(repository)) {
  if (program_.empty())
    throw Error("a git repository is fetched by 'git', which is not here", ExitCode::host)
        .set_hint("install git, or use a snapshot of the repository");
  input_.environment = environment();
  input_.limit_bytes = kOutputLimit;
}

std::vector<std::string> Git::command(const std::vector<std::string>& arguments) const {
  std::vector<std::string> argv = {program_};
  for (const char* setting : kSettings) {
    argv.emplace_back("-c");
    argv.emplace_back(setting);
  }
  if (!repository_.empty()) argv.push_back("--git-dir=" + repository_);
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return argv;
}

sys::HelperOutput Git::run(const std::vector<std::string>& arguments, std::string_view deed) const {
  return sys::capture_helper(command(arguments), deed, input_);
}

std::optional<std::string> Git::try_text(const std::vector<std::string>& arguments,
                                         std::string_view deed) const {
  const sys::HelperOutput output = run(arguments, deed);
  if (output.status.code != 0) return std::nullopt;
  return std::string(trim(output.output));
}

sys::RunningHelper Git::start(const std::vector<std::string>& arguments,
                              std::string_view deed) const {
  return sys::RunningHelper(command(arguments), deed, input_);
}

void Git::ensure_repository() const {
  const std::string deed = "make repository " + quoted(repository_);
  const sys::Fd directory = sys::open(repository_, O_RDONLY | O_DIRECTORY);
  for (const char* place : {".", "refs/gbox"}) remove_locks(directory.get(), place);
  const sys::HelperOutput made =
      run({"init", "--quiet", "--bare", "--template=", "--initial-branch=none"}, deed);
  if (made.status.code != 0) throw Error(deed + ": " + git_reason(made));
  sys::ensure_directories(directory.get(), "info");
  sys::write_file_atomically(directory.get(), "info/attributes", kAttributes);
}

std::string git_reason(const sys::HelperOutput& output) {
  // What ssh or the other side said stands before git's own summary, which says nothing.
  constexpr std::string_view kSummary = "Could not read from remote repository.";
  const std::vector<std::string> lines = split(std::string(trim(output.errors)), '\n');
  for (const std::string& line : lines)
    for (const std::string_view word : {"fatal: ", "error: ", "remote: error: "})
      if (line.starts_with(word) && line.substr(word.size()) != kSummary)
        return printable(line.substr(word.size()));
  if (!lines.empty() && !lines.front().empty()) return printable(lines.front());
  return "exit " + std::to_string(output.status.code);
}

}  // namespace gbox::build
