#include "gbox/content/sbom.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <set>

#include "gbox/base/json.h"
#include "gbox/base/text.h"

namespace gbox::content {

namespace {

constexpr std::string_view kLicenseReference = "LicenseRef-";

std::string time_text(std::int64_t time) {
  const std::time_t seconds = static_cast<std::time_t>(time);
  std::tm parts{};
  std::array<char, 32> text{};
  if (::gmtime_r(&seconds, &parts) == nullptr) return "1970-01-01T00:00:00Z";
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return std::string(text.data(), size);
}

// Outside bytes that are no UTF-8 would make the document none.
std::string clean(const std::string& text) {
  return printable(text);
}

// Unlike any other's, and the same for the same content: what a version 8 UUID (RFC 9562) is for.
std::string uuid_of(std::string_view content) {
  std::string hex = sha256(content).hex().substr(0, 32);
  hex[12] = '8';
  hex[16] = "89ab"[(hex[16] >= 'a' ? hex[16] - 'a' + 10 : hex[16] - '0') & 3];
  return hex.substr(0, 8) + '-' + hex.substr(8, 4) + '-' + hex.substr(12, 4) + '-' +
         hex.substr(16, 4) + '-' + hex.substr(20, 12);
}

std::string reference_of(const Component& component) {
  return component.category + '/' + component.name + '-' + component.version +
         (component.slot.empty() ? "" : ":" + component.slot);
}

// SPDX ids are letters, digits, '.' and '-' only.
std::string spdx_id(std::string_view kind, const std::string& text) {
  std::string id = "SPDXRef-" + std::string(kind) + '-';
  for (const char each : text)
    id += std::isalnum(static_cast<unsigned char>(each)) != 0 || each == '.' || each == '-' ? each
                                                                                            : '-';
  // Two texts may become one id.
  return id + '-' + sha256(text).hex().substr(0, 8);
}

std::string spdx_algorithm(const Digest& digest) {
  switch (digest.algorithm()) {
    case HashAlgorithm::sha256:
      return "SHA256";
    case HashAlgorithm::sha512:
      return "SHA512";
    case HashAlgorithm::blake2b:
      break;
  }
  return "BLAKE2b-512";
}

std::string cyclonedx_algorithm(const Digest& digest) {
  switch (digest.algorithm()) {
    case HashAlgorithm::sha256:
      return "SHA-256";
    case HashAlgorithm::sha512:
      return "SHA-512";
    case HashAlgorithm::blake2b:
      break;
  }
  return "BLAKE2b-512";
}

// What SPDX must be told about names that are not its own.
void note_references(const std::string& expression, std::set<std::string>& references) {
  std::string words = expression;
  std::replace_if(
      words.begin(), words.end(), [](char each) { return each == '(' || each == ')'; }, ' ');
  for (const std::string& word : split_words(words))
    if (word.starts_with(kLicenseReference)) references.insert(word);
}

OrderedJson spdx_source(const SourceFile& source) {
  OrderedJson package = {
      {"name", clean(source.name)},
      {"SPDXID", spdx_id("Source", source.name)},
      {"downloadLocation", source.url.empty() || source.url.starts_with("mirror://")
                               ? "NOASSERTION"
                               : clean(source.url)},
      {"filesAnalyzed", false},
      {"licenseConcluded", "NOASSERTION"},
      {"licenseDeclared", "NOASSERTION"},
      {"copyrightText", "NOASSERTION"},
      {"packageFileName", clean(source.name)},
      {"primaryPackagePurpose", "SOURCE"}};
  for (const Digest& digest : source.digests)
    package["checksums"].push_back(
        OrderedJson{{"algorithm", spdx_algorithm(digest)}, {"checksumValue", digest.hex()}});
  return package;
}

OrderedJson spdx_package(const Component& component, const std::string& license) {
  OrderedJson package = {
      {"name", component.package()},      {"SPDXID", spdx_id("Package", reference_of(component))},
      {"versionInfo", component.version}, {"downloadLocation", "NOASSERTION"},
      {"filesAnalyzed", false},           {"licenseConcluded", "NOASSERTION"},
      {"licenseDeclared", license},       {"copyrightText", "NOASSERTION"}};
  if (!component.homepages.empty()) package["homepage"] = clean(component.homepages.front());
  if (!component.description.empty()) package["description"] = clean(component.description);
  if (!component.use.empty()) package["comment"] = "USE=\"" + join(component.use, " ") + '"';
  package["externalRefs"] =
      OrderedJson::array({OrderedJson{{"referenceCategory", "PACKAGE-MANAGER"},
                                      {"referenceType", "purl"},
                                      {"referenceLocator", package_url(component)}}});
  for (const std::string& cpe : component.cpes)
    package["externalRefs"].push_back(
        OrderedJson{{"referenceCategory", "SECURITY"},
                    {"referenceType", "cpe23Type"},
                    {"referenceLocator", versioned_cpe(cpe, component.version)}});
  return package;
}

OrderedJson relationship(const std::string& from, const char* type, const std::string& to) {
  return {{"spdxElementId", from}, {"relationshipType", type}, {"relatedSpdxElement", to}};
}

}  // namespace

std::string write_spdx(const Bill& bill) {
  const std::string image = "SPDXRef-Image";
  OrderedJson packages = OrderedJson::array();
  OrderedJson relationships = OrderedJson::array();
  std::set<std::string> references;
  std::set<std::string> sources;
  OrderedJson root = {{"name", bill.name},
                      {"SPDXID", image},
                      {"versionInfo", bill.tag},
                      {"downloadLocation", "NOASSERTION"},
                      {"filesAnalyzed", false},
                      {"licenseConcluded", "NOASSERTION"},
                      {"licenseDeclared", "NOASSERTION"},
                      {"copyrightText", "NOASSERTION"},
                      {"primaryPackagePurpose", "CONTAINER"}};
  if (!bill.image.empty())
    root["checksums"].push_back(OrderedJson{
        {"algorithm", "SHA256"}, {"checksumValue", bill.image.substr(bill.image.find(':') + 1)}});
  packages.push_back(std::move(root));
  relationships.push_back(relationship("SPDXRef-DOCUMENT", "DESCRIBES", image));
  for (const Component& component : bill.components) {
    const std::string license = spdx_license(component.license);
    note_references(license, references);
    packages.push_back(spdx_package(component, license));
    const std::string id = packages.back()["SPDXID"];
    relationships.push_back(relationship(image, "CONTAINS", id));
    for (const SourceFile& source : component.sources) {
      if (sources.insert(source.name).second) packages.push_back(spdx_source(source));
      relationships.push_back(relationship(id, "GENERATED_FROM", spdx_id("Source", source.name)));
    }
  }
  OrderedJson document = {
      {"spdxVersion", "SPDX-2.3"},
      {"dataLicense", "CC0-1.0"},
      {"SPDXID", "SPDXRef-DOCUMENT"},
      {"name", bill.name + ':' + bill.tag},
      {"documentNamespace", "urn:uuid:" + uuid_of(packages.dump() + relationships.dump())},
      {"creationInfo", {{"created", time_text(bill.time)}, {"creators", {"Tool: " + bill.tool}}}},
      {"packages", std::move(packages)},
      {"relationships", std::move(relationships)}};
  for (const std::string& reference : references)
    document["hasExtractedLicensingInfos"].push_back(OrderedJson{
        {"licenseId", reference},
        {"extractedText", "see licenses/" + reference.substr(reference.find("gentoo-") + 7) +
                              " of the ebuild repository"}});
  return document.dump() + '\n';
}

std::string write_cyclonedx(const Bill& bill) {
  OrderedJson components = OrderedJson::array();
  for (const Component& each : bill.components) {
    const std::string url = package_url(each);
    OrderedJson component = {{"type", "library"},
                             {"bom-ref", url},
                             {"group", each.category},
                             {"name", each.name},
                             {"version", each.version}};
    if (!each.description.empty()) component["description"] = clean(each.description);
    if (const std::string license = spdx_license(each.license); license != "NOASSERTION")
      component["licenses"] = OrderedJson::array({OrderedJson{{"expression", license}}});
    // The format has room for one.
    if (!each.cpes.empty()) component["cpe"] = versioned_cpe(each.cpes.front(), each.version);
    component["purl"] = url;
    OrderedJson external = OrderedJson::array();
    for (const std::string& homepage : each.homepages)
      external.push_back(OrderedJson{{"type", "website"}, {"url", clean(homepage)}});
    for (const SourceFile& source : each.sources) {
      OrderedJson reference = {{"type", "source-distribution"},
                               {"url", clean(source.url.empty() ? source.name : source.url)},
                               {"comment", clean(source.name)}};
      for (const Digest& digest : source.digests)
        reference["hashes"].push_back(
            OrderedJson{{"alg", cyclonedx_algorithm(digest)}, {"content", digest.hex()}});
      external.push_back(std::move(reference));
    }
    if (!external.empty()) component["externalReferences"] = std::move(external);
    OrderedJson properties = OrderedJson::array();
    const auto property = [&](const char* name, const std::string& value) {
      if (!value.empty())
        properties.push_back(OrderedJson{{"name", name}, {"value", clean(value)}});
    };
    property("gentoo:repository", each.repository);
    property("gentoo:slot", each.slot);
    property("gentoo:use", join(each.use, " "));
    for (std::size_t i = 1; i < each.cpes.size(); ++i)
      property("gentoo:cpe", versioned_cpe(each.cpes[i], each.version));
    if (!properties.empty()) component["properties"] = std::move(properties);
    components.push_back(std::move(component));
  }
  OrderedJson image = {
      {"type", "container"}, {"bom-ref", "image"}, {"name", bill.name}, {"version", bill.tag}};
  if (!bill.image.empty())
    image["hashes"] = OrderedJson::array({OrderedJson{
        {"alg", "SHA-256"}, {"content", bill.image.substr(bill.image.find(':') + 1)}}});
  const std::size_t dash = bill.tool.rfind('-');
  OrderedJson document = {
      {"bomFormat", "CycloneDX"},
      {"specVersion", "1.6"},
      {"serialNumber", "urn:uuid:" + uuid_of(image.dump() + components.dump())},
      {"version", 1},
      {"metadata",
       {{"timestamp", time_text(bill.time)},
        {"tools",
         {{"components",
           OrderedJson::array({OrderedJson{{"type", "application"},
                                           {"name", bill.tool.substr(0, dash)},
                                           {"version", bill.tool.substr(dash + 1)}}})}}},
        {"component", std::move(image)}}},
      {"components", std::move(components)}};
  return document.dump() + '\n';
}

}  // namespace gbox::content
