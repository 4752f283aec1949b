// The command line: argv → a command with its arguments, or a text to print. Looks at nothing but
// argv (and, for --progress, GBOX_PROGRESS); main acts on what comes out.
#pragma once

#include <string>
#include <vector>

#include "commands.h"
#include "gbox/sys/userns.h"
#include "progress.h"

namespace gbox::cli {

struct Invocation {
  Command command;
  ProgressMode progress = ProgressMode::automatic;
  Verbose verbose = Verbose::no;
  sys::IdMapChoice id_map = sys::IdMapChoice::automatic;
  std::string text;  // --help, --version: print this and do nothing else
};

// `arguments` is argv without the program's name. Throws Error (usage), with 'did you mean' where
// a command, an option or a value is nearly right.
Invocation parse_command_line(const std::vector<std::string>& arguments);

// Which renderer an error of the parser itself goes to: a program that asked for JSON gets JSON,
// even when the rest of its command line cannot be read.
ProgressMode progress_asked_for(const std::vector<std::string>& arguments) noexcept;

// Every command and option by name, for the test that keeps gbox(1) complete.
struct OptionNames {
  std::string command;
  std::vector<std::string> options;
};
std::vector<OptionNames> all_options();

}  // namespace gbox::cli
