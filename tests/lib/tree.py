#!/usr/bin/env python3
"""Prints what a directory tree holds, one line an entry, so that two trees can be compared by diff.

usage: tree.py [--times] [--holes] [--skip PATH]… DIRECTORY

A line has kind, mode, owner, size, digest or target, extended attributes, the first name of a hard
link and the path. Directory times are left out: every tool leaves others behind. What is mounted
below the directory is skipped by name, since overlayfs gives no reliable device numbers.
Also runs inside a sandbox, through python3 -c: it needs nothing but the standard library.
"""

import hashlib
import os
import stat
import sys

KINDS = {
    stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "link", stat.S_IFIFO: "fifo",
    stat.S_IFCHR: "char", stat.S_IFBLK: "block", stat.S_IFSOCK: "socket",
}


def digest(path):
    total = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            total.update(chunk)
    return total.hexdigest()[:32]


def attributes(path):
    found = []
    for name in sorted(os.listxattr(path, follow_symlinks=False)):
        # Overlayfs' own notes in a layer directory, and what a host's security module adds.
        if name.startswith(("user.overlay.", "trusted.overlay.", "security.selinux")):
            continue
        value = os.getxattr(path, name, follow_symlinks=False)
        found.append(f"{name}={value.hex()}")
    return ",".join(found) or "-"


def data_bytes(path, size):
    """How many bytes lie in extents of data, rounded by the file system."""
    with open(path, "rb") as file:
        total, at = 0, 0
        while at < size:
            try:
                start = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:
                break
            at = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            total += at - start
        return total


def main():
    times = holes = False
    skipped, top = set(), None
    arguments = sys.argv[1:]
    while arguments:
        word = arguments.pop(0)
        if word == "--times":
            times = True
        elif word == "--holes":
            holes = True
        elif word == "--skip":
            skipped.add(arguments.pop(0).strip("/"))
        else:
            top = word
    if top is None:
        sys.exit(__doc__)

    names = ["."]
    for directory, subdirectories, files in os.walk(os.fsencode(top)):
        relative = os.path.relpath(directory, os.fsencode(top))
        def path_of(name):
            return os.fsdecode(os.path.normpath(os.path.join(relative, name)))

        subdirectories[:] = [name for name in subdirectories if path_of(name) not in skipped]
        names += [path_of(name) for name in subdirectories + files]
    names.sort(key=os.fsencode)

    # Snapshots of a store share files: a name counts as a link only of another one in this tree.
    first_name, count = {}, {}
    for name in names:
        status = os.lstat(os.path.normpath(os.path.join(top, name)))
        if not stat.S_ISDIR(status.st_mode):
            inode = (status.st_dev, status.st_ino)
            count[inode] = count.get(inode, 0) + 1
    for name in names:
        path = os.path.normpath(os.path.join(top, name))
        status = os.lstat(path)
        kind = KINDS[stat.S_IFMT(status.st_mode)]
        content = "-"
        size = 0
        if kind == "file":
            size = status.st_size
            content = digest(path)
        elif kind == "link":
            content = os.readlink(path)
        elif kind in ("char", "block"):
            content = f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
        linked = "-"
        inode = (status.st_dev, status.st_ino)
        if kind != "dir" and count[inode] > 1:
            linked = first_name.setdefault(inode, name)
        line = [kind, f"{stat.S_IMODE(status.st_mode):04o}", f"{status.st_uid}:{status.st_gid}",
                str(size), content, attributes(path), linked]
        if times:
            line.append("-" if kind == "dir" else str(int(status.st_mtime)))
        if holes:
            # Only what is clearly sparse: file systems round differently.
            sparse = kind == "file" and size - data_bytes(path, size) >= 1 << 20
            line.append("sparse" if sparse else "-")
        line.append(os.fsencode(name).decode("utf-8", "backslashreplace"))
        print("\t".join(line))


main()
