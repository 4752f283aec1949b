"""A row's result, as a table for a person and as JSON for a program."""

import dataclasses
import sys
from typing import Any

from lib.measure import Times


@dataclasses.dataclass
class Target:
    """At most `factor` times the floor."""

    factor: float

    @property
    def text(self) -> str:
        return f"<= {self.factor:g}x floor"


@dataclasses.dataclass
class Result:
    name: str
    what: str  # one line: what was done, on what
    target: Target
    times: dict[str, Times]
    roles: dict[str, str]
    left_out: dict[str, str]
    # What the row has to say beyond times, for a person and for a program.
    lines: list[str] = dataclasses.field(default_factory=list)
    extra: dict[str, Any] = dataclasses.field(default_factory=dict)

    def _by_role(self, role: str) -> dict[str, Times]:
        return {name: times for name, times in self.times.items() if self.roles[name] == role}

    @property
    def gbox(self) -> Times:
        return next(iter(self._by_role("gbox").values()))

    @property
    def floor(self) -> Times:
        """The first: further ones tell what another choice would cost."""
        return next(iter(self._by_role("floor").values()))

    @property
    def ratio(self) -> float:
        return self.gbox.median / self.floor.median

    @property
    def met(self) -> bool:
        return self.ratio <= self.target.factor

    def json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "gbox_s": round(self.gbox.median, 6),
            "floor_s": round(self.floor.median, 6),
            "peers": {name: round(t.median, 6) for name, t in self._by_role("peer").items()},
            "target": self.target.text,
            "met": self.met,
            "ratio": round(self.ratio, 3),
            "what": self.what,
            "runs": len(self.gbox.wall),
            "parts": {name: round(t.median, 6) for name, t in self._by_role("part").items()},
            "min_s": {name: round(t.least, 6) for name, t in self.times.items()},
            "cpu_s": {name: round(t.cpu_median, 6) for name, t in self.times.items()},
            "left_out": self.left_out,
            **self.extra,
        }

    def print(self) -> None:
        base = self.floor.median
        print(f"\n{self.name}: {self.what}")
        width = max(len(name) for name in self.times) + 2
        print(f"  {'':{width}} {'median':>10} {'least':>10} {'cpu':>10} {'x floor':>8}  runs")
        order = {"gbox": 0, "part": 1, "floor": 2, "peer": 3}
        for name in sorted(self.times, key=lambda n: (order[self.roles[n]], 0)):
            times = self.times[name]
            mark = {"gbox": "*", "floor": "=", "part": " ", "peer": " "}[self.roles[name]]
            ratio = f"{times.median / base:7.2f}x" if self.roles[name] != "part" else ""
            print(f" {mark}{name:{width}} {duration(times.median):>10} {duration(times.least):>10}"
                  f" {duration(times.cpu_median):>10} {ratio:>8}  {len(times.wall)}")
        for name, reason in self.left_out.items():
            print(f"  {name:{width}} left out: {reason[:200]}")
        for line in self.lines:
            print("  " + line)
        verdict = "met" if self.met else "NOT met"
        print(f"  target {self.target.text}: {self.ratio:.2f}x, {verdict}")
        sys.stdout.flush()


def duration(seconds: float) -> str:
    if seconds < 0.1:
        return f"{seconds * 1000:.2f} ms"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.2f} s"
