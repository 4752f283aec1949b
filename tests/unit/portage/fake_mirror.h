// Mirrors for tests of resolvers: all hold data/openpgp/mirror, but for what a test changes.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "gbox/portage/mirror.h"
#include "openpgp_fixture.h"

namespace gbox::test {

class FakeMirrors : public portage::Downloader {
 public:
  // On `mirror` (or "*", all), `path` has this content, or is not there.
  FakeMirrors& with(const std::string& mirror, const std::string& path,
                    std::optional<std::string> content) {
    changed_[{mirror, path}] = std::move(content);
    return *this;
  }
  FakeMirrors& without(const std::string& path) { return with("*", path, std::nullopt); }
  FakeMirrors& down(const std::string& mirror) {
    down_ = mirror;
    return *this;
  }

  std::optional<std::string> text(const std::string& mirror, const std::string& path,
                                  std::uint64_t) override {
    asked.push_back(path);
    if (mirror == down_)
      throw Error("connect to 'down.example': no answer", ExitCode::input).set_hint("wait");
    for (const std::string& who : {mirror, std::string("*")})
      if (const auto found = changed_.find({who, path}); found != changed_.end())
        return found->second;
    if (path.ends_with('/')) return std::nullopt;
    return sys::try_read_file(AT_FDCWD, openpgp_path("mirror/" + path));
  }

  std::vector<std::string> asked;

 private:
  std::map<std::pair<std::string, std::string>, std::optional<std::string>> changed_;
  std::string down_;
};

}  // namespace gbox::test
