"""single-id-…: what it costs that owners are emulated, where a host gives one id: the same job in the
same program at that level and at full level."""

import io
import os
import tarfile

from lib.context import Context
from lib.inputs import small_base
from lib.measure import Contender
from lib.peers import Peers
from lib.report import Target


def _count(context: Context) -> int:
    """Of files, and of programs started: each is a copy or a process of its own."""
    return 500 if context.quick else 4000


def _base(context: Context) -> str:
    """The small base and a directory of empty files."""
    path = context.path("single-base.tar")
    if os.path.exists(path):
        return path
    _, tree = small_base(context)
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        archive.add(tree, ".", filter=_of_root)
        for number in range(_count(context)):
            archive.addfile(tarfile.TarInfo(f"./files/{number // 100}/{number}"), io.BytesIO())
    return path


def _of_root(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info


class Job:
    ROUNDS = {"quick": 3, "full": 10}

    def __init__(self, name: str, target: float, what: str, script: str) -> None:
        self.NAME = "single-id-" + name
        self.TARGET = Target(target)
        self._what, self._script = what, script

    def what(self, context: Context) -> str:
        deed = self._what.format(f"{_count(context):,}")
        return f"{deed}, in a sandbox where owners are emulated; the floor is the full level"

    def contenders(self, context: Context, peers: Peers) -> list[Contender]:
        spec = context.path("single.toml")
        with open(spec, "w", encoding="utf-8") as file:
            file.write(f'name = "single"\n[base]\ntarball = "{_base(context)}"\n')
        stores = {}
        for ids in ("single", "auto"):
            stores[ids] = context.path(f"single-store-{ids}")
            if not os.path.exists(stores[ids]):
                context.run_gbox(stores[ids], "build", spec, "--id-map", ids, "--output",
                                 "oci:" + context.path(f"single-image-{ids}"))

        script = self._script.replace("COUNT", str(_count(context)))

        def run(ids: str, script: str):
            return lambda: context.gbox(stores[ids], "run", "--id-map", ids, "base", "--", "sh",
                                        "-c", script)

        return [
            Contender("gbox, one id", "gbox", run("single", script)),
            Contender("one id, 'true'", "part", run("single", "true")),
            Contender("gbox, all ids", "floor", run("auto", script)),
            Contender("all ids, 'true'", "part", run("auto", "true")),
        ]


ROWS = [
    Job("stat", 10.0, "'find' over {} files, ten times",
        "for i in 1 2 3 4 5 6 7 8 9 10; do busybox find /files -size +1 || exit; done"),
    Job("chown", 4.0, "'chown -R' of {} files", "busybox chown -R 250:250 /files"),
    Job("exec", 2.0, "a program started {} times",
        "i=0; while [ $i -lt COUNT ]; do /bin/true; i=$((i + 1)); done"),
]
