#include <string.h>

#include "greet.h"

int greet_style_by_name(const char *name) {
  static const char *const names[] = {"plain", "formal", "casual"};
  for (int i = 0; i < (int)(sizeof names / sizeof *names); i++) {
    if (strcmp(names[i], name) == 0) {
      return i;
    }
  }
  return -1;
}
