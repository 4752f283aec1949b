#include "labels.h"

#include <doctest/doctest.h>

using namespace gbox;
using namespace gbox::build;

using Labels = std::map<std::string, std::string>;

namespace {

Labels labels_of(const std::string& text) {
  return own_labels(spec::read_spec("s", "name='x'\n" + text), {});
}

}  // namespace

TEST_CASE("an image says for what processor it is, of several -march the last") {
  CHECK(labels_of("base.tarball='t'").empty());
  CHECK(labels_of("base.tarball='t'\nportage.common_flags='-O2 -pipe'").empty());
  CHECK(labels_of("base.tarball='t'\nportage.common_flags='-march=znver3 -mno-avx -O2'") ==
        Labels{{"gbox.march", "znver3"}});
  CHECK(labels_of("base.tarball='t'\nportage.common_flags='-march=x86-64 -march=x86-64-v3'") ==
        Labels{{"gbox.march", "x86-64-v3"}});
}

TEST_CASE("an image names what was taken without a signature") {
  CHECK(labels_of("base={stage3='openrc',verify=false}") == Labels{{"gbox.unverified", "base"}});
  CHECK(labels_of("base.stage3='openrc'\nrepos.gentoo={snapshot='latest'}").empty());
  CHECK(labels_of("base={stage3='openrc',verify=false}\n"
                  "repos.gentoo={snapshot='latest',verify=false}\nrepos.own={path='own'}\n"
                  "[[binhost]]\nname='demo'\nuri='/x'\nverify_signature=false\n"
                  "[[binhost]]\nname='sure'\nuri='/y'\n") ==
        Labels{{"gbox.unverified", "base gentoo demo"}});
}
