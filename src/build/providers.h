// Who would bring what an image lacks: packages installed in the build or kept in the store, and
// the step that took it out. Looked at only when something is lacking: it reads databases.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gbox/content/owners.h"
#include "gbox/store/store.h"
#include "image.h"
#include "root.h"

namespace gbox::build {

struct Provider {
  std::string package;  // "dev-libs/icu-74.2"
  std::string path;     // what it installs there; empty: only the name is known
};

class Providers {
 public:
  // `steps` in order; `root` is the output's. All borrowed.
  Providers(store::Store& store, const std::vector<Built>& steps, std::string root);

  // Of a library by its soname, or of an absolute path of the image.
  [[nodiscard]] std::optional<Provider> find(const std::string& what);
  // Who owns a file of the image, "" if nobody does.
  [[nodiscard]] std::string owner(const std::string& path);
  // The phase that removed what was at this path of the image; "" when it was never there.
  [[nodiscard]] std::string remover(const std::string& path);

 private:
  [[nodiscard]] const MountedChain& prefix(std::size_t steps);
  // Of '/' or of the output's root, after so many steps; nullptr when there is no database.
  [[nodiscard]] const content::Owners* owners(std::size_t steps, const std::string& root);
  [[nodiscard]] bool there(std::size_t steps, const std::string& path);
  [[nodiscard]] std::optional<Provider> in_packages(const std::string& soname) const;

  store::Store& store_;
  const std::vector<Built>& steps_;
  std::string root_;
  std::map<std::size_t, MountedChain> prefixes_;
  std::map<std::pair<std::size_t, std::string>, std::optional<content::Owners>> owners_;
};

}  // namespace gbox::build
