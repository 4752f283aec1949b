#include "shared_package.h"

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/plan/plan.h"
#include "gbox/sys/beneath.h"
#include "package_index.h"

namespace gbox::build {

namespace {

constexpr std::string_view kPackageFormat = "gbox-package";

// CATEGORY/… of that very package: nothing else is ever written or read.
void require_place(const std::string& path, const std::string& cpv) {
  if (path.empty() || sys::normalized_relative(path) != path)
    refuse_shared(quoted(path) + " is no place in a binary package repository");
  const std::size_t slash = cpv.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == cpv.size())
    refuse_shared(quoted(cpv) + " is no package");
  const std::string file = path.substr(path.rfind('/') + 1);
  if (!path.starts_with(cpv.substr(0, slash + 1)) || !file.starts_with(cpv.substr(slash + 1)) ||
      instance_path(cpv, file, 1).empty())
    refuse_shared(quoted(path) + " is no place of " + quoted(cpv));
}

// The value of a part: parts are pairs of name and value.
const Json* part_of(const Json& parts, std::string_view name) {
  for (const Json& part : parts)
    if (part.is_array() && part.size() == 2 && part[0].is_string() && part[0] == name)
      return &part[1];
  return nullptr;
}

}  // namespace

void refuse_shared(const std::string& why) {
  throw Error(why, ExitCode::input);
}

void require_format(const Json& document, std::string_view format, std::string_view what) {
  if (json_string(document, "format", what) != format) refuse_shared("it is of another format");
  if (const std::uint64_t version = json_size(document, "version", what); version != kSharedVersion)
    refuse_shared("version " + std::to_string(version) + " is not known to this gbox");
}

void require_shared_size(std::uint64_t bytes) {
  if (bytes > kMaxSharedBytes)
    refuse_shared("it takes " + human_size(bytes) + ", more than " + human_size(kMaxSharedBytes));
}

std::string shared_facts_name(const std::string& key) {
  return std::string(kShareDirectory) + '/' + key + ".json";
}

std::string shared_facts(const SharedPackage& shared) {
  const store::Package& package = shared.package;
  return canonical_json({{"format", kPackageFormat},
                         {"version", kSharedVersion},
                         {"key", package.key},
                         {"parts", package.parts},
                         {"cpv", package.cpv},
                         {"spec", package.spec},
                         {"step", package.step},
                         {"phase", package.phase},
                         {"path", package.path},
                         {"place", shared.place},
                         {"stanza", package.stanza},
                         {"sha256", package.sha256.hex()},
                         {"size_bytes", package.size_bytes},
                         {"seconds", package.seconds}}) +
         '\n';
}

SharedPackage parse_shared_facts(const std::string& text, const std::string& name) {
  constexpr std::string_view what = "a shared package's facts";
  const Json json = parse_json(text, what);
  require_format(json, kPackageFormat, what);
  SharedPackage shared;
  store::Package& package = shared.package;
  package.key = json_string(json, "key", what);
  package.parts = json_member(json, "parts", what);
  package.cpv = json_string(json, "cpv", what);
  package.spec = json_string(json, "spec", what);
  package.step = json_string(json, "step", what);
  package.phase = json_string(json, "phase", what);
  package.path = json_string(json, "path", what);
  shared.place = json_string(json, "place", what);
  package.stanza = json_string(json, "stanza", what);
  package.sha256 = Digest(HashAlgorithm::sha256, json_string(json, "sha256", what));
  package.size_bytes = json_size(json, "size_bytes", what);
  const Json& seconds = json_member(json, "seconds", what);
  if (!seconds.is_number()) refuse_shared("key 'seconds' must be a number");
  package.seconds = seconds.get<double>();

  if (package.key + ".json" != name) refuse_shared("it is of key " + quoted(package.key));
  if (!package.parts.is_array() || plan::key_of(package.parts) != package.key)
    refuse_shared("its key is not that of its parts");
  const Json* decided = part_of(package.parts, "package");
  if (decided == nullptr || json_string(*decided, "cpv", what) != package.cpv)
    refuse_shared("its parts are not those of " + quoted(package.cpv));
  require_place(package.path, package.cpv);
  require_place(shared.place, package.cpv);
  if (package.stanza.size() > store::kMaxStanzaBytes)
    refuse_shared("its entry for the index takes " + human_size(package.stanza.size()));
  // A step's own index gives this to Portage: it must be one entry, and of this package.
  if (package.stanza.find("\n\n") != std::string::npos)
    refuse_shared("its entry for the index is more than one");
  const std::string cpv = field(parse_fields(package.stanza), "CPV");
  if (!package.stanza.empty() && cpv != package.cpv)
    refuse_shared("its entry for the index is of " + quoted(cpv));
  require_shared_size(package.size_bytes);
  return shared;
}

}  // namespace gbox::build
