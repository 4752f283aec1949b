#include "script.h"

#include <vector>

#include "gbox/base/text.h"
#include "gbox/content/paths.h"

namespace gbox::content {

namespace {

std::string program_of_env(std::vector<std::string> words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string word = words[i];
    // '-S' splits what follows, glued to it or not; it may come with others, as in '-vS'.
    if (word == "--split-string" || word == "-i" || word == "-v" || word == "--") continue;
    if (word.starts_with("--split-string=")) word = word.substr(15);
    if (word == "-u" || word == "-C" || word == "--unset" || word == "--chdir") {
      ++i;
      continue;
    }
    if (word.starts_with('-')) {
      const std::size_t at = word.find('S');
      if (word.starts_with("--") || at == std::string::npos || at + 1 == word.size()) continue;
      word = word.substr(at + 1);
    }
    if (word.find('=') != std::string::npos) continue;
    return word;
  }
  return {};
}

}  // namespace

std::optional<Script> script_interpreter(std::string_view head) {
  if (!head.starts_with("#!")) return std::nullopt;
  head = head.substr(2, kMaxScriptLine - 2);
  head = head.substr(0, head.find('\n'));
  if (head.find('\0') != std::string_view::npos) return std::nullopt;
  std::vector<std::string> words = split_words(head);
  if (words.empty() || !words.front().starts_with('/')) return std::nullopt;
  Script script;
  script.interpreter = words.front();
  if (name_of(script.interpreter) == "env") {
    words.erase(words.begin());
    script.program = program_of_env(std::move(words));
  }
  return script;
}

}  // namespace gbox::content
