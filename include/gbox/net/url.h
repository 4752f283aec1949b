// URLs and local paths as places to fetch from: told apart, joined, and shown without secrets.
// Pure text. Called by whoever builds URLs of mirrors; net itself does the fetching.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gbox::net {

// "/a/b" of an absolute path or a file URL (its %-escapes undone); nullopt for anything else.
std::optional<std::string> local_path(std::string_view url);

// Throws Error (ExitCode::usage) unless it is an http, https or file URL or an absolute path:
// what a spec or an option may name as a mirror. `what` names it: "'base.mirror'".
void check_url(std::string_view url, std::string_view what);

// `path` (plain text, relative) below `base`, a mirror's URL or an absolute path: characters that
// mean something in a URL are escaped in `path` when `base` is a URL, and one '/' is between them.
std::string join_url(std::string_view base, std::string_view path);

// Without user name and password: what may be written down, and fetched again by others.
std::string without_credentials(std::string_view url);
// For people: without user name, password, query and fragment.
std::string shown_url(std::string_view url);
// For people: the host and, when given, port of a URL ("gentoo.example:8080"); a local path as is.
std::string shown_host(std::string_view url);

}  // namespace gbox::net
