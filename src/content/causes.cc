#include "gbox/content/causes.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <ctime>
#include <optional>
#include <regex>
#include <utility>

#include "gbox/base/text.h"

namespace gbox::content {

namespace {

constexpr std::size_t kMaxRegion = 64u << 10;  // of each side, for rules that search
constexpr std::size_t kContext = 64;           // bytes kept around what differs
constexpr std::size_t kMaxMembers = 100'000;
constexpr std::int64_t kMarkDay_s = 86400;

struct Pair {
  std::string_view path;
  std::string_view first;
  std::string_view second;
  std::string first_region;  // what differs, and a little around it
  std::string second_region;
  const BuildMarks& first_marks;
  const BuildMarks& second_marks;
};

std::uint32_t le32(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

// From the first differing byte to the last, seen from either end.
std::pair<std::string, std::string> regions(std::string_view a, std::string_view b) {
  std::size_t front = 0;
  const std::size_t least = std::min(a.size(), b.size());
  while (front < least && a[front] == b[front]) ++front;
  std::size_t back = 0;
  while (back < least - front && a[a.size() - 1 - back] == b[b.size() - 1 - back]) ++back;
  const std::size_t begin = front > kContext ? front - kContext : 0;
  const std::size_t tail = back > kContext ? back - kContext : 0;
  const auto cut = [&](std::string_view all) {
    const std::size_t size = all.size() - tail - begin;
    return std::string(all.substr(begin, std::min(size, kMaxRegion)));
  };
  return {cut(a), cut(b)};
}

bool is_equal_but(std::string_view a, std::string_view b, std::size_t at, std::size_t size) {
  return a.size() == b.size() && a.size() >= at + size && a.substr(0, at) == b.substr(0, at) &&
         a.substr(at + size) == b.substr(at + size);
}

bool is_bytecode_time(const Pair& pair) {
  return (pair.path.ends_with(".pyc") || pair.path.ends_with(".pyo")) && pair.first.size() >= 16 &&
         is_equal_but(pair.first, pair.second, 8, 4);
}

bool is_gzip_time(const Pair& pair) {
  return pair.first.starts_with("\x1f\x8b") && is_equal_but(pair.first, pair.second, 4, 4);
}

// A member of an archive: what it is, and everything else of it but its place and time.
struct Member {
  std::string name;
  std::string rest;
  bool operator==(const Member&) const = default;
  auto operator<=>(const Member&) const = default;
};
using Members = std::vector<Member>;

std::optional<std::size_t> number_at(std::string_view text, int base) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\0')) text.remove_suffix(1);
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  return whole_number<std::size_t>(text, base);
}

// ar(5)
std::optional<Members> members_of_ar(std::string_view bytes) {
  if (!bytes.starts_with("!<arch>\n")) return std::nullopt;
  Members members;
  for (std::size_t at = 8; at + 60 <= bytes.size() && members.size() < kMaxMembers;) {
    const auto size = number_at(bytes.substr(at + 48, 10), 10);
    if (!size || *size > bytes.size() - at - 60) return std::nullopt;
    members.push_back(
        {std::string(bytes.substr(at, 16)), std::string(bytes.substr(at + 60, *size))});
    at += 60 + *size + (*size & 1);
  }
  return members;
}

// POSIX ustar, without what pax headers say.
std::optional<Members> members_of_tar(std::string_view bytes) {
  if (bytes.size() < 512 || bytes.substr(257, 5) != "ustar") return std::nullopt;
  Members members;
  for (std::size_t at = 0; at + 512 <= bytes.size() && bytes[at] != '\0';) {
    const auto size = number_at(bytes.substr(at + 124, 12), 8);
    if (!size || *size > bytes.size() - at - 512 || members.size() == kMaxMembers)
      return std::nullopt;
    members.push_back(
        {std::string(bytes.substr(at, 100)) + std::string(bytes.substr(at + 345, 155)),
         std::string(bytes.substr(at + 512, *size))});
    at += 512 + (*size + 511) / 512 * 512;
  }
  return members;
}

// The central directory of a zip archive: name, and CRC with both sizes.
std::optional<Members> members_of_zip(std::string_view bytes) {
  if (!bytes.starts_with("PK\x03\x04")) return std::nullopt;
  Members members;
  for (std::size_t at = bytes.find("PK\x01\x02");
       at != std::string_view::npos && at + 46 <= bytes.size();) {
    if (bytes.substr(at, 4) != "PK\x01\x02" || members.size() == kMaxMembers) break;
    const std::size_t name = le32(bytes, at + 28) & 0xffff, extra = le32(bytes, at + 28) >> 16,
                      comment = le32(bytes, at + 32) & 0xffff;
    if (at + 46 + name > bytes.size()) return std::nullopt;
    members.push_back(
        {std::string(bytes.substr(at + 46, name)), std::string(bytes.substr(at + 16, 12))});
    at += 46 + name + extra + comment;
  }
  return members;
}

template <class Test>
bool compare_members(const Pair& pair, Test&& test) {
  for (const auto& read : {members_of_ar, members_of_tar, members_of_zip}) {
    const auto a = read(pair.first), b = read(pair.second);
    if (a && b && !a->empty()) return test(*a, *b);
  }
  return false;
}

bool is_member_time(const Pair& pair) {
  return compare_members(pair, [](const Members& a, const Members& b) { return a == b; });
}

bool is_member_order(const Pair& pair) {
  return compare_members(pair, [](Members a, Members b) {
    std::sort(a.begin(), a.end());
    std::sort(b.begin(), b.end());
    return a == b;
  });
}

bool is_text(std::string_view bytes) {
  return bytes.find('\0') == std::string_view::npos;
}

bool is_line_order(const Pair& pair) {
  if (!is_text(pair.first) || pair.first.size() != pair.second.size()) return false;
  std::vector<std::string> a = split(pair.first, '\n'), b = split(pair.second, '\n');
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  return a == b;
}

bool contains_any(std::string_view text, const std::vector<std::string>& words) {
  return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
    return !word.empty() && text.find(word) != std::string_view::npos;
  });
}

