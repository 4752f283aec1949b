// Deeds on terminals.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "payload.h"

// What the terminal on descriptor 0 says of itself and of this process.
static void show_terminal(int argc, char** argv) {
  (void)argc, (void)argv;
  struct winsize size;
  char name[256];
  if (!isatty(0) || !isatty(1) || !isatty(2)) {
    puts("no terminal");
    return;
  }
  if (ioctl(0, TIOCGWINSZ, &size) != 0 || ttyname_r(0, name, sizeof name) != 0) {
    tell(-1);
    return;
  }
  printf("%s %ux%u %s %s\n", name, size.ws_row, size.ws_col,
         tcgetsid(0) == getsid(0) ? "own-session" : "other-session",
         tcgetpgrp(0) == getpgrp() ? "foreground" : "background");
}

static void push_word(int argc, char** argv) {
  (void)argc, (void)argv;
  tell(ioctl(0, TIOCSTI, "x"));
}

// A new terminal by the multiplexer at a path: prints its number.
static void new_terminal(int argc, char** argv) {
  (void)argc;
  const int fd = open(argv[1], O_RDWR | O_NOCTTY | O_CLOEXEC);
  unsigned index = 0;
  int unlocked = 0;
  if (fd < 0 || ioctl(fd, TIOCGPTN, &index) != 0 || ioctl(fd, TIOCSPTLCK, &unlocked) != 0) {
    tell(-1);
    return;
  }
  char path[64];
  snprintf(path, sizeof path, "/dev/pts/%u", index);
  const int peer = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (peer < 0) {
    tell(-1);
    return;
  }
  printf("%u\n", index);
}

// Reads one line and says it back, as a program of a person does.
static void echo_line(int argc, char** argv) {
  (void)argc, (void)argv;
  char line[256];
  if (fgets(line, sizeof line, stdin) != NULL) printf("heard %s", line);
}

const struct deed terminal_deeds[] = {
    {"terminal", 0, show_terminal},
    {"push-word", 0, push_word},
    {"new-terminal", 1, new_terminal},
    {"echo", 0, echo_line},
    {NULL, 0, NULL},
};
