#include "gbox/sys/idmap.h"

#include <doctest/doctest.h>

#include "gbox/base/error.h"

using namespace gbox;
using namespace gbox::sys;

namespace {

std::string text_of(const std::vector<IdRange>& ranges) {
  std::string text;
  for (const IdRange& range : ranges)
    text += std::to_string(range.first) + '+' + std::to_string(range.count) + ' ';
  return text;
}

// The kernel takes no two extents that share an id on either side.
bool kernel_would_take(const IdMap& map) {
  for (std::size_t i = 0; i < map.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      const auto apart = [](std::uint64_t a, std::uint64_t b, std::uint64_t na, std::uint64_t nb) {
        return a + na <= b || b + nb <= a;
      };
      if (!apart(map[i].inside, map[j].inside, map[i].count, map[j].count) ||
          !apart(map[i].outside, map[j].outside, map[i].count, map[j].count))
        return false;
    }
  return true;
}

}  // namespace

TEST_CASE("an id map reads as it is written, and as /proc pads it") {
  const IdMap map = {{0, 1000, 1}, {1, 100000, 65535}};
  CHECK(id_map_text(map) == "0 1000 1\n1 100000 65535\n");
  CHECK(parse_id_map(id_map_text(map)) == map);
  CHECK(parse_id_map("         0       1000          1\n         1     100000      65535\n") ==
        map);
  CHECK(parse_id_map("0 0 4294967295\n") == IdMap{{0, 0, 4294967295u}});
  CHECK(parse_id_map("").empty());
  CHECK(describe(map) == "0+1→1000, 1+65535→100000");
  CHECK(describe({}).empty());
}

TEST_CASE("anything else is no id map") {
  for (const char* text :
       {"0 0", "0 0 1 2", "a 0 1", "0 -1 1", "0 0 4294967296", "0 0x10 1", "0 0 1x"}) {
    CAPTURE(text);
    CHECK_THROWS_AS((void)parse_id_map(text), Error);
  }
}

TEST_CASE("subordinate ranges are found by name and by number, in the order of the file") {
  struct Row {
    const char* file;
    const char* expected;
  };
  const Row rows[] = {
      {"ana:100000:65536\n", "100000+65536 "},
      {"bob:100000:65536\n", ""},
      {"1000:200000:10\n", "200000+10 "},
      {"ana:300000:5\n1000:100000:5\nbob:1:1\nana:200000:5\n", "300000+5 100000+5 200000+5 "},
      {"anabel:100000:5\nan:100000:5\n:100000:5\n", ""},
      {"  ana:100000:5  \n", "100000+5 "},
      {"ana:100000:5", "100000+5 "},
      {"# ana:100000:5\n", ""},
      // Lines that are none are passed over, as newuidmap does.
      {"ana:100000\nana:100000:5:6\nana::5\nana:100000:\nana:x:5\nana:-1:5\nana:1e5:5\n", ""},
      {"ana:100000:0\n", ""},
      // 2^32-1 is no id; a range up to it is a typing error.
      {"ana:4294967290:6\n", ""},
      {"ana:4294967290:5\n", "4294967290+5 "},
      {"ana:4294967295:1\nana:4294967296:1\nana:1:4294967295\n", ""},
      {"", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.file);
    CHECK(text_of(subordinate_ranges(row.file, "ana", 1000)) == row.expected);
  }
  // Without an entry in passwd there is only the number.
  CHECK(text_of(subordinate_ranges(":5:5\n1000:100000:5\n", "", 1000)) == "100000+5 ");
}

TEST_CASE("ranges that share ids count each once, whoever lists them twice") {
  struct Row {
    const char* file;
    const char* expected;
  };
  const Row rows[] = {
      {"ana:100000:10\n1000:100000:10\n", "100000+10 "},                 // by name and by number
      {"ana:100000:10\nana:100005:10\n", "100000+10 100010+5 "},         // the tail is new
      {"ana:100005:10\nana:100000:10\n", "100005+10 100000+5 "},         // the head is new
      {"ana:100005:2\nana:100000:10\n", "100005+2 100000+5 100007+3 "},  // around it
      {"ana:100000:10\nana:100003:2\n", "100000+10 "},                   // within it
      {"ana:100000:10\nana:100010:10\n", "100000+10 100010+10 "},        // neighbours
      // Real root's id is nobody's subordinate.
      {"ana:0:10\n", "1+9 "},
      {"ana:0:1\n", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.file);
    CHECK(text_of(subordinate_ranges(row.file, "ana", 1000)) == row.expected);
  }
  CHECK(total_ids(subordinate_ranges("ana:100000:10\nana:100005:10\n", "ana", 1000)) == 15);
}

