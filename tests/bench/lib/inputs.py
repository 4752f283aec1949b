"""What the rows work on, made once a run: a base of one static program, and trees of files with
contents that compress like those of an image."""

import os
import random
import shutil
import subprocess
import tarfile

from lib.context import ROOT, Context
from lib.measure import Failed

APPLETS = ["sh", "awk", "cat", "chmod", "cp", "cut", "dd", "echo", "env", "false", "grep", "head",
           "ls", "mkdir", "mv", "rm", "sed", "seq", "sha256sum", "sleep", "sort", "tail", "touch",
           "tr", "true", "uname", "wc"]
DIRECTORIES = ["bin", "dev", "etc", "proc", "root", "run", "sys", "tmp", "usr", "usr/bin", "var",
               "var/cache", "var/tmp"]


def _owned_by_root(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info


def small_base(context: Context) -> tuple[str, str]:
    """A root file system of busybox: its tarball, and the same as a directory. It starts as fast as
    a static program can, so that what is timed is the tools."""
    tarball, tree = context.path("base.tar"), context.path("base")
    if os.path.exists(tarball):
        return tarball, tree
    busybox = context.tool("busybox") or "/bin/busybox"
    if not os.path.exists(busybox):
        raise Failed("busybox is not installed (apt install busybox-static)")
    for directory in DIRECTORIES:
        os.makedirs(os.path.join(tree, directory))
    os.chmod(os.path.join(tree, "tmp"), 0o1777)
    shutil.copy(busybox, os.path.join(tree, "bin/busybox"))
    for applet in APPLETS:
        os.symlink("busybox", os.path.join(tree, "bin", applet))
    with open(os.path.join(tree, "etc/passwd"), "w", encoding="utf-8") as file:
        file.write("root:x:0:0:root:/root:/bin/sh\n")
    with tarfile.open(tarball, "w", format=tarfile.PAX_FORMAT) as archive:
        archive.add(tree, ".", filter=_owned_by_root)
    return tarball, tree


def _tree_size(context: Context) -> tuple[int, int]:
    """Number of small files, and MiB of data beside them."""
    return (6_000, 64) if context.quick else (20_000, 1024)


def tree_size(context: Context) -> str:
    files, data_mib = _tree_size(context)
    return f"{files:,} small files and {data_mib} MiB"


def file_tree(context: Context) -> str:
    """Small text files in directories of 100, and data in files of 16 MiB of which three quarters
    cannot be compressed, as in the layers that images have. Always the same, made once a run."""
    tree = context.path("tree")
    if os.path.isdir(tree):
        return tree
    files, data_mib = _tree_size(context)
    source = random.Random(1)
    words = [bytes(source.choices(b"etaoinshrdlucmfwyp_", k=source.randint(2, 9)))
             for _ in range(4096)]
    text = b" ".join(source.choices(words, k=200_000))
    for number in range(files):
        directory = os.path.join(tree, f"d{number // 100:04}")
        if number % 100 == 0:
            os.makedirs(directory)
        start = source.randrange(len(text) - 10_000)
        with open(os.path.join(directory, f"f{number:06}.txt"), "wb") as file:
            file.write(text[start : start + source.randint(100, 8_000)])
    os.makedirs(os.path.join(tree, "data"))
    for number in range(data_mib // 16):
        with open(os.path.join(tree, "data", f"{number:04}.bin"), "wb") as file:
            for _ in range(16):
                start = source.randrange(len(text) - (256 << 10))
                file.write(source.randbytes(768 << 10))
                file.write(text[start : start + (256 << 10)])
    return tree


def tarball_of_tree(context: Context) -> str:
    """The file tree as a base: a .tar.zst, with the shell that tells gbox the architecture."""
    tree, tarball = file_tree(context), context.path("tree.tar.zst")
    _, base = small_base(context)
    context.run_shell(
        'tar --owner=0 --group=0 --sort=name -c -C "$TREE" . -C "$BASE" bin | '
        'zstd -q -3 -o "$TO"', tree=tree, base=base, to=tarball)
    return tarball


def stand_in(context: Context) -> str:
    """The stand-in stage3; made when there is none yet, which takes minutes."""
    result = subprocess.run(
        [os.path.join(ROOT, "tests/standin/make")],
        stdout=subprocess.PIPE,
        env={**os.environ, **context.env},
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise Failed("the stand-in stage3 cannot be made (tests/standin/make)")
    return result.stdout.strip()
