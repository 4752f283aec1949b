#include "gbox/layer/squashfs.h"

#include <sys/xattr.h>

#include "fixture.h"

using namespace gbox;
using namespace gbox::layer;
using namespace gbox::layer::test;

namespace {

// An image of what `script` makes in an empty directory.
std::string image_of(const std::string& script, const std::string& options = "-c xz") {
  const sys::TempDir dir("/tmp", "gbox-test-");
  sys::mkdirat(dir.fd(), "tree", 0755);
  shell("cd " + dir.path() + "/tree && set -e && umask 022\n" + script);
  shell("tar -C " + dir.path() + "/tree --xattrs --xattrs-include='*' -cf - . | tar2sqfs -q -f " +
        options + ' ' + dir.path() + "/image");
  return sys::read_file(dir.fd(), "image");
}

struct SquashedTarget {
  sys::TempDir dir{"/tmp", "gbox-test-"};
  UnpackSummary fill(std::string_view image, const UnpackOptions& options = {}) const {
    const sys::Fd fd = memory_file(image);
    return unpack_squashfs(fd.get(), "tree.sqfs", dir.fd(), options);
  }
};

const char kTree[] = R"(
mkdir -p profiles sys-apps/portage/files metadata; echo gentoo > profiles/repo_name
echo EAPI=8 > sys-apps/portage/portage-3.ebuild; chmod 640 sys-apps/portage/portage-3.ebuild
ln sys-apps/portage/portage-3.ebuild sys-apps/portage/portage-4.ebuild
ln -s ../portage-3.ebuild sys-apps/portage/files/link; mkdir empty; chmod 700 empty
for n in $(seq 500); do echo "$n" > metadata/$n; done; head -c 400000 /dev/urandom > large
setfattr -n user.kept -v yes large; touch -d @1000 large; mkfifo metadata/fifo
)";

}  // namespace

TEST_CASE("a squashfs image becomes the tree it was made of, in each of its compressions") {
  for (const char* options : {"-c xz", "-c zstd", "-c gzip"}) {
    CAPTURE(options);
    const std::string image = image_of(kTree, options);
    const SquashedTarget target;
    UnpackOptions unpacking;
    unpacking.digests = {HashAlgorithm::sha256, HashAlgorithm::sha512};
    const UnpackSummary summary = target.fill(image, unpacking);
    CHECK(summary.archive_bytes == image.size());
    CHECK(summary.digests.front() == sha256(image));
    CHECK(sys::read_file(target.dir.fd(), "profiles/repo_name") == "gentoo\n");
    CHECK(sys::read_file(target.dir.fd(), "metadata/500") == "500\n");
    const struct stat ebuild =
        sys::fstatat(target.dir.fd(), "sys-apps/portage/portage-3.ebuild", 0);
    CHECK((ebuild.st_mode & 0777) == 0640);
    CHECK(ebuild.st_nlink == 2);
    CHECK(sys::readlinkat(target.dir.fd(), "sys-apps/portage/files/link") == "../portage-3.ebuild");
    CHECK(sys::fstatat(target.dir.fd(), "large", 0).st_size == 400'000);
    CHECK(sys::fstatat(target.dir.fd(), "large", 0).st_mtim.tv_sec == 1000);
    char value[8];
    CHECK(::getxattr((target.dir.path() + "/large").c_str(), "user.kept", value, sizeof value) ==
          3);
    CHECK((sys::fstatat(target.dir.fd(), "empty", 0).st_mode & 0777) == 0700);
  }
}

TEST_CASE("an image is told by its first bytes, wherever the offset is") {
  const sys::Fd image = memory_file("hsqs and more");
  REQUIRE(::lseek(image.get(), 5, SEEK_SET) == 5);
  CHECK(is_squashfs(image.get()));
  CHECK(::lseek(image.get(), 0, SEEK_CUR) == 5);
  CHECK_FALSE(is_squashfs(memory_file("hsq").get()));
  CHECK_FALSE(is_squashfs(memory_file("sqsh is the other byte order").get()));
}

TEST_CASE("a damaged image is an error that says so, at whatever byte it is cut") {
  const std::string image = image_of(kTree);
  for (std::size_t i = 0; i < 8; ++i) {
    CAPTURE(i);
    const SquashedTarget target;
    try {
      target.fill(std::string_view(image).substr(0, 4 + image.size() * i / 9));
      FAIL_CHECK("nothing was thrown");
    } catch (const Error& error) {
      CHECK(error.message().starts_with("unpack 'tree.sqfs': the image is damaged or cut short ("));
      CHECK(error.hint().find("fetch or make it again") != std::string::npos);
      CHECK(error.code() == ExitCode::input);
    }
  }
}

TEST_CASE("an image's entries meet the rules and limits of every archive") {
  const std::string image = image_of(kTree);
  const SquashedTarget target;
  UnpackOptions options;
  options.limits.entries = 100;
  CHECK(message_of([&] { target.fill(image, options); }).find("more than 100 entries") !=
        std::string::npos);
  // The same zeros are stored once: the image is small, the tree is not.
  const std::string bomb = image_of("for n in 1 2 3 4; do head -c 8M /dev/zero > $n; done");
  options = {};
  options.limits.ratio_free_bytes = 1 << 20;
  const SquashedTarget other;
  CHECK(message_of([&] { other.fill(bomb, options); }).find("a compression bomb: ") !=
        std::string::npos);
}

TEST_CASE("an interrupt while an image is unpacked is one, and no error of the image") {
  const std::string image = image_of(kTree);
  const SquashedTarget target;
  UnpackOptions options;
  std::uint64_t calls = 0;
  options.check_interrupt = [&] {
    if (++calls == 20) throw Interrupted(15);
  };
  CHECK_THROWS_AS(target.fill(image, options), Interrupted);
}
