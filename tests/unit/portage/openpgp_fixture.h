// The keys, signatures and little mirror of data/openpgp (made by data/openpgp/make), and the
// verifiers of this machine.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "gbox/base/sink.h"
#include "gbox/portage/openpgp.h"
#include "gbox/portage/trust.h"
#include "gbox/sys/file.h"
#include "gbox/sys/process.h"

namespace gbox::test {

inline std::string openpgp_path(const std::string& below) {
  return std::string(GBOX_OPENPGP_DATA) + '/' + below;
}
inline std::string openpgp_file(const std::string& below) {
  return sys::read_file(openpgp_path(below));
}

class Warnings : public WarningSink {
 public:
  void warn(const Warning& warning) override { all.push_back(warning); }
  std::vector<Warning> all;
};

// The certificate of one of make's keys.
inline portage::Certificate certificate_of(const std::string& name) {
  return portage::read_certificates(openpgp_file("keys/" + name + ".asc"), name).at(0);
}

// What KeySources of Gentoo's own keys would give, were the named ones they.
inline portage::KeyRing ring_of(const std::vector<std::string>& names,
                                const std::vector<std::string>& others = {}) {
  portage::KeyRing ring;
  for (const std::string& name : names) ring.certificates.push_back(certificate_of(name));
  for (const std::string& name : others) ring.others.push_back(certificate_of(name));
  return ring;
}

// The verifiers that are here; gpgv must be one of them (tests/packages/run).
inline std::vector<portage::Verifier> verifiers() {
  std::vector<portage::Verifier> found;
  using Kind = portage::Verifier::Kind;
  for (const auto& [kind, name] : {std::pair(Kind::gpgv, "gpgv"), std::pair(Kind::sqv, "sqv")})
    if (const std::string program = sys::find_in_path(name); !program.empty())
      found.push_back({kind, program});
  REQUIRE_FALSE(found.empty());
  REQUIRE(found.front().kind == Kind::gpgv);
  return found;
}

struct Refusal {
  std::optional<portage::SignatureFault> fault;
  std::string message;
  std::string hint;
  ExitCode code = ExitCode::ok;
};
template <class Action>
Refusal refusal_of(Action&& action) {
  try {
    action();
  } catch (const portage::SignatureError& error) {
    return {error.fault(), error.message(), error.hint(), error.code()};
  } catch (const Error& error) {
    return {std::nullopt, error.message(), error.hint(), error.code()};
  }
  return {std::nullopt, "no error", "", ExitCode::ok};
}

}  // namespace gbox::test
