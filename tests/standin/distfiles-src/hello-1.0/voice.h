/* How loud: decided when the program is built. */
#pragma once

void voice_apply(char *text);
const char *voice_features(void);
