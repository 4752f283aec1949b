// Names of users and groups as the image's own passwd and group know them; the host's are never
// asked.
#pragma once

#include <sys/types.h>

#include <string>

#include "gbox/base/error.h"
#include "gbox/sandbox/sandbox.h"

namespace gbox::build {

struct Account {
  uid_t uid = 0;
  gid_t gid = 0;
  // Empty when passwd does not know the uid:
  std::string name;
  std::string home;
};

// A name that the image does not know.
class UnknownAccount : public Error {
 public:
  enum class Kind { user, group };
  UnknownAccount(Kind kind, std::string name, bool has_file);
  [[nodiscard]] bool is_user() const noexcept { return kind_ == Kind::user; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  // Where it was looked for, and whether the image has that file.
  [[nodiscard]] std::string file() const { return is_user() ? "/etc/passwd" : "/etc/group"; }
  [[nodiscard]] bool has_file() const noexcept { return has_file_; }

 private:
  Kind kind_;
  std::string name_;
  bool has_file_;
};

// "user", "user:group", numbers or names. A user's own group unless one is given. Throws
// UnknownAccount (step) naming what is missing.
Account find_account(int rootfd, const std::string& text);

// Whether group lists the user in others than its own.
bool has_further_groups(int rootfd, const Account& account);

// What a runtime gives a container's process: the ids of the image's `user` (empty: root), and PATH
// and HOME where its environment has none. Throws as find_account() does.
void become(sandbox::Command& command, int rootfd, const std::string& user);

}  // namespace gbox::build
