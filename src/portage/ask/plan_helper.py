"""What would this emerge do? Asked of an image's own Portage, answered as one JSON document.

gbox hands this file to the image's python3 on standard input, in the sandbox of the phase over a
throw-away upper directory, with emerge's own arguments behind it:

    python3 -I - --root=/destination -- dev-lang/php

Standard output gets the document (its fields: parse_emerge_plan.cc) and nothing else; what
Portage prints goes to standard error. emerge itself does the work, with --pretend: the helper
only looks over its shoulder, at the dependency graph that _emerge.actions asks for, so that
configuration, sets, binary packages and backtracking are what they are without it. Whatever it
needs of Portage's internals is looked up through `part`, which says what is missing: gbox then
reads the text that emerge prints instead.
"""

import glob
import json
import os
import sys

FORMAT = "gbox-emerge-plan"
VERSION = 1
# Versions that tests have run with. Others are used as long as all parts are there.
TESTED = ("3.0.82",)


class Missing(Exception):
    """Portage lacks a part that the helper looks at."""


def part(owner, *names):
    """owner.a.b.c, or Missing naming the first that is not there."""
    for name in names:
        try:
            owner = getattr(owner, name)
        except AttributeError:
            kind = getattr(owner, "__name__", type(owner).__name__)
            raise Missing(f"'{kind}' has no '{name}'") from None
    return owner


def find_portage():
    """Makes `import portage` work, by another python of the image when this one has none."""
    try:
        import portage  # noqa: F401
    except ImportError as error:
        # Gentoo installs emerge for the pythons that sys-apps/portage was built for; 'python3'
        # may be another one.
        for emerge in sorted(glob.glob("/usr/lib/python-exec/python3.*/emerge"), reverse=True):
            python = os.path.join(os.path.dirname(emerge), "python3")
            if os.access(python, os.X_OK) and "--second-python" not in sys.argv[1:2]:
                os.lseek(0, 0, os.SEEK_SET)  # this very file
                os.execv(python, [python, "-I", "-", "--second-python", *sys.argv[1:]])
        raise Missing(f"python3 cannot import portage: {error}") from None


def flat(text, use, eapi):
    """The words of a dependency-like string, its USE conditionals resolved."""
    from portage.dep import use_reduce

    return use_reduce(text, uselist=use, eapi=eapi, flat=True) if text else []


class Sources:
    """What a package's ebuild fetches, and from where."""

    def __init__(self):
        from portage.const import CUSTOM_MIRRORS_FILE
        from portage.util import grabdict

        self._grabdict = grabdict
        self._custom_file = CUSTOM_MIRRORS_FILE
        self._custom = {}
        self._manifests = {}

    def custom_mirrors(self, settings):
        root = settings["PORTAGE_CONFIGROOT"]
        if root not in self._custom:
            path = os.path.join(root, self._custom_file)
            self._custom[root] = self._grabdict(path, recursive=1)
        return self._custom[root]

    def _digests(self, portdb, ebuild, name):
        directory = os.path.dirname(ebuild)
        if directory not in self._manifests:
            repository = os.path.dirname(os.path.dirname(directory))
            manifest = part(portdb, "repositories", "get_repo_for_location")(repository)
            manifest = part(manifest, "load_manifest")(directory, portdb.settings["DISTDIR"])
            self._manifests[directory] = part(manifest, "getTypeDigests")("DIST")
        return self._manifests[directory].get(name) or {}

    def _expanded(self, settings, uri):
        """mirror://NAME/PATH as the URIs it stands for; others as they are."""
        if not uri.startswith("mirror://"):
            return [uri]
        name, _, path = uri[len("mirror://") :].partition("/")
        hosts = list(self.custom_mirrors(settings).get(name, ()))
        hosts += part(settings, "thirdpartymirrors")().get(name, ())
        return [host.rstrip("/") + "/" + path for host in hosts]

    def of(self, package, use, restrict):
        portdb = package.root_config.trees["porttree"].dbapi
        settings = portdb.settings
        ebuild, tree = part(portdb, "findname2")(package.cpv, myrepo=package.repo)
        files = part(portdb, "getFetchMap")(package.cpv, useflags=use, mytree=tree)
        result = []
        for name, uris in files.items():
            # PMS 7.3.2: 'fetch+' lifts the fetch restriction of one URI, 'mirror+' that and the
            # mirror restriction of the file.
            mirror = not {"fetch", "mirror", "nomirror"} & restrict
            urls, closed = [], []
            for uri in uris:
                prefix, plus, bare = uri.partition("+")
                lifted = bool(plus) and prefix in ("fetch", "mirror")
                if lifted:
                    uri = bare
                    mirror = mirror or prefix == "mirror"
                # A mirror:// URI names hosts that may give the file, restricted or not.
                allowed = lifted or "fetch" not in restrict or uri.startswith("mirror://")
                (urls if allowed else closed).extend(self._expanded(settings, uri))
            digests = self._digests(portdb, ebuild, name)
            result.append(
                {
                    "name": name,
                    "uris": list(uris),
                    "urls": urls,
                    "closed_urls": closed,
                    "mirror": mirror,
                    "primary": "primaryuri" in restrict,
                    "size": digests.get("size"),
                    "digests": {k: v for k, v in digests.items() if k != "size"},
                }
            )
        return ebuild, result


