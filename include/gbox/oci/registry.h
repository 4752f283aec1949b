// One repository of one registry, over the OCI distribution API (v2): manifests and blobs read and
// written, resumed after cuts, verified by digest. What a registry says is taken for hostile: sizes
// hold before memory or disk is taken, content is checked against the digest that names it, and
// credentials go to the registry and its token service alone, never where a redirect leads.
// It knows nothing of what the documents mean; push.h and pull.h do.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/net/transfer.h"
#include "gbox/oci/blob.h"
#include "gbox/oci/credentials.h"
#include "gbox/oci/reference.h"
#include "gbox/oci/types.h"

namespace gbox::oci {

struct CredentialMemo;  // of what was looked up, for several connections

std::shared_ptr<CredentialMemo> make_credential_memo();

struct RegistryOptions {
  net::Settings transfers;  // certificates, time limits, tries, interrupts; no callbacks of files
  AuthPlaces places;
  // Speak http to hosts other than this machine. (This machine is asked by https first.)
  bool plain_http = false;
  std::shared_ptr<CredentialMemo> memo;  // empty: of its own
};

enum class Rights { pull, push };

// Bytes that have just gone over the wire or been found in place; negative when some that were
// counted have to go again. May throw to stop.
using Moved = std::function<void(std::int64_t bytes)>;

class Registry {
 public:
  // `mount_from`: other repositories of the same registry that blobs may be taken over from.
  // Nothing is asked yet.
  Registry(RegistryOptions options, std::string host, std::string repository, Rights rights,
           std::vector<std::string> mount_from = {});
  Registry(Registry&&) noexcept;
  Registry& operator=(Registry&&) noexcept;
  ~Registry();

  [[nodiscard]] const std::string& host() const noexcept;
  [[nodiscard]] const std::string& repository() const noexcept;

  // All below throw Error with host, repository and remedy: ExitCode::input when pulling,
  // ExitCode::image when pushing.

  struct Document {
    Descriptor descriptor;  // as the registry gave it, digest and size computed from the bytes
    std::string text;
  };
  // By tag or digest; nullopt when there is none. A digest that was asked for is checked.
  std::optional<Document> try_manifest(const std::string& reference);
  // One that a descriptor names: type, size and digest must be its.
  Document manifest(const Descriptor& descriptor);
  bool has_manifest(const Digest& digest);
  bool has_tag(const std::string& tag);
  // Sends it under a tag or its own digest. True when the registry has understood its 'subject'.
  bool put_manifest(std::string_view text, const std::string& media_type,
                    const std::string& reference);

  // Size the registry gives, which must be the descriptor's; false when it has no such blob.
  bool has_blob(const Descriptor& descriptor);
  // Into the file `fd`, which may hold the beginning of it from an earlier try; it is cut off when
  // it turns out to be of another file. On return the file is the blob, verified.
  void get_blob(const Descriptor& descriptor, int fd, const Moved& moved = {});
  // A blob of at most `limit` bytes into memory.
  std::string get_small_blob(const Descriptor& descriptor, std::uint64_t limit);

  enum class Put { sent, mounted, there };
  Put put_blob(const Descriptor& descriptor, const BlobFile& blob, const Moved& moved = {});
  Put put_small_blob(const Descriptor& descriptor, std::string_view bytes);

  // Begins an upload and calls it off: throws as put_blob() would where nothing may be written.
  void check_writable();

  // Descriptors of the manifests whose 'subject' is this one: by the API, or by the tag that
  // stands for it where the registry has no such API.
  std::vector<Descriptor> referrers(const Digest& digest);
  // The tag that stands for it: "sha256-<hex>".
  static std::string referrers_tag(const Digest& digest);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gbox::oci
