// What differs between two images, and what goes with one (`gbox image diff|sbom`); `gbox verify`,
// which builds one again to see whether anything does.
#include <algorithm>

#include "commands.h"
#include "gbox/base/json.h"
#include "gbox/base/text.h"
#include "gbox/build/compare.h"
#include "gbox/build/describe.h"

namespace gbox::cli {

namespace {

using build::FileDifference;
using build::ImageDifference;

constexpr std::size_t kMostFiles = 200;  // for people; JSON has all of them
constexpr std::size_t kMostCauses = 1000;

std::string signed_size(std::uint64_t before, std::uint64_t after) {
  return after >= before ? "+" + human_size(after - before) : "-" + human_size(before - after);
}

std::string use_text(const build::PackageDifference& package) {
  std::vector<std::string> words;
  for (const std::string& flag : package.use_added) words.push_back("+" + printable(flag));
  for (const std::string& flag : package.use_removed) words.push_back("-" + printable(flag));
  return words.empty() ? "" : "  USE " + join(words, " ");
}

std::string mark_of(FileDifference::Kind kind) {
  if (kind == FileDifference::Kind::added) return "+";
  return kind == FileDifference::Kind::removed ? "-" : "~";
}

std::string words_of(FileDifference::Kind kind) {
  if (kind == FileDifference::Kind::added) return "added";
  return kind == FileDifference::Kind::removed ? "removed" : "changed";
}

std::string file_line(const FileDifference& file) {
  std::string line = mark_of(file.kind) + ' ' + printable(file.path);
  if (!file.what.empty()) line += "  " + printable(join(file.what, ", "));
  if (file.size_before != file.size_after)
    line += "  " + signed_size(file.size_before, file.size_after);
  if (!file.package.empty()) line += "  (" + printable(file.package) + ')';
  if (!file.cause.empty()) line += ": " + file.cause;
  return line;
}

void print_packages(const ImageDifference& difference, Console& console) {
  for (const build::PackageDifference& package : difference.packages) {
    const std::string name = printable(package.name);
    if (package.before.empty())
      console.result_line("+ " + name + ' ' + printable(package.after));
    else if (package.after.empty())
      console.result_line("- " + name + ' ' + printable(package.before));
    else if (package.before == package.after)
      console.result_line("~ " + name + ' ' + printable(package.after) + use_text(package));
    else
      console.result_line("~ " + name + ' ' + printable(package.before) + " → " +
                          printable(package.after) + use_text(package));
  }
}

void print_files(const ImageDifference& difference, std::size_t most, Console& console) {
  std::size_t shown = 0;
  for (const FileDifference& file : difference.files) {
    if (++shown > most) break;
    console.result_line(file_line(file));
  }
  if (difference.files.size() > most)
    console.result_line("  and " + std::to_string(difference.files.size() - most) +
                        " more files: '--json' has all of them");
}

void print_difference(const ImageDifference& difference, std::size_t most_files, Console& console) {
  print_packages(difference, console);
  for (const build::ConfigDifference& field : difference.config)
    console.result_line("~ config " + printable(field.field) + ": " +
                        (field.before.empty() ? "none" : quoted(field.before)) + " → " +
                        (field.after.empty() ? "none" : quoted(field.after)));
  print_files(difference, most_files, console);
}

OrderedJson json_of(const build::ImageSummary& image) {
  return {{"image", image.place},
          {"digest", image.digest},
          {"compressed_bytes", image.compressed_bytes},
          {"content_bytes", image.content_bytes},
          {"files", image.files},
          {"packages", image.packages},
          {"layers", image.layers}};
}

OrderedJson json_of(const ImageDifference& difference) {
  OrderedJson packages = OrderedJson::array();
  for (const build::PackageDifference& each : difference.packages)
    packages.push_back(OrderedJson{{"name", printable(each.name)},
                                   {"before", printable(each.before)},
                                   {"after", printable(each.after)},
                                   {"use_added", each.use_added},
                                   {"use_removed", each.use_removed}});
  OrderedJson files = OrderedJson::array();
  for (const FileDifference& each : difference.files) {
    OrderedJson file = {{"path", printable(each.path)}, {"change", words_of(each.kind)}};
    if (!each.what.empty()) file["what"] = each.what;
    if (!each.package.empty()) file["package"] = printable(each.package);
    file["size_before"] = each.size_before;
    file["size_after"] = each.size_after;
    if (!each.cause.empty()) file["cause"] = each.cause;
    files.push_back(std::move(file));
  }
  OrderedJson config = OrderedJson::array();
  for (const build::ConfigDifference& each : difference.config)
    config.push_back(OrderedJson{{"field", printable(each.field)},
                                 {"before", printable(each.before)},
                                 {"after", printable(each.after)}});
  return {{"equal", difference.is_equal()},        {"before", json_of(difference.before)},
          {"after", json_of(difference.after)},    {"new_bytes", difference.new_bytes},
          {"same_layers", difference.same_layers}, {"packages", std::move(packages)},
          {"config", std::move(config)},           {"files", std::move(files)}};
}

std::string short_digest(const std::string& digest) {
  return digest.substr(0, digest.find(':') + 13);
}

}  // namespace

int cmd_image_diff(const ImageDiffArgs& args, Console& console) {
  const ImageDifference difference =
      build::compare_images(args.store.directory, args.before, args.after, console.progress());
  if (args.json) {
    console.result_line(json_of(difference).dump(2));
    return 0;
  }
  if (difference.is_equal()) {
    console.result_line("the same image, " + difference.after.digest);
    return 0;
  }
  print_difference(difference, kMostFiles, console);
  console.result_line(human_size(difference.before.content_bytes) + " → " +
                      human_size(difference.after.content_bytes) + " of files, " +
                      human_size(difference.before.compressed_bytes) + " → " +
                      human_size(difference.after.compressed_bytes) + " compressed; " +
                      std::to_string(difference.same_layers) + " of " +
                      std::to_string(difference.after.layers) + " layers are the same, " +
                      human_size(difference.new_bytes) + " are new");
  return 0;
}

int cmd_image_sbom(const ImageSbomArgs& args, Console& console) {
  console.result(build::attached_bill(args.image, args.format));
  return 0;
}

int cmd_verify(const VerifyArgs& args, Console& console) {
  build::RebuildRequest request;
  request.build.spec.path = args.spec.path;
  for (const auto& [name, value] : args.spec.set) request.build.spec.overrides[name] = value;
  request.build.sources = {args.inputs.locked, args.inputs.offline, args.inputs.ca,
                           args.inputs.keyring};
  request.build.store = args.store.directory;
  request.build.effort = args.effort;
  request.build.secrets = args.secrets;
  request.image = args.image;
  request.scratch = args.scratch;
  const ImageDifference difference = build::rebuild(request, console.progress());
  if (args.json) console.result_line(json_of(difference).dump(2));
  if (difference.is_equal()) {
    if (!args.json)
      console.result_line("built again to the same image, " + difference.after.digest);
    return 0;
  }
  if (!args.json) print_difference(difference, kMostCauses, console);
  throw Error("verify: built again, the image is " + short_digest(difference.after.digest) +
                  " instead of " + short_digest(difference.before.digest) + ": " +
                  std::to_string(difference.files.size()) + " files, " +
                  std::to_string(difference.packages.size()) + " packages and " +
                  std::to_string(difference.config.size()) + " fields of its configuration differ",
              ExitCode::image)
      .set_hint(
          "each is listed with its likely cause; what a script makes by itself can go by "
          "'$SOURCE_DATE_EPOCH', or be removed in the phase that makes it");
}

}  // namespace gbox::cli