bool is_path(const Pair& pair) {
  return contains_any(pair.first_region, pair.first_marks.paths) &&
         contains_any(pair.second_region, pair.second_marks.paths);
}

bool is_host_name(const Pair& pair) {
  return contains_any(pair.first_region, pair.first_marks.host_names) &&
         contains_any(pair.second_region, pair.second_marks.host_names);
}

// A decimal number of seconds within a day of the build, with or without a fraction behind it.
bool has_decimal_time(std::string_view text, const BuildMarks& marks) {
  for (std::size_t i = 0; i < text.size();) {
    if (std::isdigit(static_cast<unsigned char>(text[i])) == 0) {
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < text.size() && std::isdigit(static_cast<unsigned char>(text[end])) != 0) ++end;
    if (end - i >= 10) {
      std::int64_t value = 0;
      (void)std::from_chars(text.data() + i, text.data() + i + 10, value);
      if (value >= marks.begin - kMarkDay_s && value <= marks.end + kMarkDay_s) return true;
    }
    i = end;
  }
  return false;
}

bool has_written_time(const std::string& text, const BuildMarks& marks) {
  static const std::regex clock("[0-2][0-9]:[0-5][0-9]:[0-6][0-9]");
  if (std::regex_search(text, clock)) return true;
  for (std::int64_t time = marks.begin - kMarkDay_s; time <= marks.end + kMarkDay_s;
       time += kMarkDay_s) {
    const std::time_t seconds = static_cast<std::time_t>(time);
    std::tm parts{};
    if (::gmtime_r(&seconds, &parts) == nullptr) return false;
    for (const char* format :
         {"%Y-%m-%d", "%Y%m%d", "%b %d", "%b %e", "%d %b", "%m/%d/", "%Y/%m/%d"}) {
      std::array<char, 64> words{};
      const std::size_t size = std::strftime(words.data(), words.size(), format, &parts);
      if (text.find(std::string_view(words.data(), size)) != std::string::npos) return true;
    }
  }
  return false;
}

