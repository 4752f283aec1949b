#include "options.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "gbox/base/error.h"
#include "gbox/base/text.h"

using namespace gbox;
using namespace gbox::cli;

namespace {

template <class Args>
Args parsed(const std::vector<std::string>& arguments) {
  const Invocation invocation = parse_command_line(arguments);
  REQUIRE(std::holds_alternative<Args>(invocation.command));
  return std::get<Args>(invocation.command);
}

struct Refusal {
  std::vector<std::string> arguments;
  std::string message;
  std::string hint;
};

}  // namespace

TEST_CASE("build takes a spec, several outputs and several settings, in any order") {
  const auto args =
      parsed<BuildArgs>({"build", "--set", "a=1", "-o", "oci:x", "my.toml", "--set=b=2",
                         "--output=oci-archive:y", "--from", "php", "--until", "trim", "--dry-run",
                         "--store", "/s", "--require-level", "full"});
  CHECK(args.spec.path == "my.toml");
  CHECK(args.spec.set == std::vector<std::pair<std::string, std::string>>{{"a", "1"}, {"b", "2"}});
  CHECK(args.outputs == std::vector<std::string>{"oci:x", "oci-archive:y"});
  CHECK(args.from == "php");
  CHECK(args.until == "trim");
  CHECK(args.dry_run);
  CHECK(args.store.directory == "/s");
  CHECK(args.sandbox.require_level == sys::Level::full);
  CHECK_FALSE(args.sandbox.storage);
}

TEST_CASE("what runs sandboxes takes a level and a storage, by option or by environment") {
  CHECK(parsed<RunArgs>({"run", "--storage", "copy", "oci:x"}).sandbox.storage ==
        sys::Storage::copy);
  CHECK(parsed<PlanArgs>({"plan", "--require-level=proc-bound"}).sandbox.require_level ==
        sys::Level::proc_bound);
  REQUIRE(::setenv("GBOX_REQUIRE_LEVEL", "single-id", 1) == 0);
  REQUIRE(::setenv("GBOX_STORAGE", "fuse", 1) == 0);
  const auto shell = parsed<ShellArgs>({"shell", "php"});
  const auto build = parsed<BuildArgs>({"build", "--require-level", "full"});
  const auto doctor = parsed<DoctorArgs>({"doctor"});
  REQUIRE(::unsetenv("GBOX_REQUIRE_LEVEL") == 0);
  REQUIRE(::unsetenv("GBOX_STORAGE") == 0);
  CHECK(shell.sandbox.require_level == sys::Level::single_id);
  CHECK(shell.sandbox.storage == sys::Storage::fuse);
  CHECK(build.sandbox.require_level == sys::Level::full);
  CHECK(doctor.require_level == sys::Level::single_id);
  for (const Refusal& row : std::vector<Refusal>{
           {{"build", "--storage", "vfs"}, "option '--storage': 'vfs' is none of", ""},
           {{"run", "--require-level", "fulll", "oci:x"},
            "option '--require-level': 'fulll' is none of",
            ""}}) {
    CAPTURE(row.arguments);
    try {
      (void)parse_command_line(row.arguments);
      FAIL("nothing was refused");
    } catch (const Error& error) {
      CHECK(error.code() == ExitCode::usage);
    }
  }
}

TEST_CASE("packages come from directories and go to directories, and nothing else is known") {
  const auto built =
      parsed<BuildArgs>({"build", "--cache-from", "dir=a", "--cache-to=dir=b/c", "my.toml",
                         "--cache-from=dir=../x=y", "--store-limit", "20GiB"});
  CHECK(built.cache_from == std::vector<std::string>{"a", "../x=y"});
  CHECK(built.cache_to == std::vector<std::string>{"b/c"});
  CHECK(built.store_limit == 20ull << 30);
  CHECK(built.spec.path == "my.toml");
  CHECK(parsed<PlanArgs>({"plan", "--cache-from", "dir=a"}).cache_from ==
        std::vector<std::string>{"a"});
  CHECK_FALSE(parsed<BuildArgs>({"build"}).store_limit);
  CHECK(built.cache_snapshots == build::ShareSnapshots::yes);
  CHECK(parsed<BuildArgs>({"build", "--cache-snapshots", "never"}).cache_snapshots ==
        build::ShareSnapshots::no);
  CHECK(parsed<PlanArgs>({"plan", "--cache-snapshots=never"}).cache_snapshots ==
        build::ShareSnapshots::no);
  CHECK(built.append == build::Append::no);
  CHECK(parsed<BuildArgs>({"build", "--append"}).append == build::Append::yes);
  for (const Refusal& row : std::vector<Refusal>{
           {{"build", "--cache-to", "s3=x"},
            "option '--cache-to': unknown kind of cache 's3' in 's3=x'",
            "there are a directory and a registry: '--cache-to dir=DIR' and "
            "'registry=HOST/REPOSITORY'"},
           {{"build", "--cache-from", "type=local,src=x"},
            "option '--cache-from': unknown kind of cache 'type' in 'type=local,src=x'",
            "there are a directory and a registry: '--cache-from dir=DIR' and "
            "'registry=HOST/REPOSITORY'"},
           {{"plan", "--cache-from", "packages"},
            "option '--cache-from': 'packages' names no kind of cache",
            "did you mean 'dir=packages'?"},
           {{"build", "--cache-to", "dir="},
            "option '--cache-to': 'dir=' names no directory",
            "such as '--cache-to dir=cache'"},
           {{"build", "--cache-snapshots", "nevr"},
            "option '--cache-snapshots': unknown value 'nevr'",
            "did you mean 'never'?"},
           {{"build", "--store-limit", "much"},
            "option '--store-limit': 'much' is not a size",
            "a size is a number and a unit, such as '500MiB' or '10GiB'"},
       }) {
    CAPTURE(row.arguments);
    try {
      (void)parse_command_line(row.arguments);
      FAIL("nothing was refused");
    } catch (const Error& error) {
      CHECK(error.message() == row.message);
      CHECK(error.hint() == row.hint);
      CHECK(error.code() == ExitCode::usage);
    }
  }
}

