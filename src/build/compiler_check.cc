#include "compiler_check.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "capture.h"
#include "cpu.h"
#include "gbox/base/digest.h"
#include "gbox/base/text.h"
#include "gbox/portage/command.h"
#include "gbox/sys/file.h"
#include "root.h"

namespace gbox::build {

namespace {

constexpr char kCheckFormat[] = "compiler-check-1";
constexpr std::size_t kShownFeatures = 3;

// Options whose argument is a word of its own.
constexpr std::array<std::string_view, 12> kTwoWords = {
    "--param",  "-Xlinker", "-Xassembler", "-Xpreprocessor",
    "-include", "-isystem", "-I",          "-L",
    "-D",       "-U",       "-u",          "-z"};

// Arguments: the C and the C++ compiler. Each line of input is a question, "c FLAGS" or "c++
// FLAGS"; the answer: what the compiler says, behind a blank, then "failed"; or the macros it
// predefines, behind "m ", then "ok". No answer at all: there is no compiler.
constexpr char kScript[] = R"sh(
export LC_ALL=C
set -f
found() { command -v "${1%% *}" >/dev/null 2>&1; }
found "$1" || exit 0
echo "version $(${1%% *} -dumpfullversion -dumpversion 2>/dev/null)"
while IFS= read -r question; do
  flags=${question#* } kind=${question%% *} tool=$1
  [ "$kind" = c ] || tool=$2
  if ! found "$tool"; then
    echo ok
  elif said=$(echo 'int main(void) { return 0; }' |
    $tool $flags -x $kind - -o /.gbox-check 2>&1); then
    $tool $flags -dM -E -x $kind /dev/null 2>/dev/null |
      sed -n 's/^#define \(__[A-Z0-9_]*__\) 1$/m \1/p'
    echo ok
  else
    printf '%s\n' "$said" | sed 's/^/ /'
    echo failed
  fi
done
)sh";

struct Answer {
  bool works = false;
  std::string messages;
  std::vector<std::string> macros;
};
struct Answers {
  std::string version;
  std::vector<Answer> each;  // as many as there were questions
};

// nullopt: no answer that can be used.
std::optional<Answers> parse_answers(std::string_view text, std::size_t questions) {
  Answers answers;
  Answer answer;
  bool any = false;
  for (const std::string& line : split(text, '\n')) {
    if (line.starts_with("version ")) {
      answers.version = line.substr(8);
      any = true;
    } else if (line.starts_with(' ')) {
      answer.messages += line.substr(1) + '\n';
    } else if (line.starts_with("m ")) {
      answer.macros.push_back(line.substr(2));
    } else if (line == "ok" || line == "failed") {
      answer.works = line == "ok";
      answers.each.push_back(std::exchange(answer, {}));
    }
  }
  if (!any || answers.each.size() != questions) return std::nullopt;
  return answers;
}

std::string value_in(const spec::PortageConfig& config, const char* name,
                     const std::string& otherwise) {
  const auto found = config.make_conf.find(name);
  return found == config.make_conf.end() || split_words(found->second).empty() ? otherwise
                                                                               : found->second;
}

class CompilerCheck {
 public:
  CompilerCheck(const Inputs& inputs, store::Store& store, const std::string& snapshot,
                Observer& observer)
      : config_(inputs.spec.portage),
        inputs_(inputs),
        store_(store),
        snapshot_(snapshot),
        observer_(observer),
        c_(value_in(config_, "CC", "gcc")),
        cxx_(value_in(config_, "CXX", "g++")) {}

  void run() {
    const std::vector<FlagVariable> variables = flag_variables(config_);
    if (variables.empty()) return;
    if (const std::string& machine = inputs_.machine;
        machine == "x86_64" || (machine.size() == 4 && machine.ends_with("86")))
      cpuinfo_ = read_cpuinfo();
    const std::vector<std::string> questions = whole_questions(variables);
    const std::string subject = "compiler of " + snapshot_ + ' ' + join(questions, "\n");
    if (store_.find_memo(subject, state(questions))) return;
    const auto answers = ask(questions);
    if (!answers) return;
    const bool fine = std::all_of(answers->each.begin(), answers->each.end(),
                                  [&](const Answer& a) { return a.works && lacking(a).empty(); });
    if (fine)
      store_.put_memo(subject, state(questions), "fine");
    else
      blame(variables);
  }

 private:
  // Each language with its flags and the linker's, as a package would have them.
  static std::vector<std::string> whole_questions(const std::vector<FlagVariable>& variables) {
    std::map<std::string, std::string> flags;
    for (const FlagVariable& variable : variables) flags[variable.name] = variable.flags;
    return {"c " + flags["CFLAGS"] + ' ' + flags["LDFLAGS"],
            "c++ " + flags["CXXFLAGS"] + ' ' + flags["LDFLAGS"]};
  }

