// Reading: manifests and blobs of a registry.
#include "gbox/oci/registry.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/oci/blob.h"
#include "registry_state.h"
#include "strict_json.h"

namespace gbox::oci {

namespace {

constexpr std::string_view kAccepted =
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.docker.distribution.manifest.v2+json";

Digest digest_of(HashAlgorithm algorithm, std::string_view text) {
  Hasher hasher(algorithm);
  hasher.update(text);
  return hasher.finish();
}

std::string without_parameters(std::string_view media_type) {
  return std::string(trim(media_type.substr(0, media_type.find(';'))));
}

// Bytes of one blob on their way into a file, hashed as they come.
class Arriving {
 public:
  Arriving(const Descriptor& descriptor, int fd, const Moved& moved)
      : descriptor_(descriptor), fd_(fd), moved_(moved), hasher_(descriptor.digest.algorithm()) {
    take_kept();
  }

  [[nodiscard]] std::uint64_t done() const noexcept { return done_; }
  [[nodiscard]] bool complete() const noexcept { return done_ == descriptor_.size; }
  [[nodiscard]] bool kept_some() const noexcept { return kept_; }

  void start_over() {
    if (::ftruncate(fd_, 0) != 0) throw SysError(errno, "empty a partial file");
    if (::lseek(fd_, 0, SEEK_SET) < 0) throw SysError(errno, "seek in a partial file");
    hasher_ = Hasher(descriptor_.digest.algorithm());
    move(-static_cast<std::int64_t>(done_));
    done_ = 0;
    kept_ = false;
  }

  // False: more than there should be.
  bool append(std::span<const std::byte> bytes) {
    if (bytes.size() > descriptor_.size - done_) return false;
    sys::write_all(fd_, bytes, short_name(descriptor_.digest));
    add(bytes);
    return true;
  }

  Digest finish() { return hasher_.finish(); }

 private:
  void take_kept() {
    const auto size = static_cast<std::uint64_t>(sys::fstat(fd_).st_size);
    if (size > descriptor_.size) return start_over();
    if (::lseek(fd_, 0, SEEK_SET) < 0) throw SysError(errno, "seek in a partial file");
    std::vector<std::byte> buffer(kBufferBytes);
    while (const std::size_t count = sys::read_full(fd_, buffer, short_name(descriptor_.digest)))
      add(std::span(buffer).first(count));
    kept_ = done_ != 0;
  }
  void add(std::span<const std::byte> bytes) {
    hasher_.update(bytes);
    done_ += bytes.size();
    move(static_cast<std::int64_t>(bytes.size()));
  }
  void move(std::int64_t bytes) const {
    if (moved_ && bytes != 0) moved_(bytes);
  }

