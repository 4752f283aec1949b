/* hello [--style STYLE] [NAME]: greets. */
#include <stdio.h>
#include <string.h>

#include "options.h"
#include "voice.h"

#include <greet.h>

int main(int argc, char **argv) {
  struct options options;
  if (parse_options(argc, argv, &options) != 0) {
    return 2;
  }
  if (options.version) {
    printf("hello %s (libgreet %s%s)\n", HELLO_VERSION, greet_version(), voice_features());
    return 0;
  }
  char text[128];
  greet_compose((enum greet_style)options.style, options.name, text, sizeof text);
  voice_apply(text);
  puts(text);
  return 0;
}
