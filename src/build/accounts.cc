#include "accounts.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "gbox/base/text.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/file.h"

namespace gbox::build {

namespace {

constexpr std::uint64_t kMaxAccountsBytes = 16u << 20;

// Lines NAME:x:FIELD2:FIELD3… of the image's own passwd or group; nothing of the host is asked.
// nullopt: there is no such file.
using AccountLines = std::vector<std::vector<std::string>>;
std::optional<AccountLines> account_lines(int rootfd, const std::string& file) {
  const auto fd = sys::try_open_beneath(rootfd, file, O_RDONLY, sys::Resolve::in_root);
  if (!fd) return std::nullopt;
  const std::string text =
      sys::read_file("/proc/self/fd/" + std::to_string(fd->get()), kMaxAccountsBytes);
  AccountLines lines;
  for (const std::string& line : split(text, '\n'))
    if (std::vector<std::string> fields = split(line, ':'); fields.size() >= 4)
      lines.push_back(std::move(fields));
  return lines;
}

const std::vector<std::string>* line_of(const std::optional<AccountLines>& lines,
                                        const std::string& value, std::size_t field) {
  if (lines)
    for (const auto& line : *lines)
      if (line[field] == value) return &line;
  return nullptr;
}

std::uint32_t id_of(const std::optional<AccountLines>& lines, UnknownAccount::Kind kind,
                    const std::string& name) {
  if (const auto id = whole_number<std::uint32_t>(name)) return *id;
  const auto* line = line_of(lines, name, 0);
  const auto id = line != nullptr ? whole_number<std::uint32_t>((*line)[2]) : std::nullopt;
  if (!id) throw UnknownAccount(kind, name, lines.has_value());
  return *id;
}

}  // namespace

UnknownAccount::UnknownAccount(Kind kind, std::string name, bool has_file)
    : Error("no " + quoted(name) + " in " +
                quoted(kind == Kind::user ? "/etc/passwd" : "/etc/group") + " of the image",
            ExitCode::step),
      kind_(kind),
      name_(std::move(name)),
      has_file_(has_file) {
  set_hint("use a number, or make the account in an earlier phase");
}

Account find_account(int rootfd, const std::string& text) {
  const std::size_t colon = text.find(':');
  const auto users = account_lines(rootfd, "etc/passwd");
  Account account;
  account.uid = id_of(users, UnknownAccount::Kind::user, text.substr(0, colon));
  const auto* line = line_of(users, std::to_string(account.uid), 2);
  account.gid =
      line != nullptr ? whole_number<std::uint32_t>((*line)[3]).value_or(account.uid) : account.uid;
  if (line != nullptr) account.name = line->front();
  if (line != nullptr && line->size() > 5) account.home = (*line)[5];
  if (colon != std::string::npos)
    account.gid = id_of(account_lines(rootfd, "etc/group"), UnknownAccount::Kind::group,
                        text.substr(colon + 1));
  return account;
}

void become(sandbox::Command& command, int rootfd, const std::string& user) {
  const Account account = find_account(rootfd, user.empty() ? "0:0" : user);
  command.uid = account.uid;
  command.gid = account.gid;
  const auto set_default = [&](const std::string& name, const std::string& value) {
    for (const auto& [known, unused] : command.environment)
      if (known == name) return;
    command.environment.emplace_back(name, value);
  };
  set_default("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  set_default("HOME", account.home.empty() ? "/" : account.home);
}

bool has_further_groups(int rootfd, const Account& account) {
  const auto groups = account_lines(rootfd, "etc/group");
  if (!groups || account.name.empty()) return false;
  return std::any_of(groups->begin(), groups->end(), [&](const auto& line) {
    const std::vector<std::string> members = split(line[3], ',');
    return line[2] != std::to_string(account.gid) &&
           std::find(members.begin(), members.end(), account.name) != members.end();
  });
}

}  // namespace gbox::build
