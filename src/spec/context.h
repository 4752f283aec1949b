// What is shared while one spec is read: its file, the args, and the faults found so far. Reading
// never stops at a fault: it notes it and goes on with a default, so that a person sees all.
#pragma once

#include <toml++/toml.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "checks.h"
#include "gbox/base/error.h"

namespace gbox::spec {

class Context {
 public:
  explicit Context(std::string file) : file_(std::move(file)) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  [[nodiscard]] Location at(const toml::source_region& region) const {
    return {file_, region.begin.line, region.begin.column};
  }
  [[nodiscard]] Location at(const toml::node& node) const { return at(node.source()); }
  [[nodiscard]] Location at(const toml::key& key) const { return at(key.source()); }
  [[nodiscard]] Location nowhere() const { return {file_, 0, 0}; }

  void fault(Location where, std::string message, std::string hint = {});
  void warn(Location where, std::string message, std::string hint = {});
  // Notes "'key': 'value' <problem>" when there is a problem; true when there is none.
  bool accept(const Verdict& verdict, const Location& where, std::string_view key,
              std::string_view value);

  void set_args(std::map<std::string, std::string> args) { args_ = std::move(args); }
  // An arg whose definition is at fault: its uses are none on top.
  void spoil_arg(const std::string& name) { spoiled_args_.insert(name); }
  [[nodiscard]] const std::map<std::string, std::string>& args() const { return args_; }
  // Replaces ${name} by the arg's value, once: what a value holds is not looked at again. '$${'
  // stands for '${'. Nothing when that fails, which is noted.
  std::optional<std::string> expand(std::string_view text, const Location& where);

  // Throws SpecError when there are faults.
  void finish();
  [[nodiscard]] std::vector<SpecFault> take_warnings();

 private:
  std::string file_;
  std::map<std::string, std::string> args_;
  std::set<std::string> spoiled_args_;
  std::vector<SpecFault> faults_;
  std::vector<SpecFault> warnings_;
};

// A value as shown in a message: quoted, and cut when it is long.
std::string shown(std::string_view value);
// "did you mean 'x'?", or `otherwise` when no candidate is near.
std::string suggestion(std::string_view word, const std::vector<std::string>& candidates,
                       std::string otherwise = {});

}  // namespace gbox::spec
