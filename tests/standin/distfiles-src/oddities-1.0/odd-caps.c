/* odd-caps: its effective capabilities, as the kernel writes them. */
#include <stdio.h>
#include <string.h>

int main(void) {
  FILE *status = fopen("/proc/self/status", "r");
  if (status == NULL) {
    perror("/proc/self/status");
    return 1;
  }
  char line[256];
  while (fgets(line, sizeof line, status) != NULL) {
    if (strncmp(line, "CapEff:", 7) == 0) {
      fputs(line, stdout);
    }
  }
  fclose(status);
  return 0;
}
