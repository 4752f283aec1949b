// A sandbox ends as a whole: whoever dies first, and whatever the step does to outlive it.
#include <doctest/doctest.h>

#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "box.h"
#include "gbox/base/text.h"

using namespace gbox;
using namespace gbox::tests;

namespace {

// A word that marks the processes of one case on the whole machine.
std::string mark() {
  return "mark-" + sys::random_hex(8);
}

// A killed process may be seen for a moment more; one that lives stays.
bool gone_in_time(const std::string& word) {
  for (int tries = 0; tries < kPatienceMs / 10; ++tries) {
    if (processes_with_argument(word).empty()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

}  // namespace

TEST_CASE("kill() ends everything, also what left the session and ignores signals") {
  const Box box;
  const std::string word = mark();
  Running running(box.settings("daemon ; daemon ; ready ; wait ; arguments " + word));
  running.await("ready\n");
  CHECK(processes_with_argument(word).size() == 4);  // PID 1, the command and two daemons
  running.sandbox().kill();
  // finish() reads the pipes to their ends: they are held by every process of the step.
  CHECK(running.finish().code == 137);
  CHECK(processes_with_argument(word).empty());
}

TEST_CASE("when the command ends, what it left behind ends, and only then wait() returns") {
  const Box box;
  const std::string word = mark();
  const Outcome outcome = box.run("daemon ; daemon ; exit 5 ; arguments " + word);
  CHECK(outcome.code == 5);
  CHECK(processes_with_argument(word).empty());
}

TEST_CASE("processes in pid namespaces of the step's own making end with it") {
  const Box box;
  const std::string word = mark();
  Running running(
      box.settings("unshare Ump ; daemon ; unshare Up ; daemon ; ready ; wait ; "
                   "arguments " +
                   word));
  running.await("ready\n");
  running.sandbox().kill();
  CHECK(running.finish().code == 137);
  CHECK(processes_with_argument(word).empty());
}

TEST_CASE("a sandbox object that goes away takes the sandbox with it") {
  const Box box;
  const std::string word = mark();
  sys::Pipe out = sys::pipe();
  {
    const sandbox::Sandbox sandbox =
        sandbox::Sandbox::start(box.settings("daemon ; wait ; arguments " + word),
                                sandbox::load_policy("emerge"), {-1, out.write.get(), -1});
    out.write.reset();
    CHECK_FALSE(processes_with_argument(word).empty());
  }
  CHECK(processes_with_argument(word).empty());
  CHECK(ends_in_time(out.read.get()));
}

TEST_CASE("when gbox is killed, its sandbox dies with it") {
  const Box box;
  const std::string word = mark();
  sys::Pipe out = sys::pipe();
  const pid_t launcher = ::fork();
  REQUIRE(launcher >= 0);
  if (launcher == 0) {
    try {
      sandbox::Sandbox sandbox =
          sandbox::Sandbox::start(box.settings("daemon ; ready ; wait ; arguments " + word),
                                  sandbox::load_policy("emerge"), {-1, out.write.get(), -1});
      for (;;) ::pause();
    } catch (const std::exception&) {
      ::_exit(1);
    }
  }
  out.write.reset();
  char text[16] = {};
  std::size_t size = 0;
  while (size < 9 && ::read(out.read.get(), text + size, 1) == 1) ++size;
  CHECK(std::string(text) == "ok\nready\n");
  CHECK_FALSE(processes_with_argument(word).empty());
  REQUIRE(::kill(launcher, SIGKILL) == 0);
  int status = 0;
  REQUIRE(::waitpid(launcher, &status, 0) == launcher);
  CHECK(ends_in_time(out.read.get()));
  CHECK(gone_in_time(word));
  // Where the case fails, nothing may stay behind on the machine that ran it.
  for (const std::string& pid : processes_with_argument(word))
    (void)::kill(std::stoi(pid), SIGKILL);
}

TEST_CASE("Ctrl-C at gbox's terminal does not reach the step by itself") {
  // The terminal signals gbox's process group; the sandbox is in a session of its own.
  const Box box;
  Running running(box.settings("ready ; wait"));
  running.await("ready\n");
  const std::string info =
      sys::read_file("/proc/self/fdinfo/" + std::to_string(running.sandbox().pidfd()));
  const std::size_t at = info.find("\nPid:\t");
  REQUIRE(at != std::string::npos);
  const pid_t outer = static_cast<pid_t>(std::stoi(info.substr(at + 6)));
  CHECK(::getpgid(outer) != ::getpgrp());
  CHECK(::getsid(outer) != ::getsid(0));
  running.sandbox().kill();
  (void)running.finish();
}

TEST_CASE("many sandboxes one after the other leave no descriptor and no child behind") {
  const Box box;
  const auto open_descriptors = [] {
    const sys::Fd fd = sys::open("/proc/self/fd", O_RDONLY | O_DIRECTORY);
    return sys::list_directory(fd.get(), "fd").size();
  };
  const auto children = [] {
    return sys::read_file("/proc/self/task/" + std::to_string(::getpid()) + "/children");
  };
  (void)box.run("exit 0");
  const std::size_t before = open_descriptors();
  const std::string children_before = children();
  for (int i = 0; i < 10; ++i) CHECK(box.run("daemon ; exit 0").code == 0);
  CHECK(error_of([&] {
          sandbox::Settings settings = box.settings("exit 0");
          settings.mounts.push_back(sandbox::tmpfs_mount("/no/such", "", "0755"));
          (void)Running(std::move(settings)).finish();
        }) != "");
  CHECK(open_descriptors() == before);
  CHECK(children() == children_before);
}

TEST_CASE("two sandboxes at once do not hold one another's pipes open") {
  const Box one;
  const Box other;
  Running first(one.settings("ready ; wait"));
  first.await("ready\n");
  Running second(other.settings("exit 3"));
  CHECK(second.finish().code == 3);
  first.sandbox().kill();
  CHECK(first.finish().code == 137);
}

TEST_CASE("the limits that the kernel keeps are those asked for, and a core goes nowhere") {
  const Box box;
  const auto limit = [](const std::string& limits, const std::string& name) {
    const std::size_t at = limits.find(name);
    REQUIRE(at != std::string::npos);
    const std::vector<std::string> words = split_words(limits.substr(at + name.size(), 60));
    return words.at(0) + ' ' + words.at(1);
  };
  const std::string usual = box.run("show /proc/self/limits").out;
  // One byte: with 0 the kernel would still start the host's core handler.
  CHECK(limit(usual, "Max core file size") == "1 1");
  CHECK(limit(usual, "Max processes") != "unlimited unlimited");
  sandbox::Settings settings = box.settings("show /proc/self/limits");
  settings.limits.processes = 50;
  settings.limits.file_bytes = 1u << 20;
  const std::string asked = box.run(std::move(settings)).out;
  CHECK(limit(asked, "Max processes") == "50 50");
  CHECK(limit(asked, "Max file size") == "1048576 1048576");
}
