#include "greet.h"

#include <stdio.h>

#include "messages.h"

int greet_compose(enum greet_style style, const char *name, char *text, size_t size) {
  switch (style) {
    case greet_formal:
      return snprintf(text, size, msg_formal, name);
    case greet_casual:
      return snprintf(text, size, msg_casual, name);
    case greet_plain:
      break;
  }
  return snprintf(text, size, msg_plain, name);
}

const char *greet_version(void) {
  return "2.0";
}
