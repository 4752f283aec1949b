#include "parse.h"

#include <ctype.h>
#include <string.h>

static char *trim(char *text) {
  while (isspace((unsigned char)*text)) {
    text++;
  }
  char *end = text + strlen(text);
  while (end > text && isspace((unsigned char)end[-1])) {
    end--;
  }
  *end = '\0';
  return text;
}

static int is_name(const char *text) {
  if (!isalpha((unsigned char)*text)) {
    return 0;
  }
  for (; *text; text++) {
    if (!isalnum((unsigned char)*text) && *text != '_') {
      return 0;
    }
  }
  return 1;
}

int parse_messages(FILE *in, const char *file, struct message *messages, size_t max) {
  char line[256];
  size_t count = 0;
  for (int number = 1; fgets(line, sizeof line, in) != NULL; number++) {
    char *text = trim(line);
    if (*text == '\0' || *text == '#') {
      continue;
    }
    char *equals = strchr(text, '=');
    if (equals == NULL) {
      fprintf(stderr, "%s:%d: no '=' in this line\n", file, number);
      return -1;
    }
    *equals = '\0';
    const char *name = trim(text);
    const char *value = trim(equals + 1);
    if (!is_name(name) || strlen(name) >= sizeof messages->name ||
        strlen(value) >= sizeof messages->text) {
      fprintf(stderr, "%s:%d: bad name or text too long\n", file, number);
      return -1;
    }
    if (count == max) {
      fprintf(stderr, "%s:%d: more than %zu messages\n", file, number, max);
      return -1;
    }
    strcpy(messages[count].name, name);
    strcpy(messages[count].text, value);
    count++;
  }
  return (int)count;
}
