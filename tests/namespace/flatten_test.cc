// Merged layers against the kernel: layers that real overlays wrote by random deeds, and what an
// overlay shows of them before and after they are merged. The deeds of a seed are always the same.
#include "gbox/layer/flatten.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <cerrno>
#include <map>
#include <random>

#include "fixture.h"
#include "gbox/base/digest.h"
#include "gbox/base/text.h"
#include "gbox/sys/mount.h"
#include "hands.h"

using namespace gbox;
using namespace gbox::layer;
using namespace gbox::layer::test;

namespace {

constexpr unsigned kSeeds = 24;
constexpr int kDeedsPerLayer = 120;

}  // namespace

TEST_CASE("an overlay of merged layers shows what the overlay of the layers shows") {
  std::uint64_t whiteouts = 0;
  std::uint64_t opaque = 0;
  for (unsigned seed = 1; seed <= kSeeds; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    Chain chain;
    (void)chain.make("empty");
    std::vector<std::string> names;  // lowest first
    const std::size_t count = 3 + seed % 5;
    for (std::size_t i = 0; i < count; ++i) {
      names.push_back(std::to_string(i));
      (void)chain.make(names[i]);
      std::vector<std::string> lowers(names.begin(), names.end() - 1);
      const sys::Fd mounted =
          chain.mount(reversed(lowers) + std::vector<std::string>{"empty"}, names[i]);
      Hands hands(mounted.get(), random);
      for (int deed = 0; deed < kDeedsPerLayer; ++deed) hands.act();
    }
    const std::vector<std::string> all = reversed(names);
    const std::string expected = chain.description(all);
    const std::size_t cut = 1 + random() % (count - 1);
    const std::vector<std::string> low(names.begin(), names.begin() + static_cast<long>(cut));
    const std::vector<std::string> high(names.begin() + static_cast<long>(cut), names.end());

    // The upper part over the lower one, as a chain of checkpoints is.
    const FlattenSummary summary = chain.merge(high, reversed(low), "high");
    whiteouts += summary.whiteouts;
    opaque += summary.opaque;
    CHECK(chain.description(std::vector<std::string>{"high"} + reversed(low)) == expected);
    // The lower part over nothing: no mark is left.
    const FlattenSummary bare = chain.merge(low, {}, "low");
    CHECK(bare.whiteouts + bare.opaque == 0);
    CHECK(chain.description({"high", "low"}) == expected);
    // Checkpoints of checkpoints, and all at once.
    (void)chain.merge({"low", "high"}, {}, "both");
    CHECK(chain.description({"both", "empty"}) == expected);
    (void)chain.merge(names, {}, "whole");
    CHECK(chain.description({"whole", "empty"}) == expected);
    // The layers themselves are as they were.
    REQUIRE(chain.description(all) == expected);

    // A step upon a checkpoint can change and remove everything.
    (void)chain.make("upper");
    const sys::Fd mounted = chain.mount({"high", "low"}, "upper");
    Hands hands(mounted.get(), random);
    for (int deed = 0; deed < kDeedsPerLayer; ++deed) hands.act();
    for (const char* name : {"a", "b", "c", "d", "e", "f"}) sys::remove_tree(mounted.get(), name);
    CHECK(
        sys::list_directory(sys::openat(mounted.get(), ".", O_RDONLY | O_DIRECTORY).get(), "merged")
            .empty());
    REQUIRE(chain.description({"high", "low"}) == expected);
  }
  // The deeds were worth it.
  CHECK(whiteouts > 20);
  CHECK(opaque > 10);
}

TEST_CASE("a mark on a layer's root means nothing to overlayfs, nor when layers are merged") {
  Chain chain;
  const sys::Fd base = chain.make("base");
  sys::write_file_atomically(base.get(), "x", "x");
  const sys::Fd layer = chain.make("layer");
  REQUIRE(::fsetxattr(layer.get(), "user.overlay.opaque", "y", 1, 0) == 0);
  const std::string expected = chain.description({"layer", "base"});
  CHECK(expected.find("/x mode") != std::string::npos);
  (void)chain.merge({"layer"}, {"base"}, "merged");
  CHECK(chain.description({"merged", "base"}) == expected);
}
