// A process that stays outside of every namespace and tells what files look like from there: who
// owns a file on the disk is not what its maker inside sees.
#pragma once

#include <optional>
#include <string>

namespace gbox::tests {

struct Sight {
  unsigned uid = 0;
  unsigned gid = 0;
  unsigned mode = 0;
};

// Starts it; before main enters any namespace. It ends with this process.
void start_witness();
// The file at a path as seen from outside; nullopt when it sees none.
std::optional<Sight> ask_witness(const std::string& path);
// The user namespace it lives in, as the link /proc/PID/ns/user names it.
std::string witness_user_namespace();

}  // namespace gbox::tests
