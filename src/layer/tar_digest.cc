#include "gbox/layer/tar_digest.h"

#include "archive_stream.h"
#include "gbox/base/error.h"
#include "gbox/base/text.h"

namespace gbox::layer {

Digest tar_digest(int archive_fd, std::string_view name,
                  const std::function<void()>& check_interrupt) {
  UnpackOptions options;
  options.check_interrupt = check_interrupt;
  return with_context("read " + quoted(name), [&] {
    ArchiveStream stream(archive_fd, options);
    while (auto block = stream.next()) stream.give_back(std::move(*block));
    return stream.diff_id();
  });
}

}  // namespace gbox::layer
