"""Turns the policy files into one C++ source: embed.py OUTPUT FILE..."""

import pathlib
import sys

output, *files = sys.argv[1:]
lines = [
    '#include "embedded.h"',
    "namespace gbox::sandbox {",
    "const std::vector<EmbeddedFile>& embedded_files() {",
    "  static const std::vector<EmbeddedFile> files = {",
]
for file in map(pathlib.Path, sorted(files)):
    text = file.read_text(encoding="utf-8")
    lines.append(f'    {{"{file.stem}", R"~POLICY~({text})~POLICY~"}},')
lines += ["  };", "  return files;", "}", "}  // namespace gbox::sandbox", ""]
pathlib.Path(output).write_text("\n".join(lines), encoding="utf-8")
