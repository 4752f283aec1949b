// The end of a step: what it takes out of its root, and what each line of the spec saved by that.
#include <algorithm>

#include "files.h"
#include "gbox/base/text.h"
#include "gbox/content/trim.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/interrupt.h"
#include "workbench.h"

namespace gbox::build {

namespace {

// The phase's root in a mount of its file system; nullopt when nothing has made it.
std::optional<sys::Fd> root_in(int mount, const std::string& root) {
  const std::string relative = sys::normalized_relative(root);
  return sys::try_open_beneath(mount, relative.empty() ? "." : relative, O_RDONLY | O_DIRECTORY,
                               sys::Resolve::in_root);
}

void remove_path(int root, const std::string& path, Removed& removed) {
  const auto [parent, name] = sys::split_last(std::string_view(path).substr(1));
  const auto directory =
      parent.empty()
          ? std::optional(sys::dup(root))
          : sys::try_open_beneath(root, parent, O_RDONLY | O_DIRECTORY, sys::Resolve::no_symlinks);
  if (directory) remove_entry(directory->get(), name, removed);
}

std::string line_of(const std::string& deed, const spec::Phase& phase) {
  if (deed == "depclean") return deed;
  return deed + ' ' + join(spec::values_of(phase.unmerge), " ");
}

}  // namespace

void Workbench::note_saving(Saving saving) {
  note(saving.line + ": " + std::to_string(saving.files) + " files, " + human_size(saving.bytes));
  savings_.push_back(std::move(saving));
}

void Workbench::run_removing(Deed deed, const Shown& shown) {
  UnmergeWatch watch([this] {
    const sys::Fd mount = root_.mount();
    auto root = root_in(mount.get(), phase_.root);
    if (!root)
      throw Error("phase " + quoted(phase_.name) + ": there is no directory " + quoted(phase_.root),
                  ExitCode::step);
    return std::move(*root);
  });
  const std::string line = line_of(deed.name, phase_);
  // What the phase itself has unmerged is missed on purpose: emerge would refuse to go on.
  if (deed.name == "depclean" && !phase_.unmerge.empty())
    deed.argv = portage::depclean_despite_missing(std::move(deed.argv), watch.installed());
  run(std::move(deed), shown);
  UnmergeWatch::Result result = watch.finish();
  result.saving.line = line;
  note_saving(std::move(result.saving));
  if (deed_.name == "unmerge" && phase_.depclean) {
    unmerged_ = std::move(watch);  // who needs what is gone may be about to go, too
    return;
  }
  if (unmerged_) result.broken = unmerged_->finish().broken;
  for (const std::string& words : words_of(result.broken)) {
    note(words);
    context_.observer.warn({"phase " + quoted(phase_.name) + ": " + words,
                            "what is left may not run: the check of the image tells; or keep it"});
  }
}

void Workbench::trim_files() {
  if (!phase_.trim) return;
  const sys::Fd mount = root_.mount();
  const auto root = root_in(mount.get(), phase_.root);
  if (!root) return;
  const std::vector<std::string> keep = spec::values_of(phase_.trim->keep_locales);
  for (const spec::Text& name : phase_.trim->presets) {
    const spec::TrimPreset* preset = spec::find_trim_preset(name.value);
    if (preset == nullptr) throw Error("internal error: no preset " + quoted(name.value));
    // Anew for each: what one has removed is not what the next would save.
    const content::Tree tree = content::Tree::scan(root->get(), [] { sys::check_interrupt(); });
    const content::Matched matched = content::match(tree, *preset, keep);
    Removed removed;
    for (const std::string& path : matched.paths) remove_path(root->get(), path, removed);
    note_saving({{}, "trim " + name.value, matched.bytes, matched.files, {}});
  }
}

void Workbench::remove_files() {
  if (phase_.remove.empty()) return;
  const sys::Fd mount = root_.mount();
  for (const std::string& pattern : phase_.remove) {
    const Removed removed = remove_matching(mount.get(), phase_.root, pattern);
    note("remove " + pattern + ": " + std::to_string(removed.entries) + " found");
    savings_.push_back({{}, "remove " + pattern, removed.bytes, removed.files, {}});
    if (removed.entries == 0)
      context_.observer.warn({to_string(phase_.where) + ": phase " + quoted(phase_.name) +
                                  ": nothing matches " + quoted(pattern) + " to remove",
                              "correct the path, or leave it out"});
  }
}

}  // namespace gbox::build
