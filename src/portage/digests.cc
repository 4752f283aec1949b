#include "gbox/portage/digests.h"

#include <algorithm>
#include <functional>

#include "gbox/base/text.h"
#include "gbox/portage/openpgp.h"

namespace gbox::portage {

namespace {

constexpr std::size_t kMaxNameBytes = 255;

struct Heading {
  std::string_view word;
  HashAlgorithm algorithm;
};
constexpr Heading kHeadings[] = {{"BLAKE2B", HashAlgorithm::blake2b},
                                 {"SHA512", HashAlgorithm::sha512},
                                 {"SHA256", HashAlgorithm::sha256}};

struct DigestLine {
  std::optional<HashAlgorithm> algorithm;  // nullopt: one that is not known
  std::string hex;
  std::string file;
};

std::optional<HashAlgorithm> algorithm_named(std::string_view word) {
  for (const Heading& heading : kHeadings)
    if (heading.word == word) return heading.algorithm;
  return std::nullopt;
}

void for_each_line(std::string_view text, std::optional<HashAlgorithm> bare,
                   const std::function<void(const DigestLine&)>& action) {
  std::optional<HashAlgorithm> current = bare;
  std::size_t count = 0;
  for (const std::string& line : split(text, '\n')) {
    if (++count > kMaxLines)
      throw Error("it has more than " + std::to_string(kMaxLines) + " lines", ExitCode::input);
    std::vector<std::string> words = split_words(line);
    if (words.empty()) continue;
    if (words[0] == "#") {  // "# SHA512 HASH"; other comments change nothing
      if (words.size() == 3 && words[2] == "HASH") current = algorithm_named(words[1]);
      continue;
    }
    if (words.size() != 2 || words[0].front() == '#') continue;
    if (words[1].front() == '*') words[1].erase(0, 1);  // sha512sum's mark of binary mode
    if (words[1].empty() || words[1].size() > kMaxNameBytes ||
        words[1].find('/') != std::string::npos || words[1] == "." || words[1] == "..")
      continue;
    std::transform(words[0].begin(), words[0].end(), words[0].begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    action({current, words[0], words[1]});
  }
}

}  // namespace

std::vector<Digest> digests_for(std::string_view text, const std::string& file,
                                std::string_view list, std::optional<HashAlgorithm> bare) {
  std::vector<Digest> digests;
  bool named = false;
  with_context("read " + quoted(list), [&] {
    for_each_line(text, bare, [&](const DigestLine& line) {
      if (line.file != file) return;
      named = true;
      if (!line.algorithm) return;
      const Digest digest(*line.algorithm, line.hex);  // refuses what is no such digest
      const auto known = std::find_if(digests.begin(), digests.end(), [&](const Digest& other) {
        return other.algorithm() == digest.algorithm();
      });
      if (known == digests.end())
        digests.push_back(digest);
      else if (*known != digest)
        throw Error(
            "it gives two " + std::string(digest.algorithm_name()) + " digests of " + quoted(file),
            ExitCode::input)
            .set_hint("the mirror's file is damaged; try another mirror");
    });
  });
  if (!named)
    throw SignatureError(SignatureFault::something_else,
                         "verify " + quoted(file) + ": " + quoted(list) + " does not name it",
                         "the mirror gives the digests of something else; try another mirror");
  if (digests.empty())
    throw Error("verify " + quoted(file) + ": " + quoted(list) +
                    " has no BLAKE2b, SHA-512 or SHA-256 digest of it",
                ExitCode::input)
        .set_hint("try another mirror");
  return digests;
}

std::vector<std::string> files_in_digests(std::string_view text) {
  std::vector<std::string> files;
  for_each_line(text, std::nullopt, [&](const DigestLine& line) {
    if (std::find(files.begin(), files.end(), line.file) == files.end()) files.push_back(line.file);
  });
  return files;
}

}  // namespace gbox::portage
