#include "output_tail.h"

#include <doctest/doctest.h>

using namespace gbox::cli;

namespace {

void add_lines(OutputTail& tail, const std::string& word, int count) {
  for (int i = 1; i <= count; ++i) tail.add(word + ' ' + std::to_string(i));
}

}  // namespace

TEST_CASE("a short output is shown whole") {
  OutputTail tail;
  add_lines(tail, "line", 3);
  CHECK(tail.excerpt() == std::vector<std::string>{"line 1", "line 2", "line 3"});
}

TEST_CASE("of a long output without an error the last 40 lines are shown") {
  OutputTail tail;
  add_lines(tail, "line", 100);
  const auto excerpt = tail.excerpt();
  CHECK(excerpt.size() == 40);
  CHECK(excerpt.front() == "line 61");
  CHECK(excerpt.back() == "line 100");
}

TEST_CASE("a first error far above the end is shown with what surrounds it") {
  OutputTail tail;
  add_lines(tail, "before", 50);
  tail.add("x.cpp:41: error: 'UBRK' was not declared");
  add_lines(tail, "after", 100);
  tail.add("make: *** [x.o] Error 1");
  const auto excerpt = tail.excerpt();
  REQUIRE(excerpt.size() == 41);
  CHECK(excerpt[0] == "before 47");
  CHECK(excerpt[4] == "x.cpp:41: error: 'UBRK' was not declared");
  CHECK(excerpt[19] == "after 15");
  CHECK(excerpt[20] == "… 66 lines …");
  CHECK(excerpt[21] == "after 82");
  CHECK(excerpt.back() == "make: *** [x.o] Error 1");
}

TEST_CASE("an error among the last lines is not shown twice") {
  OutputTail tail;
  add_lines(tail, "before", 50);
  tail.add("x.cpp:41: error: no");
  add_lines(tail, "after", 10);
  const auto excerpt = tail.excerpt();
  CHECK(excerpt.size() == 40);
  CHECK(excerpt.back() == "after 10");
}

TEST_CASE("an excerpt and the last lines that meet leave no gap and repeat nothing") {
  OutputTail tail;
  add_lines(tail, "before", 30);
  tail.add("error: no");
  add_lines(tail, "after", 37);
  const auto excerpt = tail.excerpt();
  CHECK(excerpt[0] == "before 27");
  CHECK(excerpt[4] == "error: no");
  for (std::size_t i = 5; i < excerpt.size(); ++i)
    if (excerpt[i].find("lines") == std::string::npos) CHECK(excerpt[i].starts_with("after"));
  CHECK(excerpt.back() == "after 37");
}

TEST_CASE("one endless line is cut and control sequences are gone") {
  OutputTail tail;
  tail.add(std::string(100000, 'x'));
  CHECK(tail.excerpt().front().size() < 2100);
  tail.add("\x1b[31mred\x1b[0m");
  CHECK(tail.excerpt().back() == "red");
}

TEST_CASE("a blank line does not replace the last line that says something") {
  OutputTail tail;
  tail.add("configure: checking");
  tail.add("   ");
  CHECK(tail.last_line() == "configure: checking");
}
