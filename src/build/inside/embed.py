"""Turns the programs into C++: embed.py OUTPUT MODULE…

The modules become one file, each behind those it imports; their imports of one another, which are
there for whoever reads or checks a module by itself, are left out.
"""

import pathlib
import re
import sys

output, *modules = map(pathlib.Path, sys.argv[1:])
names = "|".join(module.stem for module in modules)
own_import = re.compile(rf"^from (?:{names}) import .*\n", re.MULTILINE)
text = "".join(own_import.sub("", module.read_text(encoding="utf-8")) for module in modules)
assert ')~PROGRAM~"' not in text
# A compiler takes 64 KiB of one literal; C++ puts neighbours together.
pieces = [text[at : at + 8000] for at in range(0, len(text), 8000)]
literals = "\n".join(f'      R"~PROGRAM~({piece})~PROGRAM~"' for piece in pieces)
output.write_text(
    '#include "root_effects_text.h"\n'
    "namespace gbox::build {\n"
    "std::string_view root_effects_text() {\n"
    f"  static constexpr std::string_view text =\n{literals};\n"
    "  return text;\n"
    "}\n"
    "}  // namespace gbox::build\n",
    encoding="utf-8",
)
