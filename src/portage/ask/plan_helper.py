"""What would this emerge do? Asked of an image's own Portage, answered as one JSON document.

gbox hands this file, behind the plan_*.py that it imports (embed.py), to the image's python3 on
standard input, in the sandbox of the phase over a throw-away upper directory, with emerge's own
arguments behind it:

    python3 -I - --root=/destination -- dev-lang/php

Standard output gets the document (its fields: parse_json.cc) and nothing else; what
Portage prints goes to standard error. emerge itself does the work, with --pretend: the helper
only looks over its shoulder, at the dependency graph that _emerge.actions asks for, so that
configuration, sets, binary packages and backtracking are what they are without it. Whatever it
needs of Portage's internals is looked up through `part`, which says what is missing: gbox then
reads the text that emerge prints instead.
"""

import json
import os
import sys

from plan_graph import Extractor
from plan_parts import Missing, find_portage, part

FORMAT = "gbox-emerge-plan"
VERSION = 1
# Versions that tests have run with. Others are used as long as all parts are there.
TESTED = ("3.0.82",)


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
            "profile_bashrcs": extractor.configuration.profile_bashrcs(settings),
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
