/* greetgen MESSAGES HEADER SOURCE: turns messages into C. */
#include <stdio.h>
#include <string.h>

#include "emit.h"
#include "parse.h"

enum { max_messages = 64 };

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "--version") == 0) {
    puts("greetgen 1.0");
    return 0;
  }
  if (argc != 4) {
    fputs("usage: greetgen MESSAGES HEADER SOURCE\n", stderr);
    return 2;
  }
  FILE *in = fopen(argv[1], "r");
  if (in == NULL) {
    perror(argv[1]);
    return 1;
  }
  static struct message messages[max_messages];
  const int count = parse_messages(in, argv[1], messages, max_messages);
  fclose(in);
  if (count < 0) {
    return 1;
  }
  FILE *header = fopen(argv[2], "w");
  FILE *source = fopen(argv[3], "w");
  if (header == NULL || source == NULL) {
    perror(header == NULL ? argv[2] : argv[3]);
    return 1;
  }
  const char *base = strrchr(argv[2], '/');
  emit_header(header, messages, count);
  emit_source(source, base == NULL ? argv[2] : base + 1, messages, count);
  return fclose(header) != 0 || fclose(source) != 0;
}
