#include "gbox/portage/binary_host.h"

#include <algorithm>
#include <map>
#include <optional>

#include "answer.h"
#include "gbox/base/error.h"
#include "gbox/base/text.h"

namespace gbox::portage {

namespace {

// Of the header: where packages are, and how and when they are fetched, is gbox's business.
constexpr std::string_view kDropped[] = {"URI", "TTL", "DOWNLOAD_TIMESTAMP", "FETCHCOMMAND",
                                         "RESUMECOMMAND"};

[[noreturn]] void refuse(const std::string& why) {
  throw Error("read the index 'Packages': " + why, ExitCode::input)
      .set_hint("is the uri that of the directory that holds 'Packages'?");
}

using Stanza = std::map<std::string, std::string, std::less<>>;

template <class Number>
std::optional<Number> number_of(const Stanza& stanza, std::string_view key) {
  const auto found = stanza.find(key);
  return found == stanza.end() ? std::nullopt : whole_number<Number>(found->second);
}

std::string value_of(const Stanza& stanza, std::string_view key) {
  const auto found = stanza.find(key);
  return found == stanza.end() ? std::string() : found->second;
}

bool is_hex(const std::string& text, std::size_t length) {
  return text.size() == length && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

void add_entry(BinaryIndex& index, const Stanza& stanza) {
  IndexEntry entry;
  entry.path = value_of(stanza, "PATH");
  if (entry.path.empty()) return;
  if (!ask::is_relative_path_or_empty(entry.path)) refuse(quoted(entry.path) + " is no path");
  const auto size = number_of<std::uint64_t>(stanza, "SIZE");
  const auto mtime = number_of<std::int64_t>(stanza, "MTIME");
  if (!size || *size > kMaxDistfileBytes || !mtime) return;
  entry.size = *size;
  entry.mtime = *mtime;
  entry.sha1 = value_of(stanza, "SHA1");
  entry.md5 = value_of(stanza, "MD5");
  if (!is_hex(entry.sha1, 40)) entry.sha1.clear();
  if (!is_hex(entry.md5, 32)) entry.md5.clear();
  index.entries.push_back(std::move(entry));
}

void check_header(const Stanza& header) {
  if (!number_of<std::uint64_t>(header, "TIMESTAMP"))
    refuse("it has no TIMESTAMP, so that it is none");
  const auto version = number_of<unsigned>(header, "VERSION");
  if (version != 0U)
    refuse("its VERSION is " + quoted(value_of(header, "VERSION")) + ", gbox reads '0'");
}

}  // namespace

BinaryIndex parse_index(std::string_view text) {
  if (text.size() > kMaxIndexBytes) refuse("it is larger than " + human_size(kMaxIndexBytes));
  BinaryIndex index;
  Stanza stanza;
  bool header = true;
  const auto finish = [&] {
    if (stanza.empty()) return;
    if (header) {
      check_header(stanza);
      index.timestamp = value_of(stanza, "TIMESTAMP");
    } else {
      add_entry(index, stanza);
    }
    header = false;
    stanza.clear();
    index.text += '\n';
  };
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (trim(line).empty()) {
      finish();
      continue;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) refuse(quoted(line.substr(0, 60)) + " is no line of one");
    const std::string key(line.substr(0, colon));
    if (std::find(std::begin(kDropped), std::end(kDropped), key) != std::end(kDropped)) continue;
    stanza[key] = trim(line.substr(colon + 1));
    index.text += line;
    index.text += '\n';
  }
  finish();
  if (header) refuse("it is empty");
  std::sort(index.entries.begin(), index.entries.end(),
            [](const IndexEntry& a, const IndexEntry& b) { return a.path < b.path; });
  return index;
}

const IndexEntry* find_entry(const BinaryIndex& index, std::string_view path) {
  const auto found =
      std::lower_bound(index.entries.begin(), index.entries.end(), path,
                       [](const IndexEntry& entry, std::string_view p) { return entry.path < p; });
  return found != index.entries.end() && found->path == path ? &*found : nullptr;
}

std::string official_host(std::string_view mirror, std::string_view arch, std::string_view name) {
  while (mirror.ends_with('/')) mirror.remove_suffix(1);
  return std::string(mirror) + "/releases/" + std::string(arch) + "/binpackages/23.0/" +
         std::string(name);
}

std::string binrepos_conf(const std::vector<spec::BinaryHost>& hosts, HostsFor where) {
  std::string text =
      "# Written by gbox from the spec. Edit the spec: each build writes this anew.\n";
  for (const spec::BinaryHost& host : hosts) {
    const std::string local = std::string(kBinaryHostsDirectory) + '/' + host.name;
    text += "\n[" + host.name + "]\n";
    if (host.priority) text += "priority = " + std::to_string(*host.priority) + '\n';
    text += "sync-uri = " + (where == HostsFor::step ? "file://" + local : host.uri) + '\n';
    if (where == HostsFor::step) text += "location = " + local + '\n';
    text += std::string("verify-signature = ") + (host.verify_signature ? "true" : "false") + '\n';
  }
  return text;
}

}  // namespace gbox::portage
