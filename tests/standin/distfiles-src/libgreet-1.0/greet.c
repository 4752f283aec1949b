#include "greet.h"

#include <stdio.h>

#include "messages.h"

const char *greet(const char *name) {
  static char text[128];
  snprintf(text, sizeof text, msg_hello, name);
  return text;
}

const char *greet_version(void) {
  return "1.0";
}
