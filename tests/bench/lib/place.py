"""Where the benchmark works, and whether figures from there mean anything.

ext4 without a journal, the root file system of many throw-away machines, makes creating files
slower with every 'rm -r' before it: the fourth unpacking of one archive takes five times as long as
the first. There the benchmark wants another file system, and says which one it got."""

import os
import shutil
import sys

NEEDED_BYTES = {"quick": 4 << 30, "full": 24 << 30}


def _unescape(field: str) -> str:
    return field.encode().decode("unicode_escape")


def mount_of(directory: str) -> tuple[str, str, str]:
    """File system type, source and mount point of what holds `directory`."""
    device = os.stat(directory).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    found = ("unknown", "unknown", "/")
    real = os.path.realpath(directory)
    with open("/proc/self/mountinfo", encoding="utf-8") as lines:
        for line in lines:
            fields = line.split()
            if fields[2] != wanted:
                continue
            dash = fields.index("-")
            point = _unescape(fields[4])
            inside = point == "/" or real == point or real.startswith(point + "/")
            if inside and len(point) >= len(found[2]):
                found = (fields[dash + 1], _unescape(fields[dash + 2]), point)
    return found


def has_journal(directory: str) -> bool:
    """Of ext4: jbd2 lists each journal as KERNEL-NAME-INODE."""
    device = os.stat(directory).st_dev
    link = f"/sys/dev/block/{os.major(device)}:{os.minor(device)}"
    name = os.path.basename(os.path.realpath(link))
    try:
        return any(entry.rpartition("-")[0] == name for entry in os.listdir("/proc/fs/jbd2"))
    except FileNotFoundError:
        return False


def is_fit(directory: str) -> bool:
    return mount_of(directory)[0] != "ext4" or has_journal(directory)


def describe(directory: str) -> str:
    kind, source, point = mount_of(directory)
    if kind != "ext4":
        return f"{kind} at {point}"
    journal = "with" if has_journal(directory) else "WITHOUT"
    try:
        path = f"/sys/block/{os.path.basename(source)}/loop/backing_file"
        with open(path, encoding="utf-8") as file:
            source += " in memory" if file.read().startswith("/dev/shm/") else " in a file"
    except OSError:
        pass  # no loop device
    return f"ext4 {journal} a journal ({source})"


def _keeps_user_xattrs(directory: str) -> bool:
    probe = os.path.join(directory, f".gbox-bench-{os.getpid()}")
    try:
        with open(probe, "wb"):
            os.setxattr(probe, "user.gbox", b"1")
        return True
    except OSError:
        return False
    finally:
        if os.path.exists(probe):
            os.unlink(probe)


def _available_memory() -> int:
    with open("/proc/meminfo", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    return 0


def memory(size: str) -> str | None:
    """A tmpfs with room for what a run of this size writes, when there is memory to spare."""
    directory = "/dev/shm"
    needed = NEEDED_BYTES[size]
    if (
        os.path.isdir(directory)
        and mount_of(directory)[0] == "tmpfs"
        and shutil.disk_usage(directory).free > needed
        and _available_memory() > 2 * needed
    ):
        return directory
    return None


def choose(default: str, size: str) -> str:
    """`default` when it is fit, else memory when there is plenty of it, else `default` all the
    same."""
    if is_fit(default):
        return default
    substitute = memory(size)
    if substitute is None or not _keeps_user_xattrs(substitute):
        return default
    return substitute


if __name__ == "__main__":
    # For the part of ./run that root runs. '--memory': 0 when a quick run fits into memory;
    # DIRECTORY: 0 when it needs no substitute.
    if sys.argv[1] == "--memory":
        sys.exit(0 if memory("quick") else 1)
    sys.exit(0 if is_fit(sys.argv[1]) else 1)
