// What a person reads when a spec is wrong: place, message and hint, letter by letter.
#include <doctest/doctest.h>

#include "gbox/spec/spec.h"

using namespace gbox;
using namespace gbox::spec;

namespace {

constexpr std::string_view kStart = "name=\"a\"\nbase.tarball=\"t\"\n";

std::vector<SpecFault> faults_of(const std::string& text,
                                 const std::map<std::string, std::string>& overrides = {}) {
  try {
    (void)read_spec("s", text, overrides);
  } catch (const SpecError& error) {
    CHECK(error.code() == ExitCode::usage);
    return error.faults();
  }
  return {};
}

std::string line_of(const SpecFault& fault) {
  return to_string(fault.where) + ": " + fault.message +
         (fault.hint.empty() ? "" : " | " + fault.hint);
}

struct Case {
  std::string text;  // behind kStart, from line 3
  std::string line;  // of the only fault
};

}  // namespace

TEST_CASE("each fault has its place, its message and its hint") {
  const std::vector<Case> cases = {
      // unknown and misplaced keys
      {"phases=1", "s:3:1: unknown key 'phases' at the top level | did you mean 'phase'?"},
      {"[portage]\npofile='x'",
       "s:4:1: unknown key 'pofile' in [portage] | did you mean 'profile'?"},
      {"[portage]\nmask=[]",
       "s:4:1: unknown key 'mask' in [portage] | did you mean 'package_mask'?"},
      {"jobs=3", "s:3:1: unknown key 'jobs' at the top level | 'jobs' belongs to [build]"},
      {"[build]\ntag='x'",
       "s:4:1: unknown key 'tag' in [build] | 'tag' belongs to the top level, above every table"},
      {"[build]\n\"zebra\\u001b\"=1",
       "s:4:1: unknown key 'zebra?' in [build] | known here: 'jobs', 'load_average', "
       "'emerge_jobs', 'memory', 'tmpfs', 'distfiles' and 'mirror'"},
      // types
      {"tag=8", "s:3:5: 'tag' is an integer, it must be a string | put it in quotes"},
      {"[build]\njobs='8'",
       "s:4:6: 'jobs' is a string, it must be an integer | write it without "
       "quotes"},
      {"[build]\ntmpfs=10", "s:4:7: 'tmpfs' is an integer, it must be a string | put it in quotes"},
      {"[build]\nload_average='x'",
       "s:4:14: 'load_average' is a string, it must be a number | write it without quotes"},
      {"[portage]\nuse='-ipv6'",
       "s:4:5: 'use' is a string, it must be a list of strings | write [\"-ipv6\"]"},
      {"[portage]\nuse=['a',1]",
       "s:4:10: 'use' is an integer, it must be a string | put it in quotes"},
      {"[portage]\nmake_conf=['a']", "s:4:11: 'make_conf' is a list, it must be a table"},
      {"[phase]\nname='a'\nrun='x'",
       "s:3:1: 'phase' is a table, it must be a list of tables | write '[[phase]]', with two "
       "pairs of brackets"},
      {"[[output]]\nroot='/'",
       "s:3:1: 'output' is a list of tables, it must be a table | write '[output]', with one pair "
       "of brackets"},
      {"repos.gentoo='./gentoo'",
       "s:3:14: 'repos.gentoo' is a string, it must be a table | write [repos.gentoo] and below it "
       "snapshot = \"latest\" or path = \"…\""},
      {"tag=1979-05-27", "s:3:5: 'tag' is a date or time, it must be a string"},
      {"[[phase]]\nname='a'\nemerge=['a/b']\noneshot='yes'",
       "s:6:9: 'oneshot' is a string, it must be true or false | write it without quotes"},
      {"[[phase]]\nname='a'\ncopy={from='a',to='/b'}",
       "s:5:6: 'copy' is a table, it must be a list of tables | write copy = [{…}]"},
      // values
      {"tag='a b'",
       "s:3:5: 'tag': 'a b' is not a tag | use at most 128 letters, digits, '_', '.' and '-', "
       "first none of '.' and '-'"},
      {"[output]\nlayers='phases'",
       "s:4:8: 'layers' cannot be 'phases' | did you mean 'phase'? allowed: 'phase', 'package' "
       "and 'single'"},
      {"[output]\nmax_layers=20",
       "s:4:12: 'max_layers' means nothing with these layers | set 'layers' to 'package', or leave "
       "it out"},
      {"[output]\nlayers='package'\nmax_layers=0",
       "s:5:12: 'max_layers' is 0, it must be from 1 to 120"},
      {"[output]\nsource_date_epoch='now'",
       "s:4:19: 'source_date_epoch' is a string, it must be an integer | write it without quotes"},
      {"[output]\ncompression='xz'",
       "s:4:13: 'compression' cannot be 'xz' | allowed: 'gzip', 'zstd' and 'none'"},
      {"[output]\nlevel=13", "s:4:7: 'level' is 13, it must be from 1 to 12"},
      {"[output]\ncompression='none'\nlevel=1",
       "s:5:7: 'level' means nothing with compression 'none' | leave it out"},
      {"[output]\nroot='destination'",
       "s:4:6: 'root': 'destination' is not an absolute path | begin it with '/'"},
      {"[build]\njobs=0", "s:4:6: 'jobs' is 0, it must be from 1 to 4096"},
      {"[build]\nload_average=-1.5", "s:4:14: 'load_average' must be a number above 0"},
      {"[build]\nload_average=nan", "s:4:14: 'load_average' must be a number above 0"},
      {"[build]\ntmpfs='10X'",
       "s:4:7: 'tmpfs': '10X' is not a size | write a number and one of K, M, G and T, such as "
       "'10G'"},
      {"base.sha256='abc'",
       "s:3:13: 'sha256': 'abc' is not such a digest | write 64 lower-case hex digits, as "
       "'sha256sum' prints them"},
      {"[repos.gentoo]\npath='x'\npriority=10000",
       "s:5:10: 'priority' is 10000, it must be from -9999 to 9999"},
      {"[repos.gentoo]\npriority=1",
       "s:3:1: missing key 'path' in [repos.gentoo] | name the repository's directory (path = "
       "\"./gentoo\"), a snapshot of the mirror (snapshot = \"latest\") or a git repository (git = "
       "\"https://…\")"},
      {"[repos.'a b']\npath='x'",
       "s:3:8: 'repos': 'a b' is not a repository name | use letters, digits, '_' and '-', first "
       "none of '-'"},
      {"[portage]\nprofile='default'",
       "s:4:9: 'profile' needs a repository that holds it | add [repos.gentoo] and below it "
       "snapshot = \"latest\""},
      {"[portage]\nuse=['a b']",
       "s:4:6: 'use': 'a b' is not one USE flag | write each flag as its own string"},
      {"[portage]\nmake_conf={MAKEOPTS='-j8'}",
       "s:4:12: 'make_conf': 'MAKEOPTS' cannot be set here | use 'jobs' of [build]"},
      {"[portage]\nmake_conf={A='x\\ny'}",
       "s:4:14: 'make_conf.A': 'x\\ny' holds a backslash, which make.conf's readers disagree on | "
       "put it into a file of 'config_dir'"},
      {"[portage]\nmake_conf={A=\"x\\ny\"}",
       "s:4:14: 'make_conf.A': 'x?y' holds a newline | write it on one line"},
      {"[portage]\nuse=['a']\nmake_conf={USE='b'}",
       "s:5:12: 'make_conf.USE' and 'use' set the same variable | keep 'use'"},
      {"[portage]\npackage_use={'dev-lang/php'=[]}",
       "s:4:29: 'package_use.dev-lang/php' is an empty list | leave it out, or put something into "
       "it"},
      {"[portage]\npackage_use={'php'=['a']}",
       "s:4:14: 'package_use': 'php' has no category | write it as 'category/php'"},
      // phases
      {"[[phase]]\nrun='x'",
       "s:3:1: missing key 'name' in [[phase]] | every phase needs one of its own"},
      {"[[phase]]\nname='a'",
       "s:3:1: phase 'a' does nothing | give it 'copy', 'copy_package', 'emerge', 'unmerge', "
       "'depclean', 'run', 'trim' or 'remove'"},
      {"[[phase]]\nname='a'\nrun='x'\n[[phase]]\nname='a'\nrun='y'",
       "s:6:1: phase 'a' is there twice | the first is at line 3; give one of them another name"},
      {"[[phase]]\nname='a/../b'\nrun='x'",
       "s:4:6: 'name': 'a/../b' is not a valid name | use lower-case letters, digits, '.', '_' and "
       "'-', first a letter or digit"},
      {"[[phase]]\nname='a'\nrun=' \\t'\nrun2='x'",
       "s:6:1: unknown key 'run2' in [[phase]] | did you mean 'run'?"},
      {"[[phase]]\nname='a'\nrun=\"\\n \"",
       "s:5:5: 'run' is empty | leave it out, or give it a "
       "value"},
      {"[[phase]]\nname='a'\ncopy_package=['sys-libs/glibc']",
       "s:5:14: 'copy_package' means nothing without 'root' | packages of '/' are taken over into "
       "a "
       "root of its own: root = \"/destination\""},
      {"[[phase]]\nname='a'\nroot='/r'\ncopy_package=['@system']",
       "s:6:15: 'copy_package': '@system' is a set | name packages"},
      {"[[phase]]\nname='a'\nemerge=[]",
       "s:5:8: 'emerge' is an empty list | leave it out, or put something into it"},
      {"[[phase]]\nname='a'\nrun='x'\npasses=2",
       "s:6:8: 'passes' means nothing without 'emerge' | add 'emerge' to this phase, or leave "
       "'passes' out"},
      {"[[phase]]\nname='a'\nemerge=['a/b']\npasses=-1",
       "s:6:8: 'passes' is -1, it must be from 1 to 10"},
      {"[[phase]]\nname='a'\nemerge=['a/b']\noptions=['--ask']",
       "s:6:10: 'options': '--ask' holds '--ask', which a phase may not give | a phase merges, it "
       "does not ask or inspect"},
      {"[[phase]]\nname='a'\nemerge=['--root=/x']",
       "s:5:9: 'emerge': '--root=/x' is an option, not an atom | options of emerge belong to "
       "'options'"},
      {"[[phase]]\nname='a'\nemerge=['dev-lang/php-8.3']",
       "s:5:9: 'emerge': 'dev-lang/php-8.3' names a version without an operator | write "
       "'=dev-lang/php-8.3', or leave the version out"},
      {"[[phase]]\nname='a'\nremove=['/a/../../b']",
       "s:5:9: 'remove': '/a/../../b' leaves its directory by '..' | write the path without"},
      {"[[phase]]\nname='a'\nremove=['//.']",
       "s:5:9: 'remove': '/' is the root itself | write '/*' to empty it, or name what is to go"},
      {"[[phase]]\nname='a'\ncopy=[{from='a',to='/b',mode='rw'}]",
       "s:5:30: 'mode': 'rw' is not an octal mode | write permissions in octal, such as mode = "
       "\"0755\""},
      {"[[phase]]\nname='a'\ncopy=[{from='a',to='/b',mode=755}]",
       "s:5:30: 'mode' is 755, not an octal mode | write permissions in octal, such as mode = "
       "\"0755\""},
      {"[[phase]]\nname='a'\ncopy=[{from='a',to='/b',owner='a:b:c'}]",
       "s:5:31: 'owner': 'a:b:c' is not an owner | write 'user:group', as names or numbers: '0:0'"},
      {"[[phase]]\nname='a'\ncopy=[{from='a'}]",
       "s:5:7: missing key 'to' in 'copy' | name an absolute path in the phase's root"},
      {"[[phase]]\nname='a'\nrun='x'\nnetwork='slirp'",
       "s:6:9: 'network' cannot be 'slirp' | allowed: 'none', 'fetch' and 'host'"},
      // mounts
      {"[[phase]]\nname='a'\nrun='x'\nmount=[{kind='volume',target='/x'}]",
       "s:6:14: 'kind' cannot be 'volume' | allowed: 'bind', 'cache', 'tmpfs' and 'secret'"},
      {"[[phase]]\nname='a'\nrun='x'\nmount=[{kind='tmpfs'}]",
       "s:6:8: missing key 'target' in [[phase.mount]] | name an absolute path"},
      {"[[phase]]\nname='a'\nrun='x'\nmount=[{kind='tmpfs',target='/dev/shm/x'}]",
       "s:6:29: 'target': '/dev/shm/x' is the sandbox's own | name another directory"},
      {"[[phase]]\nname='a'\nrun='x'\nmount=[{kind='bind',target='/x',from='a/../../b'}]",
       "s:6:38: 'from': 'a/../../b' is outside the spec's directory | only what lies beside the "
       "spec "
       "can be mounted; 'copy' takes other files"},
      {"[[phase]]\nname='a'\nrun='x'\nmount=[{kind='cache',target='/x',id='../a'}]",
       "s:6:37: 'id': '../a' is not a valid name | use lower-case letters, digits, '.', '_' and "
       "'-', "
       "first a letter or digit"},
      {"[[phase]]\nname='a'\nrun='x'\nmount=[{kind='tmpfs',target='/x',id='a'}]",
       "s:6:37: 'id' means nothing for a mount of kind 'tmpfs' | leave it out"},
      {"[[phase]]\nname='a'\nrun='x'\nmount=[{kind='tmpfs',target='/x'},{kind='tmpfs',target='/x/"
       "'}]",
       "s:6:35: two mounts have the target '/x' | name another target for one of them"},
      // args
      {"tag='${sufix}'\n[args]\nsuffix='x'",
       "s:3:5: undefined arg 'sufix' | did you mean 'suffix'?"},
      {"tag='${HOME}'",
       "s:3:5: undefined arg 'HOME' | define it in [args], or write '$${' for a literal '${'"},
      {"[[phase]]\nname='a'\nrun='echo ${x%.c}'",
       "s:5:5: undefined arg 'x%.c' | write '$${' for a literal '${'"},
      {"[[phase]]\nname='a'\nrun='echo ${x'",
       "s:5:5: '${' is never closed | write '$${' for a literal '${'"},
      {"[args]\na='${b}'", "s:4:3: 'args.a' uses '${': an arg cannot hold another"},
      {"tag='${a}'\n[args]\na=8",
       "s:5:3: 'args.a' is an integer, it must be a string | put it in "
       "quotes"},
      // the image's configuration
      {"[[phase]]\nname='p'\ntrim=['doc']",
       "s:5:7: 'trim': there is no preset 'doc' | did you mean 'docs'?"},
      {"[[phase]]\nname='p'\ntrim=['docs']\nkeep_locales=['de']",
       "s:6:14: 'keep_locales' means nothing without the preset 'locales' | add \"locales\" to "
       "'trim', or leave 'keep_locales' out"},
      {"[[phase]]\nname='p'\ntrim=['locales']\nkeep_locales=['../x']",
       "s:6:15: 'keep_locales': '../x' is no locale | write it as in 'de', 'pt_BR' or "
       "'en_US.UTF-8'"},
      {"[output.check]\nanswer=['  ']",
       "s:4:9: 'answer' names no program | write it as in \"/usr/bin/php --version\""},
      {"[output.check]\nclosure='no'",
       "s:4:9: 'closure' is a string, it must be true or false | write it without "
       "quotes"},
      {"[output.config]\nports=['http']",
       "s:4:8: 'ports': 'http' is not a port | write a number up to 65535 and a protocol, such as "
       "'8080/tcp'"},
      {"[output.config]\nstop_signal='SIGTREM'",
       "s:4:13: 'stop_signal': 'SIGTREM' is not a signal | write a name such as 'SIGTERM', or a "
       "number up to 64"},
      {"[output.config.labels]\norg.example='x'",
       "s:4:1: 'labels.org' is a table, it must be a string | put the label's whole name in "
       "quotes: \"org.…\""},
      {"[output.config.env]\n'A=B'='x'",
       "s:4:1: 'env': 'A=B' is not a variable's name | use letters, digits and '_', first a "
       "letter"},
      {"[output.config.env]\nX='ghp_0123456789abcdefghijklmnopqrstuvwxyz'",
       "s:4:3: 'env.X' looks like a secret and would be in the image | leave it out, and give it "
       "to the container when it is run"},
  };
  for (const Case& test : cases) {
    CAPTURE(test.text);
    const auto faults = faults_of(std::string(kStart) + test.text);
    REQUIRE(faults.size() == 1);
    CHECK(line_of(faults[0]) == test.line);
  }
}

