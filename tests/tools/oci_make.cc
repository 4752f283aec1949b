// Writes an image out of tar files through the oci module alone, for tests that let other tools
// judge the result; and checks or lists one.
//   oci_make write TARGET NAME[:TAG] LAYER… [-- COMMAND…]   LAYER is TAR, or TAR=TAR.gz,
//   TAR=TAR.zst oci_make verify SOURCE oci_make show SOURCE
#include <cstdio>
#include <string>
#include <vector>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/oci/image.h"
#include "gbox/oci/reader.h"
#include "gbox/oci/verify.h"

namespace {

using namespace gbox;

struct FileFacts {
  Digest digest;
  std::uint64_t size = 0;
};

FileFacts facts_of(const std::string& path) {
  const sys::Fd fd = sys::open(path, O_RDONLY);
  Hasher hasher;
  FileFacts facts;
  std::vector<std::byte> buffer(1u << 20);
  for (;;) {
    const std::size_t count = sys::read_full(fd.get(), buffer, path);
    hasher.update(std::span(buffer).first(count));
    facts.size += count;
    if (count < buffer.size()) break;
  }
  facts.digest = hasher.finish();
  return facts;
}

std::string_view type_of(std::string_view path) {
  if (path.ends_with(".gz")) return oci::kLayerGzipType;
  if (path.ends_with(".zst")) return oci::kLayerZstdType;
  return oci::kLayerType;
}

oci::ImageEntry entry_of(const std::string& argument) {
  const std::size_t equals = argument.find('=');
  const std::string tar = argument.substr(0, equals);
  const std::string blob = equals == std::string::npos ? tar : argument.substr(equals + 1);
  const FileFacts facts = facts_of(blob);
  return {.layer = oci::LayerBlob{.dirfd = AT_FDCWD,
                                  .path = blob,
                                  .digest = facts.digest,
                                  .size = facts.size,
                                  .media_type = std::string(type_of(blob)),
                                  .diff_id = facts_of(tar).digest},
          .history = {.created_by = "oci_make " + tar}};
}

int write(const std::vector<std::string>& arguments) {
  const oci::OutputTarget target = oci::parse_output(arguments.at(0));
  const std::vector<std::string> name = split(arguments.at(1), ':');
  const oci::ImageName full =
      oci::image_name(target.reference, name.at(0), name.size() > 1 ? name.at(1) : "latest");
  oci::ImageSpec spec{.platform = oci::platform_of_machine("x86_64"),
                      .created = oci::rfc3339(1000000000)};
  std::size_t at = 2;
  for (; at < arguments.size() && arguments[at] != "--"; ++at)
    spec.entries.push_back(entry_of(arguments[at]));
  spec.entries.push_back({.layer = std::nullopt, .history = {.created_by = "set the command"}});
  if (at < arguments.size())
    spec.config.entrypoint.assign(arguments.begin() + static_cast<std::ptrdiff_t>(at) + 1,
                                  arguments.end());
  spec.config.env = {"PATH=/bin", "GREETING=hello"};
  spec.config.working_dir = "/work";
  spec.config.user = "12:34";
  spec.config.labels = {{"org.example.label", "one"}};
  spec.config.exposed_ports = {"80/tcp"};
  spec.config.volumes = {"/data"};
  spec.config.stop_signal = "SIGINT";
  oci::LayoutWriter writer(target, {.name = full});
  const oci::ImageDocuments documents = oci::assemble(spec, writer);
  std::printf("%s %s\n", oci::to_string(target).c_str(),
              documents.manifest.digest.to_string().c_str());
  return 0;
}

int verify(const std::vector<std::string>& arguments) {
  const auto complaints = oci::verify_layout(oci::parse_source(arguments.at(0)));
  for (const std::string& complaint : complaints) std::printf("%s\n", complaint.c_str());
  return complaints.empty() ? 0 : 1;
}

int show(const std::vector<std::string>& arguments) {
  const oci::LayoutReader reader(oci::parse_source(arguments.at(0)));
  const oci::Image image = reader.pick(oci::platform_of_machine("x86_64"));
  for (const oci::Descriptor& layer : image.manifest.layers) {
    const oci::BlobFile blob = reader.open_blob(layer);
    oci::verify_blob(blob, layer, "layer");
    std::printf("layer %s %s\n", layer.digest.to_string().c_str(), layer.media_type.c_str());
  }
  for (const oci::History& line : image.config.history)
    std::printf("history %s\n", line.created_by.c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  try {
    if (!arguments.empty()) {
      const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
      if (arguments[0] == "write" && rest.size() >= 3) return write(rest);
      if (arguments[0] == "verify" && rest.size() == 1) return verify(rest);
      if (arguments[0] == "show" && rest.size() == 1) return show(rest);
    }
    std::fputs("oci_make: see the head of tests/tools/oci_make.cc\n", stderr);
    return 2;
  } catch (const Error& error) {
    std::fprintf(stderr, "oci_make: error: %s\n", error.what());
    if (!error.hint().empty()) std::fprintf(stderr, "oci_make: hint: %s\n", error.hint().c_str());
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "oci_make: internal error: %s\n", error.what());
    return 1;
  }
}
