#include <stdio.h>
#include <string.h>

#include "../greet.h"

static int failures;

static void expect(const char *style, const char *wanted) {
  char text[64];
  greet_compose((enum greet_style)greet_style_by_name(style), "world", text, sizeof text);
  if (strcmp(text, wanted) != 0) {
    printf("style '%s': got '%s', wanted '%s'\n", style, text, wanted);
    failures++;
  }
}

int main(void) {
  expect("plain", "Hello, world");
  expect("formal", "Good day, world");
  expect("casual", "Hi world");
  if (greet_style_by_name("rude") != -1) {
    puts("style 'rude' is known");
    failures++;
  }
  if (failures == 0) {
    puts("libgreet 2: 4 checks passed");
  }
  return failures != 0;
}
