#include "gbox/content/closure.h"

#include <elf.h>
#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <set>
#include <tuple>

#include "gbox/base/text.h"
#include "libraries.h"
#include "objects.h"
#include "runtime_needs.h"
#include "script.h"

namespace gbox::content {

namespace {

// What nothing runs or loads, or what is another's business: a container's own file systems.
constexpr std::array kPassedOver = {"/usr/share/doc", "/usr/lib/debug", "/usr/src",
                                    "/proc",          "/sys",           "/dev",
                                    "/run",           "/tmp",           "/var/tmp"};
// Where links may lead that nothing is at until a container runs.
constexpr std::array kComesLater = {"/proc",    "/sys",     "/dev",      "/run",         "/tmp",
                                    "/var/tmp", "/var/run", "/var/lock", "/var/db/repos"};

// Scripts that come with libc for people at a shell: every small image has them, none runs them.
constexpr std::array kHelpers = {
    "/usr/bin/catchsegv", "/usr/bin/ldd",         "/usr/bin/memusage",
    "/usr/bin/mtrace",    "/usr/bin/sotruss",     "/usr/bin/tzselect",
    "/usr/bin/xtrace",    "/usr/sbin/locale-gen", "/usr/bin/locale-gen"};

// Init scripts do nothing where their init is not.
bool is_of_init(const Script& script) {
  return name_of(script.interpreter) == "openrc-run" || name_of(script.interpreter) == "runscript";
}

template <class List>
bool is_below(std::string_view path, const List& directories) {
  return std::any_of(directories.begin(), directories.end(), [&](std::string_view directory) {
    return path.starts_with(directory) &&
           (path.size() == directory.size() || path[directory.size()] == '/');
  });
}

std::string variable(const ClosureOptions& options, std::string_view name) {
  for (const auto& [known, value] : options.environment)
    if (known == name) return value;
  return {};
}

// One finding for each thing that is lacking, however many files want it.
class Findings {
 public:
  explicit Findings(const ClosureOptions& options)
      : options_(options), used_(options.allow.size(), false) {}

  void add(Finding::Kind kind, const std::string& needs, const std::string& file,
           const std::string& reason = {}, Finding::Weight weight = Finding::Weight::error,
           const std::string& made_by = {}) {
    if (is_allowed(needs) || (!file.empty() && is_allowed(file))) return;
    Finding& finding = found_[{weight, kind, needs}];
    finding.weight = weight;
    finding.kind = kind;
    finding.needs = needs;
    finding.reason = reason;
    finding.made_by = made_by;
    if (!file.empty()) finding.files.push_back(file);
  }

  ClosureReport take() {
    ClosureReport report;
    report.allow_used = used_;
    for (auto& [key, finding] : found_) {
      std::sort(finding.files.begin(), finding.files.end());
      finding.files.erase(std::unique(finding.files.begin(), finding.files.end()),
                          finding.files.end());
      report.findings.push_back(std::move(finding));
    }
    return report;
  }

 private:
  bool is_allowed(const std::string& text) {
    bool allowed = false;
    for (std::size_t i = 0; i < options_.allow.size(); ++i)
      if (::fnmatch(options_.allow[i].c_str(), text.c_str(), 0) == 0) {
        used_[i] = true;
        allowed = true;
      }
    return allowed;
  }

  const ClosureOptions& options_;
  std::vector<bool> used_;
  std::map<std::tuple<Finding::Weight, Finding::Kind, std::string>, Finding> found_;
};

// Of one family: what the kernel of this machine runs, as i386 on x86_64.
bool runs_on(const ElfKind& kind, const ElfKind& main) {
  if (kind.machine == main.machine) return true;
  return (main.machine == EM_X86_64 && kind.machine == EM_386) ||
         (main.machine == EM_AARCH64 && kind.machine == EM_ARM) ||
         (main.machine == EM_PPC64 && kind.machine == EM_PPC) ||
         (main.machine == EM_SPARCV9 && kind.machine == EM_SPARC);
}

class Check {
 public:
  Check(int rootfd, Look look, const ClosureOptions& options)
      : options_(options),
        objects_(rootfd, std::move(look), runtime_symbols()),
        libraries_(objects_, split(variable(options, "LD_LIBRARY_PATH"), ':')),
        findings_(options),
        path_(split(variable(options, "PATH").empty() ? kDefaultPath : variable(options, "PATH"),
                    ':')) {}

