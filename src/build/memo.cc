#include "memo.h"

#include <algorithm>
#include <ctime>
#include <optional>

#include "gbox/base/json.h"
#include "gbox/sys/fd.h"

namespace gbox::build {

namespace {

// nullopt when it is not what was put: to be put anew.
std::optional<std::vector<Digest>> parse_digests(const std::string& text) {
  try {
    std::vector<Digest> digests;
    for (const Json& digest : parse_json(text, "memo"))
      digests.push_back(Digest::parse(digest.get<std::string>()));
    return digests;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

std::string digests_as_text(const std::vector<Digest>& digests) {
  Json texts = Json::array();
  for (const Digest& digest : digests) texts.push_back(digest.to_string());
  return canonical_json(texts);
}

std::int64_t or_clock(std::int64_t now) {
  return now != 0 ? now : static_cast<std::int64_t>(std::time(nullptr));
}

bool is_settled(std::int64_t newest, std::int64_t now) {
  return newest + kSettled_s < now;
}

std::string state_of(const struct stat& status) {
  std::string state = "file-1";
  for (const std::int64_t value :
       {static_cast<std::int64_t>(status.st_dev), static_cast<std::int64_t>(status.st_ino),
        static_cast<std::int64_t>(status.st_size), status.st_mtim.tv_sec, status.st_mtim.tv_nsec,
        status.st_ctim.tv_sec, status.st_ctim.tv_nsec})
    state += ' ' + std::to_string(value);
  return state;
}

}  // namespace

Digest remembered_repository_digest(store::Store& store, int dirfd, const std::string& path,
                                    const portage::RepositoryState& state, std::int64_t now) {
  const std::string subject = "repository " + path;
  now = or_clock(now);
  if (const auto text = store.find_memo(subject, state.digest.to_string()))
    if (const auto known = parse_digests(*text); known && known->size() == 1) return known->front();
  const Digest digest = portage::repository_digest(dirfd);
  if (is_settled(state.newest.tv_sec, now))
    store.put_memo(subject, state.digest.to_string(), digests_as_text({digest}));
  return digest;
}

std::vector<Digest> remembered_file_digests(store::Store& store, int fd, const std::string& path,
                                            const std::vector<HashAlgorithm>& algorithms,
                                            const std::function<std::vector<Digest>()>& compute,
                                            std::int64_t now) {
  std::string subject = "file " + path;
  for (const HashAlgorithm algorithm : algorithms)
    subject += ' ' + std::to_string(static_cast<int>(algorithm));
  now = or_clock(now);
  const struct stat status = sys::fstat(fd);
  const std::string state = state_of(status);
  if (const auto text = store.find_memo(subject, state))
    if (auto known = parse_digests(*text); known && known->size() == algorithms.size())
      return std::move(*known);
  std::vector<Digest> digests = compute();
  if (is_settled(std::max(status.st_mtim.tv_sec, status.st_ctim.tv_sec), now))
    store.put_memo(subject, state, digests_as_text(digests));
  return digests;
}

}  // namespace gbox::build
