#include "gbox/layer/squashfs.h"

#include <fcntl.h>
#include <poll.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "gbox/base/text.h"
#include "gbox/sys/process.h"

namespace gbox::layer {

namespace {

constexpr char kHelper[] = "sqfs2tar";
constexpr std::array<char, 4> kSquashfsMagic = {'h', 's', 'q', 's'};
constexpr std::size_t kReadSize = 1 << 20;
constexpr int kPipeSize = 1 << 20;  // fewer turns between the helper and us

std::vector<Digest> digests_of(int fd, const UnpackOptions& options) {
  std::vector<Hasher> hashers;
  for (const HashAlgorithm algorithm : options.digests) hashers.emplace_back(algorithm);
  std::vector<std::byte> buffer(hashers.empty() ? 0 : kReadSize);
  for (off_t at = 0; !hashers.empty();) {
    const ssize_t count = ::pread(fd, buffer.data(), buffer.size(), at);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw SysError(errno, "read the image", ExitCode::input);
    if (count == 0) break;
    for (Hasher& hasher : hashers)
      hasher.update(std::span(buffer).first(static_cast<std::size_t>(count)));
    at += count;
    if (options.check_interrupt) options.check_interrupt();
  }
  std::vector<Digest> digests;
  for (Hasher& hasher : hashers) digests.push_back(hasher.finish());
  return digests;
}

// Whether the helper has closed its output, and all of it was read.
bool has_ended(int output) {
  pollfd polled{output, POLLIN, 0};
  return ::poll(&polled, 1, 0) == 1 && (polled.revents & POLLIN) == 0;
}

void expect_success(sys::RunningHelper& helper) {
  const sys::HelperOutput end = helper.wait();
  if (end.status.code == 0) return;
  const std::string said = printable(trim(end.errors));
  throw Error("the image is damaged or cut short (" + std::string(kHelper) + ": " +
                  (said.empty() ? "exit " + std::to_string(end.status.code) : said) + ")",
              ExitCode::input)
      .add_hint("fetch or make it again");
}

}  // namespace

bool is_squashfs(int fd) {
  std::array<char, kSquashfsMagic.size()> head{};
  return ::pread(fd, head.data(), head.size(), 0) == static_cast<ssize_t>(head.size()) &&
         head == kSquashfsMagic;
}

UnpackSummary unpack_squashfs(int image_fd, std::string_view name, int target_dirfd,
                              const UnpackOptions& options) {
  const std::string program = sys::find_in_path(kHelper);
  if (program.empty())
    throw Error("a squashfs image is read by '" + std::string(kHelper) + "', which is not here",
                ExitCode::host)
        .add_hint("install squashfs-tools-ng, or use the .tar.xz snapshot");
  UnpackOptions of_stream = options;
  of_stream.digests.clear();
  of_stream.stored_bytes = static_cast<std::uint64_t>(sys::fstat(image_fd).st_size);
  const std::vector<Digest> digests = digests_of(image_fd, options);
  sys::HelperInput input;
  input.standard_input = image_fd;
  // By this name the helper opens the very file that was verified, under whatever name it lies.
  sys::RunningHelper helper({program, "/proc/self/fd/0"}, "read the image", input);
  (void)::fcntl(helper.output(), F_SETPIPE_SZ, kPipeSize);  // refused: only slower
  UnpackSummary summary;
  try {
    summary = unpack_archive(helper.output(), name, target_dirfd, of_stream);
  } catch (const Interrupted&) {
    throw;
  } catch (const Error&) {
    // When the helper met damage, what is wrong with its output follows from that.
    if (has_ended(helper.output()))
      with_context("unpack " + quoted(name), [&] { expect_success(helper); });
    throw;
  }
  with_context("unpack " + quoted(name), [&] { expect_success(helper); });
  summary.archive_bytes = *of_stream.stored_bytes;
  summary.digests = digests;
  return summary;
}

}  // namespace gbox::layer