  ClosureReport whole(const Tree& tree) {
    look_through(tree);
    choose_main();
    leave_out_foreign();
    for (const std::string& program : programs_) load(program);
    for (const std::string& path : shared_) {
      tick();
      const Elf& elf = *objects_.elf(path);
      if (!libraries_.is_reached(path) && libraries_.runs(elf.kind))
        libraries_.load_alone(path, by_name_);
    }
    add_missing();
    for (const std::string& path : shared_) needs_while_running(path);
    for (const std::string& path : programs_)
      if (!std::binary_search(shared_.begin(), shared_.end(), path)) needs_while_running(path);
    data(tree);
    return finish(programs_.size() + shared_.size());
  }

  ClosureReport program(const std::string& path) {
    std::string next = path;
    // A script's interpreter may be a script.
    for (int depth = 0; depth < 4; ++depth) {
      const auto file = objects_.file_at(next);
      if (!file || !objects_.is_executable(*file)) {
        findings_.add(Finding::Kind::loader, next, depth == 0 ? std::string() : path);
        break;
      }
      const auto script = script_interpreter(objects_.head(*file, kMaxScriptLine));
      if (!script) {
        if (const Elf* elf = objects_.elf(*file); elf != nullptr && fits(*file, *elf)) load(*file);
        break;
      }
      const std::string before = next;
      next = check_script(before, *script);
      if (next.empty()) break;
    }
    add_missing();
    return finish(1);
  }

 private:
  void add_missing() {
    for (const MissingLibrary& missing : libraries_.missing())
      findings_.add(Finding::Kind::library, missing.name, missing.by,
                    missing.unused ? "nothing in the image is linked to that library" : "",
                    missing.unused ? Finding::Weight::warning : Finding::Weight::error);
  }

  void tick() const {
    if (options_.check) options_.check();
  }

  void look_through(const Tree& tree) {
    for (const File& file : tree.files()) {
      if (is_below(file.path, kPassedOver)) continue;
      if (file.kind == Seen::Kind::link) {
        check_link(file);
      } else if (file.kind == Seen::Kind::file && file.size_bytes > 3) {
        tick();
        check_file(file);
      }
    }
  }

  void check_link(const File& file) {
    ++links_;
    const Resolved found = objects_.resolve(file.path);
    if (found.state == Resolved::State::found || is_below(found.path, kComesLater)) return;
    findings_.add(Finding::Kind::link, found.path, file.path,
                  found.state == Resolved::State::loop ? "leads in circles" : "");
  }

  void check_file(const File& file) {
    // One look at each file tells what it is: most are neither.
    const std::string head = objects_.head(file.path, kMaxScriptLine);
    if (head.starts_with(ELFMAG)) {
      const Elf* elf = objects_.elf(file.path);
      if (elf == nullptr) return;
      by_name_[std::string(name_of(file.path))].push_back(file.path);
      if (!elf->soname.empty() && elf->soname != name_of(file.path))
        by_name_[elf->soname].push_back(file.path);
      if (elf->is_program && (file.mode & 0111) != 0) programs_.push_back(file.path);
      if (elf->is_shared && !elf->is_program && elf->is_dynamic) shared_.push_back(file.path);
    } else if ((file.mode & 0111) != 0) {
      const auto script = script_interpreter(head);
      if (script && !is_of_init(*script) &&
          std::find(kHelpers.begin(), kHelpers.end(), file.path) == kHelpers.end()) {
        ++scripts_;
        (void)check_script(file.path, *script);
      }
    }
  }

  // Its interpreter, or "" when there is none.
  std::string check_script(const std::string& path, const Script& script) {
    if (!script.program.empty() && script.program.find('/') == std::string::npos) {
      // '#!/usr/bin/env X'
      std::string interpreter = command(script.interpreter);
      if (interpreter.empty()) {
        findings_.add(Finding::Kind::interpreter, script.interpreter, path);
        return {};
      }
      std::string found = command(script.program);
      if (found.empty()) findings_.add(Finding::Kind::interpreter, script.program, path);
      return found;
    }
    for (const std::string& each : {script.interpreter, script.program}) {
      if (each.empty() || !command(each).empty()) continue;
      findings_.add(Finding::Kind::interpreter, each, path);
      return {};
    }
    return script.program.empty() ? script.interpreter : script.program;
  }

