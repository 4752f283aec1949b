"""A ROOT seen as '/': what is in it, and what it lacks lent from the system around it.

Directories of both are put together by overlays, each with an upper directory of its own that is
thrown away. Where the kernel mounts none, and where something is mounted below a directory (the
kernel refuses those too), they are made up of copies. What a program does in there is brought back
to ROOT by `changes` and `bring_back`: so that only effects stay in it, and nothing that was lent.
"""

import ctypes
import os
import re
import shutil
import stat
import subprocess
import tempfile

CLONE_NEWNS = 0x20000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
MNT_DETACH = 2

# Neither lent nor brought back.
OWN_TO_EACH = ("dev", "proc", "run", "sys", "tmp", "var/tmp")
# Not lent where lending means copying: nothing in a package's effects reads them.
NOT_WORTH_COPYING = ("usr/src", "usr/share/doc", "usr/share/info", "usr/share/man", "var/cache")
# What env-update and ldconfig make of all that is installed: of two systems at once it is nobody's.
OF_THE_WHOLE = (
    "etc/csh.env",
    "etc/environment.d/10-gentoo-env.conf",
    "etc/ld.so.cache",
    "etc/ld.so.conf",
    "etc/profile.env",
    "var/cache/ldconfig/aux-cache",
)

libc = ctypes.CDLL(None, use_errno=True)


def checked(result, what):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source, target, kind, flags, data=None):
    words = [os.fsencode(word) if word is not None else None for word in (source, target, kind)]
    text = os.fsencode(data) if data is not None else None
    checked(libc.mount(*words, flags, text), f"mount '{target}'")


