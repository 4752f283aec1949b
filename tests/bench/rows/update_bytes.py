"""update-bytes: what somebody who has an image fetches after one of its packages has changed, by the
shape of its layers."""

import json
import os
import time

from lib.context import Context
from lib.graph import PHASE, Graph
from lib.measure import Times
from lib.peers import Peers
from lib.report import Result, Target

PACKAGES = {"quick": 6, "full": 30}
SHAPES = ("package", "phase", "single")


def _blobs(layout: str) -> dict[str, int]:
    """Digest and size of all that the image consists of."""
    def read(name: str) -> dict:
        with open(os.path.join(layout, name), encoding="utf-8") as file:
            return json.load(file)

    entry = read("index.json")["manifests"][0]
    manifest = read("blobs/" + entry["digest"].replace(":", "/"))
    parts = [entry, manifest["config"], *manifest["layers"]]
    return {part["digest"]: part["size"] for part in parts}


class UpdateBytes:
    NAME = "update-bytes"
    LONG = True  # six images
    TARGET = Target(3.0)

    def what(self, context: Context) -> str:
        return (f"a root of {self._packages(context)} packages and what they need, after a USE flag "
                "of one is another; times are those of making the second image")

    @staticmethod
    def _packages(context: Context) -> int:
        return PACKAGES["quick" if context.quick else "full"]

    def result(self, context: Context, _: Peers) -> Result:
        graph = Graph(context, "update", self._packages(context))
        leaf = graph.leaves[-1]
        store = context.path("update-store")
        table, times = [], {}
        for shape in SHAPES:
            layouts = []
            for state, portage in (("before", ""),
                                   ("after", f'package_use = {{ "{leaf}" = ["loud"] }}')):
                spec = self._spec(graph, f"{shape}-{state}", shape, portage)
                layouts.append(context.path(f"update-{shape}-{state}-image"))
                # What is timed is the image, not the package.
                context.run_gbox(store, "build", spec, "--until", PHASE)
                start, before = time.monotonic(), os.times()
                context.run_gbox(store, "build", spec, "--output", "oci:" + layouts[-1])
                wall, after = time.monotonic() - start, os.times()
            cpu = (after.children_user + after.children_system
                   - before.children_user - before.children_system)
            times[f'layers = "{shape}"'] = Times([wall], [cpu])
            old, new = (_blobs(layout) for layout in layouts)
            table.append({"layers": shape, "count": len(new) - 2, "image_bytes": sum(new.values()),
                          "update_bytes": sum(size for digest, size in new.items()
                                              if digest not in old)})
        roles = {f'layers = "{shape}"': {"package": "gbox", "single": "floor"}.get(shape, "part")
                 for shape in SHAPES}
        result = Result(self.NAME, self.what(context), self.TARGET, times, roles, {})
        result.extra = {"shapes": table}
        result.lines = [f"{'layers':10} {'how many':>8} {'bytes':>12} {'to fetch':>12}"]
        result.lines += [f"{row['layers']:10} {row['count']:>8} {row['image_bytes']:>12,} "
                         f"{row['update_bytes']:>12,}" for row in table]
        return result

    @staticmethod
    def _spec(graph: Graph, name: str, shape: str, portage: str) -> str:
        # A root of its own, in which the base has no part; the phase is the last one.
        path = graph.spec(name, f'root = "/target"\nemerge = {json.dumps(["dev-graph/all"])}',
                          portage)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        text = text.replace("\n[[phase]]\nname = \"never\"\nrun = \"true\"\n",
                            f'\n[output]\nroot = "/target"\nlayers = "{shape}"\n'
                            "check = { closure = false }  # scripts, and nobody merges a shell\n")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path


ROWS = [UpdateBytes()]
