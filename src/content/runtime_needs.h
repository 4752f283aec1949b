// What programs ask for only while they run, so that no DT_NEEDED tells of it: a table of cases
// that have stopped people. Data: the closure check says which of them an image lacks.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "elf_file.h"
#include "gbox/content/closure.h"
#include "objects.h"

namespace gbox::content {

// Symbols whose use tells something; for Objects.
std::vector<std::string_view> runtime_symbols();

struct RuntimeNeed {
  std::vector<std::string> sonames;  // any one of them will do
  std::string reason;
  Finding::Weight weight = Finding::Weight::error;
  bool by_libc = false;  // which looks where any program would, and nowhere else
};

// Of one object: what its notes say, and what glibc loads for what it imports.
std::vector<RuntimeNeed> runtime_needs(const Elf& elf, bool glibc);

struct DataQuestion {
  const Tree* tree = nullptr;
  Objects* objects = nullptr;
  const std::set<std::string>* uses = nullptr;  // imported symbols, sonames, "go"
  bool glibc = false;
  const std::vector<std::pair<std::string, std::string>>* environment = nullptr;
  std::function<bool(const std::string& soname)> has_library;
};
struct DataNeed {
  std::string needs;
  std::string file;  // that says so, or ""
  std::string reason;
  bool is_library = false;
  std::string made_by;  // as in Finding
};
// Of the whole root; nothing here keeps a program from starting.
std::vector<DataNeed> data_needs(const DataQuestion& question);

}  // namespace gbox::content
