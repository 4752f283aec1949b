// What a spec's text becomes in make.conf, judged by the readers themselves: bash, and a model of
// Portage's varexpand, which reads what quoting left over once more.
#include <doctest/doctest.h>
#include <sys/wait.h>

#include <cstdio>

#include "../tree.h"
#include "gbox/portage/config.h"
#include "gbox/sys/file.h"

using namespace gbox;
using namespace gbox::portage;

namespace {

// What bash sees in X after sourcing "X=<quoted>", byte for byte.
std::string by_bash(const std::string& assignment) {
  const test::Tree tree;
  sys::write_file_atomically(tree.fd(), "conf", assignment + '\n', 0644, sys::Durable::no);
  const std::string command =
      "env -i HOME=/h bash -c '. \"$0\"; printf %s \"$X\"' '" + tree.path("conf") + "' 2>&1";
  FILE* pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string output;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) output += static_cast<char>(c);
  CHECK(::pclose(pipe) == 0);
  return output;
}

// shlex in POSIX mode: '…' is literal; in "…" a backslash stays unless '"' or '\' follows.
std::string without_quotes(std::string_view word) {
  std::string result;
  char quote = 0;
  for (std::size_t i = 0; i < word.size(); ++i) {
    const char c = word[i];
    if (quote == 0) {
      REQUIRE((c == '\'' || c == '"'));  // everything we write is quoted
      quote = c;
    } else if (c == quote) {
      quote = 0;
    } else if (quote == '"' && c == '\\' && (word[i + 1] == '"' || word[i + 1] == '\\')) {
      result += word[++i];
    } else {
      result += c;
    }
  }
  REQUIRE(quote == 0);
  return result;
}

// Portage's second look: '$' begins a variable unless a single quote of the value is open; "\$"
// stands for '$' there. "<expanded>" shows where a variable would have been put in.
std::string by_portage(const std::string& assignment) {
  const std::string word = without_quotes(assignment.substr(assignment.find('=') + 1));
  std::string result;
  bool single = false;
  bool twofold = false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (word[i] == '\'' && !twofold) single = !single;
    if (word[i] == '"' && !single) twofold = !twofold;
    if (!single && word[i] == '\\' && i + 1 < word.size() && word[i + 1] == '$') {
      result += word[++i];
    } else if (!single && word[i] == '$') {
      result += "<expanded>";
    } else {
      result += word[i];
    }
  }
  return result;
}

}  // namespace

TEST_CASE("a value reaches bash and Portage as it was written, whatever it holds") {
  for (const std::string value : {"",
                                  " ",
                                  "-O2 -pipe",
                                  "$HOME",
                                  "${HOME}",
                                  "$(id)",
                                  "`id`",
                                  "a;id",
                                  "a&&id",
                                  "a|id",
                                  "#a",
                                  "it's",
                                  "'",
                                  "''",
                                  "\"",
                                  "\"\"",
                                  "'\"'\"'",
                                  "\"'\"",
                                  "it's $HOME",
                                  "it's $HOME, isn't it",
                                  "\"$HOME\"",
                                  "'$HOME'",
                                  "$'",
                                  "'$",
                                  "$\"",
                                  "\"$",
                                  "$$",
                                  "a'b$c'd$e",
                                  "a\"b'c$d",
                                  "!id",
                                  "~",
                                  "*",
                                  "{a,b}",
                                  "<(id)",
                                  "\ta",
                                  "export",
                                  "a source b",
                                  "gr\xc3\xbc\xc3\x9f",
                                  "=",
                                  "x=y",
                                  "$((1+1))",
                                  "${X:-y}",
                                  "wget -O \"${DISTDIR}/${FILE}\" \"${URI}\""}) {
    CAPTURE(value);
    const std::string assignment = "X=" + make_conf_quoted(value);
    CAPTURE(assignment);
    CHECK(by_bash(assignment) == value);
    CHECK(by_portage(assignment) == value);
  }
}

TEST_CASE("what no quoting carries through both readers is refused") {
  using namespace std::string_literals;
  for (const std::string& value : {"a\nb"s, "a\0b"s, "\r"s, "\x1b[2J"s, "\x7f"s, "a\\b"s, "\\"s})
    CHECK_THROWS_AS((void)make_conf_quoted(value), Error);
  CHECK_THROWS_WITH((void)make_conf_quoted("source"),
                    "'source' cannot be a value in make.conf: it is a command there");
  CHECK_THROWS_WITH((void)make_conf_quoted("a\nb"), "value 'a?b' cannot be written in make.conf");
}
