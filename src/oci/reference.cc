#include "gbox/oci/reference.h"

#include <algorithm>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "names.h"

namespace gbox::oci {

namespace {

constexpr std::string_view kScheme = "docker://";
constexpr std::size_t kMaxRepositoryBytes = 255;  // registries stop there
constexpr char kForm[] =
    "such as 'docker://registry.example.org/team/php:8.3' or with '@sha256:…' behind it";

[[noreturn]] void refuse_reference(std::string_view what, std::string_view text,
                                   const std::string& why, const std::string& hint) {
  throw Error(std::string(what) + ": " + gbox::quoted(text) + ": " + why, ExitCode::usage)
      .set_hint(hint);
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

// A name, an IPv4 or a bracketed IPv6 address; nothing in it can end the authority of a URL.
bool is_host(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos || end < 2) return false;
    const std::string_view address = text.substr(1, end - 1);
    if (address.find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos)
      return false;
    const std::string_view rest = text.substr(end + 1);
    return rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)));
  }
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos && !is_port(text.substr(colon + 1))) return false;
  const std::string_view name = text.substr(0, colon);
  return !name.empty() && is_alnum(name.front()) && is_alnum(name.back()) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return is_alnum(c) || c == '.' || c == '-'; });
}

// Docker's registry: the only one whose name is not where it is, and whose images of one word are
// "library/WORD". As containers/image and docker have it.
constexpr std::string_view kDockerHub = "docker.io";
constexpr std::string_view kDockerHubOfOld = "index.docker.io";
constexpr std::string_view kDockerHubApi = "registry-1.docker.io";

// Into `reference`; `rest` is "HOST/REPOSITORY".
void take_name(RegistryReference& reference, std::string_view rest, std::string_view what,
               std::string_view text) {
  const std::size_t slash = rest.find('/');
  const std::string_view host = rest.substr(0, slash);
  if (slash == std::string_view::npos || !is_domain(host))
    refuse_reference(what, text, "no registry's host before the first '/'",
                     std::string("gbox adds none by itself: ") + kForm);
  if (!is_host(host))
    refuse_reference(what, text, gbox::quoted(host) + " is no host with or without a port", kForm);
  reference.host = host == kDockerHubOfOld ? kDockerHub : host;
  reference.repository = rest.substr(slash + 1);
  if (reference.repository.empty()) refuse_reference(what, text, "no repository", kForm);
  if (reference.host == kDockerHub && reference.repository.find('/') == std::string::npos)
    reference.repository.insert(0, "library/");
  if (rest.size() > kMaxRepositoryBytes)
    refuse_reference(what, text,
                     "longer than " + std::to_string(kMaxRepositoryBytes) + " characters",
                     "registries take no longer name");
  for (const std::string& component : split(reference.repository, '/')) {
    if (is_name_component(component)) continue;
    if (std::any_of(component.begin(), component.end(), is_upper))
      refuse_reference(what, text, "upper case in " + gbox::quoted(component),
                       "only the tag may hold upper case: write the name in lower case");
    refuse_reference(what, text, gbox::quoted(component) + " is no part of a repository's name",
                     "use lower-case letters and digits, with '.', '_' or '-' between them");
  }
}

}  // namespace

std::string RegistryReference::wanted() const {
  return digest ? digest->to_string() : tag;
}

std::string RegistryReference::name() const {
  return host + '/' + repository;
}

std::string api_host(const std::string& host) {
  return host == kDockerHub ? std::string(kDockerHubApi) : host;
}

bool names_registry(std::string_view text) {
  return text.starts_with(kScheme);
}

std::string to_string(const RegistryReference& reference) {
  std::string text = std::string(kScheme) + reference.name();
  if (!reference.tag.empty()) text += ':' + reference.tag;
  if (reference.digest) text += '@' + reference.digest->to_string();
  return text;
}

RegistryReference parse_registry(std::string_view text, std::string_view what) {
  if (!names_registry(text))
    refuse_reference(what, text, "no image in a registry: it does not begin with 'docker://'",
                     kForm);
  RegistryReference reference;
  std::string_view rest = text.substr(kScheme.size());
  if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
    const std::string_view digest = rest.substr(at + 1);
    try {
      reference.digest = Digest::parse(digest);
    } catch (const Error&) {
      // Said below.
    }
    if (!reference.digest || reference.digest->algorithm() == HashAlgorithm::blake2b)
      refuse_reference(what, text, gbox::quoted(digest) + " is no digest",
                       "behind '@' stands 'sha256:' and 64 hexadecimal digits");
    rest = rest.substr(0, at);
  }
  const std::size_t slash = rest.rfind('/');
  const std::size_t colon = rest.rfind(':');
  if (colon != std::string_view::npos && slash != std::string_view::npos && colon > slash) {
    reference.tag = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
    if (!is_tag(reference.tag))
      refuse_reference(what, text, gbox::quoted(reference.tag) + " is no tag",
                       "a tag has letters, digits, '_', '.' and '-', at most 128");
  }
  take_name(reference, rest, what, text);
  if (reference.tag.empty() && !reference.digest) reference.tag = "latest";
  return reference;
}

RegistryReference parse_repository(std::string_view text, std::string_view what) {
  RegistryReference reference;
  const std::string_view rest = names_registry(text) ? text.substr(kScheme.size()) : text;
  const std::size_t slash = rest.rfind('/');
  if (slash != std::string_view::npos && rest.find_first_of(":@", slash) != std::string_view::npos)
    refuse_reference(what, text, "a tag or digest where only a repository is meant",
                     "such as 'registry.example.org/team/cache'");
  take_name(reference, rest, what, text);
  return reference;
}

}  // namespace gbox::oci
