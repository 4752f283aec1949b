// Bytes that nobody would write by accident.
#include <doctest/doctest.h>

#include "gbox/spec/spec.h"

using namespace gbox;
using namespace gbox::spec;

namespace {

SpecFault first_fault(std::string_view text) {
  try {
    (void)read_spec("s", text);
  } catch (const SpecError& error) {
    return error.faults().front();
  }
  return {};
}

std::string repeated(std::string_view piece, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += piece;
  return text;
}

}  // namespace

TEST_CASE("syntax errors have a line, a column and one printable line of text") {
  struct Case {
    std::string text;
    unsigned line;
    unsigned column;
  };
  using namespace std::string_literals;
  const std::vector<Case> cases = {
      {"name = foo\n", 1, 9},
      {"name = \"a\"\nname = \"b\"\n", 2, 8},
      {"name = \"a\n", 1, 10},
      {"a = [1, 2\n", 1, 11},
      {"= 1\n", 1, 1},
      {"a = \"\xff\"\n", 1, 5},
      {"a = \"\x1b[2J\"\n", 1, 6},
      {"a = 'x\0y'\n"s, 1, 7},
      {"[a\n", 1, 3},
      {"\xff\xfe"
       "a\0=\0"s,
       1, 1},
  };
  for (const Case& test : cases) {
    CAPTURE(test.text);
    const SpecFault fault = first_fault(test.text);
    CHECK(fault.message.starts_with("not TOML: "));
    CHECK(fault.message.find_first_of("\n\r\x1b") == std::string::npos);
    CHECK(fault.where.line == test.line);
    CHECK(fault.where.column == test.column);
  }
  CHECK(first_fault("name = foo\n").hint ==
        "text must stand in quotes; lists in '[]', tables in '{}'");
}

TEST_CASE("nesting cannot exhaust the stack") {
  constexpr std::size_t kMany = 200000;
  const std::string path = repeated("a.", kMany) + "a";
  for (const std::string& text :
       {path + "=1", "[" + path + "]", "a={" + path + "=1}", "[[" + path + "]]",
        repeated("\"a\".", kMany) + "a=1", repeated("a . ", kMany) + "a=1"}) {
    const SpecFault fault = first_fault(text);
    CHECK(fault.message == "a key of more than 16 parts");
    CHECK(fault.where.line == 1);
  }
  CHECK(first_fault("a=" + repeated("[", kMany)).message.starts_with("not TOML: "));
  CHECK(first_fault("a=" + repeated("{a=", kMany)).message.starts_with("not TOML: "));
}

TEST_CASE("dots in strings, comments and numbers are not mistaken for deep keys") {
  const std::string dots(100, '.');
  const std::string text = "# '" + dots + "\nname = \"a\"\n[base]\ntarball = \"" + dots + "\\\"" +
                           dots + "\" # " + dots + "\n[[phase]]\nname='a'\nrun = '''" + dots + "'" +
                           dots + "\n" + dots + "'''\n[[phase]]\nname='b'\nrun=\"\"\"" + dots +
                           "\\\"\"" + dots + "\"\"\"\n";
  CHECK(read_spec("s", text).phases.size() == 2);
}

TEST_CASE("a spec that is too large is refused by its size") {
  const SpecFault fault = first_fault(std::string(kMaxSpecBytes + 1, '#'));
  CHECK(fault.message == "the spec is larger than 1.0 MiB");
  CHECK(to_string(fault.where) == "s");
}

TEST_CASE("args cannot be multiplied into all the memory there is") {
  const std::string text = "name='a'\nbase.tarball='" + repeated("${a}", 10000) + "'\n[args]\na='" +
                           std::string(500000, 'x') + "'\n";
  CHECK(first_fault(text).message == "the text grows past 1.0 MiB by its args");
}

TEST_CASE("thousands of faults are cut, and the cut is said") {
  try {
    (void)read_spec("s",
                    "name='a'\nbase.tarball='t'\n[portage]\nuse=[" + repeated("1,", 5000) + "]");
    FAIL("no fault");
  } catch (const SpecError& error) {
    REQUIRE(error.faults().size() == kMaxFaults + 1);
    CHECK(error.faults().back().message == "and 4950 more faults");
  }
}

TEST_CASE("more phases than the kernel could stack are refused") {
  std::string text = "name='a'\nbase.tarball='t'\n";
  for (std::size_t i = 0; i <= kMaxPhases; ++i)
    text += "[[phase]]\nname='p" + std::to_string(i) + "'\nrun='x'\n";
  CHECK(first_fault(text).message == "more than 400 phases");
}

TEST_CASE("hostile text in a message cannot drive the terminal or fill it") {
  const SpecFault escape = first_fault("name='a'\nbase.tarball='t'\ntag=\"\\u001b[2J\"");
  CHECK(escape.message == "'tag': '?[2J' is not a tag");
  const SpecFault lengthy =
      first_fault("name='a'\nbase.tarball='t'\ntag='" + std::string(9999, '!') + "'");
  CHECK(lengthy.message.size() < 200);
  const SpecFault nul = first_fault("name='a'\nbase.tarball=\"t\\u0000\"");
  CHECK(nul.message == "'tarball' holds a NUL character");
}
