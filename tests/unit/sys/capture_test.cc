#include <doctest/doctest.h>
#include <unistd.h>

#include <csignal>

#include "gbox/base/error.h"
#include "gbox/sys/file.h"
#include "gbox/sys/process.h"

using namespace gbox;
using namespace gbox::sys;

namespace {

HelperOutput shell(const std::string& script, const HelperInput& input = {}) {
  return capture_helper({"/bin/sh", "-c", script}, "ask the helper", input);
}

std::string failure(const std::vector<std::string>& argv, const HelperInput& input = {}) {
  try {
    (void)capture_helper(argv, "ask the helper", input);
  } catch (const Error& error) {
    return error.message();
  }
  return "no error";
}

}  // namespace

TEST_CASE("a helper's outputs and exit status come back apart") {
  const HelperOutput said = shell("echo out; echo err >&2; exit 3");
  CHECK(said.output == "out\n");
  CHECK(said.errors == "err\n");
  CHECK(said.status.code == 3);
  CHECK(said.status.signal == 0);
  CHECK(shell("kill -9 $$").status.signal == SIGKILL);
}

TEST_CASE("a helper has the environment it was given, and nothing else") {
  CHECK(shell("echo \"$HOME|$GBOX_A\"", {.environment = {"GBOX_A=b"}}).output == "|b\n");
}

TEST_CASE("a helper reads what it was given, or nothing") {
  const TempDir directory("/tmp", "gbox-capture-");
  write_file_atomically(directory.fd(), "in", "some text");
  const Fd in = gbox::sys::openat(directory.fd(), "in", O_RDONLY);
  CHECK(shell("cat", {.standard_input = in.get()}).output == "some text");
  CHECK(shell("cat").output.empty());
}

TEST_CASE("a helper that fills both outputs does not stand still") {
  const HelperOutput said = shell("head -c 300000 /dev/zero >&2; head -c 300000 /dev/zero");
  CHECK(said.output.size() == 300000);
  CHECK(said.errors.size() == 300000);
}

TEST_CASE("a helper that says too much or cannot be run is an error") {
  CHECK(failure({"/bin/sh", "-c", "cat /dev/zero"}, {.limit_bytes = 1000}) ==
        "ask the helper: the helper said more than 1000 B");
  CHECK(failure({"/nonexistent/helper"}) ==
        "ask the helper: execute '/nonexistent/helper': No such file or directory");
}

TEST_CASE("programs are found in PATH and where system programs lie") {
  CHECK(find_in_path("sh").ends_with("/sh"));
  CHECK(find_in_path("no-such-program-of-gbox").empty());
}

TEST_CASE("a helper's output is read while it runs, what it complains of does not stop it") {
  RunningHelper helper({"/bin/sh", "-c", "echo out; head -c 300000 /dev/zero >&2; exit 4"}, "ask");
  std::string said(100, '\0');
  said.resize(read_full(helper.output(), std::as_writable_bytes(std::span(said)), "ask"));
  CHECK(said == "out\n");
  const HelperOutput end = helper.wait();
  CHECK(end.status.code != 0);
  CHECK(end.errors.size() == 64 << 10);
}
