// The user whom a container of an image runs as: whether the image knows it, in numbers that
// everybody understands who starts one, and whether its home is there.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gbox/base/error.h"

namespace gbox::build {

struct ImageUser {
  // Names as numbers: "33:44"; of a user of further groups only its own, because who starts a
  // container looks for those by what the image says of that user, and not when a group is given.
  // Numbers stay as they are.
  std::string numbers;
  std::optional<Error> fault;  // there is no such account
  std::string missing_home;    // a directory that is not there
};

// `user` is not empty. `environment` of a container. `elsewhere`: a root in which the account may
// be although this one lacks it, or -1.
ImageUser look_for_user(int rootfd, const std::string& user,
                        const std::vector<std::pair<std::string, std::string>>& environment,
                        int elsewhere);

}  // namespace gbox::build
