// Configuration put into a root file system, beside what a base brings and against what a hostile
// one plants.
#include <doctest/doctest.h>

#include "../tree.h"
#include "gbox/portage/config.h"

using namespace gbox;
using namespace gbox::portage;
using test::Tree;

namespace {

const std::vector<ConfigFile> kFiles = {
    {"etc/portage/make.conf/50-gbox", ConfigFile::Kind::file, "A='1'\n"},
    {"etc/portage/make.profile", ConfigFile::Kind::symlink, "../../p"},
    {"etc/portage/package.use/50-gbox", ConfigFile::Kind::file, "a/b c\n"},
};

}  // namespace

TEST_CASE("an empty root gets all files, and a second time changes nothing") {
  const Tree root;
  write_config(root.fd(), kFiles);
  CHECK(root.read("etc/portage/make.conf/50-gbox") == "A='1'\n");
  CHECK(sys::readlinkat(root.fd(), "etc/portage/make.profile") == "../../p");
  CHECK(root.mode("etc/portage/package.use") == 0755);
  CHECK(root.mode("etc/portage/package.use/50-gbox") == 0644);
  const auto before = sys::fstatat(root.fd(), "etc/portage/make.conf/50-gbox", 0);
  write_config(root.fd(), kFiles);
  const auto after = sys::fstatat(root.fd(), "etc/portage/make.conf/50-gbox", 0);
  CHECK(before.st_ino == after.st_ino);  // not written again
}

TEST_CASE("a base's file stays in force beside ours") {
  Tree root;
  root.file("etc/portage/make.conf", "CHOST='x'\n").file("etc/portage/package.use/zz", "kept\n");
  write_config(root.fd(), kFiles);
  write_config(root.fd(), kFiles);
  CHECK(root.read("etc/portage/make.conf/00-base") == "CHOST='x'\n");
  CHECK(root.read("etc/portage/make.conf/50-gbox") == "A='1'\n");
  CHECK(root.read("etc/portage/package.use/zz") == "kept\n");
}

TEST_CASE("a link to a file counts as that file, a dangling one as nothing") {
  Tree root;
  root.directory("etc/portage").file("etc/make.conf", "OLD='1'\n");
  root.link("etc/portage/make.conf", "/etc/make.conf");  // absolute: within the root
  root.link("etc/portage/package.use", "nowhere");
  write_config(root.fd(), kFiles);
  CHECK(root.read("etc/portage/make.conf/00-base") == "OLD='1'\n");
  CHECK(root.read("etc/make.conf") == "OLD='1'\n");
  CHECK(!root.exists("etc/portage/package.use/00-base"));
  CHECK(root.read("etc/portage/package.use/50-gbox") == "a/b c\n");
}

TEST_CASE("links that lead out of the root are followed within it, never outside") {
  Tree outside;
  outside.file("secret", "s").directory("victim");
  const std::string before = std::to_string(sys::list_directory(outside.fd(), ".").size());
  for (const std::string planted :
       {"etc", "etc/portage", "etc/portage/make.conf", "etc/portage/package.use",
        "etc/portage/make.profile", "etc/portage/make.conf/50-gbox"})
    for (const std::string& target :
         {outside.path("victim"), outside.path("secret"), "../../../../.." + outside.path("victim"),
          std::string("/proc/self/root"), std::string(".")}) {
      CAPTURE(planted);
      CAPTURE(target);
      Tree root;
      const std::size_t slash = planted.rfind('/');
      if (slash != std::string::npos) root.directory(planted.substr(0, slash));
      root.link(planted, target);
      try {
        write_config(root.fd(), kFiles);
      } catch (const Error&) {
        // Refusing is as good as staying inside.
      }
      CHECK(sys::list_directory(outside.fd(), ".").size() == std::stoul(before));
      CHECK(sys::list_directory(sys::open(outside.path("victim"), O_RDONLY).get(), ".").empty());
      CHECK(outside.read("secret") == "s");
    }
}

TEST_CASE("a directory in the place of our file or link gives way") {
  Tree root;
  root.file("etc/portage/make.profile/parent", "x").file("etc/portage/make.conf/50-gbox/x", "y");
  write_config(root.fd(), kFiles);
  CHECK(sys::readlinkat(root.fd(), "etc/portage/make.profile") == "../../p");
  CHECK(root.read("etc/portage/make.conf/50-gbox") == "A='1'\n");
}

TEST_CASE("a config_dir is laid over /etc/portage, files and directories each their way") {
  Tree root;
  Tree source;
  source.file("make.conf", "B='2'\n", 0600)
      .file("bashrc", "true\n", 0755)
      .file("env/no-lto.conf", "C='3'\n")
      .file("package.use/mine", "x/y z\n")
      .directory("patches/a/b")
      .link("repo.postsync.d", "env");
  write_config(root.fd(), kFiles);
  copy_config_dir(source.fd(), root.fd(), kFiles);
  copy_config_dir(source.fd(), root.fd(), kFiles);
  CHECK(root.read("etc/portage/make.conf/60-config_dir") == "B='2'\n");
  CHECK(root.mode("etc/portage/make.conf/60-config_dir") == 0644);
  CHECK(root.mode("etc/portage/bashrc") == 0755);
  CHECK(root.read("etc/portage/env/no-lto.conf") == "C='3'\n");
  CHECK(root.read("etc/portage/package.use/mine") == "x/y z\n");
  CHECK(root.exists("etc/portage/patches/a/b"));
  CHECK(sys::readlinkat(root.fd(), "etc/portage/repo.postsync.d") == "env");
  CHECK(root.read("etc/portage/package.use/50-gbox") == "a/b c\n");
}

TEST_CASE("a config_dir cannot replace what the spec says") {
  for (const std::string path :
       {"make.conf/50-gbox", "package.use/50-gbox", "make.profile", "make.profile/parent"}) {
    CAPTURE(path);
    Tree root;
    Tree source;
    source.file(path, "x");
    write_config(root.fd(), kFiles);
    const std::string named = path == "make.profile/parent" ? "make.profile" : path;
    CHECK_THROWS_WITH(
        copy_config_dir(source.fd(), root.fd(), kFiles),
        ("'config_dir' holds '" + named + "', which gbox writes from the spec").c_str());
  }
}

TEST_CASE("a config_dir with a FIFO is refused, not waited for") {
  Tree root;
  Tree source;
  REQUIRE(::mkfifoat(source.fd(), "pipe", 0644) == 0);
  CHECK_THROWS_WITH(copy_config_dir(source.fd(), root.fd(), kFiles),
                    "'config_dir' holds 'pipe', which is no file, directory or link");
}
