// Deeds on sockets and network interfaces.
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "payload.h"

// 'NAME up' or 'NAME down', a line each.
static void interfaces(int argc, char** argv) {
  (void)argc, (void)argv;
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct if_nameindex* all = if_nameindex();
  if (fd < 0 || all == NULL) {
    tell(-1);
    return;
  }
  for (struct if_nameindex* one = all; one->if_index != 0; ++one) {
    struct ifreq request;
    memset(&request, 0, sizeof request);
    strncpy(request.ifr_name, one->if_name, IFNAMSIZ - 1);
    if (ioctl(fd, SIOCGIFFLAGS, &request) != 0) continue;
    printf("%s %s\n", one->if_name, (request.ifr_flags & IFF_UP) != 0 ? "up" : "down");
  }
  if_freenameindex(all);
  close(fd);
}

// Takes a network interface down and up again.
static void restart_interface(int argc, char** argv) {
  (void)argc;
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct ifreq request;
  memset(&request, 0, sizeof request);
  strncpy(request.ifr_name, argv[1], IFNAMSIZ - 1);
  long result = ioctl(fd, SIOCSIFFLAGS, &request);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (result == 0) result = ioctl(fd, SIOCSIFFLAGS, &request);
  tell(result);
  close(fd);
}

// A connection from 127.0.0.1 to itself.
static void talk_to_itself(int argc, char** argv) {
  (void)argc, (void)argv;
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int caller = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (listener < 0 || caller < 0 ||
      bind(listener, (struct sockaddr*)&address, sizeof address) != 0 || listen(listener, 1) != 0 ||
      getsockname(listener, (struct sockaddr*)&address, &size) != 0) {
    tell(-1);
    return;
  }
  tell(connect(caller, (struct sockaddr*)&address, sizeof address));
}

// Opens a socket of a family given by number.
static void open_socket(int argc, char** argv) {
  (void)argc;
  const int fd = socket((int)number(argv[1]), SOCK_STREAM | SOCK_CLOEXEC, 0);
  tell(fd);
  if (fd >= 0) close(fd);
}

// Sends one byte by datagram to an IPv4 address: who has no network cannot.
static void send_datagram(int argc, char** argv) {
  (void)argc;
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_port = htons(9);
  if (fd < 0 || inet_pton(AF_INET, argv[1], &address.sin_addr) != 1) {
    tell(-1);
    return;
  }
  tell(sendto(fd, "", 1, 0, (struct sockaddr*)&address, sizeof address));
  close(fd);
}

// Connects by TCP to an IPv4 address and port; who does not answer in two seconds is ETIMEDOUT.
static void connect_tcp(int argc, char** argv) {
  (void)argc;
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  struct sockaddr_in address;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_port = htons((unsigned short)number(argv[2]));
  if (fd < 0 || inet_pton(AF_INET, argv[1], &address.sin_addr) != 1) {
    tell(-1);
    return;
  }
  int error = 0;
  if (connect(fd, (struct sockaddr*)&address, sizeof address) != 0) {
    struct pollfd writable = {fd, POLLOUT, 0};
    socklen_t size = sizeof error;
    if (errno != EINPROGRESS)
      error = errno;
    else if (poll(&writable, 1, 2000) != 1)
      error = ETIMEDOUT;
    else
      getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  }
  errno = error;
  tell(error == 0 ? 0 : -1);
  close(fd);
}

// Connects to a unix socket; a name that starts with '@' is an abstract one.
static void connect_unix(int argc, char** argv) {
  (void)argc;
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_un address;
  memset(&address, 0, sizeof address);
  address.sun_family = AF_UNIX;
  const size_t size = strlen(argv[1]);
  if (fd < 0 || size >= sizeof address.sun_path) {
    tell(-1);
    return;
  }
  memcpy(address.sun_path, argv[1], size);
  if (argv[1][0] == '@') address.sun_path[0] = '\0';
  tell(connect(fd, (struct sockaddr*)&address,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size)));
  close(fd);
}

const struct deed socket_deeds[] = {
    {"interfaces", 0, interfaces},
    {"loopback", 0, talk_to_itself},
    {"socket", 1, open_socket},
    {"datagram", 1, send_datagram},
    {"connect", 1, connect_unix},
    {"tcp", 2, connect_tcp},
    {"restart-interface", 1, restart_interface},
    {NULL, 0, NULL},
};
