#include "help.h"

#include <vector>

#include "gbox/base/text.h"

namespace gbox::cli {

namespace {

constexpr std::size_t kColumns = 80;
constexpr std::size_t kNameColumn = 2;
constexpr std::size_t kTextColumn = 26;

// "  NAME      text, wrapped under itself"; a name that is too long gets a line of its own.
void add_entry(std::string& out, const std::string& name, const std::string& text) {
  std::string line = std::string(kNameColumn, ' ') + name;
  if (line.size() + 2 > kTextColumn) {
    out += line + '\n';
    line.clear();
  }
  line.resize(kTextColumn, ' ');
  bool first = true;
  for (const std::string& word : split_words(text)) {
    if (!first && line.size() + 1 + word.size() > kColumns) {
      out += line + '\n';
      line.assign(kTextColumn, ' ');
      first = true;
    }
    if (!first) line += ' ';
    line += word;
    first = false;
  }
  out += line + '\n';
}

std::string usage(const CLI::App& app, const std::string& name,
                  const std::vector<const CLI::Option*>& positionals) {
  std::string text = "usage: " + name;
  if (!app.get_subcommands(std::function<bool(const CLI::App*)>()).empty())
    return text + " COMMAND [options]\n";
  text += " [options]";
  for (const CLI::Option* option : positionals) {
    std::string word = option->get_option_text();
    if (word.empty()) word = option->get_name(true);
    text += ' ' + word;
  }
  return text + '\n';
}

std::string full_name(const CLI::App& app) {
  if (app.get_parent() == nullptr) return app.get_name();
  return full_name(*app.get_parent()) + ' ' + app.get_name();
}

}  // namespace

std::string HelpFormatter::make_help(const CLI::App* app, std::string, CLI::AppFormatMode) const {
  std::vector<const CLI::Option*> positionals;
  std::vector<const CLI::Option*> named;
  for (const CLI::Option* option : app->get_options())
    (option->nonpositional() ? named : positionals).push_back(option);

  const std::string name = full_name(*app);
  std::string out = name + ": " + app->get_description() + "\n\n" + usage(*app, name, positionals);

  bool first = true;
  for (const CLI::Option* option : positionals) {
    if (first) out += '\n';
    first = false;
    add_entry(out, option->get_name(true), option->get_description());
  }

  first = true;
  for (const CLI::App* command : app->get_subcommands(std::function<bool(const CLI::App*)>())) {
    if (command->get_group().empty()) continue;
    if (first) out += "\ncommands:\n";
    first = false;
    const auto below = command->get_subcommands(std::function<bool(const CLI::App*)>());
    if (below.empty()) add_entry(out, command->get_name(), command->get_description());
    for (const CLI::App* nested : below)
      add_entry(out, command->get_name() + ' ' + nested->get_name(), nested->get_description());
  }

  out += "\noptions:\n";
  for (const CLI::Option* option : named) {
    std::string spelled = option->get_name(false, true);
    for (std::size_t comma = 0; (comma = spelled.find(',', comma)) != std::string::npos; comma += 2)
      spelled.insert(comma + 1, " ");
    if (option->get_expected_max() != 0) spelled += ' ' + option->get_type_name();
    add_entry(out, spelled, option->get_description());
  }
  if (app->get_parent() == nullptr) out += '\n' + app->get_footer() + '\n';
  return out;
}

}  // namespace gbox::cli
