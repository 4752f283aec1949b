"""sandbox-start: from calling the program to the exit status of 'true' in a sandbox."""

import os

from lib.context import Context
from lib.inputs import small_base
from lib.measure import Command, Contender
from lib.peers import Peers, imported
from lib.report import Target

NAME = "sandbox-start"
TARGET = Target(2.0)
ROUNDS = {"quick": 15, "full": 50}  # milliseconds each


def what(context: Context) -> str:
    return "'true' of a static busybox as root of an overlay, all namespaces and ids"


def contenders(context: Context, peers: Peers) -> list[Contender]:
    tarball, tree = small_base(context)
    store, spec = context.path("start-store"), context.path("start.toml")
    with open(spec, "w", encoding="utf-8") as file:
        file.write(f'name = "start"\n[base]\ntarball = "{tarball}"\n')
    context.run_gbox(store, "build", spec, "--output", "oci:" + context.path("start-image"))
    directories: list[str] = []

    def fresh_overlay() -> None:
        for kind in ("upper", "work"):
            directories.append(context.fresh("start-" + kind))
            os.mkdir(directories[-1])

    def drop_overlay() -> None:
        context.remove(*directories)
        directories.clear()

    def plain(*argv: str) -> Command:
        return Command(list(argv), context.env)

    enter, start = context.floors["enter"], context.floors["start"]
    result = [
        Contender("gbox run", "gbox", lambda: context.gbox(store, "run", "base", "--", "true")),
        Contender("gbox --version", "part", lambda: context.gbox(store, "--version")),
        Contender("floor", "floor",
                  lambda: plain(enter, start, tree, *directories, "/bin/true"),
                  fresh_overlay, drop_overlay),
        Contender("of it, entering", "part", lambda: plain(enter, os.path.join(tree, "bin/true"))),
    ]
    if peers.has("bwrap"):
        result.append(Contender(
            "bwrap", "peer",
            lambda: plain("bwrap", "--unshare-all", "--ro-bind", tree, "/", "--proc", "/proc",
                          "--dev", "/dev", "/bin/true")))
    for name in ("crun", "runc"):
        if peers.has(name):
            bundle = peers.bundle(name, tree)
            result.append(Contender(
                name, "peer",
                lambda name=name, bundle=bundle: peers.runtime(name, bundle)))
    if peers.has("podman"):
        storage = context.path("start-podman")
        image = imported(peers, storage, tarball, "localhost/base")
        result.append(Contender(
            "podman", "peer",
            lambda: peers.podman(storage, "run", *peers.run_arguments, image, "/bin/true")))
    if peers.has("buildah") and peers.has("podman"):
        container = peers.quietly(peers.buildah(storage, "from", image))
        result.append(Contender(
            "buildah", "peer",
            lambda: peers.buildah(storage, "run", "--network", "none", container, "/bin/true")))
    return result
