/* Gives the programs of Grid Engine the address of their node, as a network card of its own would.

All nodes live on the machine's loopback network. There a daemon that listens on every address takes
the port away from the daemons of all other nodes, and whoever connects seems to be 127.0.0.1, so that
the master cannot tell its hosts apart. Here a socket without an address gets the one in the
environment. What the program itself starts gets neither this library nor the address. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

typedef int on_address(int, const struct sockaddr *, socklen_t);
static struct in_addr mine;

__attribute__((constructor)) static void learn(void) {
  const char *address = getenv("NERONET_TEST_ADDRESS");
  if (address)
    inet_aton(address, &mine);
  unsetenv("NERONET_TEST_ADDRESS");
  unsetenv("LD_PRELOAD");
}

int bind(int fd, const struct sockaddr *address, socklen_t size) {
  struct sockaddr_in own;
  if (address->sa_family == AF_INET) {
    own = *(const struct sockaddr_in *)address;
    if (own.sin_addr.s_addr == INADDR_ANY)
      own.sin_addr = mine;
    address = (const struct sockaddr *)&own;
  }
  return ((on_address *)dlsym(RTLD_NEXT, "bind"))(fd, address, size);
}

int connect(int fd, const struct sockaddr *address, socklen_t size) {
  struct sockaddr_in now, own = {.sin_family = AF_INET, .sin_addr = mine};
  socklen_t length = sizeof now;
  int late = 1; /* the port is chosen by connect, which knows how many may share one */
  if (address->sa_family == AF_INET && getsockname(fd, (struct sockaddr *)&now, &length) == 0 && !now.sin_port) {
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &late, sizeof late);
    bind(fd, (const struct sockaddr *)&own, sizeof own);
  }
  return ((on_address *)dlsym(RTLD_NEXT, "connect"))(fd, address, size);
}
