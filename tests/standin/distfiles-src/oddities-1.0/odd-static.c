/* odd-static: linked statically, so nothing preloaded reaches it. */
#include <stdio.h>

int main(void) {
  puts("static");
  return 0;
}
