/* libgreet 2: greetings in styles. Not source compatible with libgreet 1. */
#pragma once

#include <stddef.h>

enum greet_style { greet_plain, greet_formal, greet_casual };

/* The style of that name, or -1. */
int greet_style_by_name(const char *name);

/* Writes a greeting into text, as snprintf does, and returns its length. */
int greet_compose(enum greet_style style, const char *name, char *text, size_t size);
const char *greet_version(void);
