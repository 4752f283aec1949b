// The tests that need namespaces: as an ordinary user with subordinate ids, or as root. Where the
// host has none they are skipped with the reason (exit 77), unless GBOX_TESTS_MUST_RUN=1.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "box.h"
#include "gbox/sys/userns.h"
#include "witness.h"

namespace {

int skip(const gbox::Error& error) {
  const char* must_run = std::getenv("GBOX_TESTS_MUST_RUN");
  const bool failure = must_run != nullptr && std::string_view(must_run) == "1";
  (void)std::fprintf(stderr, "%s: %s\n%s\n", failure ? "failed" : "skipped", error.what(),
                     error.hint().c_str());
  return failure ? 1 : 77;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    gbox::tests::start_witness();
    // As a variable left over in somebody's environment would be: it must not be believed.
    (void)::setenv("GBOX_ENTERED_NAMESPACE", "1", 0);
    // The same cases hold where one id is mapped and gbox emulates the others.
    const char* id_map = std::getenv("GBOX_ID_MAP");
    gbox::sys::enter_namespace(
        argv, gbox::sys::id_map_choice(id_map == nullptr ? "auto" : id_map).value());
    // Whether the rest can be had is seen by one sandbox that does nothing.
    (void)gbox::tests::Box().run("exit 0");
  } catch (const gbox::Error& error) {
    if (error.code() == gbox::ExitCode::host) return skip(error);
    (void)std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
  doctest::Context context(argc, argv);
  return context.run();
}
