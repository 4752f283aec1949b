// What the file system below a store can do, found by doing it on scratch files, and what a person
// is told when that is too little. Knowing and judging are apart, so that the judgement is tested
// without odd file systems.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "gbox/store/store.h"

namespace gbox::store {

struct Mounted {
  std::string type;    // "ext4"; empty when /proc does not tell
  std::string source;  // "filer:/home", "/dev/vda"
  std::string point;   // where it is mounted
};

// errno values; 0: it worked.
struct ProbeFacts {
  Mounted mounted;
  int user_xattr = 0;       // setting user.gbox on a directory
  int chown = 0;            // giving a file to id 1; 0 as well where we could not do so anyway
  bool entry_types = true;  // readdir tells directories from files
  bool case_sensitive = true;
};

// Does it in `dirfd`, below scratch names of its own, which it removes. About 0.3 ms.
ProbeFacts probe_file_system(int dirfd);

// Throws Error (host) with a hint for the first lack that keeps `purpose` from working.
void refuse_unfit(const std::string& path, const ProbeFacts& facts, Purpose purpose);

// The first directory on the way to `path` that we may not pass, with its mode: "'/run/media/sd'
// is mode 0700"; empty when none stops us.
std::string closed_parent(const std::string& path);

// Field `mount_id` of a /proc/PID/mountinfo text.
std::optional<Mounted> find_mount(std::string_view mountinfo, std::uint64_t mount_id);

}  // namespace gbox::store
