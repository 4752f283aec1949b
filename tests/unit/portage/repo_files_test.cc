// Text files of repositories: comments, directories, assignments, limits.
#include "repo_files.h"

#include <doctest/doctest.h>

#include "../tree.h"
#include "gbox/base/text.h"

using namespace gbox;
using namespace gbox::portage;
using test::Tree;

namespace {

std::string value(const std::string& text, const std::string& name) {
  Variables known = {{"OLD", "before"}};
  Variables found = parse_variables(text, known);
  return found.contains(name) ? found[name] : "unset";
}

}  // namespace

TEST_CASE("comments and empty lines are left out, places are kept") {
  Tree tree;
  tree.file("list", "# head\n\none two # three\n  four\t#five\nsix#seven");
  const auto lines = read_lines(tree.fd(), "list");
  REQUIRE(lines.size() == 3);
  CHECK(join(lines[0].words, ",") == "one,two");
  CHECK(join(lines[1].words, ",") == "four");
  CHECK(join(lines[2].words, ",") == "six#seven");
  CHECK(to_string(lines[2].where) == "list:5");
}

TEST_CASE("a directory is read as one file, in order, without hidden and backup files") {
  Tree tree;
  tree.file("list/b", "2\n").file("list/a/x", "1\n").file("list/.hidden", "3\n");
  tree.file("list/old~", "4\n");
  std::string all;
  for (const Line& line : read_lines(tree.fd(), "list")) all += line.words.front();
  CHECK(all == "12");
  CHECK(read_lines(tree.fd(), "absent").empty());
}

TEST_CASE("nothing outside the directory is read, by no name and no link") {
  Tree outside;
  outside.file("secret", "word\n");
  Tree tree;
  tree.link("list", outside.path("secret")).link("loop", "loop").file("in/side", "word\n");
  CHECK(read_lines(tree.fd(), "list").empty());
  CHECK(read_lines(tree.fd(), "loop").empty());
  CHECK_FALSE(try_read_in(tree.fd(), "in/../../etc/passwd"));
  CHECK_FALSE(try_read_in(tree.fd(), "in"));
  CHECK(try_read_in(tree.fd(), "in/side") == "word\n");
}

TEST_CASE("a file past the limit is an error that names it") {
  Tree tree;
  tree.file("huge");
  const sys::Fd fd = sys::open(tree.path("huge"), O_WRONLY);
  REQUIRE(::ftruncate(fd.get(), (8 << 20) + 1) == 0);
  try {
    (void)read_lines(tree.fd(), "huge");
    FAIL("read it");
  } catch (const Error& error) {
    CHECK(error.message() == "'huge' has 8.0 MiB, more than the 8.0 MiB that are read");
    CHECK(error.code() == ExitCode::input);
  }
}

TEST_CASE("lines of package.* files carry an atom, and '-' takes one away") {
  Tree tree;
  tree.file("package.use", "dev-lang/php fpm -cli # why\n-dev-lang/perl\nno-atom x\n>=a/b-1:2\n");
  const auto lines = read_package_lines(tree.fd(), "package.use");
  REQUIRE(lines.size() == 3);
  CHECK(lines[0].atom.text == "dev-lang/php");
  CHECK(join(lines[0].values, " ") == "fpm -cli");
  CHECK(lines[1].removal);
  CHECK(lines[1].atom.text == "dev-lang/perl");
  CHECK(lines[2].atom.slot == "2");
}

TEST_CASE("assignments are read as bash and Portage read them, and nothing is run") {
  CHECK(value("A=\"x y\"", "A") == "x y");
  CHECK(value("A='x $OLD y'", "A") == "x $OLD y");
  CHECK(value("A=x\"y\"'z' B=2", "A") == "xyz");
  CHECK(value("A=x\"y\"'z' B=2", "B") == "2");
  CHECK(value("A=\"${OLD} $OLD ${NEW}\"", "A") == "before before ");
  CHECK(value("A=1\nA=\"${A} 2\"", "A") == "1 2");
  CHECK(value("A=\"x \\\n y\"", "A") == "x  y");
  CHECK(value("A=\"\\\"q\\\" \\$OLD $ 5\"", "A") == "\"q\" $OLD $ 5");
  CHECK(value("# A=1\nexport A=2 # A=3", "A") == "2");
  CHECK(value("A=\"$(touch /tmp/x)\"", "A") == "$(touch /tmp/x)");
  CHECK(value("A=\"no end", "A") == "no end");
  CHECK(value("if true; then\nA=1\n", "A") == "1");
  CHECK(value("A =1", "A") == "unset");
  CHECK(value("A=\"${OLD\"", "A") == "${OLD");
}

TEST_CASE("variables that refer to one another may not grow without bounds") {
  std::string text = "A=0123456789\n";
  for (char name = 'A'; name < 'Y'; ++name)
    text += std::string(1, static_cast<char>(name + 1)) + "=\"$" + name + '$' + name + '"' + '\n';
  Variables known;
  CHECK_THROWS_WITH_AS(parse_variables(text, known),
                       "references to variables such as 'S' expand to more than 8.0 MiB", Error);
}

TEST_CASE("incremental words add, remove and start anew") {
  std::vector<std::string> list = {"a", "b"};
  stack_words(list, {"-a", "c", "b"});
  CHECK(join(list, " ") == "b c");
  stack_words(list, {"-*", "d"});
  CHECK(join(list, " ") == "d");
}
