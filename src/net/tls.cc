#include "tls.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include <cstring>
#include <string_view>

#include "gbox/base/text.h"
#include "gbox/sys/file.h"

namespace gbox::net {

namespace {

constexpr std::uint64_t kMaxBundleBytes = 16u << 20;

std::string read_certificates(const std::string& path, std::string_view what, ExitCode code) {
  std::string text = with_context(what, [&] {
    try {
      return sys::read_file(path, kMaxBundleBytes);
    } catch (Error& error) {
      error.add_code(code);
      throw;
    }
  });
  if (text.find("-----BEGIN CERTIFICATE-----") == std::string::npos &&
      text.find("-----BEGIN TRUSTED CERTIFICATE-----") == std::string::npos)
    throw Error(std::string(what) + ": " + quoted(path) + " holds no certificate in PEM form", code)
        .add_hint("'openssl x509 -in FILE -out FILE.pem' makes one of another form");
  return text;
}

std::string name_text(const X509_NAME* name) {
  char text[256];
  for (const int field : {NID_commonName, NID_organizationName})
    if (X509_NAME_get_text_by_NID(name, field, text, sizeof text) > 0) return text;
  return "an unnamed authority";
}

std::time_t time_of(const ASN1_TIME* time) {
  struct tm parts {};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? ::timegm(&parts) : 0;
}

int fault_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

// Decides nothing: notes what OpenSSL found and passes its verdict on. Called from C, so nothing
// may be thrown out of it.
int on_certificate(int good, X509_STORE_CTX* store) noexcept {
  try {
    const auto* ssl = static_cast<const SSL*>(
        X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    const X509* certificate = X509_STORE_CTX_get_current_cert(store);
    if (ssl == nullptr || certificate == nullptr) return good;
    auto* fault = static_cast<TlsFault*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), fault_index()));
    if (fault == nullptr) return good;
    if (X509_STORE_CTX_get_error_depth(store) == 0)
      fault->subject = name_text(X509_get_subject_name(certificate));
    if (good == 1 || fault->code != 0) return good;
    fault->code = X509_STORE_CTX_get_error(store);
    fault->issuer = name_text(X509_get_issuer_name(certificate));
    fault->not_before = time_of(X509_get0_notBefore(certificate));
    fault->not_after = time_of(X509_get0_notAfter(certificate));
  } catch (const std::exception&) {
    // No memory for a note: the verdict stands without it.
  }
  return good;
}

CURLcode on_context(CURL*, void* context, void* fault) noexcept {
  auto* ssl_context = static_cast<SSL_CTX*>(context);
  if (SSL_CTX_set_ex_data(ssl_context, fault_index(), fault) == 1)
    SSL_CTX_set_verify(ssl_context, SSL_VERIFY_PEER, on_certificate);
  return CURLE_OK;
}

}  // namespace

void check_extra_ca(const Settings& settings) {
  if (settings.extra_ca.empty()) return;
  try {
    (void)read_certificates(settings.extra_ca, "certificate authority", ExitCode::usage);
  } catch (Error& error) {
    if (error.hint().empty())
      error.set_hint(
          "'--ca FILE' names a file of certificates in PEM form; a relative path starts "
          "at the directory you are in");
    throw;
  }
}

Trust trust_of(const Settings& settings) {
  Trust trust;
  trust.file = settings.ca_bundle;
  if (!trust.file.empty())
    (void)read_certificates(trust.file, "certificate authorities", ExitCode::host);
  if (settings.extra_ca.empty()) return trust;
  // libcurl takes one source: the usual authorities and the added ones become one text.
  std::string usual = trust.file;
  const curl_version_info_data* version = ::curl_version_info(CURLVERSION_NOW);
  if (usual.empty() && version->age >= CURLVERSION_SEVENTH && version->cainfo != nullptr)
    usual = version->cainfo;
  // A machine without the usual ones may still trust the added one.
  if (!usual.empty())
    trust.text = sys::try_read_file(AT_FDCWD, usual, kMaxBundleBytes).value_or("");
  trust.text +=
      "\n" + read_certificates(settings.extra_ca, "certificate authority", ExitCode::usage);
  return trust;
}

void watch_certificates(CURL* handle, TlsFault& fault) {
  const curl_version_info_data* version = ::curl_version_info(CURLVERSION_NOW);
  if (version->ssl_version == nullptr || std::strncmp(version->ssl_version, "OpenSSL", 7) != 0)
    return;
  (void)::curl_easy_setopt(handle, CURLOPT_SSL_CTX_FUNCTION, on_context);
  (void)::curl_easy_setopt(handle, CURLOPT_SSL_CTX_DATA, &fault);
}

Failure explain(const TlsFault& fault, const std::string& host, std::time_t now) {
  Failure failure;
  failure.cause = Cause::untrusted;
  const std::string clock = "this machine says " + date_text(now);
  switch (fault.code) {
    case X509_V_ERR_CERT_NOT_YET_VALID:
      failure.cause = Cause::clock;
      failure.message = clock + ", the certificate of " + quoted(host) + " is of " +
                        date_text(fault.not_before) + " and later";
      failure.hint = "set the clock ('timedatectl set-ntp true') and run again";
      break;
    case X509_V_ERR_CERT_HAS_EXPIRED:
      failure.message = "certificate expired on " + date_text(fault.not_after) + " (" + clock + ")";
      failure.hint = "if this machine's clock is right, use another mirror";
      break;
    case X509_V_OK:
      failure.message = fault.subject.empty() ? "certificate is not that of " + quoted(host)
                                              : "certificate is that of " + quoted(fault.subject) +
                                                    ", not of " + quoted(host);
      failure.hint = "something answers in its place (a login page, a proxy), or the URL is wrong";
      break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      failure.message =
          "certificate is issued by " + quoted(fault.issuer) + ", which is not trusted";
      failure.hint =
          "if you trust it, pass '--ca FILE' with its certificate or set 'SSL_CERT_FILE'";
      break;
    default:
      failure.message = "certificate issued by " + quoted(fault.issuer) +
                        " is refused: " + X509_verify_cert_error_string(fault.code);
      failure.hint = "use another mirror";
  }
  return failure;
}

std::string date_text(std::time_t time) {
  struct tm parts {};
  char text[32] = "";
  if (::gmtime_r(&time, &parts) != nullptr)
    (void)std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts);  // 16 bytes always fit
  return text;
}

}  // namespace gbox::net
