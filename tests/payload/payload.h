// A tiny static program for the inside of a sandbox: runs a list of deeds, one after the other in
// one process, and prints what came of each. No library, file or shell of the root is needed.
//
//   payload DEED [ARGUMENT…] [';' DEED [ARGUMENT…]]…
//
// A deed that only succeeds or fails prints 'ok' or the name of its errno on a line of its own;
// one that asks prints the answer. The exit status is 0 unless 'exit' or 'die-by' sets another.
#pragma once

#include <stdlib.h>

struct deed {
  const char* name;
  int arguments;                       // at least so many
  void (*run)(int argc, char** argv);  // argv[0] is the deed's name
};

// Each ends with a deed without a name.
extern const struct deed show_deeds[];
extern const struct deed file_deeds[];
extern const struct deed mount_deeds[];
extern const struct deed process_deeds[];
extern const struct deed socket_deeds[];
extern const struct deed terminal_deeds[];

// Prints 'ok' for results from 0 on, else the name of errno.
void tell(long result);
// Prints the words as a deed that could not be understood and ends the program with status 99.
void refuse(const char* why, const char* word) __attribute__((noreturn));
long number(const char* word);
// Runs a list of deeds.
void run_deeds(int argc, char** argv);
