#include "mood.h"

const char *mood(void) {
  return "content";
}
