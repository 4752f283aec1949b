#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gbox/base/error.h"
#include "gbox/build/plan.h"
#include "gbox/sys/file.h"

using namespace gbox;
using namespace gbox::build;

namespace {

constexpr char kSpec[] =
    "name = \"x\"  # kept\n[base]\ntarball = \"base.tar\"\n[[phase]]\nname = \"p\"\nremove = "
    "[\"/a\"]\n";
const std::vector<spec::PortageAddition> kJit = {
    {spec::PortageAddition::Key::package_use, "dev-libs/pcre2", {"jit"}}};

struct SpecFile {
  sys::TempDir directory{"/tmp", "gbox-spec-patch."};
  std::string path = directory.path() + "/stage4.toml";
  SpecFile() { sys::write_file_atomically(AT_FDCWD, path, kSpec, 0640); }
  [[nodiscard]] std::string text() const { return sys::read_file(path); }
};

std::string refusal(const std::string& path,
                    const std::vector<spec::PortageAddition>& additions = kJit) {
  try {
    (void)add_to_spec({path, {}}, additions);
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::usage);
    return error.message();
  }
  return "";
}

}  // namespace

TEST_CASE("a spec gets its lines, keeps its mode, and is left alone when it has them") {
  SpecFile file;
  const auto lines = add_to_spec({file.path, {}}, kJit);
  REQUIRE(lines.size() == 2);
  CHECK(lines[1].text == "package_use.\"dev-libs/pcre2\" = [\"jit\"]");
  CHECK(file.text() == std::string(kSpec) + "\n[portage]\n" + lines[1].text + '\n');
  struct stat before {};
  struct stat after {};
  REQUIRE(::stat(file.path.c_str(), &before) == 0);
  CHECK((before.st_mode & 07777) == 0640);
  CHECK(add_to_spec({file.path, {}}, kJit).empty());
  REQUIRE(::stat(file.path.c_str(), &after) == 0);
  CHECK(after.st_ino == before.st_ino);
}

TEST_CASE("a link within the directory is followed, one out of it is not") {
  SpecFile file;
  const std::string beside = file.directory.path() + "/link.toml";
  REQUIRE(::symlink("stage4.toml", beside.c_str()) == 0);
  CHECK(add_to_spec({beside, {}}, kJit).size() == 2);
  CHECK(file.text() != kSpec);
  struct stat status {};
  REQUIRE(::lstat(beside.c_str(), &status) == 0);
  CHECK(S_ISLNK(status.st_mode));

  SpecFile other;
  const std::string out = file.directory.path() + "/out.toml";
  REQUIRE(::symlink(other.path.c_str(), out.c_str()) == 0);
  CHECK(refusal(out).find("out of its directory") != std::string::npos);
  CHECK(other.text() == kSpec);
  const std::string round = file.directory.path() + "/round.toml";
  REQUIRE(::symlink("round.toml", round.c_str()) == 0);
  CHECK(refusal(round).find("a link to") != std::string::npos);
}

TEST_CASE("what is not ours to write stays as it is") {
  SpecFile file;
  REQUIRE(::chmod(file.path.c_str(), 0440) == 0);
  CHECK(refusal(file.path).ends_with("it is read-only"));
  REQUIRE(::chmod(file.path.c_str(), 0640) == 0);
  CHECK(refusal(file.directory.path()).find("it is not a file") != std::string::npos);
  CHECK(file.text() == kSpec);
}

TEST_CASE("an image proposes nothing that a spec may not say") {
  SpecFile file;
  for (const char* flag : {"not a flag", "x\"]\n[args]\n", "${round}", ""})
    CHECK_FALSE(
        refusal(file.path, {{spec::PortageAddition::Key::package_use, "a/b", {flag}}}).empty());
  CHECK_FALSE(
      refusal(file.path, {{spec::PortageAddition::Key::package_unmask, "../x", {}}}).empty());
  CHECK(file.text() == kSpec);
}
