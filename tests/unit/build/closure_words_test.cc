#include "closure_words.h"

#include <doctest/doctest.h>

using namespace gbox;
using namespace gbox::build;
using content::Finding;

namespace {

Inquiry inquiry() {
  Inquiry asked;
  asked.owner = [](const std::string& path) {
    return path == "/usr/bin/foo" ? std::string("app-x/foo-1") : std::string();
  };
  asked.provider = [](const std::string& what) {
    return what == "libicuuc.so.76" ? std::pair<std::string, std::string>(
                                          "dev-libs/icu-76.1", "/usr/lib64/libicuuc.so.76")
                                    : std::pair<std::string, std::string>();
  };
  asked.remover = [](const std::string&) { return std::string(); };
  return asked;
}

Finding lacking(Finding::Kind kind, std::string needs, std::vector<std::string> files) {
  Finding finding;
  finding.kind = kind;
  finding.needs = std::move(needs);
  finding.files = std::move(files);
  return finding;
}

}  // namespace

TEST_CASE("what is lacking is told with who needs it and which package has it") {
  const SpecFault fault = words_of(lacking(Finding::Kind::library, "libicuuc.so.76",
                                           {"/usr/bin/foo", "/usr/bin/x", "/usr/bin/y"}),
                                   "/destination", inquiry());
  CHECK(fault.message ==
        "check image: '/usr/bin/foo' (app-x/foo-1) needs 'libicuuc.so.76', which is not in the "
        "image, as do '/usr/bin/x' and 1 more");
  CHECK(fault.hint ==
        "merge 'dev-libs/icu-76.1' into '/destination', which brings '/usr/lib64/libicuuc.so.76'; "
        "or remove what needs it, or add 'libicuuc.so.76' to 'allow' of [output.check]");
}

TEST_CASE("a phase that took something out is named") {
  Inquiry asked = inquiry();
  asked.remover = [](const std::string& path) {
    return path == "/usr/lib64/libicuuc.so.76" ? std::string("trim") : std::string();
  };
  CHECK(words_of(lacking(Finding::Kind::library, "libicuuc.so.76", {"/usr/bin/foo"}), "/", asked)
            .hint ==
        "phase 'trim' took '/usr/lib64/libicuuc.so.76' out, which 'dev-libs/icu-76.1' had brought: "
        "keep it, remove what needs it, or add 'libicuuc.so.76' to 'allow' of [output.check]");
}

TEST_CASE("a library in another place, or for another machine, is told apart") {
  Finding finding = lacking(Finding::Kind::library, "liba.so", {"/usr/bin/x"});
  finding.elsewhere = "/opt/liba.so";
  SpecFault fault = words_of(finding, "/", inquiry());
  CHECK(fault.message ==
        "check image: '/usr/bin/x' needs 'liba.so', which is only where the loader does not look: "
        "'/opt/liba.so'");
  CHECK(fault.hint.starts_with("name its directory in '/etc/ld.so.conf.d' and run 'ldconfig'"));
  finding.elsewhere_why = "i386";
  CHECK(words_of(finding, "/", inquiry()).message ==
        "check image: '/usr/bin/x' needs 'liba.so', which is not in the image ('/opt/liba.so' is "
        "for i386)");
}

TEST_CASE("findings are told up to a number, and the rest is counted") {
  content::ClosureReport report;
  for (int i = 0; i < 30; ++i)
    report.findings.push_back(
        lacking(Finding::Kind::link, "/gone" + std::to_string(i), {"/link" + std::to_string(i)}));
  Finding data = lacking(Finding::Kind::data, "/usr/share/zoneinfo", {});
  data.weight = Finding::Weight::warning;
  data.reason = "python is in the image";
  report.findings.push_back(data);
  const ClosureWords words = words_of(report, "/", inquiry());
  REQUIRE(words.faults.size() == kMaxToldFindings + 1);
  CHECK(words.faults.back().message == "check image: 10 more things are lacking in the same way");
  REQUIRE(words.warnings.size() == 1);
  CHECK(words.warnings[0].message ==
        "check image: '/usr/share/zoneinfo' is not in the image: python is in the image");
  CHECK(words.warnings[0].hint ==
        "merge 'sys-libs/timezone-data', or add '/usr/share/zoneinfo' to 'allow' of "
        "[output.check]");
}

TEST_CASE("a program for another machine is told with what the others are for") {
  Finding finding = lacking(Finding::Kind::machine, "aarch64", {"/usr/bin/foo", "/usr/bin/y"});
  finding.reason = "x86_64";
  const SpecFault fault = words_of(finding, "/", inquiry());
  CHECK(fault.message ==
        "check image: '/usr/bin/foo' (app-x/foo-1) is for 'aarch64', the image's other programs "
        "are for 'x86_64', as is '/usr/bin/y'");
  CHECK(fault.hint ==
        "put what is built for 'x86_64' in its place, remove it, or add '/usr/bin/foo' to 'allow' "
        "of [output.check]");
}

TEST_CASE("data that a program makes of what is there is told with that program") {
  Finding finding = lacking(Finding::Kind::data, "/etc/ssl/certs/ca-certificates.crt", {});
  CHECK(
      words_of(finding, "/x", inquiry()).hint ==
      "merge 'app-misc/ca-certificates' into '/x', or add '/etc/ssl/certs/ca-certificates.crt' to "
      "'allow' of [output.check]");
  finding.made_by = "update-ca-certificates";
  CHECK(words_of(finding, "/x", inquiry())
            .hint.starts_with("run 'update-ca-certificates' in a phase"));
}
