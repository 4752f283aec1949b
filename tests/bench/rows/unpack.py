"""unpack: from a tarball to the first snapshot, or to an image in the peers' stores."""

import os

from lib.context import Context, step_seconds
from lib.inputs import stand_in, tarball_of_tree, tree_size
from lib.measure import Contender
from lib.peers import Peers
from lib.report import Target

NAME = "unpack"
TARGET = Target(1.5)
ROUNDS = {"quick": 3, "full": 5}


def what(context: Context) -> str:
    if context.quick:
        return f"a .tar.zst of {tree_size(context)}"
    return "the stand-in stage3, a .tar.zst"


def places(context: Context, peers: Peers):
    """Where a run unpacks to, and what is done before and after it."""
    target = {"path": ""}

    def fresh() -> None:
        target["path"] = context.fresh("unpack")

    def fresh_directory() -> None:
        fresh()
        os.mkdir(target["path"])

    def drop() -> None:
        peers.drop_storage(target["path"])

    return target, fresh, fresh_directory, drop


def of_tarball(context: Context, peers: Peers, tarball: str, decompress: str) -> list[Contender]:
    """gbox, the floor and who else reads such a tarball. `decompress` writes $TARBALL's tar."""
    spec = context.path(f"{os.path.basename(tarball)}.toml")
    with open(spec, "w", encoding="utf-8") as file:
        # The phases are there for --until: what stops before the last writes no image.
        file.write(f'name = "unpack"\n[base]\ntarball = "{tarball}"\n')
        for phase in ("first", "never"):
            file.write(f'[[phase]]\nname = "{phase}"\nshell = "sh"\nrun = "true"\n')
    target, fresh, fresh_directory, drop = places(context, peers)

    def build():
        return context.gbox(target["path"], "build", spec, "--until", "first", "--progress", "json")

    result = [
        Contender("gbox build, the base's step", "gbox", build, fresh, drop, step_seconds("base")),
        Contender("the whole command", "part", build, fresh, drop),
        Contender("tar -x in the namespace", "floor",
                  # Device nodes, which a user namespace cannot make, are left out by all.
                  lambda: context.shell(decompress + ' | "$ENTER" tar -x -p -C "$TO" '
                                        '--exclude "./dev/*"',
                                        tarball=tarball, to=target["path"],
                                        enter=context.floors["enter"]),
                  fresh_directory, drop),
    ]
    if peers.has("podman"):
        result.append(Contender(
            "podman import", "peer",
            lambda: peers.podman(target["path"], "import", "--quiet", tarball, "localhost/x"),
            fresh, drop))
    return result


def contenders(context: Context, peers: Peers) -> list[Contender]:
    tarball = tarball_of_tree(context) if context.quick else stand_in(context)
    result = of_tarball(context, peers, tarball, 'zstd -q -dc "$TARBALL"')
    target, fresh, _, drop = places(context, peers)

    # The others begin with an image: the same files as a layer that each of them reads.
    image = context.path("unpack-image")
    if any(peers.has(name) for name in ("umoci", "skopeo", "podman")):
        image_spec = context.path("unpack-image.toml")
        with open(image_spec, "w", encoding="utf-8") as file:
            file.write(f'name = "unpack"\n[base]\ntarball = "{tarball}"\n[output]\nlevel = 1\n')
        # The archive is for podman, which names an image after its directory and fails where that
        # is no valid name ('/home/ana/.cache/…').
        context.run_gbox(context.path("unpack-store"), "build", image_spec,
                         "--output", f"oci:{image}:x", "--output", f"oci-archive:{image}.tar")
    if peers.has("umoci"):
        result.append(Contender(
            "umoci unpack", "peer",
            lambda: context.shell('"$ENTER" umoci unpack --image "$IMAGE:x" "$TO"', image=image,
                                  to=target["path"], enter=context.floors["enter"]),
            fresh, drop))
    if peers.has("podman"):
        result.append(Contender(
            "podman load", "peer",
            lambda: peers.podman(target["path"], "load", "--quiet", "--input",
                                  image + ".tar"),
            fresh, drop))
    if peers.has("skopeo"):
        def copy():
            root = target["path"]
            storage = f"containers-storage:[overlay@{root}+{peers.runroot(root)}]localhost/x"
            return peers.skopeo("copy", "--quiet", f"oci:{image}:x", storage)
        result.append(Contender("skopeo copy", "peer", copy, fresh, drop))
    return result
