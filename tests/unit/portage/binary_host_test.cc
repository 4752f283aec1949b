// Indices of binary package hosts: read, checked, and made into those of a local mirror.
#include "gbox/portage/binary_host.h"

#include <doctest/doctest.h>

#include <string>

#include "gbox/base/error.h"

using namespace gbox;
using namespace gbox::portage;

namespace {

constexpr char kHeader[] =
    "ARCH: amd64\nPACKAGES: 2\nTIMESTAMP: 1795314554\nURI: https://elsewhere.invalid\nVERSION: 0\n";
constexpr char kPackage[] =
    "\nCPV: app-demo/hello-1.0\nMTIME: 1795314554\nPATH: app-demo/hello/hello-1.0-1.gpkg.tar\n"
    "SHA1: c3c3aa4ea85c89b47399cff081e17564332a23c1\nSIZE: 20480\nFETCHCOMMAND: rm -rf /\n";

}  // namespace

TEST_CASE("an index becomes that of a local mirror: nothing in it says where else to fetch") {
  const BinaryIndex index =
      parse_index(std::string(kHeader) + kPackage + "\nCPV: a/b-1\nPATH: a/b/b-1-1.gpkg.tar\n");
  CHECK(index.text.find("elsewhere") == std::string::npos);
  CHECK(index.text.find("FETCHCOMMAND") == std::string::npos);
  CHECK(index.text.find("VERSION: 0\n\nCPV: app-demo/hello-1.0\n") != std::string::npos);
  REQUIRE(index.entries.size() == 1);  // without SIZE and MTIME nothing can be checked
  const IndexEntry* entry = find_entry(index, "app-demo/hello/hello-1.0-1.gpkg.tar");
  REQUIRE(entry != nullptr);
  CHECK(entry->size == 20480);
  CHECK(entry->mtime == 1795314554);
  CHECK(entry->sha1 == "c3c3aa4ea85c89b47399cff081e17564332a23c1");
  CHECK(entry->md5.empty());
  CHECK(find_entry(index, "a/b/b-1-1.gpkg.tar") == nullptr);
}

TEST_CASE("what is no index is refused") {
  const std::pair<std::string, const char*> rows[] = {
      {"", "it is empty"},
      {"<html>\n<title>404</title>\n", "is no line of one"},
      {"VERSION: 0\n", "no TIMESTAMP"},
      {"TIMESTAMP: 1\nVERSION: 7\n", "its VERSION is '7'"},
      {"TIMESTAMP: 1\n", "its VERSION is ''"},
      {std::string(kHeader) + "\nPATH: ../../etc/passwd\nSIZE: 1\nMTIME: 1\n", "is no path"},
      {std::string(kHeader) + "\nPATH: /etc/passwd\nSIZE: 1\nMTIME: 1\n", "is no path"},
  };
  for (const auto& [text, message] : rows) {
    CAPTURE(text);
    CHECK_THROWS_WITH_AS((void)parse_index(text), doctest::Contains(message), Error);
  }
}

TEST_CASE("binrepos.conf names the host in the image and the local mirror in a step") {
  spec::BinaryHost host;
  host.name = "gentoo";
  host.uri = official_host("https://mirror.invalid/", "amd64", "x86-64-v3");
  host.priority = 10;
  const std::string image = binrepos_conf({host}, HostsFor::image);
  CHECK(image.find("[gentoo]\npriority = 10\n"
                   "sync-uri = https://mirror.invalid/releases/amd64/binpackages/23.0/x86-64-v3\n"
                   "verify-signature = true\n") != std::string::npos);
  host.verify_signature = false;
  const std::string step = binrepos_conf({host}, HostsFor::step);
  CHECK(step.find("sync-uri = file:///var/db/binhosts/gentoo\n"
                  "location = /var/db/binhosts/gentoo\nverify-signature = false\n") !=
        std::string::npos);
  CHECK(step.find("mirror.invalid") == std::string::npos);
}
