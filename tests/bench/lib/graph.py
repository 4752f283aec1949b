"""An emerge phase of many small packages (tests/lib/graph.py) on the stand-in stage3, and builds of
it that are watched: when each event came, and what gbox itself took of the processors."""

import dataclasses
import json
import os
import re
import subprocess
import time

from lib.context import ROOT, Context
from lib.inputs import stand_in
from lib.measure import Command, Failed

PHASE = "graph"
COMPILED = "GRAPH-COMPILE "  # what a package of the graph says when it is compiled

HEAD = """\
name = "{name}"
[base]
tarball = "{base}"
[repos.standin]
path = "{root}/tests/standin/repo"
[repos.graph]
path = "{repository}"
[portage]
profile = "standin:standin/linux/amd64"
{portage}
[build]
distfiles = "{distfiles}"
{build}
[[phase]]
name = "before"
run = "true"
[[phase]]
name = "{phase}"
"""


@dataclasses.dataclass
class Build:
    """One run of gbox, watched."""

    wall: float
    cpu: float  # of all processes
    own: float  # of gbox alone, without what it ran
    events: list[tuple[float, dict]]  # seconds since the start, and the event

    def of(self, kind: str) -> list[tuple[float, dict]]:
        return [(when, event) for when, event in self.events if event["event"] == kind]

    def packages(self) -> list[float]:
        """Seconds of each package that was built or merged, in order."""
        return [event["seconds"] for _, event in self.of("step-done")
                if re.fullmatch(PHASE + "/[^@]*/.*", event["step"])]

    def compiled(self) -> list[str]:
        return [event["line"].removeprefix(COMPILED) for _, event in self.of("output")
                if event["line"].startswith(COMPILED)]

    def planning(self) -> float:
        """From asking Portage for the plan to the first package."""
        asked = next((when for when, event in self.of("progress")
                      if event["activity"] == "plan " + PHASE), None)
        started = next((when for when, event in self.of("step-start")
                        if event["step"].startswith(PHASE + "/")), None)
        return started - asked if asked is not None and started is not None else 0.0


def _own_seconds(pid: int) -> float:
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def watch(command: Command, log: str) -> Build:
    events: list[tuple[float, dict]] = []
    other: list[str] = []
    own = 0.0
    start = time.monotonic()
    with open(log, "wb") as out:
        process = subprocess.Popen(command.argv, env=command.env, stdin=subprocess.DEVNULL,
                                   stdout=out, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        for line in process.stderr:
            try:
                event = json.loads(line)
            except ValueError:
                other.append(line)
                continue
            events.append((time.monotonic() - start, event))
            if event["event"] in ("step-done", "build-done"):
                try:
                    own = _own_seconds(process.pid)
                except (OSError, IndexError):
                    pass  # it has ended; what came before will do
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - start
    if status != 0:
        errors = [event["message"] for _, event in events if event["event"] == "error"]
        reason = " | ".join((errors or other)[-3:]).strip()
        raise Failed(f"'{' '.join(command.argv)}' ended with {process.returncode}: {reason}")
    return Build(wall, usage.ru_utime + usage.ru_stime, own, events)


class Graph:
    """The repository and specs that build of it."""

    def __init__(self, context: Context, name: str, packages: int) -> None:
        self.context, self.name, self.packages = context, name, packages
        self.repository = context.path(name + "-repository")
        self.base = stand_in(context)
        self.eclass = os.path.join(self.repository, "eclass/graph.eclass")
        # The packages that no other needs, as atoms.
        self.leaves = context.run_shell(
            '"$MAKE" "$REPOSITORY" --packages "$N"', repository=self.repository, n=str(packages),
            make=os.path.join(ROOT, "tests/lib/graph.py")).split()

    def spec(self, name: str, phase: str, portage: str = "", build: str = "") -> str:
        path = self.context.path(f"{self.name}-{name}.toml")
        head = HEAD.format(name=name, base=self.base, root=ROOT, repository=self.repository,
                           portage=portage, build=build, phase=PHASE,
                           distfiles=self.context.directory("distfiles"))
        with open(path, "w", encoding="utf-8") as file:
            # What comes last is there for --until: no image is written.
            file.write(head + phase + '\n[[phase]]\nname = "never"\nrun = "true"\n')
        return path

    def emerge(self, name: str, atoms: list[str], portage: str = "", build: str = "") -> str:
        return self.spec(name, f"emerge = {json.dumps(atoms)}", portage, build)

    def plain(self, name: str, atoms: list[str]) -> str:
        """One emerge of all of them, as a RUN line would have it, in a sandbox as strict."""
        return self.spec(name, f'policy = "emerge"\nrun = "emerge {" ".join(atoms)}"')

    def store(self, name: str, spec: str) -> str:
        """A store that holds what comes before the packages."""
        store = self.context.path(f"{self.name}-{name}-store")
        self.context.run_gbox(store, "build", spec, "--until", "before")
        return store

    def build(self, store: str, spec: str) -> Build:
        command = self.context.gbox(store, "build", spec, "--until", PHASE, "--progress", "json")
        return watch(command, self.context.log)

    def planned(self, store: str, spec: str) -> list[str]:
        """The packages of the phase that compile something."""
        # Portage is asked once what comes before is there.
        self.context.run_gbox(store, "build", spec, "--until", "before")
        text = self.context.run_shell('"$GBOX" plan --json "$SPEC" 2>/dev/null', spec=spec,
                                      gbox=self.context.gbox_program, gbox_store=store)
        steps = json.loads(text)["steps"]
        return [step["package"] for step in steps
                if re.fullmatch(r"dev-graph/p\d+-1", step.get("package") or "")]
