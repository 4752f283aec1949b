#include "image_check.h"

#include <fnmatch.h>

#include <algorithm>

#include "answer.h"
#include "bill.h"
#include "closure_words.h"
#include "gbox/base/faults.h"
#include "gbox/base/text.h"
#include "gbox/content/closure.h"
#include "gbox/content/sbom.h"
#include "gbox/portage/base.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/interrupt.h"
#include "image_command.h"
#include "image_config.h"
#include "image_user.h"
#include "providers.h"
#include "root.h"

namespace gbox::build {

namespace {

using content::Seen;

class ImageChecker {
 public:
  ImageChecker(const Inputs& inputs, store::Store& store, const std::vector<Built>& steps,
               oci::ContainerConfig config, Observer& observer)
      : inputs_(inputs),
        output_(inputs.spec.output),
        config_(std::move(config)),
        store_(store),
        steps_(steps),
        observer_(observer),
        providers_(store, steps, output_.root),
        chain_(mount_chain(store, snapshots())) {
    options_.environment = environment_of(config_);
    options_.allow = spec::values_of(output_.check.allow);
    options_.check = [] { sys::check_interrupt(); };
  }

  ImageFacts run() {
    open_root();
    check_user();
    const bool whole = output_.check.closure.value_or(output_.root != "/");
    if (whole) tree_ = content::Tree::scan(root_.get(), options_.check);
    check_start();
    if (whole) check_closure();
    if (!faults_.empty()) throw Faults(std::move(faults_), ExitCode::image);
    check_answers();
    if (!faults_.empty()) throw Faults(std::move(faults_), ExitCode::image);
    facts_.platform = platform();
    facts_.licenses = content::licenses_of(components_of_root(store_, snapshots(), output_.root));
    return std::move(facts_);
  }

 private:
  std::vector<std::string> snapshots() const {
    std::vector<std::string> ids;
    for (const Built& step : steps_) ids.push_back(step.record.snapshot);
    return ids;
  }

  void warn(Warning warning) {
    observer_.warn(warning);
    facts_.warnings.push_back(std::move(warning));
  }

  void tell(const std::string& text) {
    observer_.fact("check", text);
    facts_.told.emplace_back("check", text);
  }

  void open_root() {
    auto root = sys::try_open_directory(chain_.get(), output_.root);
    if (!root)
      throw Error("check image: no phase has made the directory " + quoted(output_.root) +
                      ", which 'root' of [output] names",
                  ExitCode::image)
          .set_hint("name the 'root' that the phases have");
    root_ = std::move(*root);
  }

  void fault(const Location& where, std::string message, std::string hint) {
    faults_.push_back({where, "check image: " + std::move(message), std::move(hint)});
  }

  [[nodiscard]] bool is_allowed(const std::string& text) const {
    return std::any_of(options_.allow.begin(), options_.allow.end(), [&](const std::string& glob) {
      return ::fnmatch(glob.c_str(), text.c_str(), 0) == 0;
    });
  }

  void check_user() {
    facts_.user = config_.user;
    if (config_.user.empty()) return;
    const bool own = !output_.config.user.empty();
    ImageUser user = look_for_user(root_.get(), config_.user, options_.environment,
                                   output_.root == "/" ? -1 : chain_.get());
    if (user.fault)
      fault(own ? output_.config.user_where : inputs_.spec.base.image_where, user.fault->message(),
            user.fault->hint());
    // A base's own words are left as they are.
    if (own) facts_.user = user.numbers;
    if (user.missing_home.empty()) return;
    if (is_allowed(user.missing_home))
      home_ = user.missing_home;
    else
      warn({"check image: 'user' " + quoted(config_.user) + ": its home " +
                quoted(user.missing_home) + " is no directory of the image",
            "make it in a phase, give another HOME in [output.config], or add " +
                quoted(user.missing_home) + " to 'allow' of [output.check]"});
  }

  // What a container of the image starts.
  void check_start() {
    const bool by_entrypoint = !config_.entrypoint.empty();
    if (!by_entrypoint && config_.cmd.empty()) {
      if (output_.config.entrypoint_where.line == 0 && output_.config.cmd_where.line == 0)
        warn({"check image: neither 'entrypoint' nor 'cmd' says what to start",
              "set one of them in [output.config]; 'cmd = []' there says that nothing is meant"});
      return;
    }
    const char* key = by_entrypoint ? "'entrypoint'" : "'cmd'";
    const bool own = !(by_entrypoint ? output_.config.entrypoint : output_.config.cmd).empty();
    const Location& where = !own            ? inputs_.spec.base.image_where
                            : by_entrypoint ? output_.config.entrypoint_where
                                            : output_.config.cmd_where;
    const std::string what = key + std::string(own ? " " : " of the base's image, ");
    const std::string remedy =
        std::string(own ? "change " : "set ") + key + (own ? " of" : " in") + " [output.config]";
    const std::string command = by_entrypoint ? config_.entrypoint.front() : config_.cmd.front();
    content::DiskPaths paths(root_.get());
    const content::Look look = [&](const std::string& path) {
      return paths.find(path, content::Follow::parents).seen;
    };
    const std::string path =
        content::find_command(look, command, options_.environment,
                              config_.working_dir.empty() ? "/" : config_.working_dir);
    if (path.empty()) {
      const std::string found = found_elsewhere(command);
      fault(where,
            what + quoted(command) + " does not exist" +
                (found.empty() ? "" : " (found: " + quoted(found) + ')'),
            remedy + brought_by(command));
      return;
    }
    const content::Resolved file = paths.find(path, content::Follow::all);
    const sys::Fd fd = sys::open_beneath(root_.get(), file.path.substr(1), O_PATH | O_NOFOLLOW,
                                         sys::Resolve::no_symlinks);
    if ((sys::fstat(fd.get()).st_mode & 0111) == 0) {
      fault(where, what + quoted(command) + " is not executable",
            "give it a mode such as 0755, or name the program that reads it");
      return;
    }
    options_.starts = path;
    // The check of the whole root tells the same of every program.
    if (tree_) return;
    options_.machine = portage::machine_of_root(root_.get());
    tell(content::check_program(root_.get(), path, options_));
  }

