#include "gbox/content/sbom.h"

#include <doctest/doctest.h>

#include "gbox/base/json.h"

using namespace gbox;
using namespace gbox::content;

namespace {

Bill bill_of_php() {
  Component php;
  php.category = "dev-lang";
  php.name = "php";
  php.version = "8.3.1-r1";
  php.slot = "8.3";
  php.repository = "gentoo";
  php.description = "The PHP language \x1b[31m";
  php.license = "PHP-3.01 BSD Zend-2.0";
  php.homepages = {"https://www.php.net/"};
  php.use = {"fpm", "intl"};
  php.cpes = {"cpe:2.3:a:php:php"};
  SourceFile source;
  source.name = "php-8.3.1.tar.xz";
  source.url = "https://www.php.net/distributions/php-8.3.1.tar.xz";
  source.digests = {Digest(HashAlgorithm::sha512, std::string(128, 'a')),
                    Digest(HashAlgorithm::blake2b, std::string(128, 'b'))};
  php.sources = {source};
  return {"php", "8.3", "sha256:" + std::string(64, 'c'), 1'700'000'000, "gbox-0.1.0", {php}};
}

using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE("licences are told in SPDX's words, and by reference where it has none") {
  CHECK(spdx_license("GPL-2") == "GPL-2.0-only");
  CHECK(spdx_license("GPL-2+ LGPL-2.1+") == "GPL-2.0-or-later AND LGPL-2.1-or-later");
  CHECK(spdx_license("|| ( GPL-2 MIT ) BSD") == "(GPL-2.0-only OR MIT) AND BSD-3-Clause");
  CHECK(spdx_license("|| ( ( GPL-2 MIT ) BSD )") == "(GPL-2.0-only AND MIT) OR BSD-3-Clause");
  CHECK(spdx_license("|| ( MIT )") == "MIT");
  CHECK(spdx_license("BSD BSD") == "BSD-3-Clause");
  CHECK(spdx_license("public-domain") == "LicenseRef-gentoo-public-domain");
  CHECK(spdx_license("all_rights+reserved") == "LicenseRef-gentoo-all-rights-reserved");
  CHECK(spdx_license("") == "NOASSERTION");
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "( ";
  CHECK_NOTHROW((void)spdx_license(deep + "MIT"));
}

TEST_CASE("SRC_URI is read with the package's flags") {
  const auto names = [](const std::string& text, const Strings& use) {
    Strings result;
    for (const SourceFile& source : sources_of(text, use))
      result.push_back(source.name + (source.url.empty() ? "" : " " + source.url));
    return result;
  };
  const std::string text =
      "https://a.invalid/x-1.tar.gz -> y-1.tar.gz doc? ( mirror://gnu/d.tar "
      "!man? ( https://b.invalid/m.tar ) ) !doc? ( n.tar ) fetch+https://c.invalid/z "
      "https://d.invalid/z";
  CHECK(names(text, {}) ==
        Strings{"y-1.tar.gz https://a.invalid/x-1.tar.gz", "n.tar", "z https://c.invalid/z"});
  CHECK(names(text, {"doc"}) == Strings{"y-1.tar.gz https://a.invalid/x-1.tar.gz",
                                        "d.tar mirror://gnu/d.tar", "m.tar https://b.invalid/m.tar",
                                        "z https://c.invalid/z"});
  CHECK(names("doc? ( ( a.tar ) ) ) ) b.tar", {}) == Strings{"b.tar"});
}

TEST_CASE("names of packages and of their CPEs are spelled as their standards want") {
  const Component php = bill_of_php().components.front();
  CHECK(package_url(php) == "pkg:ebuild/dev-lang/php@8.3.1-r1?repository=gentoo&slot=8.3");
  Component odd;
  odd.category = "dev-libs";
  odd.name = "libsigc++";
  odd.version = "2.12.1_p2";
  CHECK(package_url(odd) == "pkg:ebuild/dev-libs/libsigc%2B%2B@2.12.1_p2");
  CHECK(versioned_cpe("cpe:2.3:a:php:php", "8.3.1-r1") == "cpe:2.3:a:php:php:8.3.1:*:*:*:*:*:*:*");
  CHECK(cpes_of_metadata("<pkgmetadata><upstream><remote-id type=\"github\">x/y</remote-id>\n"
                         "<remote-id type=\"cpe\">cpe:/a:php:php</remote-id>"
                         "<remote-id type='cpe'>cpe:/a:\"evil\" php</remote-id></upstream>") ==
        Strings{"cpe:2.3:a:php:php"});
}

TEST_CASE(
    "an SPDX document says what the image contains, where it came from and under what terms") {
  const Bill bill = bill_of_php();
  const Json spdx = Json::parse(write_spdx(bill));
  CHECK(spdx["spdxVersion"] == "SPDX-2.3");
  CHECK(spdx["creationInfo"]["created"] == "2023-11-14T22:13:20Z");
  CHECK(spdx["creationInfo"]["creators"][0] == "Tool: gbox-0.1.0");
  REQUIRE(spdx["packages"].size() == 3);
  CHECK(spdx["packages"][0]["checksums"][0]["checksumValue"] == std::string(64, 'c'));
  const Json& php = spdx["packages"][1];
  CHECK(php["name"] == "dev-lang/php");
  CHECK(php["versionInfo"] == "8.3.1-r1");
  CHECK(php["licenseDeclared"] == "PHP-3.01 AND BSD-3-Clause AND LicenseRef-gentoo-Zend-2.0");
  CHECK(php["description"] == "The PHP language ?[31m");
  CHECK(php["externalRefs"][1]["referenceLocator"] == "cpe:2.3:a:php:php:8.3.1:*:*:*:*:*:*:*");
  CHECK(spdx["packages"][2]["checksums"][1]["algorithm"] == "BLAKE2b-512");
  CHECK(spdx["hasExtractedLicensingInfos"][0]["licenseId"] == "LicenseRef-gentoo-Zend-2.0");
  REQUIRE(spdx["relationships"].size() == 3);
  CHECK(spdx["relationships"][2]["relationshipType"] == "GENERATED_FROM");
  CHECK(spdx["relationships"][2]["relatedSpdxElement"] == spdx["packages"][2]["SPDXID"]);
}

TEST_CASE("a CycloneDX document says the same") {
  const Json json = Json::parse(write_cyclonedx(bill_of_php()));
  CHECK(json["specVersion"] == "1.6");
  CHECK(json["metadata"]["component"]["type"] == "container");
  const Json& php = json["components"][0];
  CHECK(php["group"] == "dev-lang");
  CHECK(php["cpe"] == "cpe:2.3:a:php:php:8.3.1:*:*:*:*:*:*:*");
  CHECK(php["licenses"][0]["expression"] ==
        "PHP-3.01 AND BSD-3-Clause AND LicenseRef-gentoo-Zend-2.0");
  CHECK(php["externalReferences"][1]["hashes"][0]["alg"] == "SHA-512");
  CHECK(php["properties"][2]["value"] == "fpm intl");
}

TEST_CASE("equal bills are equal documents, and others have other names") {
  Bill bill = bill_of_php();
  CHECK(write_spdx(bill) == write_spdx(bill_of_php()));
  CHECK(write_cyclonedx(bill) == write_cyclonedx(bill_of_php()));
  bill.components.front().version = "8.3.2";
  CHECK(Json::parse(write_spdx(bill))["documentNamespace"] !=
        Json::parse(write_spdx(bill_of_php()))["documentNamespace"]);
}

TEST_CASE("the licences of an image are each named once, as one expression") {
  std::vector<Component> components(4);
  components[0].license = "GPL-2+ || ( MIT BSD )";
  components[1].license = "MIT GPL-2+";
  components[2].license = "|| ( MIT BSD )";
  CHECK(licenses_of(components) == "GPL-2.0-or-later AND MIT AND (MIT OR BSD-3-Clause)");
  components[3].license = "Apache-2.0 ) ) (";  // broken: what can be read of it
  CHECK(licenses_of(components) ==
        "Apache-2.0 AND GPL-2.0-or-later AND MIT AND (MIT OR BSD-3-Clause)");
  components.resize(1);
  components[0].license = "GPL-2";
  CHECK(licenses_of(components) == "GPL-2.0-only");
  components[0].license = "|| ( MIT BSD )";
  CHECK(licenses_of(components) == "MIT OR BSD-3-Clause");
  CHECK(licenses_of({}).empty());
}