TEST_CASE("the user's map gives container root to the user and the ranges to the rest") {
  CHECK(user_map(1000, {{100000, 65536}}) == IdMap{{0, 1000, 1}, {1, 100000, 65535}});
  CHECK(user_map(1000, {{100000, 65535}}) == IdMap{{0, 1000, 1}, {1, 100000, 65535}});
  CHECK(user_map(1000, {{100000, 10}, {300000, 70000}}) ==
        IdMap{{0, 1000, 1}, {1, 100000, 10}, {11, 300000, 65525}});
  // A range that is not needed any more takes no line.
  CHECK(user_map(1000, {{100000, 65535}, {300000, 5}}) == IdMap{{0, 1000, 1}, {1, 100000, 65535}});
  CHECK(user_map(1000, {}) == IdMap{{0, 1000, 1}});
  // The user's own id within his range is container root already.
  const IdMap own = user_map(100005, {{100000, 65537}});
  CHECK(own == IdMap{{0, 100005, 1}, {1, 100000, 5}, {6, 100006, 65530}});
  CHECK(kernel_would_take(own));
  CHECK(user_map(100000, {{100000, 10}}) == IdMap{{0, 100000, 1}, {1, 100001, 9}});
  CHECK(user_map(100009, {{100000, 10}}) == IdMap{{0, 100009, 1}, {1, 100000, 9}});
}

TEST_CASE("root's map holds its ranges and, past the image's ids, root itself") {
  CHECK(root_map({{500000, 65536}}) == IdMap{{0, 500000, 65536}, {65536, 0, 1}});
  CHECK(root_map({{500000, 100000}}) == IdMap{{0, 500000, 65536}, {65536, 0, 1}});
  CHECK(root_map({{500000, 65535}, {900000, 9}}) ==
        IdMap{{0, 500000, 65535}, {65535, 900000, 1}, {65536, 0, 1}});
  CHECK(kernel_would_take(root_map({{500000, 65536}})));
}

TEST_CASE("a step's map is the identity over each extent, without gbox's own id") {
  struct Row {
    IdMap store;
    IdMap nested;
  };
  const Row rows[] = {
      {{{0, 1000, 1}, {1, 100000, 65535}}, {{0, 0, 1}, {1, 1, 65535}}},
      {{{0, 500000, 65536}, {65536, 0, 1}}, {{0, 0, 65536}}},
      {{{0, 1000, 1}, {1, 100000, 10}, {11, 300000, 65525}},
       {{0, 0, 1}, {1, 1, 10}, {11, 11, 65525}}},
      {{{0, 1000, 1}}, {{0, 0, 1}}},
      {{}, {}},
      // However the caller's id came to be in there.
      {{{65536, 0, 1}}, {}},
      {{{0, 500000, 65537}}, {{0, 0, 65536}}},
      {{{70000, 900000, 5}}, {}},
  };
  for (const Row& row : rows) {
    CAPTURE(describe(row.store));
    CHECK(describe(nested_identity(row.store)) == describe(row.nested));
    for (const IdExtent& e : nested_identity(row.store)) CHECK(e.inside + e.count <= kImageIds);
  }
}

TEST_CASE("sums of ranges do not wrap around") {
  CHECK(total_ids({}) == 0);
  CHECK(total_ids({{1, 4294967294u}, {1, 4294967294u}}) == 8589934588u);
}

TEST_CASE("one id is mapped by everybody for himself, and never real root to an image's id") {
  CHECK(single_user_map(1000) == IdMap{{0, 1000, 1}});
  CHECK(single_root_map({{700000, 65536}}) == IdMap{{0, 700000, 1}, {kCallerId, 0, 1}});
  CHECK(nested_identity(single_root_map({{700000, 65536}})) == IdMap{{0, 0, 1}});
  CHECK(maps_single_id(single_user_map(1000)));
  CHECK(maps_single_id(single_root_map({{700000, 65536}})));
  CHECK(!maps_single_id(user_map(1000, {{100000, 65536}})));
  CHECK(!maps_single_id({{0, 0, UINT32_MAX}}));
}
