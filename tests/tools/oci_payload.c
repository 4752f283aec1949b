/* What runs in the image that oci_judges.sh makes: says how it was started. Static, no libc names
   looked up, so that the image needs no other file. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char** argv) {
  char directory[256];
  const char* greeting = getenv("GREETING");
  if (getcwd(directory, sizeof directory) == NULL) return 1;
  printf("%s from %d:%d in %s, %d arguments, last '%s'\n", greeting ? greeting : "no greeting",
         (int)getuid(), (int)getgid(), directory, argc - 1, argv[argc - 1]);
  return 0;
}
