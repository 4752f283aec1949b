#include <stdio.h>
#include <string.h>

#include "../greet.h"

int main(void) {
  if (strcmp(greet("world"), "Hello, world") != 0) {
    printf("greet said '%s'\n", greet("world"));
    return 1;
  }
  puts("libgreet 1: 1 check passed");
  return 0;
}
