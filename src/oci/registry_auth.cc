// How a registry is convinced: Basic, or a token of its token service (distribution's "Token
// Authentication Specification", and OAuth 2 for identity tokens).
#include <algorithm>

#include "gbox/base/error.h"
#include "gbox/base/json.h"
#include "gbox/base/text.h"
#include "gbox/net/url.h"
#include "registry_session.h"

namespace gbox::oci {

namespace {

constexpr std::uint64_t kMaxTokenReply = 1u << 20;
constexpr std::size_t kMaxTokenBytes = 64u << 10;

bool is_token_text(std::string_view text) {
  return !text.empty() && text.size() <= kMaxTokenBytes &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace

void RegistrySession::load_credentials() {
  std::call_once(memo_->once,
                 [&] { memo_->found = find_credentials(options.places, host, repository); });
  credentials_ = memo_->found;
}

// True when there is something new to try.
bool RegistrySession::authorize(const net::HttpReply& reply) {
  load_credentials();
  const std::string before = authorization_;
  std::vector<Challenge> challenges;
  for (const auto& [name, value] : reply.fields)
    if (name == "www-authenticate")
      for (Challenge& each : parse_challenges(value)) challenges.push_back(std::move(each));
  for (const Challenge& challenge : challenges) {
    if (challenge.scheme != "bearer") continue;
    fetch_token(challenge);
    return !authorization_.empty() && authorization_ != before;
  }
  const bool basic = std::any_of(challenges.begin(), challenges.end(),
                                 [](const Challenge& each) { return each.scheme == "basic"; });
  if (!basic || !credentials_ || credentials_->user.empty()) return false;
  authorization_ = "Basic " + encode_base64(credentials_->user + ':' + credentials_->password);
  return authorization_ != before;
}

void RegistrySession::fetch_token(const Challenge& challenge) {
  const std::string realm = challenge.get("realm");
  const std::string where = quoted(net::shown_url(realm));
  const std::string deed = "ask " + where + " for a token";
  const bool secure = realm.starts_with("https://");
  // The registry says who is told the password: it may not be told in the clear, unless it is so
  // already.
  if (!secure && !(realm.starts_with("http://") && base_.starts_with("http://")))
    refuse("log in", "it names " + where + " as its token service, which is no https URL",
           "the registry is set up wrongly; tell who runs it");
  std::vector<std::string> scopes = {"repository:" + repository +
                                     (rights == Rights::push ? ":pull,push" : ":pull")};
  for (const std::string& other : mount_from) scopes.push_back("repository:" + other + ":pull");

  std::string query = "service=" + net::escape_query(challenge.get("service"));
  net::HttpRequest request;
  request.max_bytes = kMaxTokenReply;
  if (credentials_ && !credentials_->identity_token.empty()) {
    query += "&scope=" + net::escape_query(join(scopes, " "));
    request.method = "POST";
    request.url = realm;
    request.fields = {{"Content-Type", "application/x-www-form-urlencoded"}};
    request.text = "grant_type=refresh_token&client_id=gbox&" + query +
                   "&refresh_token=" + net::escape_query(credentials_->identity_token);
  } else {
    for (const std::string& scope : scopes) query += "&scope=" + net::escape_query(scope);
    if (credentials_) {
      query += "&account=" + net::escape_query(credentials_->user);
      request.fields = {{"Authorization", "Basic " + encode_base64(credentials_->user + ':' +
                                                                   credentials_->password)}};
    }
    request.url = realm + (realm.find('?') == std::string::npos ? '?' : '&') + query;
  }
  net::HttpReply reply;
  for (unsigned fruitless = 0;;) {
    reply = client_.ask(request);  // without redirects: the password goes to the realm alone
    if (!wait_to_repeat(reply, fruitless)) break;
  }
  if (reply.failure || reply.status != 200) fail(reply, deed);
  const std::string what = "the answer of " + where;
  std::string token;
  with_context(host + '/' + repository + ": " + deed, [&] {
    const Json json = parse_json(reply.body, what);
    if (!json.is_object()) throw Error(what + " is no object", ExitCode::input);
    token = json_string_or_empty(json, "token", what);
    if (token.empty()) token = json_string_or_empty(json, "access_token", what);
    if (!is_token_text(token)) throw Error(what + " holds no token", ExitCode::input);
  });
  authorization_ = "Bearer " + token;
}

std::string RegistrySession::login_hint() const {
  if (credentials_)
    return "the user name and password of " + credentials_->origin +
           " are not taken: 'podman login " + host + "' or 'skopeo login " + host +
           "' writes them anew";
  std::vector<std::string> files;
  for (const std::string& file : auth_files(options.places)) files.push_back(quoted(file));
  return "'podman login " + host + "' or 'skopeo login " + host +
         "' keeps a password; it is looked for in " + join(files, ", ");
}

}  // namespace gbox::oci
