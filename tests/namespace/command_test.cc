// What a command sees and what comes back of it.
#include <doctest/doctest.h>

#include <sys/socket.h>
#include <sys/un.h>

#include <csignal>

#include "box.h"
#include "gbox/base/text.h"

using namespace gbox;
using namespace gbox::tests;

TEST_CASE("the command's exit status comes back, signals as shells say them") {
  const Box box;
  CHECK(box.run("exit 0").code == 0);
  CHECK(box.run("exit 41").code == 41);
  CHECK(box.run("die-by 9").code == 137);
  CHECK(box.run("die-by 15").code == 143);
  CHECK(box.run("die-by 11").code == 139);
}

TEST_CASE("a command that is not found is 127, one that cannot be executed 126") {
  const Box box;
  sys::write_file_atomically(box.lower(), "etc/plain", "no program", 0644);
  sandbox::Settings missing = box.settings("");
  missing.command.argv = {"/bin/nothing"};
  Outcome outcome = box.run(std::move(missing));
  CHECK(outcome.code == 127);
  CHECK(outcome.err == "gbox-init: execute '/bin/nothing': No such file or directory\n");
  sandbox::Settings plain = box.settings("");
  plain.command.argv = {"/etc/plain"};
  outcome = box.run(std::move(plain));
  CHECK(outcome.code == 126);
  CHECK(outcome.err == "gbox-init: execute '/etc/plain': Permission denied\n");
}

TEST_CASE("a command is looked up in the PATH it is given") {
  const Box box;
  sandbox::Settings settings = box.settings("arguments found");
  settings.command.argv[0] = "payload";
  settings.command.environment = {{"PATH", "/etc:/bin"}};
  CHECK(box.run(std::move(settings)).out == "found\n");
}

TEST_CASE("arguments arrive byte for byte") {
  const Box box;
  sandbox::Settings settings = box.settings("arguments");
  const std::vector<std::string> hostile = {"", "a b", "-x", "$HOME", "a\nb", "\xff\xfe", "*"};
  settings.command.argv.insert(settings.command.argv.end(), hostile.begin(), hostile.end());
  CHECK(box.run(std::move(settings)).out == join(hostile, "\n") + "\n");
}

TEST_CASE("the environment is what was given and nothing else") {
  REQUIRE(::setenv("GBOX_TEST_SECRET", "of the host", 1) == 0);
  const Box box;
  sandbox::Settings settings = box.settings("environment ; arguments -- ; show /proc/1/environ");
  settings.command.environment = {{"A", "1"}, {"EMPTY", ""}, {"B", "two words"}};
  const std::string expected = "A=1\nEMPTY=\nB=two words\n";
  CHECK(box.run(std::move(settings)).out == expected + "--\n" + expected);
  CHECK(box.run("environment ; show /proc/1/environ").out.empty());
  (void)::unsetenv("GBOX_TEST_SECRET");
}

TEST_CASE("PID 1's command line tells the command and nothing of the host") {
  const Box box;
  CHECK(box.run("show /proc/1/cmdline").out ==
        "gbox-init\n0\n0\n-\n/\n/bin/payload\nshow\n/proc/1/cmdline\n");
}

TEST_CASE("only the three standard descriptors are open, in the command and in PID 1") {
  // Descriptors that a careless caller left without O_CLOEXEC.
  const int leaked_directory = ::open("/", O_RDONLY | O_DIRECTORY);
  const int leaked_high = ::fcntl(leaked_directory, F_DUPFD, 700);
  REQUIRE(leaked_high >= 700);
  const Box box;
  const Outcome outcome = box.run("descriptors ; arguments -- ; list /proc/1/fd");
  const std::vector<std::string> lines = split(outcome.out, '\n');
  REQUIRE(lines.size() == 8);
  CHECK(lines[0] == "0 /dev/null");
  CHECK(lines[1].starts_with("1 pipe:"));
  CHECK(lines[2].starts_with("2 pipe:"));
  CHECK(lines[3] == "--");
  CHECK(lines[4] + lines[5] + lines[6] == "012");
  (void)::close(leaked_directory);
  (void)::close(leaked_high);
}

TEST_CASE("standard descriptors may come in any order and be one another's numbers") {
  const Box box;
  sys::Pipe in = sys::pipe();
  sys::Pipe out = sys::pipe();
  sys::write_all(in.write.get(), "a word\n", "pipe");
  in.write.reset();
  sandbox::Settings settings = box.settings("echo");
  sandbox::Sandbox running =
      sandbox::Sandbox::start(std::move(settings), sandbox::load_policy("run"),
                              {in.read.get(), out.write.get(), out.write.get()});
  out.write.reset();
  std::string text(64, '\0');
  text.resize(sys::read_full(out.read.get(), std::as_writable_bytes(std::span(text)), "pipe"));
  CHECK(text == "heard a word\n");
  CHECK(running.wait().code == 0);
}

TEST_CASE("host name, umask, working directory and session are the sandbox's own") {
  const Box box;
  sandbox::Settings settings = box.settings("host-name ; umask ; directory ; session");
  settings.host_name = "a-host";
  settings.command.working_directory = "/etc";
  const mode_t before = ::umask(077);
  const Outcome outcome = box.run(std::move(settings));
  (void)::umask(before);
  // Its own process group in PID 1's session, so that a signal to the group spares PID 1.
  CHECK(outcome.out == "a-host\n0022\n/etc\npid=2 ppid=1 pgrp=2 sid=1\n");
  sandbox::Settings missing = box.settings("exit 0");
  missing.command.working_directory = "/no/such";
  const Outcome failed = box.run(std::move(missing));
  CHECK(failed.code == 126);
  CHECK(failed.err == "gbox-init: change directory to '/no/such': No such file or directory\n");
}

TEST_CASE("no ignored or blocked signal of the caller reaches the command") {
  sigset_t blocked, before;
  (void)::sigfillset(&blocked);
  const auto old_pipe = std::signal(SIGPIPE, SIG_IGN);
  const auto old_child = std::signal(SIGUSR1, SIG_IGN);
  REQUIRE(::sigprocmask(SIG_SETMASK, &blocked, &before) == 0);
  const Box box;
  const Outcome outcome = box.run("show /proc/self/status");
  (void)::sigprocmask(SIG_SETMASK, &before, nullptr);
  (void)std::signal(SIGPIPE, old_pipe);
  (void)std::signal(SIGUSR1, old_child);
  const std::string none = std::string(16, '0') + "\n";
  CHECK(outcome.out.find("SigBlk:\t" + none) != std::string::npos);
  CHECK(outcome.out.find("SigIgn:\t" + none) != std::string::npos);
}

TEST_CASE("signals to PID 1 are handed on to the command, and cannot end PID 1") {
  const Box box;
  for (const int signal_number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGWINCH}) {
    CAPTURE(signal_number);
    const std::string number = std::to_string(signal_number);
    CHECK(box.run("signal-by-init " + number).out == "signal " + number + "\n");
  }
  CHECK(box.run("kill 1 9 ; kill 1 19 ; exit 3").code == 3);
}
