// A step that failed for want of room: which of the places it writes to was full, and what of it,
// blocks, inodes or a quota, in words. By what the log says and what the file systems say now.
#pragma once

#include <sys/statvfs.h>

#include <optional>
#include <string>

#include "emerge_log.h"
#include "gbox/base/error.h"
#include "gbox/spec/spec.h"

namespace gbox::build {

inline constexpr char kMakeRoom[] =
    "'gbox cache gc --keep SIZE' makes room; '--store' or 'GBOX_STORE' names another disk";

// Nothing when the log does not tell of it.
std::optional<Warning> no_room(const std::string& log_path, const std::string& store,
                               const spec::BuildOptions& options);
std::optional<Warning> no_room_for(Lack lack, const struct statvfs& status,
                                   const std::string& store, const spec::BuildOptions& options);

}  // namespace gbox::build
