"""Turns the list of trusted keys into one C++ source: embed.py OUTPUT FILE"""

import pathlib
import sys

output, file = map(pathlib.Path, sys.argv[1:])
text = file.read_text(encoding="utf-8")
output.write_text(
    '#include "trusted_list.h"\n'
    "namespace gbox::portage {\n"
    f'std::string_view trusted_list() {{\n  return R"~KEYS~({text})~KEYS~";\n}}\n'
    "}  // namespace gbox::portage\n",
    encoding="utf-8",
)
