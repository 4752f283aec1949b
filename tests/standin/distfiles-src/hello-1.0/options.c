#include "options.h"

#include <stdio.h>
#include <string.h>

#include <greet.h>

int parse_options(int argc, char **argv, struct options *options) {
  *options = (struct options){.name = "world", .style = greet_plain};
#ifdef DEFAULT_STYLE
  options->style = greet_style_by_name(DEFAULT_STYLE);
#endif
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--version") == 0) {
      options->version = 1;
    } else if (strcmp(argv[i], "--style") == 0 && i + 1 < argc) {
      options->style = greet_style_by_name(argv[++i]);
      if (options->style < 0) {
        fprintf(stderr, "hello: no style '%s'\n", argv[i]);
        return -1;
      }
    } else if (argv[i][0] == '-') {
      fputs("usage: hello [--style plain|formal|casual] [--version] [NAME]\n", stderr);
      return -1;
    } else {
      options->name = argv[i];
    }
  }
  return 0;
}
