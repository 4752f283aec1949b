#include "root_phase.h"

#include "emerge_log.h"
#include "root_effects.h"
#include "runtime_libraries.h"

namespace gbox::build {

namespace {

void tell(const StepContext& context, Workbench& bench, const std::string& text) {
  if (text.empty()) return;
  bench.note(text);
  context.observer.fact("root", text);
}

}  // namespace

void prepare_for_plan(int rootfd, const spec::Phase& phase) {
  (void)take_over_packages(rootfd, phase, Absent::pass_over);
}

void prepare_root(const StepContext& context, const spec::Phase& phase, Workbench& bench) {
  {
    const sys::Fd mount = bench.root().mount();
    lay_skeleton(mount.get(), phase);
  }
  bench.copy_files();
  const sys::Fd mount = bench.root().mount();
  tell(context, bench,
       taken_over_text(phase.root, take_over_packages(mount.get(), phase, Absent::refuse)));
}

void finish_root(const StepContext& context, const spec::Phase& phase, Workbench& bench,
                 const Shown& shown) {
  {
    const sys::Fd mount = bench.root().mount();
    tell(context, bench, runtime_text(phase.root, add_runtime_libraries(mount.get(), phase.root)));
  }
  try {
    bench.run(finish_root_deed(phase.root), shown);
  } catch (const StepFailed& error) {
    const auto words = complaint(bench.log_path());
    if (!words) throw;
    StepFailed whole(error.message() + ": " + *words, error.code());
    whole.set_hint(error.hint());
    whole.out_of_memory = error.out_of_memory;
    throw whole;
  }
}

}  // namespace gbox::build
