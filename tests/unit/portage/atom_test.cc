// Atoms: what is one, what it matches, and which of two rules wins.
#include "gbox/portage/atom.h"

#include <doctest/doctest.h>

using namespace gbox::portage;

namespace {

bool fits(const char* atom, const char* version, const char* slot = "0", const char* subslot = "0",
          const char* repository = "gentoo") {
  const auto parsed = parse_atom(atom);
  REQUIRE_MESSAGE(parsed, atom);
  return matches(*parsed, {"dev-lang", "php", version, slot, subslot, repository});
}

}  // namespace

TEST_CASE("operators compare versions") {
  CHECK(fits("dev-lang/php", "8.3"));
  CHECK(fits("=dev-lang/php-8.3", "8.3"));
  CHECK(fits("=dev-lang/php-8.3", "8.3-r0"));
  CHECK_FALSE(fits("=dev-lang/php-8.3", "8.3-r1"));
  CHECK(fits("~dev-lang/php-8.3", "8.3-r1"));
  CHECK_FALSE(fits("~dev-lang/php-8.3", "8.3.1"));
  CHECK(fits(">=dev-lang/php-8.3", "8.10"));
  CHECK_FALSE(fits(">dev-lang/php-8.3", "8.3"));
  CHECK(fits("<dev-lang/php-8.3", "8.3_rc1"));
  CHECK(fits("<=dev-lang/php-8.3", "8.3"));
  CHECK_FALSE(fits("dev-lang/perl", "8.3"));
}

TEST_CASE("'=…*' matches where a part of the version ends") {
  CHECK(fits("=dev-lang/php-8.3*", "8.3"));
  CHECK(fits("=dev-lang/php-8.3*", "8.3.1"));
  CHECK(fits("=dev-lang/php-8.3*", "8.3_rc1"));
  CHECK(fits("=dev-lang/php-8.3*", "8.3a"));
  CHECK(fits("=dev-lang/php-8.3*", "8.3-r2"));
  CHECK(fits("=dev-lang/php-8*", "08.3"));
  CHECK_FALSE(fits("=dev-lang/php-8.3*", "8.30"));
  CHECK_FALSE(fits("=dev-lang/php-8.3_p*", "8.3_pre1"));
}

TEST_CASE("slots, sub-slots and repositories narrow an atom down") {
  CHECK(fits("dev-lang/php:8.3", "8.3", "8.3"));
  CHECK_FALSE(fits("dev-lang/php:8.3", "8.4", "8.4"));
  CHECK(fits("dev-lang/php:8.3/8.3.1", "8.3", "8.3", "8.3.1"));
  CHECK_FALSE(fits("dev-lang/php:8.3/8.3.1", "8.3", "8.3", "8.3.2"));
  CHECK(fits("dev-lang/php:=", "8.3"));
  CHECK(fits("dev-lang/php:8.3=", "8.3", "8.3"));
  CHECK(fits("dev-lang/php::gentoo", "8.3"));
  CHECK_FALSE(fits(">=dev-lang/php-8:8.3::guru", "8.3", "8.3"));
  CHECK(fits("dev-lang/php:8.3[fpm,-cli]", "8.3", "8.3"));
  CHECK(fits("dev-lang/php:8.3", "8.4", ""));  // metadata nobody knows
}

TEST_CASE("wildcards name many packages") {
  CHECK(fits("*/*", "8.3"));
  CHECK(fits("dev-*/*", "8.3"));
  CHECK(fits("*/php::gentoo", "8.3"));
  CHECK(fits("=*/*-*9999*", "9999"));
  CHECK_FALSE(fits("=*/*-*9999*", "8.3"));
  CHECK_FALSE(fits("sys-*/*", "8.3"));
  CHECK_FALSE(fits("*/ph", "8.3"));
}

TEST_CASE("a name without category matches in any") {
  const auto atom = parse_atom("php");
  REQUIRE(atom);
  CHECK(atom->category.empty());
  CHECK(fits("php", "8.3"));
}

TEST_CASE("what is no atom is refused") {
  for (const char* text : {"", "/", "dev-lang/", "/php", "=dev-lang/php", ">=dev-lang/php-x",
                           "dev-lang/php:", "dev-lang/php:8/", "dev-lang/php::", "dev lang/php",
                           "**/php", "!dev-lang/php", "dev-lang/php]", "-dev-lang/php", "a/b/c"})
    CHECK_MESSAGE(!parse_atom(text), text);
  CHECK_FALSE(parse_atom("dev-lang/" + std::string(2000, 'x')));
}

TEST_CASE("the more an atom pins down, the later its rule applies") {
  std::vector<Atom> atoms;
  for (const char* text : {"=dev-lang/php-8.3.1", "*/*", "dev-lang/php:8.3", "dev-lang/php",
                           ">=dev-lang/php-8.2", ">=dev-lang/php-8", "~dev-lang/php-8.3.1"})
    atoms.push_back(*parse_atom(text));
  std::vector<const Atom*> pointers;
  for (const Atom& atom : atoms) pointers.push_back(&atom);
  std::string order;
  for (const std::size_t i : application_order(pointers, "8.3.1")) order += atoms[i].text + ' ';
  CHECK(order ==
        "*/* dev-lang/php >=dev-lang/php-8 >=dev-lang/php-8.2 dev-lang/php:8.3 "
        "~dev-lang/php-8.3.1 =dev-lang/php-8.3.1 ");
}

TEST_CASE("lines of one atom keep their order, of equal rules the first wins") {
  std::vector<Atom> atoms;
  for (const char* text : {"dev-*/php", "*/php", "dev-*/php", "<=dev-lang/php-9", ">dev-lang/php-7",
                           "<=dev-lang/php-8.3"})
    atoms.push_back(*parse_atom(text));
  std::vector<const Atom*> pointers;
  for (const Atom& atom : atoms) pointers.push_back(&atom);
  CHECK(application_order(pointers, "8.3") == std::vector<std::size_t>{1, 0, 2, 4, 3, 5});
}

TEST_CASE("a flood of rules for one package is refused") {
  std::vector<Atom> atoms;
  for (int i = 0; i < 2001; ++i)
    atoms.push_back(*parse_atom("<=dev-lang/php-9." + std::to_string(i)));
  std::vector<const Atom*> pointers;
  for (const Atom& atom : atoms) pointers.push_back(&atom);
  CHECK_THROWS_WITH(application_order(pointers, "8.3"),
                    "more than 2000 rules of one file are for 'dev-lang/php'");
}
