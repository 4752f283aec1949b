// Writing: blobs sent whole, as a stream or in pieces, and taken up again after a cut.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/net/url.h"
#include "registry_state.h"

namespace gbox::oci {

namespace {

constexpr std::uint64_t kSmallBlob = 4u << 20;  // sent with the request that ends the upload
// Tried when a whole layer in one request is refused with 413, the first, then the second.
constexpr std::uint64_t kPiece = 16u << 20;
constexpr std::uint64_t kSmallPiece = 900u << 10;  // nginx' own limit is 1 MiB
// A registry reads a large upload again to check its digest, and says nothing meanwhile.
constexpr std::chrono::seconds kPatience{900};
constexpr char kOctets[] = "application/octet-stream";

std::string with_digest(const std::string& location, const Digest& digest) {
  return location + (location.find('?') == std::string::npos ? '?' : '&') +
         "digest=" + net::escape_query(digest.to_string());
}

// How many bytes "0-1048575" says that the registry has; nullopt for anything else.
std::optional<std::uint64_t> bytes_had(std::string_view range) {
  if (range.starts_with("bytes=")) range.remove_prefix(6);
  if (!range.starts_with("0-")) return std::nullopt;
  range.remove_prefix(2);
  const auto last = whole_number<std::uint64_t>(range);
  return last ? std::optional(*last + 1) : std::nullopt;
}

std::size_t read_at(const BlobFile& blob, std::uint64_t offset, std::span<std::byte> buffer,
                    const Digest& digest) {
  for (;;) {
    const ssize_t got = ::pread(blob.fd.get(), buffer.data(), buffer.size(),
                                static_cast<off_t>(blob.offset + offset));
    if (got > 0) return static_cast<std::size_t>(got);
    if (got == 0)
      throw Error("read blob " + gbox::quoted(short_name(digest)) + ": it became shorter",
                  ExitCode::image);
    if (errno != EINTR) throw SysError(errno, "read blob " + gbox::quoted(short_name(digest)));
  }
}

// One blob on its way into a registry.
class Upload {
 public:
  Upload(RegistrySession& session, const Descriptor& descriptor, const BlobFile& blob,
         const Moved& moved)
      : session_(session),
        descriptor_(descriptor),
        blob_(blob),
        moved_(moved),
        deed_("send blob " + gbox::quoted(short_name(descriptor.digest))) {}

  Registry::Put run() {
    if (mount()) {
      tell(descriptor_.size);
      return Registry::Put::mounted;
    }
    if (location_.empty()) begin();
    while (!(descriptor_.size <= kSmallBlob ? send_whole() : send_and_finish())) {
    }
    tell(descriptor_.size);
    return Registry::Put::sent;
  }

 private:
  // Tells the bytes up to `have` as moved, or those beyond it as to be moved again.
  void tell(std::uint64_t have) {
    const auto difference = static_cast<std::int64_t>(have) - static_cast<std::int64_t>(told_);
    told_ = have;
    if (moved_ && difference != 0) moved_(difference);
  }

  void take_location(const net::HttpReply& reply) {
    if (reply.location.empty())
      session_.refuse(deed_, "the registry does not say where to", "tell who runs it");
    if (session_.url("").starts_with("https:") && !reply.location.starts_with("https:"))
      session_.refuse(
          deed_,
          "it wants the data without TLS, at " + gbox::quoted(net::shown_url(reply.location)),
          "what stands before the registry does not tell it that it is spoken to by "
          "https (X-Forwarded-Proto); tell who runs it");
    location_ = reply.location;
  }

  // From another repository of this registry. A registry that cannot begins an upload instead.
  bool mount() {
    for (const std::string& other : session_.mount_from) {
      const net::HttpReply reply =
          session_.ask({.method = "POST",
                        .url = session_.url("blobs/uploads/?mount=" +
                                            net::escape_query(descriptor_.digest.to_string()) +
                                            "&from=" + net::escape_query(other)),
                        .text = ""});
      if (!reply.failure && reply.status == 201) return true;
      if (reply.failure || reply.status != 202) continue;  // it is sent instead
      take_location(reply);
      return false;
    }
    return false;
  }

  void begin() {
    const net::HttpReply reply =
        session_.ask({.method = "POST", .url = session_.url("blobs/uploads/"), .text = ""});
    if (reply.failure || reply.status != 202) fail(reply);
    take_location(reply);
    sent_ = 0;
  }

