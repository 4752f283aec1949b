#include "gbox/portage/stage3.h"

#include <algorithm>
#include <set>

#include "gbox/base/text.h"
#include "gbox/portage/digests.h"
#include "mirror_walk.h"

namespace gbox::portage {

namespace {

constexpr std::int64_t kLongestBuild = 30 * 86400;  // slow architectures take days

// One mirror asked for one wish.
class Stage3Search {
 public:
  Stage3Search(const Stage3Wish& wish, const std::string& variant, const std::string& mirror,
               Downloader& downloader, const KeyRing* ring, WarningSink& sink)
      : wish_(wish),
        variant_(variant),
        mirror_(mirror),
        directory_("releases/" + wish.arch + "/autobuilds/"),
        downloader_(downloader),
        ring_(ring),
        sink_(sink) {}

  ResolvedFile find() {
    const bool whole_stamp = wish_.date.size() == kStampBytes;
    if (whole_stamp)  // what is named whole needs no pointer, and outlives it
      if (auto file = find_named(wish_.arch + '-' + variant_, wish_.date, "xz")) return *file;
    read_pointer();
    const Stage3Candidate* newest = choose_stage3(pointer_.candidates, variant_, kLatest);
    if (const Stage3Candidate* chosen = choose_stage3(pointer_.candidates, variant_, wish_.date)) {
      ResolvedFile file = with_digests(chosen->path);
      file.size = chosen->size;
      file.pointer_time = pointer_.time != 0 ? pointer_.time : pointer_signer_.signed_at;
      return file;
    }
    // An older one: the newest's name, with another stamp.
    const Stage3Name like = name_of(newest->path);
    for (const std::string& stamp : stamps_of_date())
      if (auto file = find_named(like.rest, stamp, like.ending)) return *file;
    throw Missing("mirrors keep a stage3 for some weeks only: write date = \"" + newest->stamp +
                  "\" or \"latest\" into the spec and run again; an older one may be a file of "
                  "yours: 'tarball'");
  }

 private:
  std::optional<std::string> text(const std::string& path, std::uint64_t max_bytes) {
    return downloader_.text(mirror_, directory_ + path, max_bytes);
  }

  static Stage3Name name_of(const std::string& path) {
    return *parse_stage3_name(std::string_view(path).substr(path.find('/') + 1));
  }

  // The pointer of this variant, else the one of all, which also says what variants there are.
  void read_pointer() {
    std::string name = "latest-stage3-" + wish_.arch + '-' + variant_ + ".txt";
    auto content = text(name, kMaxPointerBytes);
    if (!content) {
      name = "latest-stage3.txt";
      content = text(name, kMaxPointerBytes);
    }
    if (!content)
      throw Missing("look at " + quoted(directory_) + " there: the mirror has no " + quoted(name) +
                    "; is 'arch' right?");
    const SignedText verified = signed_text(*content, name, ring_, wish_.now, sink_);
    pointer_ = with_context("read " + quoted(name),
                            [&] { return parse_stage3_pointer(verified.text, wish_.arch); });
    pointer_signer_ = verified.signer;
    if (pointer_.candidates.empty())
      throw SignatureError(SignatureFault::something_else,
                           "read " + quoted(name) + ": it names no stage3",
                           "the mirror gives something else under that name; try another mirror");
    const bool of_all = name == "latest-stage3.txt";
    const bool named = std::any_of(pointer_.candidates.begin(), pointer_.candidates.end(),
                                   [&](const Stage3Candidate& c) { return c.variant == variant_; });
    // A signed pointer to another variant under this name would be a swap, not a slip of ours.
    if (!of_all && !named)
      throw SignatureError(SignatureFault::something_else,
                           "read " + quoted(name) + ": it names " +
                               quoted(pointer_.candidates[0].variant) + ", not " + quoted(variant_),
                           "the mirror gives another file under that name; try another mirror");
  }

  // The stamps that a day means: of the mirror's list of its directory, which need not be believed,
  // as the digests of what is found there are signed and carry the name.
  std::vector<std::string> stamps_of_date() {
    if (wish_.date.size() == kStampBytes) return {wish_.date};
    std::set<std::string, std::greater<>> stamps;
    if (const auto listing = try_listing())
      for (std::size_t at = listing->find(wish_.date); at != std::string::npos;
           at = listing->find(wish_.date, at + 1))
        if (const std::string stamp = listing->substr(at, kStampBytes);
            stamp.size() == kStampBytes && stamp_time(stamp))
          stamps.insert(stamp);
    return {stamps.begin(), stamps.end()};
  }

