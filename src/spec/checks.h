// The grammars of single values in a spec: names, atoms, sizes, modes, paths. Each check takes the
// text and gives what is wrong with it, so that the caller can say where. Cheap scanners on
// purpose: std::regex recurses once a character, and these texts are outside input.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gbox::spec {

// What is wrong with a value, as the end of a sentence ("holds a blank"), and what to do instead.
struct Problem {
  std::string message;
  std::string hint;  // may be empty
};
using Verdict = std::optional<Problem>;  // nullopt: nothing is wrong

Verdict check_id(std::string_view text);  // of phases and policies: [a-z0-9][a-z0-9._-]*, no '..'
Verdict check_repository_name(std::string_view text);  // PMS 3.1.5
Verdict check_arg_name(std::string_view text);         // [A-Za-z_][A-Za-z0-9_-]*
Verdict check_variable_name(std::string_view text);    // of a shell: [A-Za-z_][A-Za-z0-9_]*
Verdict check_image_name(std::string_view text);       // [host[:port]/]path, OCI distribution spec
Verdict check_tag(std::string_view text);

// No C0 control but tab and, when allowed, newline; no DEL.
enum class Newlines { no, yes };
Verdict check_text(std::string_view text, Newlines newlines);

// Where an atom stands decides what it may be: emerge takes sets and names without category,
// package.* files take wildcards.
enum class AtomUse { command, config };
Verdict check_atom(std::string_view text, AtomUse use);
Verdict check_use_flag(std::string_view text);     // also '-flag', '-*', 'GROUP:' and '*'
Verdict check_config_word(std::string_view text);  // one word of a package.* line
Verdict check_profile(std::string_view text);      // "[repository:]path" without '..'
Verdict check_emerge_option(std::string_view text);
Verdict check_make_conf_name(std::string_view text);   // a variable a spec may set
Verdict check_make_conf_value(std::string_view text);  // one that quoting carries through
Verdict check_env_name(std::string_view text);         // a variable a file of env/ may set
Verdict check_build_place(std::string_view text);      // PORTAGE_TMPDIR: beneath /var/tmp
Verdict check_file_name(std::string_view text);        // one path component: a set's, an env file's
Verdict check_patched_package(std::string_view text);  // a directory of patches/: "cat/name[-1.2]"

Verdict check_absolute_path(std::string_view text);  // '/…' without '..' and NUL
// Without doubled slashes, '.' and a trailing slash; "/" stays. Only for checked paths.
std::string normalized_path(std::string_view text);

// Dates of a mirror: "latest", "YYYYMMDD" and, for a stage3, "YYYYMMDDTHHMMSSZ".
enum class DateUse { day, stamp };
Verdict check_date(std::string_view text, DateUse use);
Verdict check_variant(std::string_view text);  // of a stage3: "nomultilib-openrc"
// Where files are fetched from: http(s)://… or file://… without user:password, or an absolute path.
Verdict check_location(std::string_view text);
// Of an image by transport; what stands behind that is for those who open it.
Verdict check_image(std::string_view text);
Verdict check_git_url(std::string_view text);  // also ssh:// and git://, and relative paths
Verdict check_git_rev(std::string_view text);  // a branch, tag or commit
// One of the directories of Gentoo's own binary packages: "x86-64-v3", or "17.1/x86-64".
Verdict check_official(std::string_view text);

Verdict check_owner(std::string_view text);        // "user", "user:group", names or numbers
Verdict check_port(std::string_view text);         // "8080", "8080/tcp"
Verdict check_stop_signal(std::string_view text);  // "SIGTERM", "15", "SIGRTMIN+3"

std::optional<std::uint64_t> parse_size(std::string_view text);  // "512M", "10G": powers of 1024
std::optional<std::uint32_t> parse_octal_mode(std::string_view text);  // "0755", up to 07777

}  // namespace gbox::spec
