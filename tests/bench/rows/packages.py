"""package-overhead and package-changes: an emerge phase that is built package by package, beside one
emerge of the same packages in one sandbox, which is what a RUN line does."""

import statistics

from lib.context import Context
from lib.graph import PHASE, Build, Graph
from lib.measure import Failed, Times, run
from lib.peers import Peers
from lib.report import Result, Target, duration

PACKAGES = {"quick": 4, "full": 40}
ALL = ["dev-graph/all"]


def _packages(context: Context) -> int:
    return PACKAGES["quick" if context.quick else "full"]


def _times(*builds: Build) -> Times:
    return Times([build.wall for build in builds], [build.cpu for build in builds])


class Overhead:
    NAME = "package-overhead"
    TARGET = Target(2.0)

    def what(self, context: Context) -> str:
        return f"{_packages(context)} packages of which each compiles and installs one script"

    def result(self, context: Context, _: Peers) -> Result:
        graph = Graph(context, "overhead", _packages(context))
        alone = graph.emerge("alone", ALL, build="emerge_jobs = 1")
        pair = graph.emerge("pair", ALL, build="emerge_jobs = 2")
        plain = graph.plain("plain", ALL)

        store = graph.store("alone", alone)
        first = graph.build(store, alone)
        again = graph.build(store, alone)
        shared = context.path("overhead-packages")
        context.run_gbox(store, "cache", "export", shared)
        empty = graph.store("merged", alone)
        context.run_gbox(empty, "cache", "import", shared)
        merged = graph.build(empty, alone)
        bare = graph.build(store, plain)
        if merged.compiled() or again.packages():
            raise Failed("what is in the store was built again")

        times = {
            "gbox build": _times(first),
            "again, nothing changed": _times(again),
            "a new store, from packages": _times(merged),
            "one plain emerge": _times(bare),
        }
        if not context.quick:
            times["emerge_jobs = 2"] = _times(graph.build(graph.store("pair", pair), pair))
        roles = {name: "part" for name in times}
        roles |= {"gbox build": "gbox", "one plain emerge": "floor"}
        result = Result(self.NAME, self.what(context), self.TARGET, times, roles, {})
        self._explain(result, context, graph, store, first)
        return result

    @staticmethod
    def _explain(result: Result, context: Context, graph: Graph, store: str, first: Build) -> None:
        count = graph.packages
        each = {name: times.median / count for name, times in result.times.items()}

        def seconds_of(*argv: str) -> float:
            command = context.gbox(store, "run", PHASE, "--", *argv)
            return statistics.median(run(command, context.log)[0] for _ in range(3))

        packages = first.packages()
        parts = {
            "start of a sandbox": seconds_of("true"),
            "start of emerge in it": seconds_of("emerge", "--version"),
            "gbox itself, processor": first.own / count,
            "first quarter": statistics.median(packages[: max(1, count // 4)]),
            "last quarter": statistics.median(packages[-max(1, count // 4):]),
        }
        result.extra = {"packages": count, "package_s": each, "of_a_package_s": parts,
                        "planning_s": first.planning()}
        result.lines = ["a package: " + " · ".join(
            f"{name} {duration(value)}" for name, value in each.items())]
        result.lines += ["of one: " + " · ".join(
            f"{name} {duration(value)}" for name, value in parts.items())]
        result.lines += [f"once for all of them: the plan, {duration(first.planning())}"]


class Changes:
    NAME = "package-changes"
    LONG = True  # seven builds
    TARGET = Target(1.0)

    def what(self, context: Context) -> str:
        return (f"builds after a change in a phase of {_packages(context)} packages; a RUN line "
                "compiles all of them again")

    def result(self, context: Context, _: Peers) -> Result:
        graph = Graph(context, "changes", _packages(context))
        # One leaf is left for later, when it is added.
        atoms = graph.leaves[:-1] or graph.leaves
        leaf = atoms[-1]
        spec = graph.emerge("changes", atoms)
        store = graph.store("changes", spec)
        graph.build(store, spec)
        plain = graph.build(store, graph.plain("changes-plain", atoms))

        def flag(package: str) -> str:
            return f'package_use = {{ "{package}" = ["loud"] }}'

        changes = {
            "nothing": spec,
            "a USE flag of a leaf": graph.emerge("leaf", atoms, flag(leaf)),
            "a USE flag of a library": graph.emerge("library", atoms, flag("dev-graph/p01")),
            "the atoms in another order": graph.emerge("order", atoms[::-1]),
            "a package more": graph.emerge("more", graph.leaves),
            "another spec with some of them": graph.emerge("second", ["dev-graph/p03"]),
            "an eclass that all inherit": spec,
        }
        builds, table = [], []
        for name, changed in changes.items():
            if name.startswith("an eclass"):
                with open(graph.eclass, "a", encoding="utf-8") as file:
                    file.write("# changed\n")
            # A RUN line runs when a file or a word of what it is given is another, as a whole.
            all_of_it = 0 if name == "nothing" else len(graph.planned(store, changed))
            builds.append(graph.build(store, changed))
            table.append({"change": name, "gbox": len(builds[-1].compiled()),
                          "run_line": all_of_it, "gbox_s": builds[-1].wall})
        times = {"gbox build, median of the changes": _times(*builds),
                 "the RUN line again": _times(plain)}
        roles = {"gbox build, median of the changes": "gbox", "the RUN line again": "floor"}
        result = Result(self.NAME, self.what(context), self.TARGET, times, roles, {})
        result.extra = {"changes": table}
        result.lines = [f"{'packages compiled':34} {'gbox':>6} {'a RUN line':>11}"]
        result.lines += [f"  {row['change']:32} {row['gbox']:>6} {row['run_line']:>11}"
                         f"   {duration(row['gbox_s'])}" for row in table]
        return result


ROWS = [Overhead(), Changes()]