TEST_CASE("the image of ebuild repositories is written to several places, and read from one") {
  const auto built = parsed<BuildArgs>({"build", "--repos-output", "oci:r:1", "-o", "oci:x",
                                        "my.toml", "--repos-output=oci-archive:r.tar"});
  CHECK(built.repos_outputs == std::vector<std::string>{"oci:r:1", "oci-archive:r.tar"});
  CHECK(built.outputs == std::vector<std::string>{"oci:x"});
  CHECK(built.spec.path == "my.toml");
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"run", "oci:out", "--with-repos", "oci:r", "emerge", "--with-repos", "x"},
           {"run", "--with-repos", "oci:r", "oci:out", "--", "emerge", "--with-repos", "x"}}) {
    const auto run = parsed<RunArgs>(arguments);
    CHECK(run.image == "oci:out");
    CHECK(run.repositories == "oci:r");
    CHECK(run.command == std::vector<std::string>{"emerge", "--with-repos", "x"});
  }
}

TEST_CASE("build without a spec takes the usual name") {
  const auto args = parsed<BuildArgs>({"build"});
  CHECK(args.spec.path == "stage4.toml");
  CHECK(args.outputs.empty());
  CHECK_FALSE(args.dry_run);
  CHECK_FALSE(args.sandbox.require_level);
}

TEST_CASE("what stands behind the image belongs to the command that is run") {
  const std::vector<std::string> wanted = {"ls", "-l", "--store", "x", "--help"};
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"run", "--store", "/s", "oci:out", "ls", "-l", "--store", "x", "--help"},
           {"run", "--store", "/s", "oci:out", "--", "ls", "-l", "--store", "x", "--help"}}) {
    const auto args = parsed<RunArgs>(arguments);
    CHECK(args.image == "oci:out");
    CHECK(args.store.directory == "/s");
    CHECK(args.command == wanted);
  }
  CHECK(parsed<RunArgs>({"run", "oci:out"}).command.empty());
  CHECK(parsed<RunArgs>({"run", "oci:out", "--", "--", "x"}).command ==
        std::vector<std::string>{"--", "x"});
}

TEST_CASE("a step may stand alone or behind its spec") {
  CHECK(parsed<ShellArgs>({"shell", "php"}).spec.path == "stage4.toml");
  CHECK(parsed<ShellArgs>({"shell", "php"}).step == "php");
  const auto args = parsed<ShellArgs>({"shell", "my.toml", "php/dev-lang/php", "--set", "a=1"});
  CHECK(args.spec.path == "my.toml");
  CHECK(args.spec.set.size() == 1);
  CHECK(args.step == "php/dev-lang/php");
  const auto log = parsed<LogArgs>({"log", "php/dev-lang/php", "--path"});
  CHECK(log.step == "php/dev-lang/php");
  CHECK(log.path_only);
}

TEST_CASE("lock looks again for what is named, or for all when nothing is") {
  const auto some = parsed<LockArgs>({"lock", "a.toml", "--update", "base", "gentoo"});
  CHECK(some.update == std::vector<std::string>{"base", "gentoo"});
  CHECK_FALSE(some.update_all);
  for (const auto& arguments : {std::vector<std::string>{"lock", "a.toml", "--update"},
                                std::vector<std::string>{"lock", "--update", "--dry-run"}}) {
    const auto all = parsed<LockArgs>(arguments);
    CHECK(all.update.empty());
    CHECK(all.update_all);
  }
  CHECK_FALSE(parsed<LockArgs>({"lock"}).update_all);
}

