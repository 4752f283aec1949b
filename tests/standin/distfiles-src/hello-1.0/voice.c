#include "voice.h"

#include <ctype.h>

#ifdef SHOUT
void voice_apply(char *text) {
  for (; *text; text++) {
    *text = (char)toupper((unsigned char)*text);
  }
}

const char *voice_features(void) {
  return ", shouting";
}
#else
void voice_apply(char *text) {
  (void)text;
}

const char *voice_features(void) {
  return "";
}
#endif
