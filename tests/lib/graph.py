#!/usr/bin/env python3
"""Writes an ebuild repository of many small packages with a real dependency graph.

    graph.py DIRECTORY [--packages N] [--seed N]

Package dev-graph/pNN installs a program whose output tells which packages it was built with: its
own name, its USE flag and a digest of what the packages it depends on print, which it runs while it
is built. So a wrong order, a missing dependency or a stale one shows in the result. Among them are
sub-slot operators, a build-time tool of its own, a PDEPEND cycle, a virtual and an eclass; all of
it is decided by the seed alone. dev-graph/all depends on every package that nothing else needs.
As in a tree that is synchronised, there is a metadata cache.
"""

import argparse
import hashlib
import os
import re
import random

ECLASS = """\
# @ECLASS: graph.eclass
# @SUPPORTED_EAPIS: 8
# @BLURB: what all packages of the graph do
graph_note() { echo "GRAPH-COMPILE ${PN}"; }
"""

EBUILD = """\
EAPI=8
inherit graph
DESCRIPTION="{name} of the graph"
HOMEPAGE="https://standin.invalid/"
S="${{WORKDIR}}"
LICENSE="standin"
SLOT="0/{subslot}"
KEYWORDS="amd64"
IUSE="loud"
RDEPEND="{rdepend}"
DEPEND="{depend}"
BDEPEND="{bdepend}"
PDEPEND="{pdepend}"

src_compile() {{
\tlocal dep digest
\tgraph_note
\t[[ ! -e /etc/graph-break || $(</etc/graph-break) != "${{PN}}" ]] || die "asked to break"
\tif [[ -e /etc/graph-hungry && $(</etc/graph-hungry) == "${{PN}}" ]]; then
\t\techo "GRAPH-JOBS ${{MAKEOPTS}}"
\t\t[[ ${{MAKEOPTS}} == -j1 ]] || {{ echo "cc1plus: out of memory allocating 65536 bytes"; die; }}
\tfi
\tdigest=$(for dep in {needs}; do
\t\t"${{ESYSROOT}}/usr/bin/graph-${{dep}}" || exit
\tdone | sha256sum) || die
\tprintf '#!/bin/sh\\necho %s %s %s\\n' "${{PN}}" "$(usex loud LOUD quiet)" "${{digest:0:16}}" \\
\t\t>"graph-${{PN}}" || die
}}

src_install() {{
\tdobin "graph-${{PN}}"
\t# A link of upstream's: a binary package does not keep its time.
\tdosym "graph-${{PN}}" "/usr/bin/link-${{PN}}"
\ttouch --no-dereference --date=@1500000000 "${{ED}}/usr/bin/link-${{PN}}" || die
}}
"""

VIRTUAL = """\
EAPI=8
DESCRIPTION="whatever package of the graph there is"
SLOT="0"
KEYWORDS="amd64"
RDEPEND="{rdepend}"
"""


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as stream:
        stream.write(text)


def md5(text):
    return hashlib.md5(text.encode("ascii"), usedforsecurity=False).hexdigest()


def write_ebuild(root, category, name, version, text):
    """The ebuild, and what sourcing it would tell; Portage takes neither the one nor the other on
    trust once the ebuild or its eclass is another."""
    write(f"{root}/{category}/{name}/{name}-{version}.ebuild", text)
    facts = dict(re.findall(r'^([A-Z]+)="?([^"\n]*)"?$', text, re.MULTILINE))
    facts.pop("S", None)
    if text.count("\ninherit graph\n"):
        facts |= {"INHERIT": "graph", "_eclasses_": "graph\t" + md5(ECLASS)}
    facts["DEFINED_PHASES"] = " ".join(re.findall(r"^src_(\w+)\(", text, re.MULTILINE)) or "-"
    facts["_md5_"] = md5(text)
    write(
        f"{root}/metadata/md5-cache/{category}/{name}-{version}",
        "".join(f"{key}={value}\n" for key, value in sorted(facts.items()) if value),
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("directory")
    parser.add_argument("--packages", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.packages < 4:
        parser.error("a graph has at least 4 packages")
    chance = random.Random(options.seed)
    root = options.directory
    names = [f"p{number:02}" for number in range(options.packages)]
    write(f"{root}/profiles/repo_name", "graph\n")
    write(f"{root}/profiles/eapi", "8\n")
    write(f"{root}/profiles/categories", "dev-graph\nvirtual\n")
    write(f"{root}/metadata/layout.conf", "masters = standin\nthin-manifests = true\ncache-formats = md5-dict\n")
    write(f"{root}/eclass/graph.eclass", ECLASS)

    needed = set()
    for number, name in enumerate(names):
        earlier = names[:number]
        # Few near ones rather than many: a graph that is deep and wide, not a star.
        near = earlier[-8:]
        depends = sorted(chance.sample(near, min(len(near), chance.choice((0, 1, 1, 2, 3)))))
        tools = sorted(chance.sample(earlier, min(len(earlier), chance.choice((0, 0, 0, 1)))))
        needed.update(depends, tools)
        atoms = [f"dev-graph/{d}{':=' if chance.random() < 0.5 else ''}" for d in depends]
        extra = []
        if number == 9:
            extra.append("virtual/graph-any")
        post = f"dev-graph/{names[5]}" if number == 4 and len(names) > 5 else ""
        if number == 5:
            depends = sorted({*depends, names[4]})
            atoms = [f"dev-graph/{d}" for d in depends]
        write_ebuild(
            root,
            "dev-graph",
            name,
            1,
            EBUILD.format(
                name=name,
                subslot=number,
                rdepend=" ".join(atoms + extra),
                depend=" ".join(atoms),
                bdepend=" ".join(f"dev-graph/{t}" for t in tools),
                pdepend=post,
                needs=" ".join(sorted({*depends, *tools})),
            ),
        )
    write_ebuild(
        root,
        "virtual",
        "graph-any",
        0,
        VIRTUAL.format(rdepend=f"|| ( dev-graph/{names[2]} dev-graph/{names[3]} )"),
    )
    leaves = [f"dev-graph/{name}" for name in names if name not in needed]
    write_ebuild(root, "dev-graph", "all", 1, VIRTUAL.format(rdepend=" ".join(leaves)))
    print(" ".join(leaves))


if __name__ == "__main__":
    main()