TEST_CASE("cache gc reads its limits") {
  const auto args = parsed<CacheGcArgs>({"cache", "gc", "--keep", "10GiB", "--unused-for", "30d"});
  CHECK(args.keep_bytes == 10ull << 30);
  CHECK(args.unused_seconds == 30ull * 86400);
  CHECK_FALSE(parsed<CacheGcArgs>({"cache", "gc"}).keep_bytes.has_value());
  CHECK(parsed<CacheListArgs>({"cache", "ls", "--json"}).json);
  CHECK(parsed<CacheUsageArgs>({"cache", "du", "--json"}).json);
  CHECK(parsed<CacheVerifyArgs>({"cache", "verify", "--json"}).json);
}

TEST_CASE("the progress mode comes from the option, else from the environment") {
  ::setenv("GBOX_PROGRESS", "none", 1);
  CHECK(parse_command_line({"plan"}).progress == ProgressMode::none);
  CHECK(parse_command_line({"plan", "--progress", "json", "-v"}).progress == ProgressMode::json);
  ::unsetenv("GBOX_PROGRESS");
  CHECK(parse_command_line({"plan"}).progress == ProgressMode::automatic);
  CHECK(parse_command_line({"plan", "--verbose"}).verbose == Verbose::yes);
  CHECK(progress_asked_for({"bulid", "--progress=json"}) == ProgressMode::json);
  CHECK(progress_asked_for({"bulid", "--progress"}) == ProgressMode::automatic);
}

TEST_CASE("a command line that cannot be meant is refused with the way out") {
  const std::vector<Refusal> table = {
      {{"biuld"}, "unknown command 'biuld'", "did you mean 'build'?"},
      {{"frobnicate"}, "unknown command 'frobnicate'", "'gbox --help' lists the commands"},
      {{}, "no command given", "'gbox --help' lists the commands"},
      {{"cache", "export"},
       "cache export: no directory given",
       "such as 'gbox cache export packages'"},
      {{"cache", "import"},
       "cache import: no directory given",
       "such as 'gbox cache import packages'"},
      {{"cache", "import", "a", "b"},
       "cache import: one argument too many: 'b'",
       "'gbox cache import --help' lists what it takes"},
      {{"cache"}, "cache: no command given", "'gbox cache --help' lists the commands"},
      {{"cache", "gcc"}, "cache: unknown command 'gcc'", "did you mean 'gc'?"},
      {{"build", "--ouput", "x"}, "build: unknown option '--ouput'", "did you mean '--output'?"},
      {{"build", "--store=x", "--xyzzy=1"},
       "build: unknown option '--xyzzy'",
       "'gbox build --help' lists its options"},
      {{"build", "a.toml", "b.toml"},
       "build: one argument too many: 'b.toml'",
       "'gbox build --help' lists what it takes"},
      {{"build", "--store"}, "option '--store' needs a value", "'gbox COMMAND --help' tells which"},
      {{"build", "--set", "x"},
       "option '--set': 'x' is not NAME=VALUE",
       "NAME is a key of '[args]' in the spec, such as '--set suffix=-openrc'"},
      {{"build", "--progress", "fancy"},
       "option '--progress': unknown value 'fancy'",
       "it takes 'auto', 'tty', 'plain', 'json' and 'none'"},
      {{"run"}, "run: no image given", "such as 'gbox run oci:out -- /bin/sh'"},
      {{"log"}, "log: no step given", "'gbox plan' lists the steps of the spec"},
      {{"shell"}, "shell: no step given", "'gbox plan' lists the steps of the spec"},
      {{"shell", "a", "b", "c"},
       "shell: one argument too many: 'c'",
       "'gbox shell --help' lists what it takes"},
      {{"--verison"}, "unknown option '--verison'", "did you mean '--version'?"},
      {{"help", "biuld"}, "help: unknown command 'biuld'", "'gbox --help' lists the commands"},
  };
  for (const Refusal& refusal : table) {
    CAPTURE(refusal.message);
    try {
      (void)parse_command_line(refusal.arguments);
      FAIL_CHECK("accepted");
    } catch (const Error& error) {
      CHECK(error.message() == refusal.message);
      CHECK(error.hint() == refusal.hint);
      CHECK(error.code() == ExitCode::usage);
    }
  }
}