def mount_points():
    """Paths of all mounts but '/'."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
        paths = [line.split()[4] for line in lines]
    escaped = re.compile(r"\\([0-7]{3})")
    paths = [escaped.sub(lambda code: chr(int(code[1], 8)), path) for path in paths]
    return {path for path in paths if path != "/"}


def below(path, directory):
    return path == directory or path.startswith(directory + "/")


def lstat(path):
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def is_directory(path):
    status = lstat(path)
    return status is not None and stat.S_ISDIR(status.st_mode)


def attributes(path):
    """Extended attributes that are a file's own, not overlayfs' notes about it."""
    found = {}
    try:
        for name in os.listxattr(path, follow_symlinks=False):
            if not name.startswith(("user.overlay.", "trusted.")):
                found[name] = os.getxattr(path, name, follow_symlinks=False)
    except OSError:
        pass  # a file system without any
    return found


def dress(source, target):
    """Owner, mode and attributes for `target`; the owner first, as chown strips the rest."""
    status = os.lstat(source)
    os.chown(target, status.st_uid, status.st_gid, follow_symlinks=False)
    if stat.S_ISLNK(status.st_mode):
        return
    os.chmod(target, stat.S_IMODE(status.st_mode))
    for name, value in attributes(source).items():
        try:
            os.setxattr(target, name, value)
        except OSError:
            pass


def remove(path):
    if is_directory(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def copy_entry(source, target):
    """A file or link, in place of whatever is there."""
    status = os.lstat(source)
    if stat.S_ISLNK(status.st_mode):
        if lstat(target):
            remove(target)
        os.symlink(os.readlink(source), target)
        dress(source, target)
        return
    if not stat.S_ISREG(status.st_mode):
        return  # sockets and the like are made when somebody listens
    if is_directory(target):
        shutil.rmtree(target)
    handle, made = tempfile.mkstemp(dir=os.path.dirname(target), prefix=".gbox-")
    os.close(handle)
    shutil.copyfile(source, made)
    dress(source, made)
    os.utime(made, ns=(status.st_atime_ns, status.st_mtime_ns))
    os.rename(made, target)


def is_same(one, other):
    """Whether two paths hold the same, as far as an image tells."""
    a, b = lstat(one), lstat(other)
    if a is None or b is None or (a.st_mode, a.st_uid, a.st_gid) != (b.st_mode, b.st_uid, b.st_gid):
        return False
    if stat.S_ISLNK(a.st_mode):
        return os.readlink(one) == os.readlink(other)
    if attributes(one) != attributes(other):
        return False
    if not stat.S_ISREG(a.st_mode) or a.st_size != b.st_size:
        return stat.S_ISDIR(a.st_mode)
    with open(one, "rb") as first, open(other, "rb") as second:
        while block := first.read(1 << 20):
            if block != second.read(1 << 20):
                return False
    return True


class LentRoot:
    """Made for the life of this process: it enters a mount namespace of its own.

    Without `copies`, it is an OSError when the kernel mounts no overlays: copying a whole system
    takes its time.
    """

    def __init__(self, root, copies):
        self.root = root
        self.copies = copies
        self.mounts = mount_points()
        checked(libc.unshare(CLONE_NEWNS), "unshare")
        mount(None, "/", None, MS_REC | MS_PRIVATE)
        self.place = tempfile.mkdtemp(prefix="gbox-root.", dir="/var/tmp")
        self.top = self.place + "/top"
        self.mounted = []
        self.uppers = {}  # by path: where an overlay writes what is done below
        self.before = {}  # by path: inode and time of change, of what is no overlay's
        try:
            self.join("")
            self.mount_own()
        except BaseException:
            self.close()
            raise

    def close(self):
        for path in reversed(self.mounted):
            libc.umount2(os.fsencode(path), MNT_DETACH)
        self.mounted.clear()
        shutil.rmtree(self.place, ignore_errors=True)

    # --- putting it together ---

    def ours(self, path):
        return f"{self.root}/{path}" if path else self.root

    @staticmethod
    def theirs(path):
        return "/" + path

    def is_lent(self, path):
        """Whether what '/' has at `path` is its own: neither a mount nor ROOT itself."""
        place = self.theirs(path)
        return not path or (place not in self.mounts and not below(place, self.root))

    def is_taken_apart(self, path):
        places = [self.theirs(path), self.ours(path)]
        if below(self.root, places[0]):
            return True
        return any(
            mounted != place and below(mounted, place)
            for mounted in self.mounts
            for place in places
        )

    def join(self, path):
        """A directory of both."""
        sources = [self.ours(path)] if is_directory(self.ours(path)) else []
        if self.is_lent(path) and is_directory(self.theirs(path)):
            # Where ROOT has a file or link in its place, that counts.
            if sources or lstat(self.ours(path)) is None:
                sources.append(self.theirs(path))
        target = os.path.join(self.top, path)
        os.mkdir(target)
        dress(sources[0], target)
        if not path or self.is_taken_apart(path):
            self.join_children(path, sources)
        elif not self.overlay(path, sources, target):
            self.copy(path, sources, target)

    def join_children(self, path, sources):
        names = sorted({name for source in sources for name in os.listdir(source)})
        self.before[path] = None
        for name in names:
            child = f"{path}/{name}" if path else name
            if child in OWN_TO_EACH or not (lstat(self.ours(child)) or self.is_lent(child)):
                continue
            source = next(p for p in (self.ours(child), self.theirs(child)) if lstat(p))
            if is_directory(source):
                self.join(child)
            else:
                copy_entry(source, os.path.join(self.top, child))
                self.note(child)

    def overlay(self, path, sources, target):
        layer = f"{self.place}/{len(self.uppers)}"
        for directory in (layer, layer + "/upper", layer + "/work"):
            os.mkdir(directory)
        dress(sources[0], layer + "/upper")  # it shows as its upper directory is
        lower = ":".join(re.sub(r"([\\:,])", r"\\\1", source) for source in sources)
        data = f"lowerdir={lower},upperdir={layer}/upper,workdir={layer}/work"
        try:
            # Without userxattr, nothing can be removed in it.
            mount("overlay", target, "overlay", 0, "userxattr,index=off,metacopy=off," + data)
        except OSError:
            shutil.rmtree(layer)
            if not self.copies:
                raise
            return False
        self.mounted.append(target)
        self.uppers[path] = layer + "/upper"
        return True

    def copy(self, path, sources, target):
        for source in reversed(sources):
            if source == self.theirs(path) and any(below(path, p) for p in NOT_WORTH_COPYING):
                continue
            command = ["cp", "--archive", "--reflink=auto", "--remove-destination"]
            subprocess.run([*command, "--no-target-directory", source, target], check=True)
        self.before[path] = None
        for directory, names, files in os.walk(target):
            for name in names + files:
                self.note(os.path.relpath(os.path.join(directory, name), self.top))

    def note(self, path):
        status = lstat(os.path.join(self.top, path))
        if status:
            # A directory changes with what it holds.
            changed = 0 if stat.S_ISDIR(status.st_mode) else status.st_ctime_ns
            self.before[path] = (status.st_ino, changed)

    def mount_own(self):
        for path in OWN_TO_EACH:
            target = os.path.join(self.top, path)
            os.makedirs(target, exist_ok=True)
            if path in ("dev", "proc", "sys"):
                mount(self.theirs(path), target, None, MS_BIND | MS_REC)
                self.mounted.append(target)
            elif path != "run":
                os.chmod(target, 0o1777)

    # --- using it ---

    def inside(self, path):
        return os.path.join(self.top, path.lstrip("/"))

    def run(self, command):
        """The exit status of `command` in there, with an environment of its own."""
        environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "LANG": "C.UTF-8",
            "NO_COLOR": "1",
            "NOCOLOR": "true",
            "TERM": "dumb",
        }
        # ROOT's own cache of libraries knows nothing of those that are lent.
        try:
            with open("/etc/ld.so.conf", encoding="utf-8") as lines:
                words = [line.strip() for line in lines]
            paths = [word for word in words if word.startswith("/")]
            if paths:
                environment["LD_LIBRARY_PATH"] = ":".join(paths)
        except OSError:
            pass

        def enter():
            os.chroot(self.top)
            os.chdir("/")

        try:
            return subprocess.run(command, env=environment, preexec_fn=enter).returncode
        except FileNotFoundError:
            return 127

    # --- what came of it ---

    def is_brought_back(self, path):
        return path not in OF_THE_WHOLE and not any(below(path, own) for own in OWN_TO_EACH)

    def changes(self):
        """(path, where it is now), None for what is gone; directories before what they hold."""
        for top, upper in sorted(self.uppers.items()):
            yield from self.written(top, upper)
        yield from self.altered()

    def written(self, top, upper):
        for directory, names, files in os.walk(upper):
            names.sort()
            inner = os.path.relpath(directory, upper)
            prefix = top if inner == "." else f"{top}/{inner}"
            if inner != "." and self.is_opaque(directory) and is_directory(self.ours(prefix)):
                for name in set(os.listdir(self.ours(prefix))) - set(names + files):
                    yield f"{prefix}/{name}", None
            for name in sorted(names + files):
                status = os.lstat(f"{directory}/{name}")
                gone = stat.S_ISCHR(status.st_mode) and status.st_rdev == 0
                yield f"{prefix}/{name}", None if gone else f"{directory}/{name}"

    @staticmethod
    def is_opaque(directory):
        try:
            return os.getxattr(directory, "user.overlay.opaque") == b"y"
        except OSError:
            return False

    def altered(self):
        seen = set()
        for place in [path for path, known in self.before.items() if known is None]:
            for directory, names, files in os.walk(os.path.join(self.top, place)):
                inner = os.path.relpath(directory, self.top)
                prefix = "" if inner == "." else inner + "/"
                # An overlay tells of itself, and so does a directory that was taken apart.
                names[:] = sorted(
                    name
                    for name in names
                    if prefix + name not in self.uppers and prefix + name not in OWN_TO_EACH
                    and self.before.get(prefix + name, ()) is not None
                )
                for name in names + sorted(files):
                    path = prefix + name
                    seen.add(path)
                    known = self.before.get(path)
                    self.note(path)
                    if self.before.get(path) != known:
                        yield path, os.path.join(self.top, path)
        for path, known in list(self.before.items()):
            if known is not None and path not in seen:
                yield path, None

    def bring_back(self):
        """Puts what was done into ROOT. Returns the paths that are other than before."""
        brought = []
        for path, now in self.changes():
            if not self.is_brought_back(path):
                continue
            target = self.ours(path)
            if now is None:
                if lstat(target):
                    remove(target)
                    brought.append("/" + path)
                continue
            origin = target if lstat(target) else self.theirs(path)
            if is_directory(now) and is_directory(origin):
                # On the way to what has changed; of its own accord only where ROOT has it.
                if origin == target and not is_same(now, target):
                    dress(now, target)
                    brought.append("/" + path)
                continue
            if is_same(now, origin):
                continue
            self.make_parents(path)
            if is_directory(now):
                if lstat(target):
                    remove(target)
                os.mkdir(target)
                dress(now, target)
            else:
                copy_entry(now, target)
            brought.append("/" + path)
        return brought

    def make_parents(self, path):
        parts = path.split("/")[:-1]
        for count in range(1, len(parts) + 1):
            parent = "/".join(parts[:count])
            if not is_directory(self.ours(parent)):
                if lstat(self.ours(parent)):
                    remove(self.ours(parent))
                os.mkdir(self.ours(parent))
                dress(os.path.join(self.top, parent), self.ours(parent))
