// `gbox image verify`: what is wrong with an image, all of it.
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "commands.h"
#include "gbox/base/json.h"
#include "gbox/base/text.h"
#include "gbox/build/registries.h"
#include "gbox/layer/tar_digest.h"
#include "gbox/oci/pull.h"
#include "gbox/oci/verify.h"
#include "gbox/sys/file.h"
#include "gbox/sys/interrupt.h"

namespace gbox::cli {

namespace {

std::string scratch_place() {
  const char* place = std::getenv("TMPDIR");
  return place != nullptr && *place != '\0' ? place : "/var/tmp";
}

// Decompressors read to the end of their file, and other things follow a blob of an archive.
sys::Fd file_of(const oci::BlobFile& blob, std::string_view name) {
  const auto size = static_cast<std::uint64_t>(sys::fstat(blob.fd.get()).st_size);
  sys::Fd own = sys::open("/proc/self/fd/" + std::to_string(blob.fd.get()), O_RDONLY);
  if (blob.offset == 0 && blob.size == size) return own;
  sys::Fd copy = sys::open(scratch_place(), O_TMPFILE | O_RDWR, 0600);
  oci::BlobFile stretch{.fd = std::move(own), .offset = blob.offset, .size = blob.size};
  if (::lseek(stretch.fd.get(), static_cast<off_t>(stretch.offset), SEEK_SET) < 0)
    throw SysError(errno, "read " + std::string(name));
  std::vector<std::byte> buffer(1u << 20);
  for (std::uint64_t left = stretch.size; left > 0;) {
    const std::size_t count = sys::read_full(stretch.fd.get(),
                                             std::span(buffer).first(static_cast<std::size_t>(
                                                 std::min<std::uint64_t>(left, buffer.size()))),
                                             name);
    if (count == 0) break;
    sys::write_all(copy.get(), std::span(buffer).first(count), name);
    left -= count;
  }
  if (::lseek(copy.get(), 0, SEEK_SET) < 0) throw SysError(errno, "read " + std::string(name));
  return copy;
}

Digest diff_id_of(const oci::BlobFile& blob, std::string_view) {
  const sys::Fd file = file_of(blob, "the layer");
  return layer::tar_digest(file.get(), "the layer", [] { sys::check_interrupt(); });
}

}  // namespace

int cmd_image_verify(const ImageVerifyArgs& args, Console& console) {
  std::vector<std::string> complaints;
  if (oci::names_registry(args.image)) {
    const sys::TempDir scratch(scratch_place(), "gbox-verify-");
    oci::PullRequest request;
    request.source = oci::parse_registry(args.image, "image verify");
    request.target = {oci::Transport::directory, scratch.path() + "/image", ""};
    request.all = true;
    request.registry =
        build::registry_options(args.registry.ca, args.registry.plain_http, console.progress());
    request.warnings = &console.progress();
    request.progress = [&](const std::string& what, std::uint64_t done, std::uint64_t total) {
      console.progress().progress(what, done, total);
    };
    (void)oci::pull(request);
    complaints = oci::verify_layout(request.target, diff_id_of);
  } else {
    complaints = oci::verify_layout(oci::parse_source(args.image), diff_id_of);
  }
  if (args.json) {
    OrderedJson document;
    document["image"] = printable(args.image);
    document["valid"] = complaints.empty();
    document["complaints"] = OrderedJson::array();
    for (const std::string& complaint : complaints)
      document["complaints"].push_back(printable(complaint));
    console.result_line(document.dump(2));
  } else {
    for (const std::string& complaint : complaints) console.result_line(printable(complaint));
  }
  if (complaints.empty()) {
    if (!args.json) console.result_line(printable(args.image) + " is valid");
    return 0;
  }
  throw Error(quoted(args.image) + " is not a valid image: " + std::to_string(complaints.size()) +
                  (complaints.size() == 1 ? " complaint" : " complaints"),
              ExitCode::image)
      .set_hint("build, export or fetch it again; 'gbox image ls' shows what it holds");
}

}  // namespace gbox::cli
