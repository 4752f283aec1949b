// From what a registry answers to what a person reads: one table of words.
#include <algorithm>

#include "gbox/base/error.h"
#include "gbox/base/json.h"
#include "gbox/base/text.h"
#include "gbox/net/url.h"
#include "registry_session.h"

namespace gbox::oci {

namespace {

constexpr std::size_t kMaxWords = 300;

// {"errors": [{"code", "message", "detail"}]}; null when it is something else.
Json errors_of(const net::HttpReply& reply) {
  try {
    const Json document = parse_json(reply.body, "an error");
    if (const auto found = document.find("errors");
        document.is_object() && found != document.end() && found->is_array())
      return *found;
  } catch (const Error&) {
    // A page for people, or nothing.
  }
  return {};
}

std::string text_of(const Json& error, const char* key) {
  if (!error.is_object()) return "";
  const auto found = error.find(key);
  return found != error.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace

std::string registry_words(const net::HttpReply& reply) {
  std::string words;
  for (const Json& error : errors_of(reply)) {
    std::string one = text_of(error, "code");
    if (const std::string message = text_of(error, "message"); !message.empty())
      one += (one.empty() ? "" : ", ") + message;
    if (error.is_object() && error.contains("detail") && error["detail"].is_string())
      one += ": " + error["detail"].get<std::string>();
    if (!one.empty()) words += (words.empty() ? "" : "; ") + one;
    if (words.size() > kMaxWords) break;
  }
  if (words.size() > kMaxWords) words = words.substr(0, kMaxWords) + '~';
  return printable(words);
}

bool has_error_code(const net::HttpReply& reply, std::string_view code) {
  const Json errors = errors_of(reply);
  return std::any_of(errors.begin(), errors.end(),
                     [&](const Json& error) { return text_of(error, "code") == code; });
}

void RegistrySession::fail(const net::HttpReply& reply, const std::string& deed) {
  if (reply.failure) {
    const net::Failure& failure = *reply.failure;
    const bool names_host =
        failure.cause == net::Cause::resolve || failure.cause == net::Cause::connect;
    const std::string elsewhere = net::shown_host(failure.url);
    refuse(deed,
           (names_host || elsewhere.empty() || elsewhere == host ? "" : quoted(elsewhere) + ": ") +
               failure.message,
           failure.hint);
  }
  std::string why = std::to_string(reply.status);
  if (const std::string words = registry_words(reply); !words.empty()) why += " (" + words + ')';
  const bool push = rights == Rights::push;
  switch (reply.status) {
    case 401:
      refuse(deed, why, login_hint());
    case 403:
      refuse(deed, why,
             credentials_ ? "user " + quoted(credentials_->user) + " of " + credentials_->origin +
                                " may not " + (push ? "write to " : "read ") + quoted(repository) +
                                " there: ask who runs the registry, or log in as somebody else"
                          : login_hint());
    case 404:
      if (push && (has_error_code(reply, "BLOB_UPLOAD_INVALID") ||
                   has_error_code(reply, "BLOB_UPLOAD_UNKNOWN")))
        refuse(deed, why, "the registry has lost what was sent so far; run again");
      refuse(deed, why,
             push ? "this registry has no repository " + quoted(repository) +
                        ", and may want it to be made by hand first"
                  : "is the name right? 'skopeo list-tags docker://" + host + '/' + repository +
                        "' lists what there is");
    case 405:
      refuse(deed, why, "this registry is read-only, or a mirror of another one");
    case 413:
      refuse(deed, why,
             "what stands before the registry takes no request of this size: raise its limit "
             "(nginx: client_max_body_size)");
    case 429:
      refuse(deed, why,
             "too much was asked of it in a short time; run again later, or log in: registries "
             "allow more to those they know");
    case 507:
      refuse(deed, why, "the registry's disk is full; tell who runs it");
    default:
      if (reply.status >= 500)
        refuse(deed, why,
               push ? "the registry has a fault (a full disk may look like this); run again later: "
                      "what it has already is not sent again"
                    : "the registry has a fault; run again later: what has arrived is kept");
      refuse(deed, why, "");
  }
}

}  // namespace gbox::oci
