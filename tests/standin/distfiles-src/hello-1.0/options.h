#pragma once

struct options {
  const char *name;
  int style;
  int version;
};

/* Returns 0, or -1 after telling on stderr what is wrong. */
int parse_options(int argc, char **argv, struct options *options);
