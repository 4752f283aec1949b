// What is in an image: which ones a layout holds, and what takes the space.
#include <algorithm>

#include "cells.h"
#include "commands.h"
#include "gbox/base/text.h"
#include "gbox/build/image_usage.h"

namespace gbox::cli {

namespace {

constexpr std::size_t kShown = 15;  // lines of a list; --json has them all

std::string line_of(std::uint64_t bytes, std::uint64_t all, const std::string& name) {
  std::string percent = all == 0 ? "" : std::to_string(bytes * 100 / all) + '%';
  return right_aligned(human_size(bytes), 12) + right_aligned(std::move(percent), 6) + "  " +
         printable(name);
}

void print_shares(Console& console, const char* title, const std::vector<content::Share>& shares,
                  std::uint64_t all, const char* nameless) {
  if (shares.empty()) return;
  console.result_line("");
  console.result_line(title);
  std::uint64_t rest = 0;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    if (i < kShown)
      console.result_line(
          line_of(shares[i].bytes, all, shares[i].name.empty() ? nameless : shares[i].name));
    else
      rest += shares[i].bytes;
  }
  if (shares.size() > kShown)
    console.result_line(
        line_of(rest, all, "in " + std::to_string(shares.size() - kShown) + " more"));
}

std::string saved_text(const build::Saving& saving) {
  std::string text = saving.phase + ": " + saving.line;
  if (!saving.packages.empty()) text += " (" + counted(saving.packages.size(), "package") + ')';
  return text;
}

OrderedJson to_json(const std::vector<content::Share>& shares) {
  OrderedJson list = OrderedJson::array();
  for (const content::Share& share : shares)
    list.push_back(
        {{"name", printable(share.name)}, {"bytes", share.bytes}, {"files", share.files}});
  return list;
}

OrderedJson to_json(const build::ImageUsage& usage) {
  OrderedJson document = {{"subject", usage.subject},
                          {"root", usage.root},
                          {"bytes", usage.sizes.bytes},
                          {"files", usage.sizes.files}};
  document["packages"] = to_json(usage.sizes.packages);
  document["directories"] = to_json(usage.sizes.directories);
  document["would_save"] = to_json(usage.sizes.presets);
  document["saved"] = OrderedJson::array();
  for (const build::Saving& saving : usage.saved)
    document["saved"].push_back({{"phase", saving.phase},
                                 {"line", saving.line},
                                 {"bytes", saving.bytes},
                                 {"files", saving.files},
                                 {"packages", saving.packages}});
  return document;
}

}  // namespace

int cmd_image_du(const ImageUsageArgs& args, Console& console) {
  const build::ImageUsage usage = build::image_usage(args.store.directory, args.image, args.root,
                                                     args.keep_locales, console.progress());
  if (args.json) {
    console.result_line(to_json(usage).dump(2));
    return 0;
  }
  const content::Sizes& sizes = usage.sizes;
  console.result_line(
      human_size(sizes.bytes) + " in " + counted(sizes.files, "file") + " of " +
      (usage.by_package ? counted(usage.packages, "package") : std::string("unknown packages")) +
      (usage.root == "/" ? "" : ", below " + printable(usage.root)));
  if (usage.by_package)
    print_shares(console, "by package", sizes.packages, sizes.bytes, "(no package)");
  print_shares(console, "by directory", sizes.directories, sizes.bytes, "/");
  std::vector<content::Share> presets = sizes.presets;
  for (content::Share& preset : presets)
    preset.name = "trim \"" + preset.name + "\", " + counted(preset.files, "file");
  print_shares(console, "what trimming would save next", presets, sizes.bytes, "");
  if (usage.saved.empty()) return 0;
  console.result_line("");
  console.result_line("what the spec has saved");
  for (const build::Saving& saving : usage.saved)
    console.result_line(line_of(saving.bytes, 0, saved_text(saving)));
  return 0;
}

int cmd_image_ls(const ImageListArgs& args, Console& console) {
  const std::vector<build::ListedImage> images = build::list_images(args.image);
  if (args.json) {
    OrderedJson document = {{"images", OrderedJson::array()}};
    for (const build::ListedImage& image : images) {
      OrderedJson one = {{"reference", printable(image.reference)},
                         {"digest", image.digest},
                         {"platform", printable(image.platform)},
                         {"created", image.created},
                         {"size", image.size_bytes},
                         {"layers", OrderedJson::array()}};
      for (const build::ListedLayer& layer : image.layers)
        one["layers"].push_back({{"digest", layer.digest},
                                 {"size", layer.size_bytes},
                                 {"created_by", printable(layer.created_by)}});
      document["images"].push_back(std::move(one));
    }
    console.result_line(document.dump(2));
    return 0;
  }
  for (const build::ListedImage& image : images) {
    console.result_line((image.reference.empty() ? "(no name)" : printable(image.reference)) +
                        "  " + image.digest + "  " + printable(image.platform) + "  " +
                        human_size(image.size_bytes) + "  " + image.created);
    for (const build::ListedLayer& layer : image.layers)
      console.result_line("  " + layer.digest.substr(0, 19) +
                          right_aligned(human_size(layer.size_bytes), 12) + "  " +
                          printable(layer.created_by));
  }
  return 0;
}

}  // namespace gbox::cli
