// Small repositories as real ones are laid out, for tests of what reads them: profiles, lists and
// md5-cache entries, without sums (which the reader then does not compare).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "../tree.h"
#include "gbox/portage/repository.h"
#include "gbox/portage/tree_index.h"

namespace gbox::test {

using Keys = std::vector<std::pair<std::string, std::string>>;

// An ebuild and its cache entry; SLOT, EAPI and KEYWORDS have defaults that `keys` replace.
inline void add_ebuild(Tree& tree, const std::string& category, const std::string& name,
                       const std::string& version, const Keys& keys = {}) {
  const std::string pf = name + '-' + version;
  tree.file(category + '/' + name + '/' + pf + ".ebuild", "EAPI=8\n");
  Keys all = {{"EAPI", "8"}, {"SLOT", "0"}, {"KEYWORDS", "amd64"}, {"LICENSE", "GPL-2"}};
  for (const auto& [key, value] : keys) {
    bool replaced = false;
    for (auto& [known, old] : all)
      if (known == key) {
        old = value;
        replaced = true;
      }
    if (!replaced) all.emplace_back(key, value);
  }
  std::string text;
  for (const auto& [key, value] : all) text += key + '=' + value + '\n';
  tree.file("metadata/md5-cache/" + category + '/' + pf, text);
}

inline void make_repository(Tree& tree, const std::string& name, const std::string& masters) {
  tree.file("profiles/repo_name", name + '\n')
      .file("metadata/layout.conf", "masters =" + (masters.empty() ? "" : ' ' + masters) + '\n')
      .file("profiles/categories", "app-editors\ndev-lang\nsys-kernel\nwww-servers\nacct-user\n");
}

// A repository 'gentoo' with a profile 'default/linux/amd64' and what most tests ask about.
inline Tree sample_gentoo() {
  Tree tree;
  make_repository(tree, "gentoo", "");
  tree.file("profiles/arch.list", "amd64\narm64\n")
      .file("profiles/use.desc", "# global\nssl - Encrypt\nipv6 - Newer addresses\n")
      .file("profiles/use.local.desc", "dev-lang/php:fpm - Process manager\n")
      .file("profiles/desc/python_targets.desc", "python3_12 - 3.12\npython3_13 - 3.13\n")
      .file("profiles/desc/cpu_flags_x86.desc", "avx - a\nsse2 - b\n")
      .file("profiles/license_groups", "FREE @OSI\nOSI GPL-2 MIT\nEULA linux-fw\n")
      .file("profiles/profiles.desc",
            "amd64 default/linux/amd64 stable\namd64 default/linux/amd64/odd exp\n")
      .file("licenses/GPL-2", "")
      .file("licenses/MIT", "")
      .file("licenses/linux-fw", "")
      .file("profiles/base/make.defaults",
            "USE_EXPAND=\"PYTHON_TARGETS CPU_FLAGS_X86\"\n"
            "USE_EXPAND_IMPLICIT=\"ARCH\"\nUSE_EXPAND_UNPREFIXED=\"ARCH\"\n"
            "USE_EXPAND_VALUES_ARCH=\"amd64 arm64\"\nIUSE_IMPLICIT=\"prefix\"\n"
            "ACCEPT_LICENSE=\"-* @FREE\"\nPYTHON_TARGETS=\"python3_13\"\nUSE=\"ssl\"\n")
      .file("profiles/base/use.mask", "systemd\narm-only\n")
      .file("profiles/base/use.force", "\n")
      .file("profiles/default/linux/amd64/parent", "../../../base\n")
      .file("profiles/default/linux/amd64/make.defaults",
            "ARCH=\"amd64\"\nACCEPT_KEYWORDS=\"${ARCH}\"\n")
      .file("profiles/default/linux/amd64/package.use.force", "dev-lang/php cli\n");
  add_ebuild(tree, "dev-lang", "php", "8.3.1",
             {{"SLOT", "8.3"},
              {"IUSE", "+cli fpm sqlite apache2 threads systemd"},
              {"REQUIRED_USE", "apache2? ( threads )"}});
  add_ebuild(tree, "dev-lang", "php", "8.4.0",
             {{"SLOT", "8.4"}, {"KEYWORDS", "~amd64"}, {"IUSE", "+cli fpm jit"}});
  add_ebuild(tree, "www-servers", "nginx", "1.26");
  add_ebuild(tree, "acct-user", "nginx", "0");
  add_ebuild(tree, "app-editors", "young", "1", {{"KEYWORDS", "~amd64 arm64"}});
  add_ebuild(tree, "sys-kernel", "firmware", "20260101", {{"LICENSE", "linux-fw"}});
  return tree;
}

inline portage::CheckedRepository checked(const Tree& tree, const std::string& name) {
  return {name, tree.path(), sys::open(tree.path(), O_RDONLY | O_DIRECTORY), {}};
}

}  // namespace gbox::test
