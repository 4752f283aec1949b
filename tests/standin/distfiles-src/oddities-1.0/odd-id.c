/* odd-id: the ids it runs with; installed setuid and setgid to see what becomes of the bits. */
#include <stdio.h>
#include <unistd.h>

int main(void) {
  printf("uid=%d euid=%d gid=%d egid=%d\n", (int)getuid(), (int)geteuid(), (int)getgid(),
         (int)getegid());
  return 0;
}
