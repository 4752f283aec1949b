#include "accounts.h"

#include <charconv>
#include <cstdint>
#include <optional>
#include <vector>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/file.h"

namespace gbox::build {

namespace {

constexpr std::uint64_t kMaxAccountsBytes = 16u << 20;

std::optional<std::uint32_t> parse_id(const std::string& text) {
  std::uint32_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return id;
}

// Line NAME:x:FIELD2:FIELD3… of the image's own passwd or group; nothing of the host is asked.
std::optional<std::vector<std::string>> account_line(int rootfd, const std::string& file,
                                                     const std::string& name, std::size_t field) {
  const auto fd = sys::try_open_beneath(rootfd, file, O_RDONLY, sys::Resolve::in_root);
  if (!fd) return std::nullopt;
  const std::string text =
      sys::read_file("/proc/self/fd/" + std::to_string(fd->get()), kMaxAccountsBytes);
  for (const std::string& line : split(text, '\n')) {
    std::vector<std::string> fields = split(line, ':');
    if (fields.size() >= 4 && fields[field] == name) return fields;
  }
  return std::nullopt;
}

std::uint32_t account_id(int rootfd, const std::string& file, const std::string& name,
                         std::size_t field) {
  if (const auto id = parse_id(name)) return *id;
  const auto line = account_line(rootfd, file, name, 0);
  const auto id = line ? parse_id((*line)[field]) : std::nullopt;
  if (!id)
    throw Error("no " + quoted(name) + " in " + quoted('/' + file) + " of the image",
                ExitCode::step)
        .set_hint("use a number, or make the account in an earlier phase");
  return *id;
}

}  // namespace

Account find_account(int rootfd, const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::string user = text.substr(0, colon);
  Account account;
  account.uid = account_id(rootfd, "etc/passwd", user, 2);
  const auto line = account_line(rootfd, "etc/passwd", std::to_string(account.uid), 2);
  account.gid = line ? parse_id((*line)[3]).value_or(account.uid) : account.uid;
  if (line && line->size() > 5) account.home = (*line)[5];
  if (colon != std::string::npos)
    account.gid = account_id(rootfd, "etc/group", text.substr(colon + 1), 2);
  return account;
}

}  // namespace gbox::build
