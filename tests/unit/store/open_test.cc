#include <set>

#include "../../../src/store/names.h"
#include "fixture.h"

using namespace gbox;
using namespace gbox::store;
using namespace gbox::store::test;

TEST_CASE("a new store is private and opens again with what it holds") {
  Fixture f;
  CHECK((sys::fstatat(AT_FDCWD, f.path(), 0).st_mode & 07777) == 0700);
  const Record made = run_step(f.store, "world");
  const Store again = f.open();
  REQUIRE(again.records().size() == 1);
  CHECK(again.records()[0].key == made.key);
  CHECK(f.warnings.messages.empty());
}

TEST_CASE("a store whose mode was widened is closed again") {
  Fixture f;
  REQUIRE(::chmod(f.path().c_str(), 0755) == 0);
  f.open();
  CHECK((sys::fstatat(AT_FDCWD, f.path(), 0).st_mode & 07777) == 0700);
}

TEST_CASE("a store written under another id map is refused with both maps and a remedy") {
  Fixture f;
  try {
    Store::open(f.path(), "0+1→1000, 1+65535→589824", f.warnings, Purpose::inspect);
    FAIL("opened");
  } catch (const Error& error) {
    CHECK(error.message() == "open store '" + f.path() + "': it was written with ids '" + kMap +
                                 "', the map is now '0+1→1000, 1+65535→589824'");
    CHECK(error.hint().find("'/etc/subuid'") != std::string::npos);
    CHECK(error.code() == ExitCode::host);
  }
}

TEST_CASE("a directory that holds other things is not taken for a store") {
  const sys::TempDir dir("/tmp", "gbox-test-");
  Warnings warnings;
  sys::write_file_atomically(dir.fd(), "thesis.tex", "precious");
  CHECK_THROWS_WITH_AS(
      Store::open(dir.path(), kMap, warnings, Purpose::inspect),
      ("open store '" + dir.path() + "': it is no store, and holds other things ('thesis.tex')")
          .c_str(),
      Error);
  CHECK(sys::list_directory(dir.fd(), "d") == std::vector<std::string>{"thesis.tex"});
}

TEST_CASE("a store of a later version or with a damaged header is refused by name") {
  Fixture f;
  const std::string header = f.path() + "/gbox-store.json";
  for (const char* text :
       {R"({"format": "gbox-store", "version": 2, "id_map": "x"})",
        R"({"format": "other", "version": 1, "id_map": "x"})", "{\"format", "", "[]"}) {
    CAPTURE(text);
    sys::write_file_atomically(AT_FDCWD, header, text);
    try {
      f.open();
      FAIL("opened");
    } catch (const Error& error) {
      CHECK(error.message().find("gbox-store.json") != std::string::npos);
      CHECK_FALSE(error.hint().empty());
    }
  }
}

TEST_CASE("a process killed while it made the store leaves one that can be made") {
  const sys::TempDir dir("/tmp", "gbox-test-");
  Warnings warnings;
  sys::write_file_atomically(dir.fd(), "gbox-store.json.tmp-0011", "{");
  const Store store = Store::open(dir.path(), kMap, warnings, Purpose::inspect);
  CHECK(store.records().empty());
}

TEST_CASE("many processes may make one store at once") {
  const sys::TempDir dir("/tmp", "gbox-test-");
  const std::string path = dir.path() + "/a/b/store";
  std::vector<pid_t> pids;
  for (int i = 0; i < 8; ++i) {
    const pid_t pid = ::fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
      try {
        Warnings warnings;
        Store store = Store::open(path, kMap, warnings, Purpose::inspect);
        run_step(store, "step" + std::to_string(i));
        ::_exit(warnings.messages.empty() ? 0 : 1);
      } catch (...) {
        ::_exit(2);
      }
    }
    pids.push_back(pid);
  }
  for (const pid_t pid : pids) {
    int status = -1;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    CHECK(status == 0);
  }
  Warnings warnings;
  CHECK(Store::open(path, kMap, warnings, Purpose::inspect).records().size() == 8);
}

TEST_CASE("a parent that may not be passed is named") {
  if (::geteuid() == 0) return;  // root passes everything
  const sys::TempDir dir("/tmp", "gbox-test-");
  Warnings warnings;
  sys::mkdirat(dir.fd(), "shut", 0);
  try {
    Store::open(dir.path() + "/shut/store", kMap, warnings, Purpose::inspect);
    FAIL("opened");
  } catch (const Error& error) {
    CHECK(error.message().find("'" + dir.path() + "/shut' is mode 0000") != std::string::npos);
    CHECK(error.code() == ExitCode::host);
  }
}

TEST_CASE("step names become one path component each, and never the same one") {
  const std::string long_name(300, 'x');
  const std::vector<std::string> hostile = {"",        ".",         "..",
                                            "/",       "../../etc", "a/b",
                                            "a%2fb",   "a%2Fb",     ".hidden",
                                            "a b",     "a\nb",      std::string("a\0b", 3),
                                            "-rf",     long_name,   long_name + "y",
                                            "%~",      "php",       "php/dev-lang/php",
                                            "ünïcode", "a",         "A"};
  std::set<std::string> seen;
  for (const std::string& name : hostile) {
    CAPTURE(name);
    const std::string encoded = encode_name(name);
    CHECK_FALSE(encoded.empty());
    CHECK(encoded.size() <= 180);
    CHECK(encoded.front() != '.');
    CHECK(encoded.find('/') == std::string::npos);
    CHECK(encoded.find('\0') == std::string::npos);
    CHECK(seen.insert(encoded).second);
  }
  CHECK(encode_name("php/dev-lang/php-8.3") == "php%2fdev-lang%2fphp-8.3");
}

TEST_CASE("log names and ids from outside cannot climb") {
  Fixture f;
  for (const char* name : {"../x.log", "/etc/passwd", "a/b.log", ".log", "x", ".x.log", ""})
    CHECK_THROWS_AS((void)f.store.log_path(name), Error);
  for (const char* id : {"", "..", "0123456789abcde", "0123456789ABCDEF", "0123456789abcde/"})
    CHECK_THROWS_AS((void)f.store.snapshot_path(id), Error);
  CHECK_THROWS_AS((void)f.store.find_record("../../etc/passwd"), Error);
}

TEST_CASE("a log is made for each run and keeps its place") {
  Fixture f;
  LogFile one = f.store.open_log("php/dev-lang/php", key_of("k"));
  const LogFile two = f.store.open_log("php/dev-lang/php", key_of("k"));
  CHECK(one.name != two.name);
  CHECK(one.name.starts_with("php%2fdev-lang%2fphp." + key_of("k").substr(0, 12) + "."));
  sys::write_all(one.fd.get(), "hello\n", "log");
  CHECK(sys::read_file(f.store.log_path(one.name)) == "hello\n");
}