  // True when the registry has the blob.
  bool send_whole() {
    std::string text(static_cast<std::size_t>(descriptor_.size), '\0');
    for (std::size_t at = 0; at < text.size();)
      at += read_at(blob_, at, std::as_writable_bytes(std::span(text)).subspan(at),
                    descriptor_.digest);
    const net::HttpReply reply = session_.ask({.method = "PUT",
                                               .url = with_digest(location_, descriptor_.digest),
                                               .fields = {{"Content-Type", kOctets}},
                                               .text = std::move(text),
                                               .patience = kPatience},
                                              RegistrySession::Repeat::no);
    if (!reply.failure && reply.status == 201) return true;
    retry(reply);
    begin();
    return false;
  }

  bool send_and_finish() {
    if (sent_ < descriptor_.size) {
      if (!send_some()) return false;
      if (sent_ < descriptor_.size) return false;  // there are more pieces
    }
    const net::HttpReply reply = session_.ask({.method = "PUT",
                                               .url = with_digest(location_, descriptor_.digest),
                                               .fields = {{"Content-Type", kOctets}},
                                               .text = "",
                                               .patience = kPatience},
                                              RegistrySession::Repeat::no);
    if (!reply.failure && reply.status == 201) return true;
    // Whether it ended or not is not known, of a cut as of an upload that is gone, which may have
    // ended at a request before this: a registry that has it says so.
    if (!reply.failure && reply.status == 404 && there()) return true;
    if (begins_again(reply)) return false;
    retry(reply);
    if (there()) return true;
    begin();
    return false;
  }

  bool there() {
    const net::HttpReply reply = session_.ask(
        {.method = "HEAD", .url = session_.url("blobs/" + descriptor_.digest.to_string())});
    return !reply.failure && reply.status == 200;
  }

  // All that is left, or one piece of it. False: something else has to be done first.
  bool send_some() {
    const std::uint64_t begin_at = sent_;
    const std::uint64_t left = descriptor_.size - begin_at;
    const std::uint64_t count = piece_ == 0 ? left : std::min(left, piece_);
    net::HttpRequest request{.method = "PATCH", .url = location_, .patience = kPatience};
    request.fields = {{"Content-Type", kOctets}};
    // The first stream goes without, as docker's does: not all registries take ranges.
    if (begin_at != 0 || count < left)
      request.fields.emplace_back(
          "Content-Range", std::to_string(begin_at) + '-' + std::to_string(begin_at + count - 1));
    request.source_bytes = count;
    request.source = [&](std::uint64_t offset, std::span<std::byte> buffer) {
      const std::size_t got = read_at(blob_, begin_at + offset,
                                      buffer.first(static_cast<std::size_t>(
                                          std::min<std::uint64_t>(buffer.size(), count - offset))),
                                      descriptor_.digest);
      tell(begin_at + offset + got);
      return got;
    };
    const net::HttpReply reply = session_.ask(std::move(request), RegistrySession::Repeat::no);
    if (!reply.failure && (reply.status == 202 || reply.status == 201)) {
      take_location(reply);
      sent_ = begin_at + count;
      fruitless_ = 0;
      return true;
    }
    if (!reply.failure && reply.status == 413 && piece_ != kSmallPiece) {
      piece_ = piece_ == 0 && count > kPiece ? kPiece : kSmallPiece;
      restart();
      return false;
    }
    if (begins_again(reply)) return false;
    retry(reply);
    resume();
    return false;
  }

  // What the registry has kept of a stream that was cut.
  void resume() {
    const net::HttpReply reply = session_.ask({.url = location_});
    const std::optional<std::uint64_t> have =
        !reply.failure && reply.status == 204 ? bytes_had(reply.field("range")) : std::nullopt;
    // "0-0" is what registries say of nothing as well as of one byte.
    if (!have || *have <= 1 || *have > descriptor_.size) return restart();
    if (!reply.location.empty()) take_location(reply);
    if (*have > sent_) fruitless_ = 0;
    resumed_ = true;
    sent_ = *have;
    if (const auto& note = session_.client().settings().on_note)
      note(session_.host, "has " + human_size(sent_) + " of " + human_size(descriptor_.size) +
                              " of blob " + short_name(descriptor_.digest) +
                              "; going on from there");
    tell(sent_);
  }

