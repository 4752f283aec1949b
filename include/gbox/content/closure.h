// The closure check: whether all that the files of a finished root need at run time is in it.
// Programs and libraries find their interpreter and their libraries as ld.so(8) looks for them,
// scripts their interpreter, links what they lead to; and a table of what is only asked for while a
// program runs (libgcc_s, NSS, gconv, certificates, time zones, locales). Nothing is run. All bytes
// are an image's: bounded, and nothing is followed out of the root.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gbox/content/tree.h"
#include "gbox/portage/base.h"

namespace gbox::content {

struct ClosureOptions {
  std::vector<std::pair<std::string, std::string>> environment;  // of a container of the image
  // Globs ('*' is any text, slashes too) of what may lack something, or may be lacking: paths,
  // names of libraries.
  std::vector<std::string> allow;
  std::string starts;  // what a container starts, as find_command() gives it; "": nothing known
  // Of check_program(): what the other programs of the root are for.
  std::optional<portage::ElfHead> machine;
  std::function<void()> check;  // called often; what it throws is thrown
};

struct Finding {
  enum class Kind {
    library,      // a shared library that an object asks for
    loader,       // the interpreter of a program
    interpreter,  // of a script
    link,         // what a symbolic link leads to
    loaded,       // a library that is asked for while the program runs
    data,         // a file that is asked for while the program runs
    machine,      // a program where commands are looked for that is for another machine
  };
  enum class Weight { error, warning };
  Kind kind = Kind::library;
  Weight weight = Weight::error;
  // What is lacking: a path, or the name of a library. Of `machine`: what the program is for.
  std::string needs;
  std::vector<std::string> files;  // what needs it, in byte order; empty: nothing in particular
  // Files of that name that do not serve, and why: "for i386", "where the loader does not look".
  std::string elsewhere;
  std::string elsewhere_why;
  // Of `loaded` and `data`: what is lost. Of `machine`: what the others are for. Else why it
  // matters less.
  std::string reason;
  std::string made_by;  // of `data`: the program that makes it of what is there already
};

struct ClosureReport {
  std::vector<Finding> findings;  // one for each thing that is lacking; errors first
  std::vector<bool> allow_used;   // whether each of `allow` allowed something
  std::size_t objects = 0;        // ELF files that were looked at
  std::size_t scripts = 0;
  std::size_t links = 0;
  // What the programs of the root are for: most of them, or what is started where that is a machine
  // that runs the others as well. nullopt: there is no program.
  std::optional<portage::ElfHead> machine;
};

// All files of the root `rootfd` (borrowed), of which `tree` tells.
ClosureReport check_closure(int rootfd, const Tree& tree, const ClosureOptions& options);

// One program alone (an absolute path, links allowed), with all it needs to start; for roots that
// are not checked as a whole. What is not there is a finding of kind `loader` about itself.
ClosureReport check_program(int rootfd, const std::string& program, const ClosureOptions& options);

// Where a container finds a command: itself when it has a slash, else through PATH of
// `environment`. The path as it is spelled there, "" when there is none. `look` tells of the root.
std::string find_command(const Look& look, const std::string& command,
                         const std::vector<std::pair<std::string, std::string>>& environment,
                         const std::string& working_directory = "/");

}  // namespace gbox::content
