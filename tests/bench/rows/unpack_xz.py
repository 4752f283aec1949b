"""unpack-xz: the same from a .tar.xz of several blocks, as Gentoo publishes its stage3s."""

import os

from lib.context import Context
from lib.inputs import stand_in, tarball_of_tree, tree_size
from lib.measure import Contender
from lib.peers import Peers
from lib.report import Target
from rows.unpack import of_tarball

NAME = "unpack-xz"
TARGET = Target(1.5)
ROUNDS = {"quick": 3, "full": 3}


def what(context: Context) -> str:
    if context.quick:
        return f"a .tar.xz of {tree_size(context)}, in blocks"
    return "the stand-in stage3, a .tar.xz in blocks"


def contenders(context: Context, peers: Peers) -> list[Contender]:
    source = tarball_of_tree(context) if context.quick else stand_in(context)
    tarball = context.path("tree.tar.xz")
    if not os.path.exists(tarball):
        # Little effort: how it was compressed hardly changes what decompressing costs.
        context.run_shell('zstd -q -dc "$SOURCE" | xz -0 -T0 --block-size=8MiB > "$TO"',
                          source=source, to=tarball)
    return of_tarball(context, peers, tarball, 'xz -T0 -dc "$TARBALL"')
