// What a step with a network of its own reaches, and what it does not. The host is a network
// namespace of the test's: a tap device nobody answers on, with a default route, and servers.
#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "box.h"
#include "gbox/base/text.h"
#include "gbox/sys/process.h"

using namespace gbox;
using namespace gbox::tests;

namespace {

constexpr char kAddress[] = "192.0.2.2";
constexpr char kGateway[] = "192.0.2.1";
constexpr char kElsewhere[] = "198.51.100.1";  // as a server out there would have

sockaddr_in ipv4(const char* text, std::uint16_t port = 0) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (::inet_pton(AF_INET, text, &address.sin_addr) != 1) throw Error("no address");
  return address;
}

void check(int result, const char* what) {
  if (result != 0) throw SysError(errno, what);
}

void set_interface(int fd, const char* name, const char* address) {
  ifreq request{};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  sockaddr_in value = ipv4(address);
  std::memcpy(&request.ifr_addr, &value, sizeof value);
  check(::ioctl(fd, SIOCSIFADDR, &request), "set an address");
  value = ipv4("255.255.255.0");
  std::memcpy(&request.ifr_netmask, &value, sizeof value);
  check(::ioctl(fd, SIOCSIFNETMASK, &request), "set a mask");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  check(::ioctl(fd, SIOCSIFFLAGS, &request), "set up an interface");
}

// Puts this process into a network namespace with a way out that leads nowhere.
sys::Fd make_host_network() {
  check(::unshare(CLONE_NEWNET), "unshare the network");
  const sys::Fd control(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sys::Fd tap = sys::open("/dev/net/tun", O_RDWR);
  ifreq device{};
  std::strncpy(device.ifr_name, "tap0", IFNAMSIZ - 1);
  device.ifr_flags = IFF_TAP | IFF_NO_PI;
  check(::ioctl(tap.get(), TUNSETIFF, &device), "make a tap device");
  set_interface(control.get(), "lo", "127.0.0.1");
  set_interface(control.get(), "lo:1", kElsewhere);
  set_interface(control.get(), "tap0", kAddress);
  rtentry route{};
  sockaddr_in value = ipv4("0.0.0.0");
  std::memcpy(&route.rt_dst, &value, sizeof value);
  std::memcpy(&route.rt_genmask, &value, sizeof value);
  value = ipv4(kGateway);
  std::memcpy(&route.rt_gateway, &value, sizeof value);
  route.rt_flags = RTF_UP | RTF_GATEWAY;
  check(::ioctl(control.get(), SIOCADDRT, &route), "add a route");
  return tap;
}

struct Server {
  sys::Fd socket;
  std::string port;
};

Server serve(const char* address) {
  Server server{sys::Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), {}};
  sockaddr_in name = ipv4(address);
  socklen_t size = sizeof name;
  auto* const generic = reinterpret_cast<sockaddr*>(&name);
  check(::bind(server.socket.get(), generic, size), "bind");
  check(::listen(server.socket.get(), 8), "listen");
  check(::getsockname(server.socket.get(), generic, &size), "ask for a port");
  server.port = std::to_string(ntohs(name.sin_port));
  return server;
}

std::string out_of(const Box& box, const std::string& deeds, sandbox::Network network) {
  sandbox::Settings settings = box.settings(deeds);
  settings.network = network;
  return box.run(std::move(settings)).out;
}

}  // namespace

TEST_CASE("a network for fetching reaches others, and not this machine's loopback") {
  if (::access("/dev/net/tun", R_OK | W_OK) != 0) {
    CHECK(error_of([] {
            sandbox::require_network(sandbox::Network::fetch);
          }).find("open '/dev/net/tun'") == 0);
    return;
  }
  for (const std::string helper : {"pasta", "slirp4netns"}) {
    CAPTURE(helper);
    REQUIRE(!sys::find_in_path(helper).empty());
    sys::fork_child([&helper] {
      (void)::setenv("GBOX_NETWORK_HELPER", helper.c_str(), 1);
      const sys::Fd tap = make_host_network();
      const Server elsewhere = serve(kElsewhere);
      const Server local = serve("127.0.0.1");
      const Box box;
      const std::string reached = out_of(
          box, "tcp " + std::string(kElsewhere) + ' ' + elsewhere.port, sandbox::Network::fetch);
      if (reached != "ok\n") throw Error("a server elsewhere: " + reached);
      std::string deeds;
      for (const std::string address :
           {"127.0.0.1", "192.0.2.2", "192.0.2.1", "10.0.2.2", "0.0.0.0"})
        deeds += "tcp " + address + ' ' + local.port + " ; ";
      const std::string answers = out_of(box, deeds, sandbox::Network::fetch);
      if (split(answers, '\n').size() != 6 || answers.find("ok") != std::string::npos)
        throw Error("the loopback: " + answers);
      // No power over it either: it is not the step's own.
      const std::string power =
          out_of(box, "restart-interface lo ; restart-interface tap0", sandbox::Network::fetch);
      if (power != "EPERM\nEPERM\n") throw Error("power over the network: " + power);
      if (out_of(box, "restart-interface lo", sandbox::Network::none) != "ok\n")
        throw Error("no power over a network of its own");
      const std::string none = out_of(box, "tcp " + std::string(kElsewhere) + ' ' + elsewhere.port,
                                      sandbox::Network::none);
      if (none != "ENETUNREACH\n") throw Error("without a network: " + none);
    }).wait_or_throw();
  }
}