TEST_CASE("names that no registry takes are refused with the name that one would") {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"PHP", "'name': 'PHP' is not an image name: registries refuse upper case | write 'php'"},
      {"php:8.3",
       "'name': 'php:8.3' is not an image name: it holds a tag | put the tag into 'tag'"},
      {"php@sha256",
       "'name': 'php@sha256' is not an image name: it holds a digest | write the "
       "name alone, such as 'php' or 'registry.example.org/team/php'"},
      {"-php",
       "'name': '-php' is not an image name | use lower-case letters and digits, joined by "
       "'.', '_', '-' or '/', such as 'php' or 'registry.example.org/team/php'"},
  };
  for (const auto& [name, line] : cases) {
    const auto faults = faults_of("name='" + name + "'\nbase.tarball='t'");
    REQUIRE(faults.size() == 1);
    CHECK(line_of(faults[0]) == "s:1:6: " + line);
  }
  for (const std::string name : {"a", "a/b", "a--b", "a__b.c", "localhost:5000/x", "h.io/a/b"})
    CHECK(faults_of("name='" + name + "'\nbase.tarball='t'").empty());
  for (const std::string name : {"a//b", "/a", "a/", "a___b", "a..b", "a b", "ä", "."})
    CHECK(faults_of("name='" + name + "'\nbase.tarball='t'").size() == 1);
}