  std::string command(const std::string& name) {
    const auto known = commands_.find(name);
    if (known != commands_.end()) return known->second;
    std::string found;
    const auto serves = [&](const std::string& path) {
      const auto file = objects_.file_at(path);
      return file && objects_.is_executable(*file);
    };
    if (name.find('/') != std::string::npos) {
      if (serves(name)) found = name;
    } else {
      for (const std::string& directory : path_)
        if (directory.starts_with('/') && serves(directory + '/' + name)) {
          found = directory + '/' + name;
          break;
        }
    }
    return commands_.emplace(name, std::move(found)).first->second;
  }

  // The ELF file that a command comes down to: itself, or what reads its script. nullptr: none.
  const Elf* program_of(const std::string& path, std::string& at) {
    at = path;
    for (int depth = 0; depth < 4; ++depth) {
      const auto file = objects_.file_at(at);
      if (!file) return nullptr;
      at = *file;
      if (const Elf* elf = objects_.elf(at)) return elf;
      const auto script = script_interpreter(objects_.head(at, kMaxScriptLine));
      if (!script) return nullptr;
      at = command(script->program.empty() ? script->interpreter : script->program);
    }
    return nullptr;
  }

  void choose_main() {
    std::map<ElfKind, std::size_t> counts;
    for (const std::string& path : programs_) ++counts[objects_.elf(path)->kind];
    std::size_t most = 0;
    for (const auto& [kind, count] : counts)
      if (count > most) {
        most = count;
        main_ = kind;
      }
    for (const std::string& path : programs_)
      if (main_elf_ == nullptr && objects_.elf(path)->kind == main_) main_elf_ = objects_.elf(path);
    if (options_.starts.empty()) return;
    const Elf* started = program_of(options_.starts, starts_);
    if (started == nullptr || (main_elf_ != nullptr && !runs_on(main_, started->kind))) return;
    main_ = started->kind;
    main_elf_ = started;
  }

  // Programs of other machines (firmware, a cross compiler's) are data, but not where commands are
  // looked for.
  void leave_out_foreign() {
    std::set<std::string> directories;
    for (const std::string& each : path_) directories.insert(objects_.resolve(each).path);
    std::erase_if(programs_, [&](const std::string& path) {
      const ElfKind& kind = objects_.elf(path)->kind;
      if (runs_on(kind, main_)) return false;
      if (path == starts_ || directories.contains(parent_of(path)))
        findings_.add(Finding::Kind::machine, to_string(kind), path, to_string(main_));
      return true;
    });
  }

  // The same of one program, of a root whose others are known.
  bool fits(const std::string& path, const Elf& elf) {
    main_ = elf.kind;
    main_elf_ = &elf;
    if (!options_.machine) return true;
    const portage::ElfHead& others = *options_.machine;
    const ElfKind expected = {others.wide ? 64U : 32U, !others.little,
                              static_cast<std::uint16_t>(others.machine)};
    if (runs_on(expected, main_)) return true;
    main_ = expected;
    main_elf_ = nullptr;
    if (runs_on(elf.kind, main_)) return true;
    findings_.add(Finding::Kind::machine, to_string(elf.kind), path, to_string(main_));
    return false;
  }

  void load(const std::string& program) {
    tick();
    const Elf& elf = *objects_.elf(program);
    if (!elf.interpreter.empty() && !objects_.file_at(elf.interpreter)) {
      findings_.add(Finding::Kind::loader, elf.interpreter, program);
      return;  // without it nothing is known of where the rest would be looked for
    }
    libraries_.load(program);
  }

  void needs_while_running(const std::string& path) {
    const Elf& elf = *objects_.elf(path);
    if (!runs_on(elf.kind, main_)) return;
    for (const RuntimeNeed& need : runtime_needs(elf, libraries_.is_glibc(elf.kind))) {
      const bool there =
          std::any_of(need.sonames.begin(), need.sonames.end(), [&](const std::string& soname) {
            return libraries_.find_plain(soname, elf.kind).has_value() ||
                   (!need.by_libc && somewhere(soname, elf));
          });
      if (!there)
        findings_.add(Finding::Kind::loaded, need.sonames.front(), path, need.reason, need.weight);
    }
    // libc's own program for it is in every image, and used in few.
    if (path != "/usr/bin/iconv") uses_.insert(elf.imports.begin(), elf.imports.end());
    if (elf.is_go) uses_.insert("go");
    if (!elf.soname.empty()) uses_.insert(elf.soname);
  }

