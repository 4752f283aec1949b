// The words Portage gets to see.
#include <doctest/doctest.h>

#include <string>

#include "checks.h"

using namespace gbox::spec;

TEST_CASE("atoms that emerge takes pass") {
  for (const std::string text : {"@world",
                                 "@preserved-rebuild",
                                 "@my.set",
                                 "php",
                                 "dev-lang/php",
                                 "app-misc/a+b_c-d",
                                 "=dev-lang/php-8.3.1",
                                 "=dev-lang/php-8.3*",
                                 "=dev-lang/php-8.*",
                                 ">=dev-lang/php-8.3.1_rc2_p3-r1",
                                 "~dev-lang/php-8.3",
                                 "<x11-libs/gtk+-3.24a",
                                 "dev-lang/php:8.3",
                                 "dev-lang/php:8.3/1.2=",
                                 "dev-lang/php:=",
                                 "dev-lang/php:*",
                                 "dev-lang/php::gentoo",
                                 "dev-lang/php:8.3::my-repo",
                                 "dev-lang/php[fpm,-cgi,intl(+),!a?,b=]",
                                 "dev-libs/libpcre2",
                                 "virtual/libc",
                                 "app-misc/7zip",
                                 "=app-misc/a-b-1"})
    CHECK_MESSAGE(!check_atom(text, AtomUse::command), text);
}

TEST_CASE("what is no atom is refused before Portage sees it") {
  for (const std::string text : {"",
                                 "-p",
                                 "--ask",
                                 "!dev-lang/php",
                                 "dev lang/php",
                                 "dev-lang/php\n-p",
                                 "dev-lang//php",
                                 "dev-lang/",
                                 "/php",
                                 "/etc/passwd",
                                 "./x.ebuild",
                                 "../x",
                                 "dev-lang/php:",
                                 "dev-lang/php::",
                                 "dev-lang/php::a b",
                                 "dev-lang/php[",
                                 "dev-lang/php[]",
                                 "dev-lang/php[a b]",
                                 "dev-lang/php]",
                                 "=dev-lang/php",
                                 "dev-lang/php-8.3",
                                 "app-misc/foo-2x",
                                 ">=php-8.3",
                                 "=dev-lang/php-",
                                 ">dev-lang/php-8.3*",
                                 "=dev-lang/php-8.",
                                 "=dev-lang/php-8..*",
                                 "~dev-lang/php-8.*",
                                 "@",
                                 "@a b",
                                 "@../x$",
                                 "$(id)",
                                 "dev-lang/`id`",
                                 "dev-lang/php;id",
                                 "dev-lang/p\xc3\xa4h",
                                 "*/*",
                                 "dev-lang/*"})
    CHECK_MESSAGE(check_atom(text, AtomUse::command), text);
  CHECK(check_atom(std::string(100000, 'a'), AtomUse::command));
  CHECK(check_atom("a/" + std::string(400, '-'), AtomUse::command));
  using namespace std::string_literals;
  CHECK(check_atom("a/b\0c"s, AtomUse::command));
}

TEST_CASE("package files take wildcards but neither sets nor bare names") {
  for (const std::string text : {"*/*", "dev-lang/*", "*/php", "dev-*/php*", ">=dev-lang/php-8"})
    CHECK_MESSAGE(!check_atom(text, AtomUse::config), text);
  for (const std::string text : {"@world", "php", "**/*", "*", "dev-lang/php*:", "dev-lang/ *"})
    CHECK_MESSAGE(check_atom(text, AtomUse::config), text);
}

TEST_CASE("USE flags are one word each") {
  for (const std::string text :
       {"ssl", "-ssl", "-*", "*", "a_b+c@d-e", "PYTHON_TARGETS:", "python3_12"})
    CHECK_MESSAGE(!check_use_flag(text), text);
  for (const std::string text :
       {"", "-", "+ssl", "a b", "a,b", "a\nb", "--ssl", "-A:", "a#b", "$(id)"})
    CHECK_MESSAGE(check_use_flag(text), text);
}

TEST_CASE("options that would make emerge ask, inspect or build elsewhere are refused") {
  for (const std::string text :
       {"--with-bdeps=y", "-uDN", "-1", "--deep=3", "--usepkg=n", "--exclude=a/b", "-k",
        "--root-deps=rdeps", "--autounmask=y", "--quiet", "--verbose=n", "--nodeps", "--newuse",
        "--keep-going=y"})
    CHECK_MESSAGE(!check_emerge_option(text), text);
  for (const std::string text : {"",
                                 "-",
                                 "--",
                                 "---",
                                 "world",
                                 "dev-lang/php",
                                 "--ask",
                                 "--ask=y",
                                 "-a",
                                 "-vp",
                                 "-Cv",
                                 "--pretend",
                                 "--pret",
                                 "--unmer",
                                 "--root",
                                 "--root=/x",
                                 "--config-ro=/x",
                                 "--jobs=4",
                                 "-j4",
                                 "-j",
                                 "--load-average=3",
                                 "--color=y",
                                 "--sync",
                                 "-h",
                                 "--fetchonly",
                                 "--nodeps\n",
                                 "--autounmask-write",
                                 "--depclean",
                                 "--resume"})
    CHECK_MESSAGE(check_emerge_option(text), text);
}

TEST_CASE("sizes, modes and ports are read exactly or not at all") {
  CHECK(parse_size("1K") == 1024);
  CHECK(parse_size("10G") == std::uint64_t{10} << 30);
  CHECK(parse_size("2T") == std::uint64_t{2} << 40);
  for (const std::string text :
       {"", "G", "10", "0G", "-1G", "1.5G", " 1G", "1G ", "1g", "1GB", "1GiB", "99999999999T",
        "18446744073709551615K", "99999999999999999999G", "+1G"})
    CHECK_MESSAGE(!parse_size(text), text);
  CHECK(parse_octal_mode("0755") == 0755);
  CHECK(parse_octal_mode("644") == 0644);
  CHECK(parse_octal_mode("04755") == 04755);
  for (const std::string text : {"", "7", "75", "0o755", "789", "-755", "0755 ", "17777", "000755"})
    CHECK_MESSAGE(!parse_octal_mode(text), text);
  for (const std::string text : {"1", "65535", "53/udp", "9/sctp"})
    CHECK_MESSAGE(!check_port(text), text);
  for (const std::string text : {"", "0", "65536", "80/", "80/http", "-80", "80/tcp/udp", "8 0"})
    CHECK_MESSAGE(check_port(text), text);
  for (const std::string text : {"SIGTERM", "SIGRTMIN+3", "SIGRTMAX", "15", "64"})
    CHECK_MESSAGE(!check_stop_signal(text), text);
  for (const std::string text :
       {"", "TERM", "sigterm", "0", "65", "SIG", "SIGRTMIN+31", "SIGRTMIN+"})
    CHECK_MESSAGE(check_stop_signal(text), text);
}

TEST_CASE("owners are names or numbers that mean somebody") {
  for (const std::string text : {"0", "0:0", "www", "www-data:www-data", "www:33", "4294967294"})
    CHECK_MESSAGE(!check_owner(text), text);
  for (const std::string text :
       {"", ":", "a:", ":a", "a:b:c", "-a", "4294967295", "99999999999", "a b", "1a", "a/b"})
    CHECK_MESSAGE(check_owner(text), text);
}
