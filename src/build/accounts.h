// Names of users and groups as the image's own passwd and group know them; the host's are never
// asked.
#pragma once

#include <sys/types.h>

#include <string>

namespace gbox::build {

struct Account {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string home;  // empty when passwd does not know the uid
};

// "user", "user:group", numbers or names. A user's own group unless one is given. Throws Error
// (step) naming what is missing.
Account find_account(int rootfd, const std::string& text);

}  // namespace gbox::build
