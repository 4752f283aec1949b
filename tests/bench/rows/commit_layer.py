"""commit-layer-zstd, commit-layer-gzip: from a finished step's files to an image on disk."""

import os

from lib.context import Context
from lib.inputs import file_tree, small_base, tree_size
from lib.measure import Command, Contender
from lib.peers import Peers
from lib.report import Target

ROUNDS = {"quick": 3, "full": 3}

# Floors of gzip, the first that is installed: what gbox does too, level 6 on all processors.
GZIP = {"pigz -6": "pigz", "gzip -6": "gzip"}


class CommitLayer:
    def __init__(self, codec: str, factor: float) -> None:
        self.codec = codec
        self.NAME = "commit-layer-" + codec
        self.TARGET = Target(factor)
        self.ROUNDS = ROUNDS

    def what(self, context: Context) -> str:
        return f"{tree_size(context)} into a {self.codec} layer"

    def contenders(self, context: Context, peers: Peers) -> list[Contender]:
        tree = file_tree(context)
        return [self._gbox(context, tree), *self._floors(context), *self._peers(context, peers, tree)]

    def _gbox(self, context: Context, tree: str) -> Contender:
        tarball, _ = small_base(context)
        store, spec = context.path("commit-store"), context.path(self.NAME + ".toml")
        with open(spec, "w", encoding="utf-8") as file:
            # The files come in through the mount of distfiles, which is in no key: what is timed
            # is the layer, not the digest of an input.
            file.write(f'name = "commit"\n[base]\ntarball = "{tarball}"\n'
                       f'[build]\ndistfiles = "{tree}"\n'
                       '[[phase]]\nname = "fill"\nshell = "sh"\n'
                       'run = "mkdir /data; cp -a /var/cache/distfiles/. /data/"\n'
                       '[[phase]]\nname = "end"\nshell = "sh"\nrun = "true"\n'
                       f'[output]\ncompression = "{self.codec}"\n')
        context.run_gbox(store, "build", spec, "--until", "fill")
        context.run_gbox(store, "build", spec, "--output", "oci:" + context.path("commit-first"))
        image = {"path": ""}

        def forget_layers() -> None:
            context.remove(*(os.path.join(store, kind, name) for kind in ("blobs/sha256", "layers")
                             for name in os.listdir(os.path.join(store, kind))))
            image["path"] = context.fresh("commit-image")

        return Contender(
            "gbox build", "gbox",
            lambda: context.gbox(store, "build", spec, "--output", "oci:" + image["path"]),
            forget_layers, lambda: context.remove(image["path"]))

    def _floors(self, context: Context) -> list[Contender]:
        store = context.path("commit-store")
        blob = context.path("commit-blob")

        def pipeline(compress: str) -> Command:
            return context.shell(
                'cd "$(dirname "$BLOB")"; "$ENTER" tar -C "$FROM" -c --sort=name -b 128 . | '
                f'"$HASH" diff-id | {compress} | "$HASH" digest >"$BLOB"',
                blob=blob, enter=context.floors["enter"], hash=context.floors["hash"],
                **{"from": context.snapshot_of(store, "fill")})

        def floor(name: str, compress: str) -> Contender:
            return Contender(name, "floor", lambda: pipeline(compress),
                             clean=lambda: context.remove(blob))

        hashed = "tar, 2 hashes"
        if self.codec == "zstd":
            return [floor(f"{hashed}, zstd -3", "zstd -q -3 -T0")]
        result = [floor(f"{hashed}, {name}", name) for name, tool in GZIP.items()
                  if context.tool(tool)][:1]
        if context.tool("igzip"):
            result.append(floor(f"{hashed}, igzip -3", "igzip -3 -T 2"))
        return result

    def _peers(self, context: Context, peers: Peers, tree: str) -> list[Contender]:
        result: list[Contender] = []
        target = {"path": ""}

        def fresh() -> None:
            target["path"] = context.fresh("commit-peer")

        def drop() -> None:
            context.remove(target["path"])

        if peers.has("buildah"):
            storage = context.path("commit-buildah")
            container = self._filled_container(context, peers, storage, tree)
            if self.codec == "gzip":
                result.append(Contender(
                    "buildah commit to oci", "peer",
                    lambda: peers.buildah(storage, "commit", "--quiet", container,
                                          f"oci:{target['path']}:x"),
                    fresh, drop))
            else:
                def forget_image() -> None:
                    fresh()
                    # What it has of this layer it would not make again.
                    peers.quietly(peers.buildah(storage, "rmi", "--all", "--force"))
                result.append(Contender(
                    "buildah commit, push zstd", "peer",
                    lambda: context.shell(
                        'buildah --root "$AT" --runroot "$RUN" commit --quiet "$CT" x\n'
                        'buildah --root "$AT" --runroot "$RUN" push --quiet '
                        '--compression-format zstd x "oci:$TO:x"',
                        **peers.env, at=storage, run=peers.runroot(storage), ct=container,
                        to=target["path"]),
                    forget_image, drop))
        if peers.has("umoci") and self.codec == "gzip":
            result.append(self._umoci(context, tree))
        return result

    @staticmethod
    def _filled_container(context: Context, peers: Peers, storage: str, tree: str) -> str:
        marker = storage + ".container"
        if os.path.exists(marker):
            with open(marker, encoding="utf-8") as file:
                return file.read()
        container = peers.quietly(peers.buildah(storage, "from", "scratch"))
        peers.quietly(peers.buildah(storage, "copy", "--quiet", container, tree, "/data"))
        with open(marker, "w", encoding="utf-8") as file:
            file.write(container)
        return container

    @staticmethod
    def _umoci(context: Context, tree: str) -> Contender:
        image, bundle = context.path("commit-umoci"), context.path("commit-bundle")
        serial = {"tag": 0}

        def fill() -> None:
            context.run_shell(
                'umoci init --layout "$IMAGE"; umoci new --image "$IMAGE:0"\n'
                '"$ENTER" umoci unpack --image "$IMAGE:0" "$BUNDLE"\n'
                '"$ENTER" cp -a "$FROM" "$BUNDLE/rootfs/data"',
                image=image, bundle=bundle, enter=context.floors["enter"], **{"from": tree})

        def next_tag() -> None:
            if not os.path.exists(image):
                fill()
            serial["tag"] += 1

        return Contender(
            "umoci repack", "peer",
            lambda: context.shell('"$ENTER" umoci repack --image "$IMAGE:$TAG" "$BUNDLE"',
                                  image=image, bundle=bundle, tag=str(serial["tag"]),
                                  enter=context.floors["enter"]),
            next_tag)


ROWS = [CommitLayer("zstd", 1.2), CommitLayer("gzip", 1.0)]
