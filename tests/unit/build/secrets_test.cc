#include "secrets.h"

#include <doctest/doctest.h>

#include <cstdlib>

#include "gbox/sys/file.h"

using namespace gbox;
using namespace gbox::build;

namespace {

// What comes out of a redactor when `text` arrives in pieces of `size`.
std::string redacted(const std::vector<std::string>& words, std::string_view text,
                     std::size_t size) {
  std::string out;
  Redactor redactor(words, [&](std::string_view part) { out += part; });
  for (std::size_t at = 0; at < text.size(); at += size) redactor.add(text.substr(at, size));
  redactor.finish();
  return out;
}

}  // namespace

TEST_CASE("a secret is taken out of a stream however it is cut") {
  const std::vector<std::string> words = {"hunter2-hunter2", "abcabcab"};
  const std::string text =
      "one hunter2-hunter2 two\nhunter2-hunter2hunter2-hunter2\nabcabcabcab hunter2-hunter\nend";
  const std::string wanted = "one *** two\n******\n***cab hunter2-hunter\nend";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    CAPTURE(size);
    CHECK(redacted(words, text, size) == wanted);
  }
}

TEST_CASE("without secrets a stream passes at once, and as it is") {
  std::string out;
  Redactor redactor({}, [&](std::string_view part) { out += part; });
  redactor.add("half a li");
  CHECK(out == "half a li");
  redactor.finish();
  CHECK(out == "half a li");
}

TEST_CASE("a line without end is handed on in parts, and no secret between two of them") {
  const std::string text = std::string(2 * kLongestSecret - 4, 'x') + "hunter2-hunter2" +
                           std::string(3 * kLongestSecret, 'y');
  const std::string out = redacted({"hunter2-hunter2"}, text, 65536);
  CHECK(out.size() == text.size() - 15 + 3);
  CHECK(out.find("hunter2") == std::string::npos);
  CHECK(out.find("x***y") != std::string::npos);
}

TEST_CASE("of a secret of several lines each line is looked for, short ones excepted") {
  const std::vector<std::string> words = secret_words(
      {{"key", "-----BEGIN KEY-----\r\nAAAABBBBCCCC\nxy\n"}, {"token", "AAAABBBBCCCC"}});
  CHECK(words == std::vector<std::string>{"-----BEGIN KEY-----", "AAAABBBBCCCC"});
}

TEST_CASE("secrets are found in files, in names and in what links lead to") {
  const sys::TempDir directory("/tmp", "gbox-secrets-");
  sys::mkdirat(directory.fd(), "a", 0755);
  sys::write_file_atomically(directory.fd(), "a/config", "user\ntoken=hunter2-hunter2\n", 0600);
  sys::write_file_atomically(directory.fd(), "a/clean", "hunter2-hunter", 0644);
  sys::write_file_atomically(directory.fd(), "a/empty", "", 0644);
  sys::write_file_atomically(directory.fd(), "hunter2-hunter2.txt", "x", 0644);
  sys::symlinkat("/x/hunter2-hunter2", directory.fd(), "link");
  CHECK(files_with_secrets(directory.fd(), {"hunter2-hunter2"}) ==
        std::vector<std::string>{"a/config", "hunter2-hunter2.txt", "link"});
  CHECK(files_with_secrets(directory.fd(), {}).empty());
}

TEST_CASE("secrets are read from files and variables; what cannot be one is refused") {
  const sys::TempDir directory("/tmp", "gbox-secrets-");
  sys::write_file_atomically(directory.fd(), "token", "from a file\n", 0600);
  sys::write_file_atomically(directory.fd(), "short", "abc\n", 0600);
  (void)::setenv("GBOX_TEST_SECRET", "from a variable", 1);
  const Secrets secrets =
      read_secrets({{"one", directory.path() + "/token", ""}, {"two", "", "GBOX_TEST_SECRET"}});
  CHECK(secrets == Secrets{{"one", "from a file\n"}, {"two", "from a variable"}});
  const auto message = [](const SecretSource& source) -> std::string {
    try {
      (void)read_secrets({source});
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  CHECK(message({"x", directory.path() + "/none", ""}) ==
        "--secret id=x: there is no file '" + directory.path() + "/none'");
  CHECK(message({"x", "", "GBOX_TEST_NO_SUCH"}) ==
        "--secret id=x: the variable 'GBOX_TEST_NO_SUCH' is not set");
  CHECK(message({"x", directory.path() + "/short", ""}) ==
        "--secret id=x: it is shorter than 6 bytes, which could not be told from other text in a "
        "log");
}
