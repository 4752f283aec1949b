#include "root_effects.h"

#include "gbox/portage/command.h"
#include "gbox/sys/file.h"
#include "root_effects_text.h"

namespace gbox::build {

namespace {

constexpr const char* kEffectsPlace = "/run/gbox";
constexpr const char* kProgram = "/run/gbox/root-effects";
// Before /usr/bin in every PATH that Portage or gbox give, and nobody's.
constexpr const char* kEselect = "/usr/local/sbin/eselect";

// No python is started where there is no ROOT.
constexpr std::string_view kEselectScript = R"(#!/bin/sh
case ${ROOT:-/} in
  /) exec /usr/bin/eselect "$@" ;;
  *) exec python3 -I /run/gbox/root-effects eselect "$@" ;;
esac
)";

}  // namespace

std::vector<sandbox::Mount> root_effects_mounts(const std::string& directory, MayWait may_wait) {
  sys::ensure_directories(AT_FDCWD, directory, 0755);
  const sys::Fd fd = sys::open(directory, O_RDONLY | O_DIRECTORY);
  sys::write_file_atomically(fd.get(), "root-effects", root_effects_text(), 0644);
  sys::write_file_atomically(fd.get(), "eselect", kEselectScript, 0755);
  if (may_wait == MayWait::yes) sys::write_file_atomically(fd.get(), "may-wait", "", 0644);
  std::vector<sandbox::Mount> mounts;
  mounts.push_back(sandbox::bind_mount(fd.get(), ".", kEffectsPlace, sandbox::Access::read_only));
  sandbox::Mount eselect =
      sandbox::bind_mount(fd.get(), "eselect", kEselect, sandbox::Access::read_only);
  eselect.kind = sandbox::Mount::Kind::file;
  mounts.push_back(std::move(eselect));
  return mounts;
}

Deed finish_root_deed(const std::string& root) {
  return {
      "settle " + root, {"python3", "-I", kProgram, "finish", root}, portage::base_environment()};
}

}  // namespace gbox::build
