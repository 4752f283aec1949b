/* Messages as written: lines of 'name = text', '#' starts a comment line. */
#pragma once

#include <stddef.h>
#include <stdio.h>

struct message {
  char name[32];
  char text[128];
};

/* Reads at most max messages. Returns how many, or -1 after telling on stderr what is wrong. */
int parse_messages(FILE *in, const char *file, struct message *messages, size_t max);