TEST_CASE("what is missing at the top is said at once, not one run after another") {
  const auto faults = faults_of("");
  REQUIRE(faults.size() == 2);
  CHECK(faults[0].message == "missing key 'base' at the top level");
  CHECK(faults[1].message == "missing key 'name' at the top level");
}

TEST_CASE("a base may be an image, and must name one that can be meant") {
  const auto told = [](const std::string& image) {
    const auto faults = faults_of("name='a'\n[base]\nimage='" + image + "'");
    return faults.empty() ? std::string() : line_of(faults[0]);
  };
  CHECK(told("oci:x").find("image") == std::string::npos);
  CHECK(told("docker://registry.example.org/team/stage3:1").find("image") == std::string::npos);
  const std::string hint =
      " | write \"oci:DIR\", \"oci-archive:FILE\" or \"docker://HOST/REPOSITORY:TAG\"";
  CHECK(told("stage3.tar") == "s:3:7: 'image': 'stage3.tar' names no image" + hint);
  CHECK(told("https://x.example.org/y").find("has the scheme 'https'") != std::string::npos);
  const auto both = faults_of("name='a'\n[base]\nimage='oci:x'\nstage3='openrc'");
  REQUIRE_FALSE(both.empty());
  CHECK(line_of(both[0]).find("exclude each other") != std::string::npos);
}

TEST_CASE("all faults of a file come together, in the file's order") {
  const auto faults = faults_of(
      "nam='a'\n[base]\ntarball=1\n[[phase]]\nname='Bad'\nemerge=['x y','-p']\n[output]\nroot='x'");
  std::vector<unsigned> lines;
  for (const SpecFault& fault : faults) lines.push_back(fault.where.line);
  CHECK(lines == std::vector<unsigned>{1, 1, 3, 5, 6, 6, 8});
}

TEST_CASE("an override of an arg that the spec does not have is a fault") {
  const std::string text = std::string(kStart) + "[args]\nsuffix='x'";
  auto faults = faults_of(text, {{"sufix", "y"}});
  REQUIRE(faults.size() == 1);
  CHECK(line_of(faults[0]) ==
        "--set: no arg 'sufix' in [args] of the spec | did you mean 'suffix'?");
  faults = faults_of(std::string(kStart), {{"x", "y"}});
  REQUIRE(faults.size() == 1);
  CHECK(faults[0].hint == "the spec has no args");
}
