// From how an exchange ended to what a person reads, and to whether trying again makes sense. One
// table of words; no decision about what is tried next.
#pragma once

#include <curl/curl.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "exchange.h"
#include "gbox/net/transfer.h"

namespace gbox::net {

struct Verdict {
  Failure failure;
  bool transient = false;    // may pass by itself
  bool server_gone = false;  // true for every file of this server
};

// An exchange that libcurl ended with `code` (not CURLE_OK), `done` bytes being there.
Verdict explain(CURLcode code, const Exchange& exchange, const Session& session, std::uint64_t done,
                std::optional<std::uint64_t> total);
// A reply with a status other than 200, 206 and redirects.
Verdict explain_status(const Reply& reply);
// "got 5214 of 296110884 bytes (text/html)": an answer of another size than the file's.
Failure wrong_size(std::uint64_t got, std::uint64_t wanted, const std::string& content_type);
Failure too_large(std::uint64_t limit);
// `wanted` and `found` are of the same algorithms, in the same order, and differ. Names the first
// that does, and those that do not: then it is the digests that contradict one another.
Failure wrong_digest(const std::vector<Digest>& wanted, const std::vector<Digest>& found);

// "http://host/path" of the shown URL in front of a failure, unless it names the host itself.
std::string line_of(const Failure& failure);

}  // namespace gbox::net
