// What --help prints: one layout for the program and for every command, made of what CLI11 knows
// of options, so that help cannot forget one.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace gbox::cli {

class HelpFormatter : public CLI::FormatterBase {
 public:
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override;
};

}  // namespace gbox::cli
