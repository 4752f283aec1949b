// [base], [repos.NAME] and [[binhost]]: what a build takes from elsewhere.
#include <algorithm>

#include "gbox/base/text.h"
#include "sections.h"
#include "table.h"

namespace gbox::spec {

namespace {

constexpr int kMostPriority = 9999;

std::optional<Digest> read_digest(Context& context, Table& table, std::string_view key,
                                  HashAlgorithm algorithm) {
  const auto text = table.string(key);
  if (!text) return std::nullopt;
  try {
    return Digest::parse(std::string(key) + ':' + text->value);
  } catch (const Error&) {
    context.fault(text->where, quoted(key) + ": " + shown(text->value) + " is not such a digest",
                  "write " + std::string(algorithm == HashAlgorithm::sha256 ? "64" : "128") +
                      " lower-case hex digits, as " + quoted(std::string(key) + "sum") +
                      " prints them");
    return std::nullopt;
  }
}

// Keys that belong to another kind of source than the one chosen.
void refuse_strangers(Context& context, Table& table, std::string_view needed,
                      std::initializer_list<std::string_view> companions) {
  if (table.has(needed)) return;
  for (const std::string_view key : companions)
    if (table.has(key))
      context.fault(table.where(key), quoted(key) + " means nothing without " + quoted(needed),
                    "add " + quoted(needed) + ", or leave " + quoted(key) + " out");
}

// The one key of `kinds` that is there; a fault, and an empty string, for none or several.
std::string_view only_kind(Context& context, Table& table,
                           const std::vector<std::string_view>& kinds, const std::string& hint) {
  std::string_view found;
  for (const std::string_view kind : kinds) {
    if (!table.has(kind)) continue;
    if (!found.empty()) {
      context.fault(table.where(kind),
                    quoted(found) + " and " + quoted(kind) + " exclude each other",
                    "keep one of them");
      return found;
    }
    found = kind;
  }
  if (found.empty() && !table.has_unsupported()) table.require(kinds.front(), hint);
  return found;
}

Origin read_origin(Context& context, Table& table) {
  Origin origin;
  origin.mirrors = read_mirrors(context, table);
  if (origin.mirrors.empty()) origin.mirrors.emplace_back(kDefaultMirror);
  if (const auto keyring = table.string("keyring")) {
    origin.keyring = keyring->value;
    origin.keyring_where = keyring->where;
  }
  origin.verify_where = table.where("verify");
  origin.verify = table.boolean("verify").value_or(true);
  if (!origin.verify)
    context.warn(origin.verify_where,
                 "'verify' is false: what the mirror gives is taken without a signature",
                 "leave 'verify' out, and name a 'keyring' if the mirror has keys of its own");
  return origin;
}

std::string read_date(Context& context, Table& table, std::string_view key, DateUse use) {
  const auto text = table.string(key);
  if (!text || !context.accept(check_date(text->value, use), text->where, key, text->value))
    return std::string(kLatest);
  return text->value;
}

Repository read_repository(Context& context, const std::string& name, const Location& name_where,
                           const toml::table& toml) {
  Table table(context, toml, keys::kRepos, name);
  Repository repository;
  repository.where = name_where;
  repository.name = name;
  const std::string_view kind =
      only_kind(context, table, {"path", "snapshot", "git"},
                "name the repository's directory (path = \"./gentoo\"), a snapshot of the mirror "
                "(snapshot = \"latest\") or a git repository (git = \"https://…\")");
  repository.source_where = table.where(kind.empty() ? "path" : kind);
  if (const auto path = table.string("path")) repository.path = path->value;
  if (table.has("snapshot"))
    repository.snapshot = read_date(context, table, "snapshot", DateUse::day);
  if (const auto git = table.string("git"))
    if (context.accept(check_git_url(git->value), git->where, "git", git->value))
      repository.git = git->value;
  if (const auto rev = table.string("rev"))
    if (context.accept(check_git_rev(rev->value), rev->where, "rev", rev->value))
      repository.rev = rev->value;
  repository.format =
      table
          .choice<SnapshotFormat>(
              "format", {{"tar", SnapshotFormat::tar}, {"squashfs", SnapshotFormat::squashfs}})
          .value_or(SnapshotFormat::tar);
  repository.origin = read_origin(context, table);
  refuse_strangers(context, table, "snapshot", {"format", "mirror", "keyring", "verify"});
  refuse_strangers(context, table, "git", {"rev"});
  if (const auto priority = table.integer("priority", -kMostPriority, kMostPriority))
    repository.priority = static_cast<int>(*priority);
  return repository;
}

BinaryHost read_binary_host(Context& context, const toml::table& toml) {
  Table table(context, toml, keys::kBinhost);
  BinaryHost host;
  host.where = table.where();
  table.require("name", "every binary package host needs one of its own");
  if (const auto name = table.string("name"))
    if (context.accept(check_id(name->value), name->where, "name", name->value))
      host.name = name->value;
  (void)only_kind(context, table, {"uri", "official"},
                  "name the directory that holds 'Packages' (uri = \"https://…\"), or one of "
                  "Gentoo's own (official = \"x86-64\")");
  if (const auto uri = table.string("uri"))
    if (context.accept(check_location(uri->value), uri->where, "uri", uri->value))
      host.uri = uri->value;
  if (const auto official = table.string("official"))
    if (context.accept(check_official(official->value), official->where, "official",
                       official->value))
      host.official = official->value;
  host.mirrors = read_mirrors(context, table);
  refuse_strangers(context, table, "official", {"mirror"});
  if (const auto priority = table.integer("priority", -kMostPriority, kMostPriority))
    host.priority = static_cast<int>(*priority);
  const Location verify_where = table.where("verify_signature");
  host.verify_signature = table.boolean("verify_signature").value_or(true);
  if (!host.verify_signature)
    context.warn(verify_where,
                 "'verify_signature' is false: packages are taken without a signature",
                 "leave it out where the host signs its packages");
  return host;
}

}  // namespace

std::vector<std::string> read_mirrors(Context& context, Table& table) {
  const toml::node* node = table.node("mirror");
  if (node == nullptr) return {};
  std::vector<Text> texts;
  if (node->is_string()) {
    if (auto text = table.string("mirror")) texts.push_back(std::move(*text));
  } else {
    texts = table.strings("mirror");
  }
  std::vector<std::string> mirrors;
  for (Text& text : texts) {
    if (!context.accept(check_location(text.value), text.where, "mirror", text.value)) continue;
    while (text.value.size() > 1 && text.value.ends_with('/')) text.value.pop_back();
    mirrors.push_back(std::move(text.value));
  }
  return mirrors;
}

Base read_base(Context& context, const toml::table& toml) {
  Table table(context, toml, keys::kBase);
  Base base;
  base.where = table.where();
  (void)only_kind(context, table, {"stage3", "tarball", "image"},
                  "name a stage3 of the mirror (stage3 = \"openrc\"), a file of your own "
                  "(tarball = \"stage3.tar.xz\") or an image (image = \"oci:DIR\")");
  const auto tarball = table.string("tarball");
  if (tarball) base.tarball = tarball->value;
  for (const auto& [key, algorithm] :
       {std::pair("sha256", HashAlgorithm::sha256), std::pair("sha512", HashAlgorithm::sha512)})
    if (auto digest = read_digest(context, table, key, algorithm))
      base.digests.push_back(std::move(*digest));
  if (tarball && is_url(base.tarball)) {
    context.accept(check_location(base.tarball), tarball->where, "tarball", base.tarball);
    if (base.digests.empty() && !table.has("sha256") && !table.has("sha512"))
      context.fault(tarball->where, "'tarball' is fetched, so its digest must be known",
                    "add sha512 = \"…\" as its publisher gives it");
  }
  if (const auto stage3 = table.string("stage3")) {
    base.stage3_where = stage3->where;
    if (context.accept(check_variant(stage3->value), stage3->where, "stage3", stage3->value))
      base.stage3 = stage3->value;
  }
  if (const auto image = table.string("image")) {
    base.image_where = image->where;
    if (context.accept(check_image(image->value), image->where, "image", image->value))
      base.image = image->value;
  }
  if (const auto arch = table.string("arch"))
    if (context.accept(check_id(arch->value), arch->where, "arch", arch->value))
      base.arch = arch->value;
  base.date_where = table.where("date");
  base.date = read_date(context, table, "date", DateUse::stamp);
  base.origin = read_origin(context, table);
  refuse_strangers(context, table, "stage3", {"arch", "date", "mirror", "keyring", "verify"});
  refuse_strangers(context, table, "tarball", {"sha256", "sha512"});
  return base;
}

std::vector<Repository> read_repositories(Context& context, Table& top) {
  std::vector<Repository> repositories;
  for (const Entry& entry : top.entries("repos")) {
    context.accept(check_repository_name(entry.key), entry.key_where, "repos", entry.key);
    const toml::table* table = entry.node->as_table();
    if (table == nullptr) {
      note_type(
          context, "repos." + entry.key, *entry.node, "a table",
          "write [repos." + entry.key + "] and below it snapshot = \"latest\" or path = \"…\"");
      continue;
    }
    repositories.push_back(read_repository(context, entry.key, entry.key_where, *table));
  }
  return repositories;
}

std::vector<BinaryHost> read_binary_hosts(Context& context, Table& top) {
  std::vector<BinaryHost> hosts;
  for (const toml::table* table : top.tables("binhost"))
    hosts.push_back(read_binary_host(context, *table));
  std::stable_sort(hosts.begin(), hosts.end(),
                   [](const BinaryHost& a, const BinaryHost& b) { return a.name < b.name; });
  for (std::size_t i = 1; i < hosts.size(); ++i)
    if (!hosts[i].name.empty() && hosts[i].name == hosts[i - 1].name)
      context.fault(hosts[i].where,
                    "binary package host " + shown(hosts[i].name) + " is there twice",
                    "give one of them another name");
  return hosts;
}

}  // namespace gbox::spec