  // Another processor may lack what this one has.
  std::string state(const std::vector<std::string>& questions) const {
    const auto flags = cpuinfo_.find("\nflags");
    const std::string features =
        flags == std::string::npos
            ? ""
            : cpuinfo_.substr(flags + 1, cpuinfo_.find('\n', flags + 1) - flags - 1);
    return sha256(std::string(kCheckFormat) + '\n' + c_ + '\n' + cxx_ + '\n' +
                  join(questions, "\n") + '\n' + features)
        .hex();
  }

  std::optional<Answers> ask(const std::vector<std::string>& questions) {
    const store::Work work = store_.begin_step("ask", snapshot_);
    const StepRoot root(store_, work, {snapshot_}, sandbox::own_targets());
    sandbox::Settings settings;
    settings.root = root.mount();
    settings.command.argv = {"/bin/sh", "-c", kScript, "sh", c_, cxx_};
    settings.command.environment = portage::base_environment();
    (void)sandbox::ensure_targets(settings);
    CaptureLimits limits;
    limits.output_bytes = 4u << 20;
    const Captured answer =
        run_captured(std::move(settings), sandbox::load_policy("run"), join(questions, "\n") + '\n',
                     limits, [&] { observer_.tick(); });
    return parse_answers(answer.output, questions.size());
  }

  std::vector<std::string> lacking(const Answer& answer) const {
    return lacking_features(needed_features(answer.macros), cpuinfo_);
  }

  // Throws what is wrong with which flag, unless the compiler makes nothing without flags either.
  void blame(const std::vector<FlagVariable>& variables) {
    struct Asked {
      const FlagVariable* variable;
      std::string flag;
    };
    std::vector<Asked> asked;
    std::vector<std::string> questions = {"c "};
    for (const FlagVariable& variable : variables)
      for (std::string& flag : single_flags(variable.flags)) {
        questions.push_back((variable.name == "CXXFLAGS" ? "c++ " : "c ") + flag);
        asked.push_back({&variable, std::move(flag)});
      }
    const auto answers = ask(questions);
    if (!answers || !answers->each.front().works || !lacking(answers->each.front()).empty()) return;
    const std::string program = split_words(c_).front();
    const std::string compiler =
        printable(program.substr(program.rfind('/') + 1) + ' ' + answers->version);
    std::vector<SpecFault> faults;
    std::vector<std::string> named;
    for (std::size_t i = 0; i < asked.size(); ++i) {
      const auto& [variable, flag] = asked[i];
      const Answer& answer = answers->each[i + 1];
      if (std::find(named.begin(), named.end(), flag) != named.end()) continue;
      if (!answer.works)
        faults.push_back(refused(*variable, flag, answer, compiler));
      else if (const auto features = lacking(answer); !features.empty())
        faults.push_back(not_here(*variable, flag, features));
      else
        continue;
      named.push_back(flag);
    }
    if (faults.empty()) {
      const FlagVariable& first = variables.front();
      faults.push_back({first.where,
                        compiler +
                            " makes no program of these flags together, though of each alone: " +
                            quoted(first.flags),
                        "take flags away until it does"});
    }
    throw SpecError(std::move(faults));
  }

  static SpecFault refused(const FlagVariable& variable, const std::string& flag,
                           const Answer& answer, const std::string& compiler) {
    const Refusal refusal = read_refusal(answer.messages, flag);
    return {
        variable.where, compiler + " refuses " + quoted(flag) + ": " + printable(refusal.reason),
        refusal.suggestion.empty() ? "leave it out, or take a base whose compiler knows it"
                                   : "the nearest that it knows is " + quoted(refusal.suggestion)};
  }

  SpecFault not_here(const FlagVariable& variable, const std::string& flag,
                     std::vector<std::string> features) const {
    const std::size_t more = features.size() - std::min(features.size(), kShownFeatures);
    features.resize(features.size() - more);
    std::string needs = quoted_list(features);
    if (more != 0) {
      needs = "'" + join(features, "', '") + "' and " + std::to_string(more) + " more";
    }
    std::string model;
    for (const std::string& line : split(cpuinfo_, '\n'))
      if (line.starts_with("model name")) {
        model = " (" + quoted(trim(std::string_view(line).substr(line.find(':') + 1))) + ')';
        break;
      }
    const bool from_lock =
        inputs_.lock.cpu && !inputs_.lock.cpu->march.empty() &&
        (' ' + inputs_.lock.cpu->march + ' ').find(' ' + flag + ' ') != std::string::npos;
    const std::string level = feature_level(cpuinfo_);
    std::string hint = "leave it out, or build on a machine that has it";
    if (flag.starts_with("-march=") && !level.empty() && inputs_.machine == "x86_64")
      hint = "use '-march=" + level + "', or build on a machine that has it";
    if (from_lock)
      hint = "the lock means another machine by 'native': build there, or run 'gbox lock " +
             inputs_.spec.file + " --update cpu'";
    return {variable.where,
            quoted(flag) + " needs " + needs + ", which this cpu" + model +
                " lacks: what is built could not be run in the build",
            hint};
  }

