#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "payload.h"

void tell(long result) {
  const char* name = result >= 0 ? "ok" : strerrorname_np(errno);
  puts(name == NULL ? "unnamed error" : name);
}

void refuse(const char* why, const char* word) {
  fprintf(stderr, "payload: %s: '%s'\n", why, word);
  _exit(99);
}

long number(const char* word) {
  char* end = NULL;
  const long value = strtol(word, &end, 0);
  if (end == word || *end != '\0') refuse("not a number", word);
  return value;
}

static const struct deed* find(const char* name) {
  static const struct deed* const all[] = {show_deeds,    file_deeds,   mount_deeds,
                                           process_deeds, socket_deeds, terminal_deeds};
  for (size_t i = 0; i < sizeof all / sizeof *all; ++i)
    for (const struct deed* deed = all[i]; deed->name != NULL; ++deed)
      if (strcmp(deed->name, name) == 0) return deed;
  refuse("no such deed", name);
}

void run_deeds(int argc, char** argv) {
  for (int start = 0; start < argc;) {
    int end = start;
    while (end < argc && strcmp(argv[end], ";") != 0) ++end;
    if (end > start) {
      const struct deed* deed = find(argv[start]);
      if (end - start - 1 < deed->arguments) refuse("too few arguments", argv[start]);
      deed->run(end - start, argv + start);
      // At once: the next deed may kill, fork or never return.
      fflush(stdout);
    }
    start = end + 1;
  }
}

int main(int argc, char** argv) {
  run_deeds(argc - 1, argv + 1);
  return 0;
}
