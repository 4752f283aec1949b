/* fussy: compiles unless it is asked not to. */
#include <stdio.h>

#include "mood.h"

int main(void) {
#ifdef FAIL
  printf("%s\n", mood_never_declared());
#else
  printf("%s\n", mood());
#endif
  return 0;
}
