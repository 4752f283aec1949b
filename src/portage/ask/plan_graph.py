"""The plan out of Portage's dependency graph."""

from plan_config import Configuration
from plan_conflicts import Conflicts, told_first
from plan_parts import flat, part
from plan_present import Present
from plan_sources import Sources


class Extractor:
    """The plan out of a depgraph."""

    def __init__(self, graph):
        self.graph = graph
        self.dynamic = part(graph, "_dynamic_config")
        self.frozen = part(graph, "_frozen_config")
        self.digraph = part(self.dynamic, "digraph")
        self.sources = Sources()
        self.configuration = Configuration(self.frozen, self.use_of)

    def use_of(self, package):
        """USE as resolved, with what autounmask would change."""
        return frozenset(part(self.graph, "_pkg_use_enabled")(package))

    def identity(self, package):
        return {
            "cpv": str(package.cpv),
            "slot": str(package.slot),
            "sub_slot": str(package.sub_slot),
            "repository": str(package.repo or ""),
            "root": str(package.root),
        }

    def masks(self, package, use):
        from _emerge.depgraph import get_masking_status

        settings = self.frozen.pkgsettings[package.root]
        return get_masking_status(package, settings, package.root_config, use=use)

    def binary(self, package):
        tree = package.root_config.trees["bintree"]
        key = part(tree, "dbapi", "_instance_key")(package.cpv)
        remote = (part(tree, "_remotepkgs") or {}).get(key)
        keys = ("BUILD_ID", "BUILD_TIME", "PATH", "SIZE", "MD5", "SHA1")
        if remote is not None:
            found = {k: remote.get(k) for k in keys}
        else:
            wanted = ("BUILD_ID", "BUILD_TIME")
            found = dict(zip(wanted, tree.dbapi.aux_get(package.cpv, list(wanted))))
            found["PATH"] = part(tree, "_pkg_paths").get(key)
        found = {k: str(v) for k, v in found.items() if v}
        digests = part(tree, "_get_digests")(package)
        return {
            "path": found.get("PATH", ""),
            "build_id": found.get("BUILD_ID", ""),
            "build_time": found.get("BUILD_TIME", ""),
            "size": digests.get("size"),
            "digests": {k: str(v) for k, v in digests.items() if k != "size"},
            "remote": remote is not None,
            "base_uri": str(remote.get("BASE_URI", "")) if remote is not None else "",
            "index_uri": str(remote.get("PKGINDEX_URI", "")) if remote is not None else "",
        }

    def package(self, package):
        use = self.use_of(package)
        metadata = part(package, "_metadata")
        eapi = metadata["EAPI"]
        known = part(package, "iuse", "all")
        restrict = frozenset(flat(metadata.get("RESTRICT", ""), use, eapi))
        vardb = package.root_config.trees["vartree"].dbapi
        result = self.identity(package)
        result.update(
            operation=part(package, "operation"),
            type=part(package, "type_name"),
            eapi=eapi,
            keywords=metadata.get("KEYWORDS", "").split(),
            license=sorted(set(flat(metadata.get("LICENSE", ""), use, eapi)) - {"||"}),
            use_enabled=sorted(use & known),
            use_disabled=sorted(known - use),
            restrict=sorted(restrict),
            properties=sorted(set(flat(metadata.get("PROPERTIES", ""), use, eapi))),
            inherited=(metadata.get("INHERITED") or "").split(),
            masks=[str(mask) for mask in self.masks(package, use)],
            replaces=[str(cpv) for cpv in vardb.match(part(package, "slot_atom"))],
        )
        if package.type_name == "ebuild":
            result["ebuild"], result["distfiles"] = self.sources.of(package, use, restrict)
            if package.operation == "merge":
                result.update(self.configuration.of(package))
        if package.type_name == "binary":
            result["binary"] = self.binary(package)
        return result

    KINDS = (
        ("buildtime", "build"),
        ("buildtime_slot_op", "build-slot"),
        ("runtime", "run"),
        ("runtime_slot_op", "run-slot"),
        ("runtime_post", "post"),
    )

    def edges(self, node, number_of):
        """[[number, [kind…]]…]: what a node of the graph needs."""
        if node not in self.digraph:
            return []
        result = []
        for child, priorities in part(self.digraph, "nodes")[node][0].items():
            number = number_of(child)
            if number is None:
                continue
            kinds = {
                name for p in priorities for flag, name in self.KINDS if getattr(p, flag, False)
            }
            result.append([number, sorted(kinds)])
        return sorted(result)

    def asked_by(self, node):
        """The arguments that ask for a node: atoms and sets."""
        if node not in self.digraph:
            return []
        parents = part(self.digraph, "parent_nodes")(node)
        names = [getattr(parent, "arg", None) for parent in parents]
        return sorted({str(name) for name in names if name is not None})

    def tasks(self):
        from _emerge.Package import Package

        listed = [task for task in part(self.graph, "altlist")() if isinstance(task, Package)]
        numbers = {task: i for i, task in enumerate(listed)}
        others = []

        def number_of(node):
            if not isinstance(node, Package):
                return None
            if node not in numbers:
                numbers[node] = len(listed) + len(others)
                others.append(node)
            return numbers[node]

        packages = []
        present = Present(self.graph, self.use_of)
        for task in listed:
            entry = self.package(task)
            entry["asked_by"] = self.asked_by(task)
            entry["needs"] = self.edges(task, number_of)
            if task.operation == "merge":
                if task.type_name == "ebuild":
                    there = present.when_built(task)
                    entry["builds_with"] = sorted(number_of(package) for package in there)
                present.remove(task)  # one version is there once, also when its slot changes
                present.add(task)
            else:
                present.remove(task)
            packages.append(entry)
        return packages, [self.identity(package) for package in others]

    def blockers(self):
        from _emerge.Blocker import Blocker

        result = []
        listed = part(self.dynamic, "_serialized_tasks_cache") or ()
        parents = part(self.dynamic, "_blocker_parents")
        for task in listed:
            if not isinstance(task, Blocker):
                continue
            by = parents.parent_nodes(task) if task in parents else []
            sides = Conflicts(self).sides_of_blocker(task)
            result.append(
                {
                    "atom": str(task.atom),
                    "root": str(task.root),
                    "satisfied": bool(task.satisfied),
                    "of": sorted({str(parent.cpv) for parent in by}),
                    "by": sides[0],
                    "blocks": sides[1],
                }
            )
        return sorted(result, key=told_first)

    def proposals(self):
        """What autounmask would write, and for which packages."""
        from _emerge.depgraph import _get_masking_status

        result = []

        def add(kind, package, values):
            if package in self.digraph:
                parents = part(self.dynamic, "_parent_atoms").get(package, ())
                by = sorted({str(getattr(parent, "cpv", parent)) for parent, _ in parents})
                entry = self.identity(package)
                entry.update(kind=kind, values=values, wanted_by=by)
                result.append(entry)

        for package, (_, changes) in part(self.dynamic, "_needed_use_config_changes").items():
            values = [flag if on else "-" + flag for flag, on in sorted(changes.items())]
            add("use", package, values)
        for package in part(self.dynamic, "_needed_unstable_keywords"):
            settings = self.frozen.pkgsettings[package.root]
            reasons = _get_masking_status(
                package, settings, package.root_config, use=self.use_of(package)
            )
            hints = [reason.unmask_hint for reason in reasons if reason.unmask_hint]
            add("keywords", package, [h.value for h in hints if h.key == "unstable keyword"])
        for package in part(self.dynamic, "_needed_p_mask_changes"):
            add("unmask", package, [])
        for package, licenses in part(self.dynamic, "_needed_license_changes").items():
            add("license", package, sorted(licenses))
        return result

    def candidates(self, root, atom):
        """The ebuilds an unsatisfied atom could have meant, newest first, and what is against."""
        from portage.dep import check_required_use

        config = self.frozen.roots[root]
        portdb = config.trees["porttree"].dbapi
        versions = reversed(portdb.xmatch("match-all-cpv-only", atom.without_use))
        repositories = [atom.repo] if atom.repo else portdb.getRepositories(catpkg=atom.cp)
        result = []
        for cpv, repository in ((v, r) for v in versions for r in repositories):
            if not portdb.cpv_exists(cpv, myrepo=repository):
                continue
            package = self.graph._pkg(cpv, "ebuild", config, myrepo=repository)
            if package.invalid or not atom.without_use.match(package):
                continue
            use = self.use_of(package)
            entry = self.identity(package)
            entry["masks"] = [str(mask) for mask in self.masks(package, use)]
            entry["license"] = sorted(
                self.frozen.pkgsettings[root]._getMissingLicenses(cpv, package._metadata)
            )
            wanted = atom.use
            entry["needs_use"] = []
            if wanted is not None:
                off = wanted.enabled - use
                on = wanted.disabled & use
                entry["needs_use"] = sorted(off) + ["-" + flag for flag in sorted(on)]
            required = package._metadata.get("REQUIRED_USE", "")
            entry["required_use"] = ""
            if required:
                unmet = check_required_use(
                    required, use, package.iuse.is_valid_flag, eapi=package.eapi
                )
                entry["required_use"] = "" if unmet else unmet.tounicode()
            result.append(entry)
            if len(result) == 20:
                break
        return result

    def problems(self):
        """Why there is no plan, as far as it can be told apart. Portage's text tells the rest."""
        result = []
        for arg, atom in part(self.dynamic, "_missing_args"):
            name = str(arg).replace("null/", "")  # Portage's word for a category it cannot find
            result.append({"kind": "missing", "atom": name, "of": [], "candidates": []})
        for (root, atom), more in part(self.dynamic, "_unsatisfied_deps_for_display"):
            parent = more.get("myparent")
            entry = {"kind": "unsatisfied", "atom": str(atom), "of": [], "candidates": []}
            if hasattr(parent, "cpv"):
                entry["of"] = [str(parent.cpv)]
            if getattr(atom, "package", False):
                entry["candidates"] = self.candidates(root, atom)
            if not entry["candidates"]:
                entry["kind"] = "missing"
            result.append(entry)
        circle = part(self.dynamic, "_circular_deps_for_display")
        if circle is not None:
            result.append(Conflicts(self).circular(circle))
        conflicts = part(self.dynamic, "_package_tracker", "slot_conflicts")()
        for conflict in conflicts:
            result.append(Conflicts(self).slot_conflict(conflict))
        return result