  const Descriptor& descriptor_;
  int fd_;
  const Moved& moved_;
  Hasher hasher_;
  std::uint64_t done_ = 0;
  bool kept_ = false;
};

}  // namespace

std::string short_name(const Digest& digest) {
  return std::string(digest.algorithm_name()) + ':' + digest.hex().substr(0, 12);
}

Registry::Registry(RegistryOptions options, std::string host, std::string repository, Rights rights,
                   std::vector<std::string> mount_from)
    : state_(std::make_unique<State>(std::move(options), std::move(host), std::move(repository),
                                     rights, std::move(mount_from))) {}
Registry::Registry(Registry&&) noexcept = default;
Registry& Registry::operator=(Registry&&) noexcept = default;
Registry::~Registry() = default;

const std::string& Registry::host() const noexcept {
  return state_->session.host;
}
const std::string& Registry::repository() const noexcept {
  return state_->session.repository;
}

std::optional<Registry::Document> Registry::try_manifest(const std::string& reference) {
  RegistrySession& session = state_->session;
  const std::string deed = "read manifest " + gbox::quoted(reference);
  const net::HttpReply reply = session.ask({.url = session.url("manifests/" + reference),
                                            .fields = {{"Accept", std::string(kAccepted)}},
                                            .max_bytes = kMaxDocumentBytes});
  if (!reply.failure && reply.status == 404) return std::nullopt;
  if (reply.failure && reply.failure->cause == net::Cause::size)
    session.refuse(deed, "larger than " + human_size(kMaxDocumentBytes));
  if (reply.failure || reply.status != 200) session.fail(reply, deed);
  Document document;
  document.text = reply.body;
  document.descriptor.media_type = without_parameters(reply.field("content-type"));
  // Said by those who keep manifests as plain files: the document itself tells.
  if (document.descriptor.media_type == "application/json") document.descriptor.media_type.clear();
  document.descriptor.size = document.text.size();
  const bool by_digest = reference.find(':') != std::string::npos;  // no tag has a colon
  const Digest wanted = by_digest ? Digest::parse(reference) : Digest();
  document.descriptor.digest =
      digest_of(by_digest ? wanted.algorithm() : HashAlgorithm::sha256, document.text);
  if (by_digest && document.descriptor.digest != wanted)
    session.refuse(
        deed,
        "what it sends has the digest " + gbox::quoted(document.descriptor.digest.to_string()),
        "the registry, or somebody on the way, gives another image for it");
  return document;
}

Registry::Document Registry::manifest(const Descriptor& descriptor) {
  RegistrySession& session = state_->session;
  const std::string deed = "read manifest " + gbox::quoted(descriptor.digest.to_string());
  std::optional<Document> document = try_manifest(descriptor.digest.to_string());
  if (!document)
    session.refuse(deed, "it is not there, although the image names it",
                   "the image in the registry is not whole: push it again");
  if (document->descriptor.size != descriptor.size)
    session.refuse(deed, "it has " + std::to_string(document->descriptor.size) +
                             " bytes instead of " + std::to_string(descriptor.size));
  document->descriptor.media_type = descriptor.media_type;
  document->descriptor.platform = descriptor.platform;
  document->descriptor.annotations = descriptor.annotations;
  return std::move(*document);
}

namespace {

bool has(RegistrySession& session, const std::string& reference, const std::string& shown) {
  const net::HttpReply reply = session.ask({.method = "HEAD",
                                            .url = session.url("manifests/" + reference),
                                            .fields = {{"Accept", std::string(kAccepted)}}});
  if (!reply.failure && reply.status == 200) return true;
  if (!reply.failure && reply.status == 404) return false;
  session.fail(reply, "look for manifest " + gbox::quoted(shown));
}

}  // namespace

bool Registry::has_manifest(const Digest& digest) {
  return has(state_->session, digest.to_string(), short_name(digest));
}

bool Registry::has_tag(const std::string& tag) {
  return has(state_->session, tag, tag);
}

bool Registry::has_blob(const Descriptor& descriptor) {
  RegistrySession& session = state_->session;
  const std::string deed = "look for blob " + gbox::quoted(short_name(descriptor.digest));
  const net::HttpReply reply =
      session.ask({.method = "HEAD", .url = session.url("blobs/" + descriptor.digest.to_string())});
  if (!reply.failure && reply.status == 404) return false;
  if (reply.failure || reply.status != 200) session.fail(reply, deed);
  if (reply.content_length && *reply.content_length != descriptor.size)
    session.refuse(deed,
                   "it says that this blob has " + std::to_string(*reply.content_length) +
                       " bytes instead of " + std::to_string(descriptor.size),
                   "the registry's storage is damaged; tell who runs it");
  return true;
}

void Registry::get_blob(const Descriptor& descriptor, int fd, const Moved& moved) {
  RegistrySession& session = state_->session;
  const std::string deed = "fetch blob " + gbox::quoted(short_name(descriptor.digest));
  Arriving arriving(descriptor, fd, moved);
  unsigned fruitless = 0;
  bool again = true;
  for (;;) {
    std::string refused;
    while (!arriving.complete()) {
      const std::uint64_t before = arriving.done();
      bool begun = false;
      net::HttpRequest request{.url = session.url("blobs/" + descriptor.digest.to_string()),
                               .range_begin = before};
      request.sink = [&](const net::HttpReply& head, std::span<const std::byte> bytes) {
        if (!std::exchange(begun, true)) {
          if (head.status == 200 && arriving.done() != 0) arriving.start_over();
          if (head.status == 206 && head.range_begin != arriving.done()) {
            refused = "it sends another part than was asked for";
            return false;
          }
          if (head.content_length && *head.content_length != descriptor.size - arriving.done()) {
            refused = "it is about to send " + std::to_string(*head.content_length) +
                      " bytes instead of " + std::to_string(descriptor.size - arriving.done());
            return false;
          }
        }
        if (arriving.append(bytes)) return true;
        refused = "it sends more than the " + std::to_string(descriptor.size) + " bytes it has";
        return false;
      };
      net::HttpReply reply = session.ask(std::move(request), RegistrySession::Repeat::no);
      if (!refused.empty())
        session.refuse(deed, refused,
                       "the registry, or what stands before it, is not to be relied "
                       "on; what has arrived is kept");
      if (reply.status == 416 && before != 0) {
        arriving.start_over();
        continue;
      }
      if (!reply.failure && reply.status != 200 && reply.status != 206 && !begun &&
          !session.wait_to_repeat(reply, fruitless))
        session.fail(reply, deed);
      if (arriving.complete()) break;
      if (arriving.done() > before) fruitless = 0;
      if (!reply.failure && (reply.status == 200 || reply.status == 206)) {
        // It ended well, and too early.
        reply.failure =
            net::Failure{.cause = net::Cause::cut,
                         .message = "it ends after " + std::to_string(arriving.done()) + " of " +
                                    std::to_string(descriptor.size) + " bytes",
                         .hint = "run again: what has arrived is kept, and fetched from there on"};
        reply.transient = true;
      }
      if (reply.failure && !session.wait_to_repeat(reply, fruitless)) session.fail(reply, deed);
    }
    const bool kept_some = arriving.kept_some();
    const Digest found = arriving.finish();
    if (found == descriptor.digest) return;
    arriving.start_over();
    // What an earlier run had left may have been the part that is wrong.
    if (!kept_some || !std::exchange(again, false))
      session.refuse(deed, "what it sends has the digest " + gbox::quoted(found.to_string()),
                     "the registry's copy is damaged or was tampered with; push the image again");
  }
}

std::string Registry::get_small_blob(const Descriptor& descriptor, std::uint64_t limit) {
  RegistrySession& session = state_->session;
  const std::string deed = "fetch blob " + gbox::quoted(short_name(descriptor.digest));
  if (descriptor.size > limit)
    session.refuse(deed,
                   "it has " + human_size(descriptor.size) + ", more than " + human_size(limit));
  net::HttpReply reply = session.ask(
      {.url = session.url("blobs/" + descriptor.digest.to_string()), .max_bytes = descriptor.size});
  if (reply.failure && reply.failure->cause == net::Cause::size)
    session.refuse(deed,
                   "it sends more than the " + std::to_string(descriptor.size) + " bytes it has");
  if (reply.failure || reply.status != 200) session.fail(reply, deed);
  if (reply.body.size() != descriptor.size)
    session.refuse(deed, "it ends after " + std::to_string(reply.body.size()) + " of " +
                             std::to_string(descriptor.size) + " bytes");
  if (const Digest found = digest_of(descriptor.digest.algorithm(), reply.body);
      found != descriptor.digest)
    session.refuse(deed, "what it sends has the digest " + gbox::quoted(found.to_string()),
                   "the registry's copy is damaged or was tampered with; push the image again");
  return std::move(reply.body);
}

std::string Registry::referrers_tag(const Digest& digest) {
  return std::string(digest.algorithm_name()) + '-' + digest.hex();
}

std::vector<Descriptor> Registry::referrers(const Digest& digest) {
  RegistrySession& session = state_->session;
  const net::HttpReply reply = session.ask({.url = session.url("referrers/" + digest.to_string()),
                                            .fields = {{"Accept", std::string(kIndexType)}},
                                            .max_bytes = kMaxDocumentBytes});
  const std::string what = "the referrers of " + gbox::quoted(short_name(digest));
  if (!reply.failure && reply.status == 200 &&
      without_parameters(reply.field("content-type")) == kIndexType)
    return parse_index(reply.body, what).manifests;
  const std::optional<Document> fallback = try_manifest(referrers_tag(digest));
  if (!fallback || fallback->descriptor.media_type != kIndexType) return {};
  return parse_index(fallback->text, what).manifests;
}

}  // namespace gbox::oci
