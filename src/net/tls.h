// Certificates: which authorities are trusted, and why one was not. libcurl says only that a check
// failed; OpenSSL's own callback knows the issuer, whom a person has to ask.
#pragma once

#include <curl/curl.h>

#include <ctime>
#include <string>

#include "gbox/net/transfer.h"

namespace gbox::net {

struct TlsFault {
  int code = 0;         // X509_V_ERR_…; 0 when no check failed
  std::string issuer;   // of the certificate that failed: its CN, else its O
  std::string subject;  // of the server's own certificate
  std::time_t not_before = 0;
  std::time_t not_after = 0;
};

// What is trusted: a file for libcurl ("" is its default) or, when authorities were added, text.
struct Trust {
  std::string file;
  std::string text;
};
// Throws Error (host) when a file cannot be read or holds no certificate.
Trust trust_of(const Settings& settings);

// Makes the handle write into `fault`, which must live as long as the handle does; no effect with
// a libcurl that uses another TLS library.
void watch_certificates(CURL* handle, TlsFault& fault);

// The failure in words. `host` is who was asked, `now` this machine's clock.
Failure explain(const TlsFault& fault, const std::string& host, std::time_t now);

// "2026-08-21 13:05" in UTC: of a clock that is wrong, even the zone is in doubt.
std::string date_text(std::time_t time);

}  // namespace gbox::net
