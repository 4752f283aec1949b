#include "runtime_needs.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "gbox/base/text.h"

namespace gbox::content {

namespace {

constexpr std::string_view kCertificates = "/etc/ssl/certs/ca-certificates.crt";
constexpr std::string_view kTimeZones = "/usr/share/zoneinfo";
constexpr std::size_t kMaxConfig = 1u << 16;

bool exists(const DataQuestion& question, std::string_view path) {
  return question.objects->resolve(path).state == Resolved::State::found;
}

bool uses_prefix(const DataQuestion& question, std::string_view prefix) {
  const auto found = question.uses->lower_bound(std::string(prefix));
  return found != question.uses->end() && found->starts_with(prefix);
}

std::string first_python(const DataQuestion& question) {
  for (const File& file : question.tree->files())
    if (file.path.starts_with("/usr/bin/python3") && file.kind == Seen::Kind::file)
      return file.path;
  return {};
}

std::string variable(const DataQuestion& question, std::string_view name) {
  for (const auto& [known, value] : *question.environment)
    if (known == name) return value;
  return {};
}

void certificates(const DataQuestion& question, std::vector<DataNeed>& needs) {
  std::string who;
  for (const char* library : {"libssl.so", "libgnutls.so", "libcurl.so"})
    if (who.empty() && uses_prefix(question, library)) who = library;
  if (who.empty() && question.uses->contains("go")) who = "a Go program";
  if (who.empty()) return;
  // OpenSSL, curl and Go read what these name in place of their own.
  std::string wanted;
  for (const char* name : {"SSL_CERT_FILE", "SSL_CERT_DIR"}) {
    const std::string value = variable(question, name);
    if (!value.starts_with('/')) continue;
    if (exists(question, value)) return;
    if (wanted.empty()) wanted = value;
  }
  const bool own = !wanted.empty();
  if (!own) wanted = kCertificates;
  if (exists(question, wanted)) return;
  DataNeed need = {wanted, "", who + " is there, and TLS connections will not be trusted", false};
  if (!own && exists(question, "/usr/share/ca-certificates"))
    need.made_by = "update-ca-certificates";
  needs.push_back(std::move(need));
}

// The file that TZ names: "Europe/Paris", perhaps behind a colon, or a path. "" for a rule that is
// written out (POSIX.1, "CET-1CEST"), and for what is in every libc.
std::string zone_file(std::string zone) {
  if (zone.starts_with(':')) zone.erase(0, 1);
  if (zone.starts_with('/')) return zone;
  const bool is_name = std::all_of(zone.begin(), zone.end(), [](unsigned char each) {
    return std::isalnum(each) != 0 || each == '/' || each == '_' || each == '-' || each == '+';
  });
  if (!is_name || zone.find('/') == std::string::npos) return {};
  return std::string(kTimeZones) + '/' + zone;
}

void time_zones(const DataQuestion& question, std::vector<DataNeed>& needs) {
  const std::string file = zone_file(variable(question, "TZ"));
  if (!file.empty() && !exists(question, file)) {
    needs.push_back({file, "", "'TZ' of the image names it: programs take UTC instead", false});
    return;
  }
  std::string who = first_python(question);
  if (who.empty() && question.uses->contains("go")) who = "a Go program";
  if (who.empty() || exists(question, kTimeZones)) return;
  needs.push_back(
      {std::string(kTimeZones), "", who + " is there, and knows no time zone but UTC", false});
}

void locale(const DataQuestion& question, std::vector<DataNeed>& needs) {
  if (!question.glibc) return;
  std::string wanted;
  for (const auto& [name, value] : *question.environment)
    if ((name == "LC_ALL" || (name == "LANG" && wanted.empty())) && !value.empty()) wanted = value;
  if (wanted.empty() || wanted == "C" || wanted == "POSIX" || wanted.starts_with("C.")) return;
  // glibc looks in the archive, then for a directory with the codeset in small letters.
  std::string directory = wanted;
  if (const std::size_t dot = directory.find('.'); dot != std::string::npos) {
    std::string codeset;
    for (const char each : directory.substr(dot + 1))
      if (std::isalnum(static_cast<unsigned char>(each)) != 0)
        codeset += static_cast<char>(std::tolower(static_cast<unsigned char>(each)));
    directory = directory.substr(0, dot + 1) + codeset;
  }
  if (exists(question, "/usr/lib/locale/locale-archive") ||
      exists(question, "/usr/lib/locale/" + directory) ||
      exists(question, "/usr/lib/locale/" + wanted))
    return;
  needs.push_back({"/usr/lib/locale/" + directory, "",
                   "'env' of the image asks for it: programs fall back to the C locale", false,
                   "locale-gen"});
}

void conversions(const DataQuestion& question, std::vector<DataNeed>& needs) {
  if (!question.glibc || !question.uses->contains("iconv_open")) return;
  for (const File& file : question.tree->files())
    if (file.path.find("/gconv/") != std::string::npos &&
        name_of(file.path).starts_with("gconv-modules"))
      return;
  needs.push_back({"/usr/lib64/gconv/gconv-modules", "",
                   "iconv(3) is used: only Unicode and ASCII can be converted", false});
}

// Services that nsswitch.conf names and libc does not hold itself.
void name_services(const DataQuestion& question, std::vector<DataNeed>& needs) {
  const auto path = question.objects->file_at("/etc/nsswitch.conf");
  if (!question.glibc || !path) return;
  std::set<std::string> services;
  for (const std::string& line : split(question.objects->head(*path, kMaxConfig), '\n')) {
    const std::string text = line.substr(0, line.find('#'));
    const std::size_t colon = text.find(':');
    if (colon == std::string::npos) continue;
    for (const std::string& word : split_words(text.substr(colon + 1)))
      if (std::all_of(word.begin(), word.end(), [](unsigned char each) {
            return std::isalnum(each) != 0 || each == '_' || each == '-';
          }))
        services.insert(word);
  }
  for (const std::string& service : services) {
    if (service == "files" || service == "dns") continue;  // in libc itself since 2.34
    const std::string soname = "libnss_" + service + ".so.2";
    if (!question.has_library(soname))
      needs.push_back({soname, *path,
                       "the service " + quoted(service) + " is named there and will be passed over",
                       true});
  }
}

}  // namespace

std::vector<std::string_view> runtime_symbols() {
  return {"pthread_cancel", "pthread_exit", "iconv_open"};
}

std::vector<RuntimeNeed> runtime_needs(const Elf& elf, bool glibc) {
  std::vector<RuntimeNeed> needs;
  for (const DlopenNote& note : elf.dlopen) {
    if (note.priority == DlopenNote::Priority::suggested) continue;
    const bool required = note.priority == DlopenNote::Priority::required;
    std::string reason =
        required ? "its '.note.dlopen' requires it" : "its '.note.dlopen' recommends it";
    if (!note.feature.empty()) reason += " for " + quoted(note.feature);
    needs.push_back({note.sonames, std::move(reason),
                     required ? Finding::Weight::error : Finding::Weight::warning});
  }
  // glibc unwinds the thread's stack with it, and aborts the process when it cannot load it.
  const auto imports = [&](std::string_view symbol) {
    return std::find(elf.imports.begin(), elf.imports.end(), symbol) != elf.imports.end();
  };
  for (const char* symbol : {"pthread_cancel", "pthread_exit"})
    if (glibc && imports(symbol) && elf.soname != "libpthread.so.0") {
      needs.push_back({{"libgcc_s.so.1"},
                       "glibc loads it for " + std::string(symbol) + "(3), and aborts without it",
                       Finding::Weight::error,
                       true});
      break;
    }
  return needs;
}

std::vector<DataNeed> data_needs(const DataQuestion& question) {
  std::vector<DataNeed> needs;
  certificates(question, needs);
  time_zones(question, needs);
  locale(question, needs);
  conversions(question, needs);
  name_services(question, needs);
  return needs;
}

}  // namespace gbox::content