// Four bytes in either order that are a second of the build itself.
bool has_binary_time(std::string_view bytes, const BuildMarks& marks) {
  for (std::size_t i = 0; i + 4 <= bytes.size(); ++i) {
    const std::uint32_t little = le32(bytes, i);
    const std::uint32_t big = __builtin_bswap32(little);
    for (const std::int64_t value : {std::int64_t{little}, std::int64_t{big}})
      if (value >= marks.begin && value <= marks.end) return true;
  }
  return false;
}

bool is_time(const Pair& pair) {
  const auto has = [](const std::string& region, const BuildMarks& marks) {
    return has_decimal_time(region, marks) || has_written_time(region, marks);
  };
  return has(pair.first_region, pair.first_marks) && has(pair.second_region, pair.second_marks);
}

bool is_binary_time(const Pair& pair) {
  return !is_text(pair.first_region + pair.second_region) &&
         has_binary_time(pair.first_region, pair.first_marks) &&
         has_binary_time(pair.second_region, pair.second_marks);
}

bool is_job_count(const Pair& pair) {
  static const std::regex jobs("(-j|--jobs[= ]?|jobserver)[0-9]");
  return std::regex_search(pair.first_region, jobs) && std::regex_search(pair.second_region, jobs);
}

bool is_key(const Pair& pair) {
  return pair.path.find("machine-id") != std::string_view::npos ||
         pair.path.find("ssh_host_") != std::string_view::npos ||
         pair.path.find("random-seed") != std::string_view::npos ||
         pair.first_region.find("PRIVATE KEY") != std::string::npos;
}

// A word of digits of base 16 or 64 alone differs: what random numbers and digests look like.
bool is_random(const Pair& pair) {
  if (pair.first.size() != pair.second.size() || !is_text(pair.first_region)) return false;
  std::size_t differing = 0;
  for (std::size_t i = 0; i < std::min(pair.first_region.size(), pair.second_region.size()); ++i) {
    const char a = pair.first_region[i], b = pair.second_region[i];
    if (a == b) continue;
    ++differing;
    for (const char each : {a, b})
      if (std::isalnum(static_cast<unsigned char>(each)) == 0 && each != '+' && each != '/' &&
          each != '-' && each != '_')
        return false;
  }
  return differing >= 6;
}

bool is_byte_order(const Pair& pair) {
  if (pair.first.size() != pair.second.size()) return false;
  std::array<std::size_t, 256> a{}, b{};
  for (const char each : pair.first) ++a[static_cast<unsigned char>(each)];
  for (const char each : pair.second) ++b[static_cast<unsigned char>(each)];
  return a == b;
}

struct Rule {
  bool (*fits)(const Pair& pair);
  const char* cause;
};

constexpr std::array kRules = {
    Rule{is_bytecode_time, "bytecode that goes by its source's time"},
    Rule{is_gzip_time, "the time of compressing is in its header"},
    Rule{is_member_time, "an archive with the times of its members"},
    Rule{is_member_order, "an archive with its members in another order"},
    Rule{is_line_order, "the same lines in another order"},
    Rule{is_key, "a key or identifier made at random"},
    Rule{is_path, "a path of the build is in it"},
    Rule{is_host_name, "the name of the host is in it"},
    Rule{is_job_count, "the number of jobs is in it"},
    Rule{is_time, "the time of the build is in it"},
    Rule{is_binary_time, "the time of the build is in it, as a number"},
    Rule{is_random, "a random number, or a digest of what differs"},
    Rule{is_byte_order, "the same bytes in another order"},
};

}  // namespace

std::string cause_of_difference(std::string_view path, std::string_view first,
                                std::string_view second, const BuildMarks& first_marks,
                                const BuildMarks& second_marks) {
  auto [a, b] = regions(first, second);
  const Pair pair{path, first, second, std::move(a), std::move(b), first_marks, second_marks};
  for (const Rule& rule : kRules)
    if (rule.fits(pair)) return rule.cause;
  if (first.empty() || second.empty()) return "one is empty";
  return "unknown";
}

}  // namespace gbox::content
