// A mirror of our own on loopback for one test: tests/mirror/serve.py over a temporary directory,
// with rules that make it misbehave and a log that counts what was asked.
#pragma once

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gbox/base/json.h"
#include "gbox/net/transfer.h"
#include "gbox/sys/file.h"

namespace gbox::net::test {

// A process that serves until this goes: its standard input is our end of a pipe.
class Server {
 public:
  explicit Server(const std::vector<std::string>& arguments) {
    sys::Pipe in = sys::pipe();
    sys::Pipe out = sys::pipe();
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      (void)::dup2(in.read.get(), 0);
      (void)::dup2(out.write.get(), 1);
      // -I -S: nothing of this machine's Python set-up, which takes a while to load.
      std::vector<char*> argv{const_cast<char*>("python3"), const_cast<char*>("-IS"),
                              const_cast<char*>(GBOX_SERVE_PY)};
      for (const std::string& argument : arguments)
        argv.push_back(const_cast<char*>(argument.c_str()));
      argv.push_back(nullptr);
      (void)::execvp("python3", argv.data());
      ::_exit(127);
    }
    input_ = std::move(in.write);
    out.write.reset();
    for (char c = 0; ::read(out.read.get(), &c, 1) == 1 && c != '\n';) port += c;
    REQUIRE_FALSE(port.empty());
  }
  ~Server() {
    input_.reset();
    (void)::waitpid(pid_, nullptr, 0);  // nothing could be done about a failure here
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::string port;

 private:
  pid_t pid_ = -1;
  sys::Fd input_;
};

struct Warnings final : WarningSink {
  std::vector<Warning> seen;
  void warn(const Warning& warning) override { seen.push_back(warning); }
};

// One server for all cases, as starting Python costs more than any of them.
inline const Server& shared_server(const std::string& root) {
  static const Server server(
      {"--rules", root + "/rules.json", "--log", root + "/log", root + "/files"});
  return server;
}

// A directory that is served, one to fetch into, and one for what is on its way.
class Mirror {
 public:
  Mirror() {
    static const sys::TempDir shared("/tmp", "gbox-net-");
    root_ = shared.path();
    sys::ensure_directories(AT_FDCWD, root_ + "/files");
    for (const char* name : {"/here", "/partial"}) {
      sys::remove_tree(AT_FDCWD, root_ + name);
      sys::ensure_directories(AT_FDCWD, root_ + name);
    }
    for (const char* name : {"/rules.json", "/log"}) sys::remove_tree(AT_FDCWD, root_ + name);
    here = sys::open(root_ + "/here", O_RDONLY | O_DIRECTORY);
    partial = sys::open(root_ + "/partial", O_RDONLY | O_DIRECTORY);
    base = "http://127.0.0.1:" + shared_server(root_).port;
    settings.partial_dirfd = partial.get();
    settings.backoff = std::chrono::milliseconds(1);
    settings.variable = [this](const char* name) -> std::optional<std::string> {
      const auto found = environment.find(name);
      return found == environment.end() ? std::nullopt : std::optional(found->second);
    };
    settings.on_note = [this](std::string_view, std::string_view text) {
      notes.emplace_back(text);
    };
    settings.warnings = &warnings;
  }

  // `bytes` bytes that differ everywhere, served as `name`.
  std::string file(const std::string& name, std::size_t bytes) {
    std::string content;
    for (unsigned i = 0; content.size() < bytes; ++i) content += std::to_string(i) + name + "\n";
    content.resize(bytes);
    sys::write_file_atomically(AT_FDCWD, root_ + "/files/" + name, content, 0644, sys::Durable::no);
    return content;
  }
  void rules(const std::string& json) {
    sys::write_file_atomically(AT_FDCWD, root_ + "/rules.json", json, 0644, sys::Durable::no);
  }
  std::vector<Json> requests() const {
    std::vector<Json> found;
    const std::string text = sys::try_read_file(AT_FDCWD, root_ + "/log").value_or("");
    for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1)
      found.push_back(parse_json(text.substr(at, text.find('\n', at) - at), "log"));
    return found;
  }
  Transfer transfer(const std::string& name, const std::string& content) const {
    return {.urls = {base + "/" + name},
            .name = name,
            .size = content.size(),
            .digests = {sha256(content)},
            .file = name};
  }
  Fetched fetch(const Transfer& transfer) const {
    return fetch_all(here.get(), {&transfer, 1}, settings).front();
  }
  // What a person would read; "" when nothing is missing.
  static std::string error_of(const std::vector<Fetched>& results, const std::string& deed = "") {
    try {
      require(results, deed);
    } catch (const Error& error) {
      CHECK(error.code() == ExitCode::input);
      return error.message();
    }
    return "";
  }
  std::optional<std::string> published(const std::string& name) const {
    return sys::try_read_file(here.get(), name);
  }
  // Names of what is on its way.
  std::vector<std::string> left() const { return sys::list_directory(partial.get(), "partial"); }
  const std::string& root() const { return root_; }

  sys::Fd here;
  sys::Fd partial;
  std::string base;
  Settings settings;
  std::map<std::string, std::string> environment;
  std::vector<std::string> notes;
  Warnings warnings;

 private:
  std::string root_;
};

}  // namespace gbox::net::test
