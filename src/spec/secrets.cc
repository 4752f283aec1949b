#include "secrets.h"

#include <algorithm>
#include <array>
#include <string>

namespace gbox::spec {

namespace {

bool is_token_byte(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         c == '-' || c == '.';
}

// Prefixes by which issuers mark their tokens, so that scanners find them, with the least length
// of what follows.
bool is_issued_token(std::string_view value) {
  struct Form {
    std::string_view prefix;
    std::size_t length;
  };
  static constexpr std::array<Form, 12> kForms = {{{"ghp_", 30},
                                                   {"gho_", 30},
                                                   {"ghs_", 30},
                                                   {"github_pat_", 40},
                                                   {"glpat-", 15},
                                                   {"npm_", 30},
                                                   {"pypi-", 40},
                                                   {"AKIA", 16},
                                                   {"xoxb-", 20},
                                                   {"xoxp-", 20},
                                                   {"sk_live_", 16},
                                                   {"AIza", 30}}};
  return std::any_of(kForms.begin(), kForms.end(), [&](const Form& form) {
    if (!value.starts_with(form.prefix)) return false;
    const std::string_view rest = value.substr(form.prefix.size());
    return rest.size() >= form.length && std::all_of(rest.begin(), rest.end(), is_token_byte);
  });
}

// Whole words only: 'TOKENIZER' and 'SECRETARY' are none.
bool is_secret_name(std::string_view name) {
  static constexpr std::array<std::string_view, 11> kWords = {
      "_PASSWORD_", "_PASSWD_",      "_PASSPHRASE_", "_SECRET_",     "_TOKEN_",      "_APIKEY_",
      "_API_KEY_",  "_PRIVATE_KEY_", "_ACCESS_KEY_", "_CREDENTIAL_", "_CREDENTIALS_"};
  std::string words = "_";
  for (const char c : name)
    words += c >= 'a' && c <= 'z'                       ? static_cast<char>(c - 'a' + 'A')
             : is_token_byte(c) && c != '-' && c != '.' ? c
                                                        : '_';
  words += '_';
  // A file's name or a switch about secrets is no secret.
  for (const std::string_view harmless : {"_FILE_", "_PATH_", "_DIR_", "_URL_"})
    if (words.ends_with(harmless)) return false;
  return std::any_of(kWords.begin(), kWords.end(),
                     [&](std::string_view word) { return words.find(word) != std::string::npos; });
}

}  // namespace

Secrecy secrecy_of(std::string_view name, std::string_view value) {
  if (is_issued_token(value)) return Secrecy::certain;
  if (value.find("-----BEGIN ") != std::string_view::npos &&
      value.find("PRIVATE KEY-----") != std::string_view::npos)
    return Secrecy::certain;
  return !value.empty() && value.front() != '/' && is_secret_name(name) ? Secrecy::likely
                                                                        : Secrecy::none;
}

}  // namespace gbox::spec
