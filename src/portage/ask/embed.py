"""Turns the helper into C++: embed.py OUTPUT HELPER"""

import pathlib
import sys

output, helper = map(pathlib.Path, sys.argv[1:])
text = helper.read_text(encoding="utf-8")
assert ')~HELPER~"' not in text
output.write_text(
    '#include "gbox/portage/emerge_plan.h"\n'
    "namespace gbox::portage {\n"
    "std::string_view plan_helper() {\n"
    f'  static constexpr std::string_view text = R"~HELPER~({text})~HELPER~";\n'
    "  return text;\n"
    "}\n"
    "}  // namespace gbox::portage\n",
    encoding="utf-8",
)
