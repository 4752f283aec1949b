// What files hash to that are not called by a digest: source archives by their names, packages of
// hosts by their places.
//   digests/HEX.json  {"version": 1, "path", "digest"}; HEX is the SHA-256 of the path, "digest" is
//                     as in "blake2b:…". What is torn is as good as absent.
#include "digests.h"

#include <unistd.h>

#include "gbox/base/json.h"
#include "gbox/sys/file.h"
#include "impl.h"

namespace gbox::store {

namespace {

constexpr std::uint64_t kDigestsVersion = 1;
constexpr std::string_view kNote = "a file's digest";

std::string note_of(std::string_view path) {
  return "digests/" + sha256(path).hex() + ".json";
}

std::optional<NotedDigest> parse_note(const std::string& text) {
  try {
    const Json json = parse_json(text, kNote);
    if (json_size(json, "version", kNote) != kDigestsVersion) return std::nullopt;
    return NotedDigest{json_string(json, "path", kNote),
                       Digest::parse(json_string(json, "digest", kNote))};
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

std::vector<NotedDigest> noted_digests(int root) {
  std::vector<NotedDigest> notes;
  for (const std::string& name : list(root, "digests")) {
    const auto text = sys::try_read_file(root, "digests/" + name);
    if (!text) continue;
    if (auto note = parse_note(*text); note && note_of(note->path) == "digests/" + name)
      notes.push_back(std::move(*note));
  }
  return notes;
}

void forget_digest(int root, const std::string& path) {
  (void)::unlinkat(root, note_of(path).c_str(), 0);  // gone already is as good
}

void Store::note_digest(const std::string& path, const Digest& digest) {
  const std::string file = note_of(path);
  if (const auto text = sys::try_read_file(fd(), file))
    if (const auto note = parse_note(*text); note && note->path == path && note->digest == digest)
      return;
  const Json note = {{"version", kDigestsVersion}, {"path", path}, {"digest", digest.to_string()}};
  sys::write_file_atomically(fd(), file, canonical_json(note), 0600, sys::Durable::no);
}

}  // namespace gbox::store
