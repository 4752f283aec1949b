// `gbox keys`: whose signatures count, and their certificates on this machine.
#include <algorithm>
#include <ctime>

#include "cells.h"
#include "commands.h"
#include "gbox/base/json.h"
#include "gbox/base/text.h"
#include "gbox/net/transfer.h"
#include "gbox/portage/key_update.h"

namespace gbox::cli {

namespace {

constexpr std::uint64_t kMaxKeyBytes = 16u << 20;
constexpr std::size_t kPurposeCells = 8;
constexpr std::size_t kStateCells = 20;

std::string purposes_of(const portage::TrustedKey& key) {
  std::vector<std::string> words;
  for (const portage::Purpose purpose : key.purposes) words.emplace_back(to_string(purpose));
  return join(words, ",");
}

// "expires 2027-07-01", "missing", "revoked", …
std::string state_of(const std::optional<portage::Certificate>& certificate, std::int64_t now) {
  if (!certificate) return "missing";
  if (certificate->primary.revoked) return "revoked";
  const std::int64_t end = certificate->primary.expires;
  if (end == 0) return "does not expire";
  return (end <= now ? "expired " : "expires ") + portage::iso_date(end);
}

OrderedJson json_of(const portage::KeyState& state) {
  OrderedJson json;
  json["fingerprint"] = state.key.fingerprint;
  json["purposes"] = split(purposes_of(state.key), ',');
  json["about"] = state.key.about;
  json["present"] = state.certificate.has_value();
  if (state.certificate) {
    json["user_id"] = printable(state.certificate->user_id);
    json["expires"] = state.certificate->primary.expires;
    json["revoked"] = state.certificate->primary.revoked;
    json["file"] = state.certificate->source;
  }
  return json;
}

portage::KeySources sources() {
  portage::KeySources sources;
  sources.user_directory = portage::user_key_directory();
  return sources;
}

void warn_of(const std::optional<portage::Certificate>& certificate, std::int64_t now,
             WarningSink& sink) {
  if (!certificate) return;
  portage::warn_of_expiry(*certificate, now, sink);
  const std::int64_t end = certificate->primary.expires;
  if (end != 0 && end <= now)
    sink.warn({"keys: the key '" + certificate->primary.fingerprint + "' expired on " +
                   portage::iso_date(end),
               "run 'gbox keys update'"});
}

std::string_view word_for(portage::KeyChange change) {
  switch (change) {
    case portage::KeyChange::added:
      return "added";
    case portage::KeyChange::renewed:
      return "renewed";
    case portage::KeyChange::unchanged:
      return "unchanged";
    case portage::KeyChange::missing:
      break;
  }
  return "not found";
}

}  // namespace

int cmd_keys_ls(const KeysListArgs& args, Console& console) {
  const auto now = static_cast<std::int64_t>(std::time(nullptr));
  const auto states = portage::key_states(sources(), console.progress());
  OrderedJson list = OrderedJson::array();
  for (const portage::KeyState& state : states) {
    if (args.json) {
      list.push_back(json_of(state));
      continue;
    }
    const std::string who =
        state.certificate ? clean_line(state.certificate->user_id) : state.key.about;
    console.result_line(state.key.fingerprint + "  " +
                        padded(purposes_of(state.key), kPurposeCells) + "  " +
                        padded(state_of(state.certificate, now), kStateCells) + "  " + who);
  }
  if (args.json) {
    OrderedJson document;
    document["keys"] = std::move(list);
    console.result_line(document.dump(2));
  }
  for (const portage::KeyState& state : states) warn_of(state.certificate, now, console.progress());
  if (std::none_of(states.begin(), states.end(),
                   [](const portage::KeyState& state) { return state.certificate.has_value(); }))
    console.progress().warn(
        {"keys: no certificate of Gentoo's keys is on this machine", "run 'gbox keys update'"});
  return 0;
}

int cmd_keys_update(const KeysUpdateArgs& args, Console& console) {
  const std::string directory = portage::user_key_directory();
  if (directory.empty())
    throw Error("keys: no place to keep certificates: 'HOME' is not set", ExitCode::host)
        .set_hint("name a directory with 'GBOX_KEYS'");
  net::Settings settings = net::Settings::from_environment();
  settings.extra_ca = args.ca;
  net::check_extra_ca(settings);
  settings.warnings = &console.progress();
  const portage::KeyFetch fetch = [&](const std::string& url) -> std::optional<std::string> {
    const std::vector<std::string> urls = {url};
    auto fetched = net::try_fetch_text(urls, "certificates", settings, kMaxKeyBytes);
    if (!fetched) return std::nullopt;
    return std::move(fetched->text);
  };
  const std::vector<std::string> servers =
      args.from.empty() ? portage::default_key_servers() : args.from;
  const auto now = static_cast<std::int64_t>(std::time(nullptr));
  for (const portage::KeyUpdate& update :
       portage::update_keys(directory, servers, fetch, console.progress())) {
    std::string line = padded(word_for(update.change), kPurposeCells + 2) + ' ' +
                       update.key.fingerprint + "  " + purposes_of(update.key);
    if (update.certificate) line += "  " + state_of(update.certificate, now);
    console.result_line(line);
    warn_of(update.certificate, now, console.progress());
  }
  return 0;
}

}  // namespace gbox::cli