  const spec::PortageConfig& config_;
  const Inputs& inputs_;
  store::Store& store_;
  const std::string& snapshot_;
  Observer& observer_;
  std::string c_;
  std::string cxx_;
  std::string cpuinfo_;  // empty: of no use on this machine
};

}  // namespace

std::vector<FlagVariable> flag_variables(const spec::PortageConfig& config) {
  std::vector<FlagVariable> variables;
  for (const char* name : {"CFLAGS", "CXXFLAGS", "LDFLAGS"}) {
    FlagVariable variable{name, config.common_flags, config.common_flags_where};
    if (variable.name == "LDFLAGS") variable.flags.clear();
    if (const auto own = config.make_conf.find(name); own != config.make_conf.end()) {
      variable.flags = own->second;
      const auto where = config.make_conf_where.find(name);
      if (where != config.make_conf_where.end()) variable.where = where->second;
    }
    if (split_words(variable.flags).empty()) continue;
    if (variable.flags.find_first_of("$`'\"\\\n") != std::string::npos) continue;
    variables.push_back(std::move(variable));
  }
  return variables;
}

std::vector<std::string> single_flags(std::string_view flags) {
  std::vector<std::string> result;
  bool open = false;
  for (std::string& word : split_words(flags)) {
    if (open)
      result.back() += ' ' + word;
    else
      result.push_back(word);
    open = !open && std::find(kTwoWords.begin(), kTwoWords.end(), word) != kTwoWords.end();
  }
  return result;
}

Refusal read_refusal(std::string_view messages, std::string_view flag) {
  constexpr std::string_view kError = "error: ";
  constexpr std::string_view kMeant = "did you mean '";
  Refusal refusal;
  std::string first;
  std::vector<std::string> known;
  const auto take_suggestion = [&](std::string_view text) {
    const std::size_t at = text.find(kMeant);
    if (at == std::string_view::npos || !refusal.suggestion.empty()) return;
    const std::string_view rest = text.substr(at + kMeant.size());
    refusal.suggestion = rest.substr(0, rest.find('\''));
  };
  for (const std::string& line : split(messages, '\n')) {
    const std::size_t error = line.find(kError);
    if (error != std::string::npos && line.find("ld returned") == std::string::npos) {
      if (refusal.reason.empty()) refusal.reason = line.substr(error + kError.size());
      take_suggestion(line);
    } else if (line.find("valid arguments to ") != std::string::npos) {
      take_suggestion(line);
      const std::size_t list = line.find(" are: ");
      if (list != std::string::npos)
        known = split_words(line.substr(list + 6, line.find(';', list) - list - 6));
    } else if (first.empty() && !trim(line).empty()) {
      first = line;
    }
  }
  if (refusal.reason.empty()) {
    // The linker's own words: "/usr/bin/ld: unrecognized option '--x'".
    const std::size_t colon = first.find(": ");
    refusal.reason = colon == std::string::npos ? first : first.substr(colon + 2);
  }
  if (refusal.reason.empty()) refusal.reason = "it says nothing";
  if (const std::size_t meant = refusal.reason.find("; did you mean"); meant != std::string::npos)
    refusal.reason.resize(meant);
  if (!refusal.suggestion.empty() || known.empty()) return refusal;
  const std::string_view value = flag.substr(flag.find('=') + 1);
  refusal.suggestion = nearest(value, known);
  // Of a family, the last one that is known: what comes later in the list is newer.
  std::size_t longest = 1;
  if (refusal.suggestion.empty())
    for (const std::string& each : known) {
      const auto same = std::mismatch(each.begin(), each.end(), value.begin(), value.end()).first;
      const auto length = static_cast<std::size_t>(same - each.begin());
      if (length >= longest) {
        longest = length;
        refusal.suggestion = each;
      }
    }
  return refusal;
}

void check_compiler(const Inputs& inputs, store::Store& store, const std::string& snapshot,
                    Observer& observer) {
  const auto& phases = inputs.spec.phases;
  if (std::any_of(phases.begin(), phases.end(),
                  [](const spec::Phase& phase) { return !phase.emerge.atoms.empty(); }))
    CompilerCheck(inputs, store, snapshot, observer).run();
}

}  // namespace gbox::build
