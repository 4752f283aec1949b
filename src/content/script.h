// The first line of a script, as the kernel (execve(2)) and env(1) read it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gbox::content {

constexpr std::size_t kMaxScriptLine = 256;  // the kernel reads no more

struct Script {
  std::string interpreter;
  std::string program;  // what env(1) is told to run; empty: the interpreter is no env
};

// nullopt for what does not begin with '#!', or names no absolute path: a template, say.
std::optional<Script> script_interpreter(std::string_view head);

}  // namespace gbox::content
