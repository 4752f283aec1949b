#include "gbox/portage/manifest.h"

#include <algorithm>
#include <array>

#include "answer.h"
#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/sys/fd.h"

namespace gbox::portage {

namespace {

[[noreturn]] void refuse(std::size_t line, const std::string& why) {
  throw Error("line " + std::to_string(line) + ": " + why, ExitCode::input)
      .set_hint("the repository is damaged: fetch it again");
}

std::uint64_t size_of(const std::string& text, std::size_t line) {
  const auto size = whole_number<std::uint64_t>(text);
  if (!size || *size > kMaxDistfileBytes) refuse(line, quoted(text) + " is no size");
  return *size;
}

void add_digest(Distfile& file, const std::string& name, const std::string& hex, std::size_t line) {
  static constexpr std::array<std::pair<std::string_view, HashAlgorithm>, 3> kKnown = {
      {{"BLAKE2B", HashAlgorithm::blake2b},
       {"SHA512", HashAlgorithm::sha512},
       {"SHA256", HashAlgorithm::sha256}}};
  for (const auto& [known, algorithm] : kKnown) {
    if (name != known) continue;
    try {
      file.digests.emplace_back(algorithm, hex);
    } catch (const Error& error) {
      refuse(line, error.message());
    }
  }
}

// A digest of the same algorithm that is another.
bool differ(const std::vector<Digest>& a, const std::vector<Digest>& b) {
  return std::any_of(a.begin(), a.end(), [&](const Digest& digest) {
    return std::any_of(b.begin(), b.end(), [&](const Digest& other) {
      return digest.algorithm() == other.algorithm() && digest != other;
    });
  });
}

// Takes the file of that name out of the packages of a plan that was read from text.
std::optional<Distfile> take(EmergePlan& plan, const std::string& name) {
  for (PlannedPackage& package : plan.packages) {
    const auto found = std::find_if(package.distfiles.begin(), package.distfiles.end(),
                                    [&](const Distfile& file) { return file.name == name; });
    if (found == package.distfiles.end()) continue;
    Distfile file = std::move(*found);
    package.distfiles.erase(found);
    return file;
  }
  return std::nullopt;
}

}  // namespace

std::vector<Distfile> parse_manifest(std::string_view text) {
  std::vector<Distfile> files;
  std::size_t number = 0;
  for (const std::string& line : split(text, '\n')) {
    ++number;
    const std::vector<std::string> words = split_words(line);
    if (words.empty() || words[0] != "DIST") continue;
    if (words.size() < 5 || words.size() % 2 == 0) refuse(number, "a 'DIST' line is cut short");
    Distfile file;
    file.name = words[1];
    if (!ask::is_distfile_name(file.name)) refuse(number, quoted(file.name) + " is no file's name");
    file.size = size_of(words[2], number);
    for (std::size_t i = 3; i + 1 < words.size(); i += 2)
      add_digest(file, words[i], words[i + 1], number);
    files.push_back(std::move(file));
  }
  return files;
}

std::vector<Distfile> read_manifest(int fd) {
  std::string text;
  std::array<std::byte, 65536> buffer;
  while (const std::size_t count = sys::read_full(fd, buffer, "the Manifest")) {
    if (text.size() + count > kMaxManifestBytes)
      throw Error("it is larger than " + human_size(kMaxManifestBytes), ExitCode::input);
    for (std::size_t i = 0; i < count; ++i) text += static_cast<char>(buffer[i]);
  }
  return parse_manifest(text);
}

void apply_manifest(EmergePlan& plan, PlannedPackage& package,
                    const std::vector<Distfile>& manifest) {
  if (plan.source == EmergePlan::Source::text)
    for (const Distfile& known : manifest)
      if (auto file = take(plan, known.name)) package.distfiles.push_back(std::move(*file));
  for (Distfile& file : package.distfiles) {
    const auto known = std::find_if(manifest.begin(), manifest.end(),
                                    [&](const Distfile& entry) { return entry.name == file.name; });
    if (known == manifest.end()) continue;
    if ((file.size && file.size != known->size) || differ(file.digests, known->digests))
      throw Error("the image's Portage gives another size or digest for " + quoted(file.name) +
                      " of " + quoted(package.id.cpv) + " than this Manifest",
                  ExitCode::plan)
          .set_hint(
              "another repository of the same name is in the image, or the image is not "
              "to be trusted");
    file.size = known->size;
    file.digests = known->digests;
  }
}

}  // namespace gbox::portage