  std::optional<std::string> try_listing() {
    try {
      return text("", kMaxListingBytes);
    } catch (const Interrupted&) {
      throw;
    } catch (const Error&) {
      return std::nullopt;  // many servers, and directories, list nothing: then it is not found
    }
  }

  std::optional<ResolvedFile> find_named(const std::string& rest, const std::string& stamp,
                                         const std::string& ending) {
    try {
      return with_digests(stamp + "/stage3-" + rest + '-' + stamp + ".tar." + ending);
    } catch (const Missing&) {
      return std::nullopt;
    }
  }

  // Signed digests if there are any, so that the file can be judged while it arrives; else the
  // signature of the file itself. DIGESTS has no SHA-256, by which inputs are named: .sha256 beside
  // it spares the fetching of the whole file just to write the lock.
  ResolvedFile with_digests(const std::string& path) {
    ResolvedFile file;
    file.name = path.substr(path.find('/') + 1);
    file.path = directory_ + path;
    file.stamp = name_of(path).stamp;
    add_digests(path + ".DIGESTS", std::nullopt, file);
    if (!has_sha256(file)) add_digests(path + ".sha256", HashAlgorithm::sha256, file);
    if (!file.digests.empty()) return file;
    if (auto signature = text(path + ".asc", kMaxSignatureBytes)) {
      file.signature = std::move(*signature);
      file.signed_within = kLongestBuild;
      return file;
    }
    if (ring_ == nullptr) return file;
    throw Missing("the mirror has neither DIGESTS, .sha256 nor .asc for " + quoted(file.name) +
                  ", or they are not signed; try another mirror");
  }

  static bool has_sha256(const ResolvedFile& file) {
    return std::any_of(file.digests.begin(), file.digests.end(), [](const Digest& digest) {
      return digest.algorithm() == HashAlgorithm::sha256;
    });
  }

  // A list that is not signed is as good as not there; one that is signed wrongly is refused,
  // whatever another list says.
  void add_digests(const std::string& path, std::optional<HashAlgorithm> bare, ResolvedFile& file) {
    const auto content = text(path, kMaxPointerBytes);
    if (!content) return;
    const std::string list = path.substr(path.find('/') + 1);
    try {
      const SignedText verified = signed_text(*content, list, ring_, wish_.now, sink_);
      const std::vector<Digest> found = digests_for(verified.text, file.name, list, bare);
      file.digests.insert(file.digests.end(), found.begin(), found.end());
      if (file.signer == Signer()) file.signer = verified.signer;
    } catch (const SignatureError& error) {
      if (error.fault() != SignatureFault::absent) throw;
    }
  }

  const Stage3Wish& wish_;
  const std::string& variant_;
  const std::string& mirror_;
  const std::string directory_;
  Downloader& downloader_;
  const KeyRing* ring_;
  WarningSink& sink_;
  Stage3Pointer pointer_;
  Signer pointer_signer_;
};

}  // namespace

ResolvedFile resolve_stage3(const Stage3Wish& wish, Downloader& mirror, const KeyRing* ring,
                            WarningSink& sink) {
  const VariantWish variant = read_variant(wish.variant, wish.arch);
  if (!is_date_wish(wish.date))
    throw Error("stage3 date " + quoted(wish.date) + " is no date", ExitCode::usage)
        .set_hint("write \"latest\", \"YYYYMMDD\" or \"YYYYMMDDTHHMMSSZ\"");
  Walk walk{"fetch stage3 " + quoted(variant.variant), wish.mirrors, wish.known_stamp,
            wish.date == kLatest, wish.now};
  if (!walk.newest) walk.deed += " of " + quoted(wish.date);
  if (!variant.hint.empty())
    sink.warn({"stage3 " + quoted(wish.variant) + " is taken as " + quoted(variant.variant),
               variant.hint});
  return walk_mirrors(walk, sink, [&](const std::string& one) {
    return Stage3Search(wish, variant.variant, one, mirror, ring, sink).find();
  });
}

}  // namespace gbox::portage
