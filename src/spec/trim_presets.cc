#include "gbox/spec/trim_presets.h"

#include <algorithm>
#include <array>

namespace gbox::spec {

namespace {

using Reach = TrimRule::Reach;
using Keeps = TrimRule::Keeps;

constexpr TrimRule kCompletion[] = {{"/usr/share/bash-completion"},
                                    {"/usr/share/zsh/site-functions"},
                                    {"/usr/share/fish/vendor_completions.d"},
                                    {"/usr/share/fish/completions"}};
constexpr TrimRule kDocs[] = {
    {"/usr/share/doc"}, {"/usr/share/gtk-doc"},   {"/usr/share/help"},     {"/usr/share/info"},
    {"/usr/share/man"}, {"/usr/local/share/man"}, {"/usr/local/share/doc"}};
constexpr TrimRule kHeaders[] = {{"/usr/include"},
                                 {"/usr/local/include"},
                                 {"/usr/lib*/pkgconfig"},
                                 {"/usr/lib*/*/pkgconfig"},
                                 {"/usr/share/pkgconfig"},
                                 {"/usr/lib*/cmake"},
                                 {"/usr/lib*/*/cmake"},
                                 {"/usr/share/aclocal"},
                                 {"/usr/share/gir-1.0"},
                                 {"/usr/share/vala"},
                                 {"/usr/bin/*-config"},
                                 {"/usr/lib/gcc/*/*/include"},
                                 {"/usr/lib/gcc/*/*/include-fixed"}};
// Portage's own plugins, libc's locale archive: as they are. The alias table is read for any.
constexpr TrimRule kLocales[] = {{"/usr/share/locale/*", Reach::within, Keeps::locales},
                                 {"/usr/lib/locale/*", Reach::within, Keeps::locales},
                                 {"/usr/share/i18n/locales"},
                                 {"/usr/share/i18n/charmaps"}};
constexpr TrimRule kLogs[] = {{"/var/log/*"}, {"/var/cache/ldconfig"}, {"/var/tmp/*"}};
// What only Portage reads, here and in a ROOT; not the database of installed packages, which
// scanners read, too.
constexpr TrimRule kPortageFiles[] = {{"/etc/portage"},
                                      {"/etc/etc-update.conf"},
                                      {"/etc/dispatch-conf.conf"},
                                      {"/usr/lib/portage"},
                                      {"/usr/lib/python*/site-packages/portage"},
                                      {"/usr/lib/python*/site-packages/portage-*"},
                                      {"/usr/lib/python*/site-packages/_emerge"},
                                      {"/usr/share/portage"},
                                      {"/usr/share/eselect"},
                                      {"/var/cache/binpkgs"},
                                      {"/var/cache/distfiles"},
                                      {"/var/cache/edb"},
                                      {"/var/db/repos"},
                                      {"/var/lib/gentoo"},
                                      {"/var/lib/portage"},
                                      {"/var/log/emerge*"},
                                      {"/var/log/portage"}};
constexpr TrimRule kPythonCache[] = {{"/usr/*/__pycache__", Reach::anywhere},
                                     {"/opt/*/__pycache__", Reach::anywhere},
                                     {"/usr/*.pyc", Reach::anywhere},
                                     {"/usr/*.pyo", Reach::anywhere}};
constexpr TrimRule kPythonTests[] = {{"/usr/lib*/python*/test"},
                                     {"/usr/lib*/python*/*/tests"},
                                     {"/usr/lib*/python*/idlelib/idle_test"}};
constexpr TrimRule kServices[] = {{"/etc/init.d"},
                                  {"/etc/conf.d"},
                                  {"/etc/runlevels"},
                                  {"/etc/logrotate.d"},
                                  {"/usr/lib/systemd/system"},
                                  {"/usr/lib/systemd/user"},
                                  {"/usr/lib/tmpfiles.d"}};
constexpr TrimRule kStatic[] = {{"/usr/lib*.a", Reach::anywhere},
                                {"/usr/lib*.la", Reach::anywhere},
                                {"/usr/local/lib*.a", Reach::anywhere}};
constexpr TrimRule kVdb[] = {{"/var/db/pkg"}};

constexpr std::array kPresets = {
    TrimPreset{"bash-completion", "completions for bash, zsh and fish", kCompletion},
    TrimPreset{"docs", "manuals, info pages and documentation", kDocs},
    TrimPreset{"headers", "headers and what compilers and build systems read", kHeaders},
    TrimPreset{"locales", "translations and locales but those of 'keep_locales'", kLocales},
    TrimPreset{"logs", "logs and temporary files", kLogs},
    TrimPreset{"portage", "Portage, its configuration and its caches", kPortageFiles},
    TrimPreset{"python-cache", "compiled Python modules, which Python makes again", kPythonCache},
    TrimPreset{"python-tests", "Python's own tests", kPythonTests},
    TrimPreset{"services", "init scripts and units", kServices},
    TrimPreset{"static-libs", "static libraries and libtool archives", kStatic},
    TrimPreset{"vdb", "the database of installed packages", kVdb}};

}  // namespace

std::span<const TrimPreset> trim_presets() {
  return kPresets;
}

const TrimPreset* find_trim_preset(std::string_view name) {
  const auto found = std::find_if(kPresets.begin(), kPresets.end(),
                                  [&](const TrimPreset& each) { return each.name == name; });
  return found == kPresets.end() ? nullptr : &*found;
}

std::vector<std::string> trim_preset_names() {
  std::vector<std::string> names;
  for (const TrimPreset& each : kPresets) names.emplace_back(each.name);
  return names;
}

bool is_kept_locale(std::string_view name, const std::vector<std::string>& keep) {
  // Needed by whatever is kept, or built in.
  if (name == "locale.alias" || name == "C" || name == "POSIX" || name.starts_with("C."))
    return true;
  // The archive holds all locales in one file: for any of them, it is kept.
  if (name == "locale-archive") return !keep.empty();
  const auto begins = [&](std::string_view wanted) {
    return name == wanted ||
           (name.starts_with(wanted) && (name[wanted.size()] == '_' || name[wanted.size()] == '.' ||
                                         name[wanted.size()] == '@'));
  };
  for (const std::string_view each : keep) {
    const std::string_view wanted = each.substr(0, each.find('.'));
    if (begins(wanted)) return true;
    // 'de_DE' reads what is in 'de' first.
    if (name == wanted.substr(0, wanted.find('_'))) return true;
  }
  return false;
}

}  // namespace gbox::spec
