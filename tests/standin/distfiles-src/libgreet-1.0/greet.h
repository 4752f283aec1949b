/* libgreet 1: one greeting. */
#pragma once

/* Returns a greeting for name in static storage. */
const char *greet(const char *name);
const char *greet_version(void);
