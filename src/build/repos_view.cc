#include "repos_view.h"

#include <optional>

#include "gbox/base/text.h"
#include "gbox/oci/reader.h"
#include "gbox/portage/config.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/fd.h"
#include "gbox/sys/mount.h"
#include "import.h"
#include "root.h"

namespace gbox::build {

namespace {

constexpr char kRepositories[] = "var/db/repos";
constexpr std::size_t kMaxRepositories = 100;  // each is a mount

// No component may be a link: it would be followed in the image, but to a place that is no
// repository, such as its /etc.
std::optional<sys::Fd> open_repositories_directory(int rootfd) {
  try {
    return sys::try_open_beneath(rootfd, kRepositories, O_RDONLY | O_DIRECTORY,
                                 sys::Resolve::no_symlinks);
  } catch (Error& error) {
    error.add_code(ExitCode::input);
    throw error.set_hint("'/var', '/var/db' and '/var/db/repos' must be directories of the image");
  }
}

std::vector<sandbox::Mount> mounts_in(int rootfd) {
  const auto directory = open_repositories_directory(rootfd);
  std::vector<std::string> names;
  if (directory) names = sys::list_directory(directory->get(), kRepositories);
  if (names.empty())
    throw Error("it holds no ebuild repositories: '/var/db/repos' is " +
                    std::string(directory ? "empty" : "missing"),
                ExitCode::input)
        .set_hint("'gbox build --repos-output oci:DIR' writes an image that does");
  if (names.size() > kMaxRepositories)
    throw Error("it holds " + std::to_string(names.size()) + " ebuild repositories, more than " +
                    std::to_string(kMaxRepositories),
                ExitCode::input);
  std::vector<sandbox::Mount> mounts;
  for (const std::string& name : names) {
    const struct stat status = sys::fstatat(directory->get(), name, AT_SYMLINK_NOFOLLOW);
    const std::string location = portage::repository_location(name);
    if (!S_ISDIR(status.st_mode))
      throw Error(quoted(location) + " is " +
                      (S_ISLNK(status.st_mode) ? "a symbolic link" : "not a directory"),
                  ExitCode::input)
          .set_hint("each entry of '/var/db/repos' must be the directory of a repository");
    mounts.push_back(
        sandbox::bind_mount(directory->get(), name, location, sandbox::Access::read_only));
  }
  return mounts;
}

}  // namespace

std::vector<sandbox::Mount> repository_mounts(store::Store& store, const store::Work& work,
                                              const std::string& image, Observer& observer) {
  return with_context("'--with-repos " + printable(image) + '\'', [&] {
    const oci::LayoutReader reader(oci::parse_source(image));
    const oci::Image found = reader.pick();
    const std::vector<std::string> snapshots = import_layers(store, reader, found, observer);
    MountedChain chain = mount_chain(store, snapshots);
    const sys::AttachedMount view(chain.take(), work.path());
    return mounts_in(view.fd());
  });
}

}  // namespace gbox::build