  // An upload may not be what the registry thinks: after a cut it may still have been writing what
  // the connection had brought when it was asked. Then all is sent anew.
  bool begins_again(const net::HttpReply& reply) {
    const bool lost = reply.status == 404 || reply.status == 416;
    if (reply.failure || !(lost || (resumed_ && reply.status == 400))) return false;
    if (++fruitless_ >= std::max(1u, session_.client().settings().attempts)) fail(reply);
    restart();
    return true;
  }

  void restart() {
    resumed_ = false;
    begin();
    tell(0);
  }

  // Throws unless it may help to try again; waits before that.
  void retry(const net::HttpReply& reply) {
    if (!session_.wait_to_repeat(reply, fruitless_)) fail(reply);
  }

  [[noreturn]] void fail(const net::HttpReply& reply) {
    if (!reply.failure && has_error_code(reply, "DIGEST_INVALID"))
      session_.refuse(deed_, std::to_string(reply.status) + " (" + registry_words(reply) + ')',
                      "the blob is damaged where it is read from: 'gbox image verify' tells");
    session_.fail(reply, deed_);
  }

  RegistrySession& session_;
  const Descriptor& descriptor_;
  const BlobFile& blob_;
  const Moved& moved_;
  const std::string deed_;
  std::string location_;
  std::uint64_t sent_ = 0;   // the registry has so many
  std::uint64_t told_ = 0;   // to `moved_`
  std::uint64_t piece_ = 0;  // 0: all in one request
  bool resumed_ = false;
  unsigned fruitless_ = 0;
};

}  // namespace

Registry::Put Registry::put_blob(const Descriptor& descriptor, const BlobFile& blob,
                                 const Moved& moved) {
  if (has_blob(descriptor)) {
    if (moved) moved(static_cast<std::int64_t>(descriptor.size));
    return Put::there;
  }
  return Upload(state_->session, descriptor, blob, moved).run();
}

Registry::Put Registry::put_small_blob(const Descriptor& descriptor, std::string_view bytes) {
  if (has_blob(descriptor)) return Put::there;
  RegistrySession& session = state_->session;
  const std::string deed = "send blob " + gbox::quoted(short_name(descriptor.digest));
  const net::HttpReply begun =
      session.ask({.method = "POST", .url = session.url("blobs/uploads/"), .text = ""});
  if (begun.failure || begun.status != 202 || begun.location.empty()) session.fail(begun, deed);
  const net::HttpReply reply = session.ask({.method = "PUT",
                                            .url = with_digest(begun.location, descriptor.digest),
                                            .fields = {{"Content-Type", kOctets}},
                                            .text = std::string(bytes)});
  if (reply.failure || reply.status != 201) session.fail(reply, deed);
  return Put::sent;
}

void Registry::check_writable() {
  RegistrySession& session = state_->session;
  const net::HttpReply begun =
      session.ask({.method = "POST", .url = session.url("blobs/uploads/"), .text = ""});
  if (begun.failure || begun.status != 202) session.fail(begun, "begin an upload");
  // One that is left behind is the registry's to clear away; not all of them let it be called off.
  if (!begun.location.empty())
    (void)session.ask({.method = "DELETE", .url = begun.location}, RegistrySession::Repeat::no);
}

bool Registry::put_manifest(std::string_view text, const std::string& media_type,
                            const std::string& reference) {
  RegistrySession& session = state_->session;
  const std::string deed = "send manifest " + gbox::quoted(reference);
  const net::HttpReply reply = session.ask({.method = "PUT",
                                            .url = session.url("manifests/" + reference),
                                            .fields = {{"Content-Type", media_type}},
                                            .text = std::string(text)});
  if (reply.failure || (reply.status != 201 && reply.status != 200 && reply.status != 202))
    session.fail(reply, deed);
  const std::string_view digest = reply.field("docker-content-digest");
  if (!digest.empty() && digest.starts_with("sha256:") && digest != sha256(text).to_string())
    session.refuse(deed, "it has kept something else, with digest " + gbox::quoted(digest),
                   "the registry rewrites manifests; use one that keeps them as they are");
  return !reply.field("oci-subject").empty();
}

}  // namespace gbox::oci
