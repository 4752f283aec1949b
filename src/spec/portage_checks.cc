// Checks of the words that Portage gets to see: atoms, USE flags, options. The grammar is PMS 8.3
// and chapter 3; what passes here may still name nothing, which only a repository can tell.
#include <algorithm>
#include <array>

#include "characters.h"
#include "checks.h"
#include "gbox/base/text.h"
#include "gbox/spec/names.h"

namespace gbox::spec {

namespace {

constexpr std::size_t kMaxAtomLength = 512;  // long USE dependencies are legal, novels are not

// With `star` also the beginning of one that "=name-1.2*" may name, "1.*" among them.
bool is_version_or_star(std::string_view text, bool star) {
  if (star && text.ends_with('*')) {
    text.remove_suffix(1);
    if (text.ends_with('.')) text.remove_suffix(1);
  }
  return is_version(text);
}

// Where the version of "name-1.2-r3" begins; npos when there is none.
std::size_t version_start(std::string_view name, bool star) {
  for (std::size_t dash = name.find('-'); dash != std::string_view::npos;
       dash = name.find('-', dash + 1))
    if (is_version_or_star(name.substr(dash + 1), star)) return dash;
  return std::string_view::npos;
}

bool is_slot_part(std::string_view text) {
  if (text == "*" || text == "=") return true;
  if (text.ends_with('=')) text.remove_suffix(1);
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return is_slot_name(text);
  return is_slot_name(text.substr(0, slash)) && is_slot_name(text.substr(slash + 1));
}

// "[a,-b,c?,!d=,e(+)]" without the brackets.
bool is_use_part(std::string_view text) {
  for (std::string flag : split(text, ',')) {
    if (flag.starts_with('-') || flag.starts_with('!')) flag.erase(0, 1);
    if (flag.ends_with('?') || flag.ends_with('=')) flag.pop_back();
    if (flag.ends_with("(+)") || flag.ends_with("(-)")) flag.resize(flag.size() - 3);
    if (!is_made_of(flag, "+@-") || flag.front() == '-') return false;
  }
  return true;
}

// Wildcards as package.* files take them: '*' within a category or a name.
bool is_wild(std::string_view text, bool (*test)(std::string_view)) {
  std::string plain;
  for (const char c : text)
    if (c != '*') plain += c;
  if (text.find("**") != std::string_view::npos) return false;
  return plain.empty() ? !text.empty() : test(plain);
}

}  // namespace

Verdict check_atom(std::string_view text, AtomUse use) {
  const Problem problem{"is not an atom",
                        use == AtomUse::command
                            ? "write a package such as 'dev-lang/php', '>=dev-lang/php-8.3:8.3', "
                              "or a set such as '@world'"
                            : "write a package such as 'dev-lang/php' or '>=dev-lang/php-8.3:8.3'"};
  if (text.empty()) return problem;
  if (text.size() > kMaxAtomLength)
    return Problem{"is longer than " + std::to_string(kMaxAtomLength) + " characters", ""};
  if (text.front() == '-')
    return Problem{"is an option, not an atom", "options of emerge belong to 'options'"};
  if (text.front() == '!')
    return Problem{"is a blocker, not a package", "use 'unmerge' or 'package_mask' instead"};
  if (text.front() == '@') {
    if (use == AtomUse::config) return Problem{"is a set; only packages can stand here", ""};
    return is_made_of(text.substr(1), "./-") ? Verdict() : problem;
  }

  static constexpr std::array<std::string_view, 6> kOperators = {">=", "<=", ">", "<", "=", "~"};
  std::string_view operation;
  std::string_view rest = text;
  for (const std::string_view candidate : kOperators)
    if (operation.empty() && rest.starts_with(candidate)) operation = candidate;
  rest.remove_prefix(operation.size());

  if (rest.ends_with(']')) {
    const std::size_t open = rest.find('[');
    if (open == std::string_view::npos) return problem;
    if (!is_use_part(rest.substr(open + 1, rest.size() - open - 2))) return problem;
    rest = rest.substr(0, open);
  }
  if (const std::size_t colons = rest.find("::"); colons != std::string_view::npos) {
    if (check_repository_name(rest.substr(colons + 2))) return problem;
    rest = rest.substr(0, colons);
  }
  if (const std::size_t colon = rest.find(':'); colon != std::string_view::npos) {
    if (!is_slot_part(rest.substr(colon + 1))) return problem;
    rest = rest.substr(0, colon);
  }

  const std::size_t slash = rest.find('/');
  const bool has_category = slash != std::string_view::npos;
  if (!has_category && (use == AtomUse::config || !operation.empty()))
    return Problem{"has no category", "write it as 'category/" + printable(rest) + "'"};
  const std::string_view category = has_category ? rest.substr(0, slash) : std::string_view();
  std::string_view name = has_category ? rest.substr(slash + 1) : rest;
  if (use == AtomUse::config && operation.empty() && rest.find('*') != std::string_view::npos) {
    if (is_wild(category, is_category_name) && is_wild(name, is_package_name)) return std::nullopt;
    return problem;
  }
  if (has_category && !is_category_name(category)) return problem;
  const std::size_t dash = version_start(name, operation == "=");
  if (operation.empty() && dash != std::string_view::npos)
    return Problem{"names a version without an operator",
                   "write " + quoted('=' + std::string(text)) + ", or leave the version out"};
  if (!operation.empty() && dash == std::string_view::npos)
    return Problem{"has the operator " + quoted(operation) + " but no version",
                   "write " + quoted(text.substr(operation.size())) + ", or add a version"};
  if (dash != std::string_view::npos) name = name.substr(0, dash);
  return is_package_name(name) ? Verdict() : problem;
}

Verdict check_use_flag(std::string_view text) {
  if (text == "*" || text == "-*") return std::nullopt;
  std::string_view flag = text;
  if (flag.starts_with('-')) flag.remove_prefix(1);
  if (text == flag && flag.ends_with(':'))
    flag.remove_suffix(1);  // 'PYTHON_TARGETS:' opens a group
  if (is_made_of(flag, "+@-") && flag.front() != '-' && flag.front() != '+' && flag.front() != '@')
    return std::nullopt;
  if (text.starts_with('+')) return Problem{"is not a USE flag", "write the flag without '+'"};
  if (text.find_first_of(" ,\t") != std::string_view::npos)
    return Problem{"is not one USE flag", "write each flag as its own string"};
  return Problem{"is not a USE flag", "write 'flag' or '-flag'"};
}

Verdict check_config_word(std::string_view text) {
  // '#' would begin a comment; a blank would make two words of it.
  const auto fits = [](char c) { return c > ' ' && c < 0x7f && c != '#'; };
  if (!text.empty() && std::all_of(text.begin(), text.end(), fits)) return std::nullopt;
  return Problem{"is not one word", "write each word as its own string, without blanks and '#'"};
}

Verdict check_emerge_option(std::string_view text) {
  struct Refused {
    std::string_view name;
    char letter;
    std::string_view remedy;
  };
  static constexpr std::string_view kSetByGbox = "gbox sets it itself";
  static constexpr std::string_view kNotAMerge = "a phase merges, it does not ask or inspect";
  static constexpr std::array<Refused, 34> kRefused = {{
      {"--ask", 'a', kNotAMerge},
      {"--pretend", 'p', "use 'gbox plan' to see what would be done"},
      {"--unmerge", 'C', "use 'unmerge' of a phase"},
      {"--depclean", 'c', "use 'run' with an emerge of your own"},
      {"--prune", 'P', "use 'run' with an emerge of your own"},
      {"--clean", 0, "use 'run' with an emerge of your own"},
      {"--deselect", 'W', "use 'run' with an emerge of your own"},
      {"--config", 0, "use 'run' with an emerge of your own"},
      {"--fetchonly", 'f', kNotAMerge},
      {"--fetch-all-uri", 'F', kNotAMerge},
      {"--resume", 'r', kNotAMerge},
      {"--skipfirst", 0, kNotAMerge},
      {"--search", 's', kNotAMerge},
      {"--searchdesc", 'S', kNotAMerge},
      {"--info", 0, kNotAMerge},
      {"--list-sets", 0, kNotAMerge},
      {"--check-news", 0, kNotAMerge},
      {"--status", 0, kNotAMerge},
      {"--help", 'h', kNotAMerge},
      {"--version", 'V', kNotAMerge},
      {"--sync", 0, "repositories come from [repos]"},
      {"--metadata", 0, "repositories come from [repos]"},
      {"--regen", 0, "repositories come from [repos]"},
      {"--root", 0, "use 'root' of the phase"},
      {"--config-root", 0, kSetByGbox},
      {"--sysroot", 0, kSetByGbox},
      {"--prefix", 0, kSetByGbox},
      {"--jobs", 'j', "use 'emerge_jobs' of [build]"},
      {"--load-average", 'l', "use 'load_average' of [build]"},
      {"--color", 0, kSetByGbox},
      {"--debug", 'd', kNotAMerge},
      {"--ignore-default-opts", 0, kSetByGbox},
      {"--alert", 'A', kNotAMerge},
      {"--autounmask-write", 0, "write the change into the spec"},
  }};

  const std::string_view bare = text.substr(std::min(text.find_first_not_of('-'), text.size()));
  if (bare.empty() || text.size() - bare.size() > 2 || text.front() != '-')
    return Problem{"is not an option",
                   "atoms belong to 'emerge'; write an option's value as '--name=value'"};
  if (check_text(text, Newlines::no)) return Problem{"holds a control character", ""};
  const auto refuse = [](const Refused& refused) {
    return Problem{"holds " + quoted(refused.name) + ", which a phase may not give",
                   std::string(refused.remedy)};
  };
  if (text.starts_with("--")) {
    const std::string_view name = text.substr(0, text.find('='));
    for (const Refused& refused : kRefused)
      if (name == refused.name) return refuse(refused);
    // emerge's parser takes any unambiguous beginning of a long option for the whole.
    if (name != "--autounmask")
      for (const Refused& refused : kRefused)
        if (refused.name.starts_with(name)) return refuse(refused);
    return std::nullopt;
  }
  for (const char letter : text.substr(1))
    for (const Refused& refused : kRefused)
      if (letter == refused.letter) return refuse(refused);
  return std::nullopt;
}

Verdict check_make_conf_name(std::string_view text) {
  struct Reserved {
    std::string_view name;
    std::string_view remedy;
  };
  static constexpr std::string_view kMounted = "gbox mounts this directory itself";
  static constexpr std::array<Reserved, 14> kReserved = {{
      {"MAKEOPTS", "use 'jobs' of [build]"},  // it would change keys, not results
      {"MAKEFLAGS", "use 'jobs' of [build]"},
      {"NINJAOPTS", "use 'jobs' of [build]"},
      {"EMERGE_DEFAULT_OPTS", "use 'options' of a phase"},
      {"ROOT", "use 'root' of a phase"},
      {"SYSROOT", "gbox sets it itself"},
      {"EPREFIX", "gbox builds for '/' only"},
      {"PORTAGE_CONFIGROOT", "gbox sets it itself"},
      {"PORTDIR", "use [repos]"},
      {"PORTDIR_OVERLAY", "use [repos]"},
      {"PORTAGE_REPOSITORIES", "use [repos]"},
      {"DISTDIR", kMounted},
      {"PKGDIR", kMounted},
      {"PORTAGE_TMPDIR", kMounted},
  }};
  if (const Verdict verdict = check_variable_name(text)) return verdict;
  if (text == "export" || text == "source")
    return Problem{"is a word of make.conf, not a variable", ""};
  for (const Reserved& reserved : kReserved)
    if (text == reserved.name) return Problem{"cannot be set here", std::string(reserved.remedy)};
  return std::nullopt;
}

Verdict check_env_name(std::string_view text) {
  // What only hastens one package is no danger to a key: the file's content is in all of them.
  for (const std::string_view name : {"MAKEOPTS", "MAKEFLAGS", "NINJAOPTS", "PORTAGE_TMPDIR"})
    if (text == name) return std::nullopt;
  return check_make_conf_name(text);
}

Verdict check_build_place(std::string_view text) {
  if (check_absolute_path(text)) return check_absolute_path(text);
  if (normalized_path(text).starts_with("/var/tmp/")) return std::nullopt;
  return Problem{"is not beneath '/var/tmp', so it would end up in the image",
                 "write such as '/var/tmp/disk'"};
}

Verdict check_file_name(std::string_view text) {
  if (!text.empty() && text.size() <= 128 && is_made_of(text, "+.-") && text.front() != '.' &&
      text.front() != '-')
    return std::nullopt;
  return Problem{"is not a file's name",
                 "use letters, digits, '_', '.', '+' and '-', first a letter or digit"};
}

Verdict check_patched_package(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash != std::string_view::npos && is_category_name(text.substr(0, slash))) {
    std::string_view name = text.substr(slash + 1);
    if (const std::size_t colon = name.find(':'); colon != std::string_view::npos) {
      if (!is_slot_name(name.substr(colon + 1)))
        return Problem{"has no slot behind ':'", "write such as 'dev-lang/php:8.3'"};
      name = name.substr(0, colon);
    }
    if (is_package_name(name) || version_start(name, false) != std::string_view::npos)
      return std::nullopt;
  }
  return Problem{"is not a package", "write such as 'dev-lang/php' or 'dev-lang/php-8.3.1'"};
}

Verdict check_make_conf_value(std::string_view text) {
  if (const Verdict verdict = check_text(text, Newlines::no)) return verdict;
  // bash and make.conf's own reader take a backslash apart in different ways.
  if (text.find('\\') != std::string_view::npos)
    return Problem{"holds a backslash, which make.conf's readers disagree on",
                   "put it into a file of 'config_dir'"};
  // Portage's reader takes this word for a command, even within quotes.
  if (text == "source") return Problem{"is a command of make.conf, not a value", ""};
  return std::nullopt;
}

}  // namespace gbox::spec
