#include "image_user.h"

#include <algorithm>
#include <array>

#include "accounts.h"
#include "gbox/base/text.h"
#include "gbox/content/paths.h"

namespace gbox::build {

namespace {

// Homes of accounts that are to have none.
constexpr std::array kNoHome = {"/", "/dev/null", "/nonexistent", "/var/empty", "/proc"};

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](char each) { return each >= '0' && each <= '9'; });
}

std::string numbers_of(const Account& account) {
  return std::to_string(account.uid) + ':' + std::to_string(account.gid);
}

std::string unknown_words(const UnknownAccount& unknown, const std::string& user) {
  const std::string file = quoted(unknown.file());
  const std::string what = unknown.is_user()
                               ? "'user' " + quoted(unknown.name())
                               : "group " + quoted(unknown.name()) + " of 'user' " + quoted(user);
  return what + (unknown.has_file() ? " is not in " + file + " of the image"
                                    : ": the image has no " + file);
}

std::string unknown_remedy(const UnknownAccount& unknown, const std::string& user, int elsewhere) {
  const std::string kind = unknown.is_user() ? "acct-user" : "acct-group";
  std::string hint = "make the account in a phase, as packages like '" + kind + '/' +
                     unknown.name() + "' do, or write the number";
  try {
    if (elsewhere >= 0)
      hint += ": in '/' it is " + quoted(numbers_of(find_account(elsewhere, user)));
  } catch (const Error&) {
    // Not there either.
  }
  return hint;
}

}  // namespace

ImageUser look_for_user(int rootfd, const std::string& user,
                        const std::vector<std::pair<std::string, std::string>>& environment,
                        int elsewhere) {
  ImageUser result;
  result.numbers = user;
  Account account;
  try {
    account = find_account(rootfd, user);
  } catch (const UnknownAccount& unknown) {
    result.fault = Error(unknown_words(unknown, user), ExitCode::image);
    result.fault->set_hint(unknown_remedy(unknown, user, elsewhere));
    return result;
  }
  const std::vector<std::string> parts = split(user, ':');
  if (!std::all_of(parts.begin(), parts.end(), is_number))
    result.numbers = parts.size() == 1 && has_further_groups(rootfd, account)
                         ? std::to_string(account.uid)
                         : numbers_of(account);
  std::string home = account.home;
  for (const auto& [name, value] : environment)
    if (name == "HOME") home = value;
  if (!home.starts_with('/') || std::find(kNoHome.begin(), kNoHome.end(), home) != kNoHome.end())
    return result;
  content::DiskPaths paths(rootfd);
  const content::Resolved found = paths.find(home, content::Follow::all);
  if (found.state != content::Resolved::State::found ||
      found.seen->kind != content::Seen::Kind::directory)
    result.missing_home = home;
  return result;
}

}  // namespace gbox::build
