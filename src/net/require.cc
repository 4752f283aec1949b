#include <algorithm>

#include "failure.h"
#include "gbox/base/text.h"
#include "gbox/net/transfer.h"
#include "gbox/net/url.h"

namespace gbox::net {

namespace {

constexpr std::size_t kMaxNames = 50;  // a person reads no more, and each is in the log
constexpr std::size_t kMaxCauses = 8;

void add_once(std::vector<std::string>& list, const std::string& text) {
  if (std::find(list.begin(), list.end(), text) == list.end()) list.push_back(text);
}

bool nobody_has_it(const Fetched& result) {
  return !result.failures.empty() &&
         std::all_of(result.failures.begin(), result.failures.end(),
                     [](const Failure& failure) { return failure.cause == Cause::not_found; });
}

// "not on any of 3 mirrors (404)"
std::string absence(const Fetched& result) {
  std::vector<std::string> words;
  for (const Failure& failure : result.failures) add_once(words, failure.message);
  const std::size_t count = result.failures.size();
  if (count == 1)
    return "not at " + quoted(shown_host(result.failures[0].url)) + " (" + words[0] + ")";
  return "not on any of " + std::to_string(count) + " mirrors (" + join(words, ", ") + ")";
}

std::string one_text(const Fetched& result, std::string_view deed) {
  std::string text(deed);
  if (text.empty()) text = "fetch " + quoted(result.name);
  if (result.failures.empty()) return text + ": no mirror is known for it";
  if (nobody_has_it(result)) return text + ": " + absence(result);
  if (result.failures.size() == 1) {
    const Failure& failure = result.failures[0];
    if (failure.cause == Cause::resolve || failure.cause == Cause::connect)
      return text + ": " + failure.message;
    return text + " from " + quoted(shown_host(failure.url)) + ": " + failure.message;
  }
  text += ": none of " + std::to_string(result.failures.size()) + " mirrors gave it";
  std::vector<std::string> lines;  // two mirrors on one host may say the same
  for (const Failure& failure : result.failures) add_once(lines, line_of(failure));
  for (const std::string& line : lines) text += "\n" + line;
  return text;
}

std::string many_text(const std::vector<const Fetched*>& missing, std::size_t all,
                      std::string_view deed) {
  std::string text(deed.empty() ? "fetch files" : deed);
  text +=
      ": " + std::to_string(missing.size()) + " of " + std::to_string(all) + " could not be had: ";
  std::vector<std::string> names;
  std::vector<std::string> causes;
  for (const Fetched* result : missing) {
    if (names.size() < kMaxNames)
      names.push_back(quoted(result->name) +
                      (result->needed_by.empty() ? "" : " (" + quoted(result->needed_by) + ")"));
    for (const Failure& failure : result->failures) add_once(causes, line_of(failure));
    if (result->failures.empty()) add_once(causes, "no mirror is known for some");
  }
  text += join(names, ", ");
  if (missing.size() > names.size())
    text += " and " + std::to_string(missing.size() - names.size()) + " more";
  const std::size_t shown = std::min(causes.size(), kMaxCauses);
  for (std::size_t i = 0; i < shown; ++i) text += "\n" + causes[i];
  if (causes.size() > shown)
    text += "\nand " + std::to_string(causes.size() - shown) + " more causes";
  return text;
}

}  // namespace

void require(std::span<const Fetched> results, std::string_view deed, std::string_view hint) {
  std::vector<const Fetched*> missing;
  for (const Fetched& result : results)
    if (!result.ok) missing.push_back(&result);
  if (missing.empty()) return;
  Error error(
      results.size() == 1 ? one_text(*missing[0], deed) : many_text(missing, results.size(), deed),
      ExitCode::input);
  // What this machine must change comes before what a person can do about one file.
  std::vector<std::string> hints;
  for (const Cause cause : {Cause::clock, Cause::untrusted, Cause::resolve, Cause::connect,
                            Cause::refused, Cause::server, Cause::cut, Cause::size, Cause::digest})
    for (const Fetched* result : missing)
      for (const Failure& failure : result->failures)
        if (failure.cause == cause && !failure.hint.empty() && hints.empty())
          hints.push_back(failure.hint);
  if (!hint.empty()) add_once(hints, std::string(hint));
  error.set_hint(join(hints, "\n"));
  throw error;
}

}  // namespace gbox::net