TEST_CASE("cache export takes a directory and steps, cache import a directory") {
  const auto all = parsed<CacheExportArgs>({"cache", "export", "packages"});
  CHECK(all.directory == "packages");
  CHECK(all.steps.empty());
  const auto some = parsed<CacheExportArgs>({"cache", "export", "/p", "php", "dev-libs/icu"});
  CHECK(some.directory == "/p");
  CHECK(some.steps == std::vector<std::string>{"php", "dev-libs/icu"});
  CHECK(parsed<CacheImportArgs>({"cache", "import", "packages"}).directory == "packages");
}

TEST_CASE("images are compared by two, described by one, and built again from a spec") {
  const auto diff = parsed<ImageDiffArgs>({"image", "diff", "oci:a", "oci-archive:b", "--json"});
  CHECK(diff.before == "oci:a");
  CHECK(diff.after == "oci-archive:b");
  CHECK(diff.json);
  CHECK(parsed<ImageSbomArgs>({"image", "sbom", "oci:a"}).format == build::BillFormat::spdx);
  CHECK(parsed<ImageSbomArgs>({"image", "sbom", "--format", "cyclonedx", "oci:a"}).format ==
        build::BillFormat::cyclonedx);
  const auto verify =
      parsed<VerifyArgs>({"verify", "--rebuild", "s.toml", "--image", "oci:a", "-j2"});
  CHECK(verify.spec.path == "s.toml");
  CHECK(verify.image == "oci:a");
  CHECK(verify.effort.jobs == 2);
  CHECK_THROWS_AS((void)parse_command_line({"verify", "s.toml"}), Error);
  CHECK_THROWS_AS((void)parse_command_line({"image", "diff", "oci:a"}), Error);
  CHECK_THROWS_AS((void)parse_command_line({"image", "sbom", "oci:a", "oci:b"}), Error);
}

TEST_CASE("help names every command and option and fits 80 columns") {
  const std::string top = parse_command_line({"--help"}).text;
  for (const char* word :
       {"build", "plan", "run", "shell", "log", "cache ls", "cache gc", "doctor"})
    CHECK(top.find(std::string("\n  ") + word) != std::string::npos);
  for (const OptionNames& names : all_options()) {
    std::vector<std::string> arguments = split_words(names.command);
    arguments.erase(arguments.begin());
    arguments.push_back("--help");
    const std::string text = parse_command_line(arguments).text;
    CAPTURE(names.command);
    CHECK(text.starts_with(names.command + ": "));
    for (const std::string& option : names.options) CHECK(text.find(option) != std::string::npos);
    for (const std::string& line : split(text, '\n')) CHECK(line.size() <= 80);
  }
  CHECK(parse_command_line({"help", "build"}).text == parse_command_line({"build", "-h"}).text);
  CHECK(parse_command_line({"--version"}).text.starts_with("gbox "));
}

TEST_CASE("the manual names every command and every option") {
  std::ifstream file(GBOX_MAN_PAGE);
  std::string manual((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::erase(manual, '\\');
  REQUIRE_FALSE(manual.empty());
  for (const OptionNames& names : all_options()) {
    CAPTURE(names.command);
    if (names.command != "gbox help")  // --help under another name
      CHECK(manual.find(names.command) != std::string::npos);
    for (const std::string& option : names.options)
      CHECK_MESSAGE(manual.find(option) != std::string::npos, option);
  }
}

TEST_CASE("push tells sources and targets apart by what they begin with") {
  const auto push =
      parsed<PushArgs>({"push", "oci:a", "docker://r.example.org/x:1", "oci-archive:b.tar", "--ca",
                        "ca.pem", "docker://r.example.org/x:2", "--plain-http"});
  CHECK(push.sources == std::vector<std::string>{"oci:a", "oci-archive:b.tar"});
  CHECK(push.targets ==
        std::vector<std::string>{"docker://r.example.org/x:1", "docker://r.example.org/x:2"});
  CHECK(push.registry.ca == "ca.pem");
  CHECK(push.registry.plain_http);
  const auto pull = parsed<PullArgs>({"pull", "docker://r.example.org/x", "--all"});
  CHECK(pull.source == "docker://r.example.org/x");
  CHECK(pull.target.empty());
  CHECK(pull.all);
  const auto other = parsed<PullArgs>(
      {"pull", "--platform", "linux/arm64", "docker://r.example.org/x", "oci:x:1"});
  CHECK(other.target == "oci:x:1");
  CHECK(other.platform == "linux/arm64");
  for (const std::vector<std::string>& wrong :
       {std::vector<std::string>{"push"},
        {"push", "oci:a"},
        {"push", "docker://r.example.org/x"},
        {"pull"},
        {"pull", "a", "b", "c"},
        {"pull", "a", "--all", "--platform", "linux/arm64"}})
    CHECK_THROWS_AS(parse_command_line(wrong), Error);
}
