"""What excludes or needs one another, so that there is no plan: who is on which side."""

from plan_parts import part

MOST = 20  # of a list: a large conflict is no clearer for being whole


def told_first(blocker):
    """A key to sort by: of two packages that exclude each other, what is asked for comes first."""
    new = [side for side in blocker["by"] if not side["installed"]]
    asked = [side for side in new if side["asked_by"]]
    return (not asked, not new, blocker["of"], blocker["atom"])


class Conflicts:
    """The knots of a dependency graph. `extractor` knows its packages."""

    def __init__(self, extractor):
        self.extractor = extractor
        self.dynamic = extractor.dynamic
        self.digraph = extractor.digraph

    def side(self, package):
        """A package and why it is there: asked for, wanted by others, or installed before."""
        wanted_by = set()
        if package in self.digraph:
            for parent in part(self.digraph, "parent_nodes")(package):
                if hasattr(parent, "cpv"):
                    wanted_by.add(str(parent.cpv))
        return {
            "cpv": str(package.cpv),
            "installed": bool(part(package, "installed")),
            "asked_by": self.extractor.asked_by(package)[:MOST],
            "wanted_by": sorted(wanted_by)[:MOST],
        }

    def sides_of_blocker(self, blocker):
        """Who blocks, and whom."""
        parents = part(self.dynamic, "_blocker_parents")
        blocked = part(self.dynamic, "_blocked_pkgs")
        by = parents.parent_nodes(blocker) if blocker in parents else []
        of = blocked.child_nodes(blocker) if blocked is not None and blocker in blocked else []
        return (
            [self.side(package) for package in sorted(by, key=str)][:MOST],
            [self.side(package) for package in sorted(of, key=str)][:MOST],
        )

    def circular(self, circle):
        """Packages in the order in which each needs the next, and what would break the circle."""
        from _emerge.resolver.circular_dependency import circular_dependency_handler

        handler = circular_dependency_handler(self.extractor.graph, circle)
        shortest = part(handler, "shortest_cycle")
        if not shortest:
            names = [str(node.cpv) for node in circle.order if hasattr(node, "cpv")]
            return {"kind": "circular", "atom": "", "of": names[:MOST], "candidates": []}
        start = min(range(len(shortest)), key=lambda i: str(shortest[i].cpv))
        shortest = shortest[start:] + shortest[:start]  # the same words every time
        changes = []
        for package, solutions in (part(handler, "solutions") or {}).items():
            parent = shortest[shortest.index(package) - 1]  # whose USE asks for the package
            for solution in sorted(map(sorted, solutions)):
                change = self.extractor.identity(parent)
                flags = [flag if on else "-" + flag for flag, on in solution]
                change.update(masks=[], license=[], required_use="", needs_use=flags)
                if flags:
                    changes.append(change)
        return {
            "kind": "circular",
            "atom": "",
            "of": [str(node.cpv) for node in shortest],
            "candidates": sorted(changes, key=lambda c: (c["cpv"], c["needs_use"]))[:MOST],
        }

    def demands(self, package, others):
        """Who wants this version of a slot, in words that the other versions do not meet."""
        every, refusing = [], []
        for parent, atom in part(self.dynamic, "_parent_atoms").get(package, ()):
            if not atom.package:
                continue  # a library's name: the package that links to it is listed by its atom
            name = str(getattr(parent, "cpv", parent))
            demand = {
                "package": str(package.cpv),
                "by": str(getattr(parent, "arg", name)),
                "atom": str(atom),
                "installed": bool(getattr(parent, "installed", False)),
            }
            every.append(demand)
            if not all(part(atom, "match")(other) for other in others):
                refusing.append(demand)
        listed = sorted(refusing or every, key=lambda demand: (demand["by"], demand["atom"]))
        return listed[:MOST]

    def slot_conflict(self, conflict):
        packages = sorted(conflict, key=lambda package: str(package.cpv))
        demands = []
        for package in packages:
            others = [other for other in packages if other is not package]
            demands += self.demands(package, others)
        return {
            "kind": "slot-conflict",
            "atom": str(getattr(conflict, "atom", "")),
            "of": [str(package.cpv) for package in packages],
            "candidates": [],
            "demands": demands,
        }