  std::string brought_by(const std::string& command) {
    if (!command.starts_with('/')) return {};
    if (const std::string phase = providers_.remover(command); !phase.empty())
      return ": phase " + quoted(phase) + " took it out";
    const auto provider = providers_.find(command);
    return provider ? ", or merge " + quoted(provider->package) + ", which brings it"
                    : std::string();
  }

  // A program of that name in another place.
  std::string found_elsewhere(const std::string& command) {
    const std::string_view name = content::name_of(command);
    if (!tree_) tree_elsewhere_ = content::Tree::scan(root_.get(), options_.check);
    for (const content::File& file : (tree_ ? *tree_ : *tree_elsewhere_).files())
      if (file.kind == Seen::Kind::file && (file.mode & 0111) != 0 &&
          content::name_of(file.path) == name)
        return file.path;
    return {};
  }

  [[nodiscard]] bool is_home(const std::string& glob) const {
    return !home_.empty() && ::fnmatch(glob.c_str(), home_.c_str(), 0) == 0;
  }

  void check_closure() {
    observer_.progress("check image", 0, 0);
    const content::ClosureReport report = content::check_closure(root_.get(), *tree_, options_);
    const std::size_t before = faults_.size();
    tell(report);
    for (std::size_t i = 0; i < report.allow_used.size(); ++i)
      if (!report.allow_used[i] && !is_home(options_.allow[i]))
        warn({to_string(output_.check.allow[i].where) + ": " + quoted(options_.allow[i]) +
                  " allows nothing: nothing lacks there",
              "leave it out"});
    if (faults_.size() == before)
      tell("closure complete: " + std::to_string(report.objects) + " programs and libraries, " +
           std::to_string(report.scripts) + " scripts, " + std::to_string(report.links) + " links");
  }

  void tell(const content::ClosureReport& report) {
    machine_ = report.machine;
    if (report.findings.empty()) return;
    Inquiry inquiry;
    inquiry.owner = [&](const std::string& path) { return providers_.owner(path); };
    inquiry.remover = [&](const std::string& path) { return providers_.remover(path); };
    inquiry.provider = [&](const std::string& what) {
      const auto found = providers_.find(what);
      return found ? std::pair(found->package, found->path) : std::pair<std::string, std::string>();
    };
    ClosureWords words = words_of(report, output_.root, inquiry);
    for (SpecFault& each : words.faults) faults_.push_back(std::move(each));
    for (Warning& warning : words.warnings) warn(std::move(warning));
  }

  void check_answers() {
    for (const spec::Text& command : output_.check.answer) {
      observer_.progress("check image", 0, 0);
      if (auto failure =
              answer_of(store_, snapshots(), output_.root, config_, command.value, observer_))
        faults_.push_back({command.where, std::move(failure->message), std::move(failure->hint)});
      else
        tell(command.value + "  answers");
    }
  }

  oci::Platform platform() const {
    const oci::Platform base = image_platform(inputs_, store_, steps_.front());
    const auto machine = machine_ ? machine_ : portage::machine_of_root(root_.get());
    const auto known = machine ? portage::architecture_of(*machine) : std::nullopt;
    if (!known) return base;
    const oci::Platform own = {"linux", known->oci_architecture, known->oci_variant};
    // A base's image may know a variant that no ELF header tells.
    return own.variant.empty() && own.architecture == base.architecture ? base : own;
  }

  const Inputs& inputs_;
  const spec::Output& output_;
  oci::ContainerConfig config_;
  store::Store& store_;
  const std::vector<Built>& steps_;
  Observer& observer_;
  Providers providers_;
  MountedChain chain_;
  sys::Fd root_;
  content::ClosureOptions options_;
  std::optional<content::Tree> tree_;  // when all of it is checked
  std::optional<content::Tree> tree_elsewhere_;
  std::optional<portage::ElfHead> machine_;  // of its programs, once they were looked at
  std::string home_;                         // of its user, when it lacks and that is allowed
  std::vector<SpecFault> faults_;
  ImageFacts facts_;
};

}  // namespace

ImageFacts check_image(const Inputs& inputs, store::Store& store, const std::vector<Built>& steps,
                       Observer& observer) {
  oci::ContainerConfig config = image_config(inputs);
  const std::string state = check_state(inputs, steps, config);
  if (auto known = recall_facts(store, inputs.spec.name, state)) {
    for (const auto& [subject, text] : known->told) observer.fact(subject, text);
    for (const Warning& warning : known->warnings) observer.warn(warning);
    return std::move(*known);
  }
  ImageFacts facts = ImageChecker(inputs, store, steps, std::move(config), observer).run();
  remember_facts(store, inputs.spec.name, state, facts);
  return facts;
}

}  // namespace gbox::build
