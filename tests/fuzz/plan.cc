// What the plan helper, which runs in the image, prints; and what emerge does.
#include "gbox/portage/emerge_plan.h"
#include "target.h"

using namespace gbox;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  fuzz::refusing([&] {
    std::string why;
    const auto plan = portage::parse_emerge_plan(text, &why);
    if (!plan) return;
    for (const portage::PlannedPackage& package : plan->packages)
      fuzz::require(package.id.cpv.find('/') != std::string::npos &&
                        package.id.cpv.find("..") == std::string::npos,
                    "a package has a category and no way up");
  });
  fuzz::refusing([&] {
    const std::size_t half = text.size() / 2;
    (void)portage::parse_emerge_text(text.substr(0, half), text.substr(half));
  });
  return 0;
}