class Extractor:
    """The plan out of a depgraph."""

    def __init__(self, graph):
        self.graph = graph
        self.dynamic = part(graph, "_dynamic_config")
        self.frozen = part(graph, "_frozen_config")
        self.digraph = part(self.dynamic, "digraph")
        self.sources = Sources()

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
        for task in listed:
            entry = self.package(task)
            entry["asked_by"] = self.asked_by(task)
            entry["needs"] = self.edges(task, number_of)
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
            result.append(
                {
                    "atom": str(task.atom),
                    "root": str(task.root),
                    "satisfied": bool(task.satisfied),
                    "of": sorted({str(parent.cpv) for parent in by}),
                }
            )
        return result

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
            nodes = [str(node.cpv) for node in circle.order if hasattr(node, "cpv")]
            result.append({"kind": "circular", "atom": "", "of": nodes, "candidates": []})
        conflicts = part(self.dynamic, "_package_tracker", "slot_conflicts")()
        for conflict in conflicts:
            of = [str(package.cpv) for package in conflict]
            atom = str(getattr(conflict, "atom", ""))
            result.append({"kind": "slot-conflict", "atom": atom, "of": of, "candidates": []})
        return result


class Watcher:
    """Stands where emerge asks for the dependency graph."""

    def __init__(self):
        self.document = {}
        self.missing = None

    def look(self, success, graph):
        extractor = Extractor(graph)
        # With changes still to be made there is a list, too: the one Portage would show.
        listed = part(extractor.dynamic, "_serialized_tasks_cache") is not None
        packages, installed = extractor.tasks() if success or listed else ([], [])
        settings = extractor.frozen.pkgsettings[part(extractor.frozen, "target_root")]
        expand = settings.get("USE_EXPAND", "").split()
        custom = extractor.sources.custom_mirrors(settings)
        return {
            "packages": packages,
            "installed": installed,
            "blockers": extractor.blockers() if packages else [],
            "proposals": extractor.proposals(),
            "problems": [] if success else extractor.problems(),
            "use_expand": sorted(expand),
            "mirrors": settings.get("GENTOO_MIRRORS", "").split(),
            "local_mirrors": list(custom.get("local", ())),
        }

    def install(self):
        import _emerge.actions as actions

        ask = part(actions, "backtrack_depgraph")

        def watched(*args, **kwargs):
            answer = ask(*args, **kwargs)
            try:
                self.document = self.look(bool(answer[0]), answer[1])
            except Missing as error:
                self.missing = str(error)
            except Exception as error:  # the shape of something internal has changed
                trace = error.__traceback__
                while trace.tb_next:
                    trace = trace.tb_next
                place = f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}"
                self.missing = f"{type(error).__name__} in {place}: {error}"
            return answer

        actions.backtrack_depgraph = watched


def run(arguments, document):
    """Fills the document. emerge may end by an exception, by sys.exit() or by returning."""
    find_portage()
    import portage

    document["portage"] = str(part(portage, "VERSION"))
    document["tested"] = document["portage"].startswith(TESTED)
    portage._internal_caller = True
    part(portage, "_disable_legacy_globals")()
    import _emerge.main
    from portage.exception import PortageException

    watcher = Watcher()
    watcher.install()
    try:
        status = part(_emerge.main, "emerge_main")(["--pretend", *arguments])
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    except PortageException as error:
        print(f"{error}", file=sys.stderr)
        status = 1
    if watcher.missing is not None:
        raise Missing(watcher.missing)
    document.update(watcher.document)
    document["exit"] = int(status or 0)
    document["status"] = "ok" if document["exit"] == 0 else "failed"


def main():
    answer = os.dup(1)
    os.dup2(2, 1)
    arguments = sys.argv[1:]
    if arguments[:1] == ["--second-python"]:
        del arguments[0]
    document = {"format": FORMAT, "version": VERSION, "portage": "", "tested": False}
    try:
        run(arguments, document)
    except Missing as error:
        document["status"] = "unsupported"
        document["why"] = str(error)
    sys.stdout.flush()
    sys.stderr.flush()
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    with os.fdopen(answer, "wb") as stream:
        stream.write(text.encode("utf-8", "replace") + b"\n")
        stream.flush()
    # Not through Python's own end: threads and event loops of Portage may hang there.
    os._exit(0)


if __name__ == "__main__":
    main()
