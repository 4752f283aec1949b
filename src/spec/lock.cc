#include "gbox/spec/lock.h"

#include <toml++/toml.h>

#include <algorithm>

#include "context.h"
#include "gbox/base/text.h"
#include "keys.h"
#include "parse.h"
#include "table.h"

namespace gbox::spec {

namespace {

constexpr std::string_view kHeader =
    "# Written by gbox: what the names in the spec mean until 'gbox lock --update'.\n"
    "# Keep this file with the spec: with it, a build takes the same inputs everywhere.\n";
constexpr const char* kAnew = "remove the file, and 'gbox lock' writes it anew";

constexpr std::array<std::string_view, 5> kLockList = {"version", "base", "repos", "binhost",
                                                       "cpu"};
constexpr std::array<std::string_view, 9> kBaseFields = {
    "wish", "stamp", "file", "urls", "size", "sha256", "sha512", "blake2b", "signer"};
constexpr std::array<std::string_view, 11> kRepositoryFields = {
    "wish",   "date",    "file",   "urls", "size",  "sha256",
    "sha512", "blake2b", "signer", "git",  "commit"};
constexpr std::array<std::string_view, 4> kCpuFields = {"machine", "wish", "march", "flags"};
constexpr TableKeys kLockKeys{"", kLockList};
constexpr TableKeys kBaseKeys{"[base]", kBaseFields};
constexpr TableKeys kRepositoryKeys{"[repos.NAME]", kRepositoryFields};
constexpr TableKeys kBinaryHostKeys{"[binhost.NAME]", kBaseFields};
constexpr TableKeys kCpuKeys{"[cpu]", kCpuFields};

constexpr std::array<std::pair<std::string_view, HashAlgorithm>, 3> kAlgorithms = {
    {{"sha256", HashAlgorithm::sha256},
     {"sha512", HashAlgorithm::sha512},
     {"blake2b", HashAlgorithm::blake2b}}};

std::string text_of(Table& table, std::string_view key) {
  const auto text = table.string(key);
  return text ? text->value : std::string();
}

bool is_file_name(std::string_view name) {
  return !name.empty() && name.size() <= 255 && name.front() != '.' &&
         name.find('/') == std::string_view::npos &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

LockedFile read_file(Context& context, Table& table) {
  LockedFile file;
  for (const char* key : {"file", "urls", "size", "sha256"}) table.require(key, kAnew);
  if (const auto name = table.string("file")) {
    file.name = name->value;
    if (!is_file_name(file.name))
      context.fault(name->where, "'file': " + shown(file.name) + " is not a file's name", kAnew);
  }
  for (Text& url : table.strings("urls")) {
    const bool image = url.value.starts_with("docker://");
    context.accept(image ? check_image(url.value) : check_location(url.value), url.where, "urls",
                   url.value);
    file.urls.push_back(std::move(url.value));
  }
  if (const auto size = table.integer("size", 0, std::int64_t{1} << 50))
    file.size = static_cast<std::uint64_t>(*size);
  for (const auto& [key, algorithm] : kAlgorithms) {
    const auto text = table.string(key);
    if (!text) continue;
    try {
      file.digests.push_back(Digest::parse(std::string(key) + ':' + text->value));
    } catch (const Error&) {
      context.fault(text->where, quoted(key) + ": " + shown(text->value) + " is not such a digest",
                    kAnew);
    }
  }
  if (const auto signer = table.string("signer")) {
    file.signer = signer->value;
    if (!is_hex(file.signer))
      context.fault(signer->where, "'signer': " + shown(file.signer) + " is not a fingerprint",
                    kAnew);
  }
  return file;
}

LockedRepository read_repository(Context& context, const std::string& name,
                                 const toml::table& toml) {
  Table table(context, toml, kRepositoryKeys, name);
  LockedRepository repository;
  table.require("wish", kAnew);
  repository.wish = text_of(table, "wish");
  repository.date = text_of(table, "date");
  if (const auto git = table.string("git"))
    if (context.accept(check_git_url(git->value), git->where, "git", git->value))
      repository.git = git->value;
  if (const auto commit = table.string("commit")) {
    repository.commit = commit->value;
    if (!is_hex(commit->value) || (commit->value.size() != 40 && commit->value.size() != 64))
      context.fault(commit->where, "'commit': " + shown(commit->value) + " is not a commit's id",
                    kAnew);
  }
  if (!table.has("git")) repository.file = read_file(context, table);
  if (table.has("git")) table.require("commit", kAnew);
  return repository;
}

std::string toml_string(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;  // control characters are in no value: each was checked when it was read
  }
  return result + '"';
}

std::string toml_list(const std::vector<std::string>& texts) {
  std::string result = "[";
  for (const std::string& text : texts) result += (result == "[" ? "" : ", ") + toml_string(text);
  return result + ']';
}

// Lines "key = value" of one table; also what two locks are compared by.
using Fields = std::vector<std::pair<std::string, std::string>>;

void add(Fields& fields, const char* key, const std::string& value) {
  if (!value.empty()) fields.emplace_back(key, toml_string(value));
}

void add_file(Fields& fields, const LockedFile& file) {
  if (file.name.empty()) return;
  add(fields, "file", file.name);
  fields.emplace_back("urls", toml_list(file.urls));
  fields.emplace_back("size", std::to_string(file.size));
  for (const auto& [key, algorithm] : kAlgorithms)
    for (const Digest& digest : file.digests)
      if (digest.algorithm() == algorithm) fields.emplace_back(key, toml_string(digest.hex()));
  add(fields, "signer", file.signer);
}

std::vector<std::pair<std::string, Fields>> tables_of(const Lock& lock) {
  std::vector<std::pair<std::string, Fields>> tables;
  if (lock.base) {
    Fields fields;
    add(fields, "wish", lock.base->wish);
    add(fields, "stamp", lock.base->stamp);
    add_file(fields, lock.base->file);
    tables.emplace_back("base", std::move(fields));
  }
  for (const auto& [name, repository] : lock.repositories) {
    Fields fields;
    add(fields, "wish", repository.wish);
    add(fields, "date", repository.date);
    add_file(fields, repository.file);
    add(fields, "git", repository.git);
    add(fields, "commit", repository.commit);
    tables.emplace_back("repos." + name, std::move(fields));
  }
  for (const auto& [name, host] : lock.binary_hosts) {
    Fields fields;
    add(fields, "wish", host.wish);
    add(fields, "stamp", host.stamp);
    add_file(fields, host.index);
    tables.emplace_back("binhost." + name, std::move(fields));
  }
  if (lock.cpu) {
    Fields fields;
    add(fields, "machine", lock.cpu->machine);
    add(fields, "wish", lock.cpu->wish);
    add(fields, "march", lock.cpu->march);
    if (!lock.cpu->flags.empty()) fields.emplace_back("flags", toml_list(lock.cpu->flags));
    tables.emplace_back("cpu", std::move(fields));
  }
  return tables;
}

std::map<std::string, std::string> flat(const Lock& lock) {
  std::map<std::string, std::string> result;
  for (const auto& [table, fields] : tables_of(lock))
    for (const auto& [key, value] : fields) result[table + '.' + key] = value;
  return result;
}

}  // namespace

const Digest& LockedFile::sha256() const {
  for (const Digest& digest : digests)
    if (digest.algorithm() == HashAlgorithm::sha256) return digest;
  throw Error("internal error: no sha256 of " + quoted(name));
}

Lock read_lock(const std::string& path_shown, std::string_view text) {
  if (text.size() > kMaxLockBytes)
    throw SpecError({{{path_shown, 0, 0}, "the lock is larger than any lock", kAnew}});
  const toml::table root = parse_toml(path_shown, text);
  Context context(path_shown);
  Table top(context, root, kLockKeys);
  Lock lock;
  top.require("version", kAnew);
  const auto version = top.integer("version", 1, 1000);
  if (version && *version != kLockVersion)
    throw SpecError({{top.where("version"),
                      "the lock has version " + std::to_string(*version) + ", this gbox reads " +
                          std::to_string(kLockVersion),
                      "use the gbox that wrote it, or " + std::string(kAnew)}});
  if (const toml::table* toml = top.table("base")) {
    Table table(context, *toml, kBaseKeys);
    table.require("wish", kAnew);
    lock.base =
        LockedBase{text_of(table, "wish"), text_of(table, "stamp"), read_file(context, table)};
  }
  for (const Entry& entry : top.entries("repos")) {
    context.accept(check_repository_name(entry.key), entry.key_where, "repos", entry.key);
    if (const toml::table* toml = entry.node->as_table())
      lock.repositories[entry.key] = read_repository(context, entry.key, *toml);
    else
      note_type(context, "repos." + entry.key, *entry.node, "a table", kAnew);
  }
  for (const Entry& entry : top.entries("binhost")) {
    context.accept(check_repository_name(entry.key), entry.key_where, "binhost", entry.key);
    const toml::table* toml = entry.node->as_table();
    if (toml == nullptr) {
      note_type(context, "binhost." + entry.key, *entry.node, "a table", kAnew);
      continue;
    }
    Table table(context, *toml, kBinaryHostKeys, entry.key);
    table.require("wish", kAnew);
    lock.binary_hosts[entry.key] = LockedBinaryHost{text_of(table, "wish"), text_of(table, "stamp"),
                                                    read_file(context, table)};
  }
  if (const toml::table* toml = top.table("cpu")) {
    Table table(context, *toml, kCpuKeys);
    LockedCpu cpu{text_of(table, "machine"), text_of(table, "wish"), text_of(table, "march"), {}};
    for (Text& flag : table.strings("flags")) {
      context.accept(check_config_word(flag.value), flag.where, "flags", flag.value);
      cpu.flags.push_back(std::move(flag.value));
    }
    if (const auto march = table.string("march"))
      context.accept(check_make_conf_value(march->value), march->where, "march", march->value);
    lock.cpu = std::move(cpu);
  }
  context.finish();
  return lock;
}

std::string write_lock(const Lock& lock) {
  std::string text(kHeader);
  text += "version = " + std::to_string(kLockVersion) + '\n';
  for (const auto& [name, fields] : tables_of(lock)) {
    text += "\n[" + name + "]\n";
    for (const auto& [key, value] : fields) text += key + " = " + value + '\n';
  }
  return text;
}

std::vector<std::string> lock_changes(const Lock& from, const Lock& to) {
  const auto before = flat(from);
  const auto after = flat(to);
  std::vector<std::string> lines;
  for (const auto& [key, value] : before) {
    const auto found = after.find(key);
    if (found == after.end()) {
      lines.push_back(key + ": " + value + " → nothing");
    } else if (found->second != value) {
      lines.push_back(key + ": " + value + " → " + found->second);
    }
  }
  for (const auto& [key, value] : after)
    if (!before.contains(key)) lines.push_back(key + ": nothing → " + value);
  std::sort(lines.begin(), lines.end());
  return lines;
}

std::string lock_path(std::string_view spec_path) {
  const std::size_t slash = spec_path.rfind('/');
  const std::size_t start = slash == std::string_view::npos ? 0 : slash + 1;
  const std::size_t dot = spec_path.rfind('.');
  const bool suffixed = dot != std::string_view::npos && dot > start;
  return std::string(suffixed ? spec_path.substr(0, dot) : spec_path) + ".lock";
}

}  // namespace gbox::spec