  bool somewhere(const std::string& soname, const Elf& elf) {
    const auto found = by_name_.find(soname);
    if (found == by_name_.end()) return false;
    return std::any_of(found->second.begin(), found->second.end(), [&](const std::string& path) {
      return objects_.elf(path)->kind == elf.kind;
    });
  }

  void data(const Tree& tree) {
    DataQuestion question;
    question.tree = &tree;
    question.objects = &objects_;
    question.uses = &uses_;
    question.glibc = libraries_.is_glibc(main_);
    question.environment = &options_.environment;
    question.has_library = [&](const std::string& soname) {
      return libraries_.find_plain(soname, main_).has_value();
    };
    for (const DataNeed& need : data_needs(question))
      findings_.add(need.is_library ? Finding::Kind::loaded : Finding::Kind::data, need.needs,
                    need.file, need.reason, Finding::Weight::warning, need.made_by);
  }

  ClosureReport finish(std::size_t objects) {
    ClosureReport report = findings_.take();
    for (Finding& finding : report.findings)
      if (finding.kind == Finding::Kind::library || finding.kind == Finding::Kind::loaded)
        tell_elsewhere(finding);
    report.objects = objects;
    report.scripts = scripts_;
    report.links = links_;
    if (main_elf_ != nullptr)
      report.machine = {main_.bits == 64, !main_.big_endian, main_.machine, main_elf_->flags};
    else
      report.machine = options_.machine;
    return report;
  }

  void tell_elsewhere(Finding& finding) {
    const auto found = by_name_.find(std::string(name_of(finding.needs)));
    if (found == by_name_.end() || finding.files.empty()) return;
    const Elf* asking = objects_.elf(finding.files.front());
    for (const std::string& path : found->second) {
      const Elf* elf = objects_.elf(path);
      finding.elsewhere = path;
      finding.elsewhere_why = elf->kind == asking->kind ? "" : to_string(elf->kind);
      if (finding.elsewhere_why.empty()) return;
    }
  }

  static constexpr const char* kDefaultPath =
      "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

  const ClosureOptions& options_;
  Objects objects_;
  Libraries libraries_;
  Findings findings_;
  std::vector<std::string> path_;
  std::map<std::string, std::string> commands_;  // as asked for → as found
  std::vector<std::string> programs_;
  std::vector<std::string> shared_;
  std::map<std::string, std::vector<std::string>> by_name_;  // file name or soname → paths
  std::set<std::string> uses_;  // what some object of the image imports, or is
  ElfKind main_;
  const Elf* main_elf_ = nullptr;  // the first of that kind
  std::string starts_;             // the ELF file that is started, resolved
  std::size_t scripts_ = 0;
  std::size_t links_ = 0;
};

}  // namespace

ClosureReport check_closure(int rootfd, const Tree& tree, const ClosureOptions& options) {
  return Check(rootfd, tree.look(), options).whole(tree);
}

ClosureReport check_program(int rootfd, const std::string& program, const ClosureOptions& options) {
  DiskPaths paths(rootfd);
  const Look look = [&](const std::string& path) -> std::optional<Seen> {
    return paths.find(path, Follow::parents).seen;
  };
  return Check(rootfd, look, options).program(program);
}

std::string find_command(const Look& look, const std::string& command,
                         const std::vector<std::pair<std::string, std::string>>& environment,
                         const std::string& working_directory) {
  const auto there = [&](const std::string& path) {
    const Resolved found = resolve(look, path, Follow::all);
    return found.state == Resolved::State::found && found.seen->kind == Seen::Kind::file;
  };
  if (command.starts_with('/')) return there(command) ? command : "";
  if (command.find('/') != std::string::npos) {
    const std::string path = working_directory + '/' + command;
    return there(path) ? path : "";
  }
  std::string list = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  for (const auto& [name, value] : environment)
    if (name == "PATH") list = value;
  for (const std::string& directory : split(list, ':'))
    if (directory.starts_with('/') && there(directory + '/' + command))
      return directory + '/' + command;
  return {};
}

}  // namespace gbox::content
