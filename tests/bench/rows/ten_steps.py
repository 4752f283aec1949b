"""nothing-changed and cold-10-steps: ten phases, or ten RUN lines, that have all run before or of
which none has."""

import os

from lib.context import ROOT, Context
from lib.inputs import small_base, stand_in
from lib.measure import Command, Contender, Failed
from lib.peers import Peers, imported
from lib.report import Target

STEPS = 10

# A step's deed. In a small base it writes files; in the stand-in it compiles one.
WRITE = "mkdir -p /out; for i in 1 2 3 4 5 6 7 8 9; do echo $ROUND $i >/out/{n}-$i; done"
COMPILE = ("mkdir -p /out; echo 'int f{n}(int a) {{ return a + {n}; }} /* '$ROUND' */' >/out/{n}.c; "
           "gcc -O2 -c -o /out/{n}.o /out/{n}.c")


def _script(context: Context, number: int) -> str:
    return (WRITE if context.quick else COMPILE).format(n=number)


def _base(context: Context) -> str:
    return small_base(context)[0] if context.quick else stand_in(context)


def write_spec(context: Context, name: str, phases_after: int = 0) -> str:
    """Like the spec of examples/hello: a repository, a profile, distfiles, an entry point. With
    phases after the ten, a build that stops before them writes no image."""
    path = context.path(f"{name}-{phases_after}.toml")
    repository = os.path.join(ROOT, "tests/standin/repo")
    lines = [f'name = "{name}"', "[args]", 'round = "0"',
             "[base]", f'tarball = "{_base(context)}"',
             "[repos.standin]", f'path = "{repository}"',
             "[portage]", 'profile = "standin/linux/amd64"', 'common_flags = "-O2 -pipe"',
             "[build]", f'distfiles = "{context.directory("distfiles")}"']
    for number in range(1, STEPS + 1):
        lines += ["[[phase]]", f'name = "step-{number}"', 'shell = "sh"', 'env = { ROUND = "${round}" }',
                  f'run = """{_script(context, number)}"""']
    for number in range(phases_after):
        lines += ["[[phase]]", f'name = "never-{number}"', 'shell = "sh"', 'run = "true"']
    lines += ["[output]", "[output.config]", 'entrypoint = ["/bin/true"]']
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return path


def write_containerfile(context: Context, name: str, image: str) -> str:
    directory = context.directory(name + "-context")
    lines = [f"FROM {image}", "ARG ROUND"]
    lines += [f"RUN {_script(context, number)}" for number in range(1, STEPS + 1)]
    with open(os.path.join(directory, "Containerfile"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return directory


class TenSteps:
    """What both rows share: the same steps in a store of gbox's and in one of the peers'."""

    def __init__(self, context: Context, peers: Peers, name: str) -> None:
        self.context, self.peers, self.name = context, peers, name
        self.store = context.path(name + "-store")
        self.image = "oci:" + context.path(name + "-image")
        self.spec = write_spec(context, name)
        self.storage = context.path(name + "-podman")
        self.serial = 0

    def gbox(self, number: str) -> Command:
        return self.context.gbox(self.store, "build", self.spec, "--set", f"round={number}",
                                 "--output", self.image)

    def builders(self) -> dict[str, list[str]]:
        """Peers by name, with the words that begin a cached build."""
        if not self.peers.has("podman"):
            return {}
        image = imported(self.peers, self.storage, _base(self.context), "localhost/base")
        directory = write_containerfile(self.context, self.name, image)
        tail = ["--quiet", "--layers", "--network", "none", "--tag", "localhost/x"]
        result = {"podman": ["podman", *self.peers.storage(self.storage), "build", *tail]}
        if self.peers.has("buildah"):
            result["buildah"] = ["buildah", *self.peers.storage(self.storage), "bud", *tail]
        return {name: [*words, "--build-arg", "ROUND={}", directory]
                for name, words in result.items()}

    def command(self, words: list[str], number: str) -> Command:
        return Command([word.replace("{}", number) for word in words], self.peers.env)


class NothingChanged:
    NAME = "nothing-changed"
    TARGET = Target(30.0)
    ROUNDS = {"quick": 5, "full": 10}

    def what(self, context: Context) -> str:
        return f"{STEPS} phases that all have run before, the image there already"

    def contenders(self, context: Context, peers: Peers) -> list[Contender]:
        steps = TenSteps(context, peers, "nothing")
        _, tree = small_base(context)
        again = steps.gbox("0")
        true = Command([os.path.join(tree, "bin/true")], context.env)
        result = [
            Contender("gbox build", "gbox", lambda: again),
            Contender("gbox plan", "part",
                      lambda: context.gbox(steps.store, "plan", steps.spec)),
            Contender("true", "floor", lambda: true),
            Contender("true in a mapped namespace", "part",
                      lambda: Command([context.floors["enter"], *true.argv], context.env)),
        ]
        for name, words in steps.builders().items():
            command = steps.command(words, "0")
            try:
                peers.quietly(command)  # the first time, which is another row
            except Failed:
                pass  # the warm-up says it
            result.append(Contender(name, "peer", lambda command=command: command))
        return result


class ColdSteps:
    NAME = "cold-10-steps"
    TARGET = Target(2.0)
    ROUNDS = {"quick": 3, "full": 5}

    def what(self, context: Context) -> str:
        deed = "write nine files" if context.quick else "compile one file"
        return f"{STEPS} phases that {deed} each, none of which has run; the base is there"

    def contenders(self, context: Context, peers: Peers) -> list[Contender]:
        steps = TenSteps(context, peers, "cold")
        # The base is unpacked and packed before: unpack and commit-layer are rows of their own.
        context.run_gbox(steps.store, "build", steps.spec, "--output", steps.image)
        longer = write_spec(context, "cold", phases_after=1)
        serial = {"round": 0}

        def next_round() -> None:
            serial["round"] += 1

        def number() -> str:
            return str(serial["round"])

        result = [
            Contender("gbox build", "gbox", lambda: steps.gbox(number()), next_round),
            Contender("without an image", "part",
                      lambda: context.gbox(steps.store, "build", longer, "--set",
                                           f"round={number()}", "--until", f"step-{STEPS}"),
                      next_round),
            self._floor(context, steps, number, next_round),
        ]
        for name, words in steps.builders().items():
            result.append(Contender(
                name, "peer", lambda words=words: steps.command(words, number()), next_round))
        return result

    def _floor(self, context: Context, steps: TenSteps, number, next_round) -> Contender:
        """The same steps, each in the floor's sandbox on an overlay of those before it, in one
        namespace; nothing is recorded and nothing packed."""
        base = context.snapshot_of(steps.store, "base")
        place = {"path": ""}
        script = ['lower=$BASE; export ROUND']
        for step in range(1, STEPS + 1):
            script += [f'mkdir "$AT/{step}" "$AT/{step}-work"',
                       f'"$START" "$lower" "$AT/{step}" "$AT/{step}-work" /bin/sh -e -c "$S{step}"',
                       f'lower=$AT/{step}:$lower']
        scripts = {f"s{step}": _script(context, step) for step in range(1, STEPS + 1)}

        def prepare() -> None:
            next_round()
            place["path"] = context.fresh("cold-floor")
            os.mkdir(place["path"])

        def command() -> Command:
            shell = context.shell("\n".join(script), base=base, at=place["path"], round=number(),
                                  start=context.floors["start"], **scripts)
            return Command([context.floors["enter"], *shell.argv], shell.env)

        return Contender("10 stacked sandboxes", "floor", command, prepare,
                         lambda: context.remove(place["path"]))


ROWS = [NothingChanged(), ColdSteps()]
