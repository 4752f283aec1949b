#include "tally.h"

void Tally::add(const std::string &word) {
  ++counts_[word];
}
