#include "script.h"

#include <doctest/doctest.h>

using namespace gbox::content;

TEST_CASE("the first line names an interpreter, and what env is told to run") {
  struct Row {
    const char* head;
    const char* interpreter;
    const char* program;
  };
  for (const Row& row :
       {Row{"#!/bin/sh\nls", "/bin/sh", ""}, Row{"#! /usr/bin/perl -w\n", "/usr/bin/perl", ""},
        Row{"#!/usr/bin/env python3\n", "/usr/bin/env", "python3"},
        Row{"#!/usr/bin/env -S python3 -I\n", "/usr/bin/env", "python3"},
        Row{"#!/usr/bin/env -Spython3 -I\n", "/usr/bin/env", "python3"},
        Row{"#!/usr/bin/env -i LANG=C -u HOME awk\n", "/usr/bin/env", "awk"},
        Row{"#!/usr/bin/env --split-string=node x\n", "/usr/bin/env", "node"},
        Row{"#!/usr/bin/env\n", "/usr/bin/env", ""}, Row{"#!/bin/sh", "/bin/sh", ""}}) {
    CAPTURE(row.head);
    const auto script = script_interpreter(row.head);
    REQUIRE(script);
    CHECK(script->interpreter == row.interpreter);
    CHECK(script->program == row.program);
  }
}

TEST_CASE("templates and data are no scripts") {
  for (const char* head :
       {"", "#", "#!", "#!\n/bin/sh", "#! @PERL@\n", "#!perl\n", "echo", " #!/x"})
    CHECK_FALSE(script_interpreter(head));
  CHECK_FALSE(script_interpreter(std::string_view("#!/bin/\0sh\n", 11)));
  // No more is read than the kernel would.
  CHECK(script_interpreter("#!/" + std::string(300, 'x'))->interpreter.size() == 254);
}
