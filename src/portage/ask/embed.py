"""Turns the helper into C++: embed.py OUTPUT MODULE…

The modules become one text, each behind those it imports: python reads it from standard input,
where there is no second file. So they share one name space, and their imports of one another,
which are there for whoever reads or checks a module by itself, are left out.
"""

import pathlib
import re
import sys

OWN_IMPORT = re.compile(r"^from plan_\w+ import .*\n", re.MULTILINE)
SHARED = re.compile(r"^(?:def|class) (\w+)|^([A-Z_]+) = ", re.MULTILINE)

output, *modules = map(pathlib.Path, sys.argv[1:])
text = ""
names: set[str] = set()
for module in modules:
    source = module.read_text(encoding="utf-8")
    own = {one or two for one, two in SHARED.findall(source)}
    assert not own & names, f"{module}: {own & names} are another module's, too"
    names |= own
    text += OWN_IMPORT.sub("", source)
assert "plan_" not in "".join(re.findall(r"^\s*(?:import|from) .*$", text, re.MULTILINE))
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
