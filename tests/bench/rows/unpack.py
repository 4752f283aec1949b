"""unpack: from a tarball to the first snapshot, or to an image in the peers' stores."""

import os

from lib.context import Context, step_seconds
from lib.inputs import file_tree, small_base, stand_in, tarball_of
from lib.measure import Contender
from lib.peers import Peers
from lib.report import Target

NAME = "unpack"
TARGET = Target(1.5)
ROUNDS = {"quick": 3, "full": 5}


def what(context: Context) -> str:
    if context.quick:
        return "6,000 small files and 64 MiB in a .tar.zst"
    return "the stand-in stage3, a .tar.zst"


def _tarball(context: Context) -> str:
    if not context.quick:
        return stand_in(context)
    tree = file_tree(context, "unpack-tree", 6_000, 64)
    # What makes it a base: a shell to tell the architecture by.
    _, base = small_base(context)
    os.makedirs(os.path.join(tree, "bin"), exist_ok=True)
    shell = os.path.join(tree, "bin/sh")
    if not os.path.exists(shell):
        os.link(os.path.join(base, "bin/busybox"), shell)
    return tarball_of(tree, context.path("unpack.tar.zst"))


def contenders(context: Context, peers: Peers) -> list[Contender]:
    tarball = _tarball(context)
    spec = context.path("unpack.toml")
    with open(spec, "w", encoding="utf-8") as file:
        # The phase is there for --until: with it no image is written.
        file.write(f'name = "unpack"\n[base]\ntarball = "{tarball}"\n'
                   '[[phase]]\nname = "end"\nshell = "sh"\nrun = "true"\n')
    target = {"path": ""}

    def fresh() -> None:
        target["path"] = context.fresh("unpack")

    def fresh_directory() -> None:
        fresh()
        os.mkdir(target["path"])

    def drop() -> None:
        peers.drop_storage(target["path"])

    def build():
        return context.gbox(target["path"], "build", spec, "--until", "end", "--progress", "json")

    result = [
        Contender("gbox build, the base's step", "gbox", build, fresh, drop, step_seconds("base")),
        Contender("the whole command", "part", build, fresh, drop),
        Contender("tar -x in the namespace", "floor",
                  lambda: context.shell('zstd -q -dc "$TARBALL" | "$ENTER" tar -x -p -C "$TO"',
                                        tarball=tarball, to=target["path"],
                                        enter=context.floors["enter"]),
                  fresh_directory, drop),
    ]
    if peers.has("podman"):
        result.append(Contender(
            "podman import", "peer",
            lambda: peers.podman(target["path"], "import", "--quiet", tarball, "localhost/x"),
            fresh, drop))
    # The others begin with an image: the same files as a layer that each of them reads.
    image = context.path("unpack-image")
    if any(peers.has(name) for name in ("umoci", "skopeo", "podman")):
        image_spec = context.path("unpack-image.toml")
        with open(image_spec, "w", encoding="utf-8") as file:
            file.write(f'name = "unpack"\n[base]\ntarball = "{tarball}"\n[output]\nlevel = 1\n')
        context.run_gbox(context.path("unpack-store"), "build", image_spec, "--output",
                         f"oci:{image}:x")
    if peers.has("umoci"):
        result.append(Contender(
            "umoci unpack", "peer",
            lambda: context.shell('"$ENTER" umoci unpack --image "$IMAGE:x" "$TO"', image=image,
                                  to=target["path"], enter=context.floors["enter"]),
            fresh, drop))
    if peers.has("podman"):
        result.append(Contender(
            "podman load", "peer",
            lambda: peers.podman(target["path"], "load", "--quiet", "--input", image),
            fresh, drop))
    if peers.has("skopeo"):
        def copy():
            root = target["path"]
            storage = f"containers-storage:[overlay@{root}+{peers.runroot(root)}]localhost/x"
            return peers.skopeo("copy", "--quiet", f"oci:{image}:x", storage)
        result.append(Contender("skopeo copy", "peer", copy, fresh, drop))
    return result
