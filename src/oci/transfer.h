// Moves a blob's bytes into a file the cheapest way the kernel offers.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "gbox/oci/blob.h"

namespace gbox::oci {

// Called with the bytes just copied; may throw to stop.
using Copied = std::function<void(std::uint64_t bytes)>;

enum class Kernel { copies, only_reads };  // only_reads: no FICLONE, no copy_file_range

// Appends the whole of `blob` at the current offset of `out_fd`. Shares the extents where the file
// system can (FICLONE; whole files only), else copies in the kernel (copy_file_range, across file
// systems since 5.3), else reads and writes. `what` is the blob's name, unquoted.
void append_blob(const BlobFile& blob, int out_fd, std::string_view what, const Copied& copied,
                 Kernel kernel = Kernel::copies);

// Gives the open file behind `fd` a second name; false when the file system, the mode (not readable
// by all) or the kernel's hard-link protection do not allow it.
bool try_link_blob(int fd, int dirfd, const std::string& name);

}  // namespace gbox::oci
