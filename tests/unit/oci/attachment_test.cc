#include "gbox/oci/attachment.h"

#include "fixture.h"
#include "gbox/base/json.h"

using namespace gbox;
using namespace gbox::oci;

namespace {

const std::vector<Attachment> kTwo = {
    {std::string(kSpdxType), "{\"spdxVersion\":\"SPDX-2.3\"}\n", {{"a", "b"}}},
    {std::string(kInTotoType), "statement", {}}};

ImageDocuments write(const OutputTarget& target, const ImageSpec& image,
                     const std::vector<Attachment>& attachments) {
  WriteOptions options;
  options.name = image_name(target.reference, "tiny");
  options.durable = sys::Durable::no;
  LayoutWriter writer(target, options);
  return assemble(image, writer, attachments);
}

}  // namespace

TEST_CASE("what is attached to an image is read back, and is no part of its digest") {
  const Fixture f;
  for (const OutputTarget& target : {f.directory("out"), f.archive("out.tar")}) {
    const ImageDocuments bare = write(target, f.spec(), {});
    CHECK(read_attachments(LayoutReader(target), bare.manifest.digest).empty());
    CHECK_FALSE(is_up_to_date(target, image_name("", "tiny"), bare.manifest.digest,
                              {std::string(kReferrersKey)}));
    const ImageDocuments with = write(target, f.spec(), kTwo);
    CHECK(with.manifest.digest == bare.manifest.digest);
    CHECK(is_up_to_date(target, image_name("", "tiny"), with.manifest.digest,
                        {std::string(kReferrersKey)}));
    CHECK(verify_layout(target, nullptr) == std::vector<std::string>{});
    const LayoutReader reader(target);
    CHECK(reader.index().manifests.size() == 1);
    const auto found = read_attachments(reader, with.manifest.digest);
    REQUIRE(found.size() == 2);
    CHECK(found[0].type == kSpdxType);
    CHECK(found[0].bytes == kTwo[0].bytes);
    CHECK(found[0].annotations == kTwo[0].annotations);
    CHECK(found[1].bytes == "statement");
    CHECK(read_attachments(reader, sha256("another image")).empty());
  }
}

TEST_CASE("an artifact names its type, its one blob and the image as its subject") {
  const Descriptor subject{std::string(kManifestType), sha256("image"), 5, {}, {}};
  const ArtifactDocuments documents = make_artifact(kTwo[0], subject);
  const Json manifest = Json::parse(documents.manifest_text);
  CHECK(manifest["artifactType"] == kSpdxType);
  CHECK(manifest["config"]["mediaType"] == "application/vnd.oci.empty.v1+json");
  CHECK(manifest["config"]["digest"] == sha256("{}").to_string());
  CHECK(manifest["layers"][0]["digest"] == sha256(kTwo[0].bytes).to_string());
  CHECK(manifest["subject"]["digest"] == subject.digest.to_string());
  CHECK(documents.manifest.digest == sha256(documents.manifest_text));
}

TEST_CASE("damaged attachments are refused by name") {
  const Fixture f;
  const OutputTarget target = f.directory("out");
  const ImageDocuments image = write(target, f.spec(), kTwo);
  const auto error = [&] {
    return error_of([&] { (void)read_attachments(LayoutReader(target), image.manifest.digest); });
  };
  CHECK(error().empty());
  f.put("out/blobs/sha256/" + sha256("statement").hex(), "Statement");
  CHECK(error().find("attachment ") != std::string::npos);
  const std::string index = f.get("out/index.json");
  const std::size_t at = index.find("\\\"size\\\":");
  REQUIRE(at != std::string::npos);
  f.put("out/index.json", index.substr(0, at) + "\\\"size\\\":-1}\"}}");
  CHECK(!error().empty());
}
