/* Messages as C: a header of declarations, a source of definitions. */
#pragma once

#include <stdio.h>

#include "parse.h"

void emit_header(FILE *out, const struct message *messages, int count);
void emit_source(FILE *out, const char *header, const struct message *messages, int count);
