#pragma once

#include <map>
#include <string>

class Tally {
 public:
  void add(const std::string &word);
  const std::map<std::string, int> &counts() const { return counts_; }

 private:
  std::map<std::string, int> counts_;
};
