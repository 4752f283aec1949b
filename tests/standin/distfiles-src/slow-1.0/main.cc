// slow: counts words of its input. It is the pauses of its Makefile that make it slow to build.
#include <iostream>

#include "tally.h"

int main() {
  Tally tally;
  for (std::string word; std::cin >> word;) {
    tally.add(word);
  }
  for (const auto &[word, count] : tally.counts()) {
    std::cout << count << ' ' << word << '\n';
  }
}
