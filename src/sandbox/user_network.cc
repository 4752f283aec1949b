#include "user_network.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <string_view>

#include "gbox/base/text.h"
#include "gbox/sys/file.h"
#include "gbox/sys/interrupt.h"
#include "gbox/sys/mount.h"

namespace gbox::sandbox {

namespace {

constexpr char kTunnel[] = "/dev/net/tun";
constexpr int kPatienceMs = 10000;
constexpr std::size_t kMaxResolverFile = 64u << 10;

// An address of the step's side that either helper answers itself, by asking the host's resolver:
// the host's own may be at 127.0.0.53, which nothing in the step could reach.
constexpr char kResolver[] = "10.0.2.3";

// pasta first: it translates no addresses, and is the faster of the two.
constexpr std::array kPrograms = {"pasta", "slirp4netns"};

// The namespace is the helper's standard input: a path through /proc/PID would need rights over
// the process, which pasta gives away before it opens it. Both say that they are ready on standard
// output.
std::vector<std::string> arguments_of(std::string_view program, const std::string& path) {
  if (program == "pasta")
    return {path,
            "--foreground",
            "--quiet",
            "--config-net",
            "-P",
            "/proc/self/fd/1",
            "--no-map-gw",
            "-t",
            "none",
            "-u",
            "none",
            "-T",
            "none",
            "-U",
            "none",
            "--dns-forward",
            kResolver,
            "--netns",
            "/proc/self/fd/0"};
  return {path,
          "--mtu=65520",
          "-c",
          "-r",
          "1",
          "--disable-host-loopback",
          "--enable-seccomp",
          "--netns-type=path",
          "/proc/self/fd/0",
          "tap0"};
}

enum class State { ready, ended, silent };

State await(const sys::RunningHelper& helper) {
  std::array<pollfd, 2> watched = {pollfd{helper.output(), POLLIN, 0},
                                   pollfd{sys::interrupt_fd(), POLLIN, 0}};
  for (;;) {
    const int count = ::poll(watched.data(), watched.size(), kPatienceMs);
    sys::check_interrupt();
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return State::silent;
    char byte = 0;
    return ::read(helper.output(), &byte, 1) == 1 ? State::ready : State::ended;
  }
}

std::string last_words(const std::string& text) {
  const std::vector<std::string> lines = split(std::string(trim(text)), '\n');
  return lines.empty() || lines.back().empty() ? "it said nothing" : printable(lines.back());
}

struct Helper {
  std::string program;
  std::string path;
};

// Those that are here; $GBOX_NETWORK_HELPER allows one of them alone.
std::vector<Helper> helpers() {
  const char* wish = std::getenv("GBOX_NETWORK_HELPER");
  std::vector<Helper> found;
  for (const std::string program : kPrograms) {
    if (wish != nullptr && *wish != '\0' && program != wish) continue;
    if (std::string path = sys::find_in_path(program); !path.empty())
      found.push_back({program, std::move(path)});
  }
  return found;
}

// Of the host's, for a network that a helper makes: where names are asked for is another place.
std::string resolver_text(Network network) {
  const std::string host =
      sys::try_read_file(AT_FDCWD, "/etc/resolv.conf", kMaxResolverFile).value_or("");
  if (network == Network::host) return host;
  std::string text = std::string("nameserver ") + kResolver + '\n';
  for (const std::string& line : split(host, '\n'))
    if (line.starts_with("search ") || line.starts_with("domain ") || line.starts_with("options "))
      text += line + '\n';
  return text;
}

}  // namespace

void require_network(Network network) {
  if (network != Network::fetch) return;
  if (helpers().empty())
    throw Error("neither 'pasta' nor 'slirp4netns' is in PATH", ExitCode::host)
        .set_hint(
            "install 'passt' (or 'slirp4netns'); or 'network = \"host\"' gives the phase all "
            "that this machine can reach");
  if (::access(kTunnel, R_OK | W_OK) != 0)
    throw SysError(errno, std::string("open ") + quoted(kTunnel), ExitCode::host)
        .set_hint(errno == ENOENT
                      ? "on the host, run 'modprobe tun' as root; for a container, start "
                        "it with '--device /dev/net/tun'"
                      : "on the host, run 'chmod 0666 /dev/net/tun' as root");
}

Mount resolver_mount(int dirfd, Network network) {
  sys::write_file_atomically(dirfd, "resolv.conf", resolver_text(network), 0644);
  return bind_mount(dirfd, "resolv.conf", "/etc/resolv.conf", Access::read_only);
}

UserNetwork::UserNetwork(int netns_fd) {
  require_network(Network::fetch);
  std::vector<std::string> failures;
  for (const Helper& found : helpers()) {
    sys::HelperInput input;
    input.standard_input = netns_fd;
    auto helper = std::make_unique<sys::RunningHelper>(arguments_of(found.program, found.path),
                                                       "connect the step's network", input);
    const State state = await(*helper);
    if (state == State::ready) {
      program_ = found.program;
      helper_ = std::move(helper);
      return;
    }
    failures.push_back(
        quoted(found.program) + ": " +
        (state == State::ended ? last_words(helper->wait().errors) : "it is not ready after 10 s"));
  }
  throw Error("connect the step's network: " + join(failures, "; "), ExitCode::host)
      .set_hint("this machine's own network: 'network = \"host\"' in the phase");
}

}  // namespace gbox::sandbox
