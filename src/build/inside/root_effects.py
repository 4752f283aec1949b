"""What installing into a ROOT leaves undone, done in the ROOT as if it were '/'.

    root-effects eselect WORD…    an eselect that applies to $ROOT; without one, the real eselect
    root-effects finish ROOT      after a phase has merged what it merges

It stands before the real eselect in PATH while something is merged into a ROOT of its own: the
modules of many packages look at '/' alone, and would choose among what the builder has.
"""

import glob
import json
import os
import shutil
import subprocess
import sys

from lent_root import LentRoot, lstat

REAL_ESELECT = "/usr/bin/eselect"
MODULES = "/usr/share/eselect/modules"
# There as long as a phase is merging: what cannot be chosen yet, as its module is still to come or
# ROOT cannot be shown at no cost, is chosen at its end.
MAY_WAIT = "/run/gbox/may-wait"
WAITING = "/var/lib/gbox/eselect-waiting"
# What only asks: of something that cannot answer yet, nothing has been chosen.
QUESTIONS = {"help", "list", "show", "usage", "version"}

# Of the C library that has an ldconfig.
LOADERS = ("ld-linux*.so.*", "ld64.so.*", "ld.so.1")
LINKERS_NOTES = "/var/cache/ldconfig/aux-cache"

# Caches of what several packages install: what is looked for in ROOT, and what makes the cache.
# Each leaves what it finds up to date as it is.
CACHES = (
    ("usr/lib/tmpfiles.d/*.conf", "systemd-tmpfiles", "--create"),
    ("usr/share/glib-2.0/schemas/*.xml", "glib-compile-schemas", "/usr/share/glib-2.0/schemas"),
    ("usr/share/mime/packages/*.xml", "update-mime-database", "/usr/share/mime"),
    ("usr/share/applications/*.desktop", "update-desktop-database", "/usr/share/applications"),
    ("usr/lib*/gdk-pixbuf-2.0/*/loaders/*.so", "gdk-pixbuf-query-loaders", "--update-cache"),
)
# Of tmpfiles.d: what a running system makes at its start is none of the image's.
TMPFILES = ["--exclude-prefix=" + path for path in ("/dev", "/proc", "/run", "/sys", "/tmp")]


def say(text):
    print(f">>> gbox: {text}", file=sys.stderr, flush=True)


def complain(text):
    print(f"!!! gbox: {text}", file=sys.stderr, flush=True)


def counted(number, one):
    return f"{number} {one}" + ("" if number == 1 else "s")


def show(paths):
    return ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")


# --- eselect ---


def module_of(words):
    return next((word for word in words if not word.startswith("-")), "")


def is_there(root, path):
    return any(lstat(where + path) for where in (root, ""))


def choose(lent, words):
    """Runs eselect where ROOT is '/'; its exit status."""
    status = lent.run([REAL_ESELECT, *words])
    if status == 0 and (brought := lent.bring_back()):
        say(f"eselect {' '.join(words)}: {show(brought)}")
    return status


def put_off(root, words):
    if QUESTIONS.intersection(words):
        return 0
    os.makedirs(os.path.dirname(WAITING), exist_ok=True)
    with open(WAITING, "a", encoding="utf-8") as file:
        file.write(json.dumps({"root": root, "words": words}) + "\n")
    say(f"eselect {' '.join(words)}: waits for the end of the phase")
    return 0


def eselect(words):
    root = os.path.realpath(os.environ.get("ROOT") or "/")
    if root == "/" or not os.path.isdir(root):
        os.execv(REAL_ESELECT, ["eselect", *words])
    module = module_of(words)
    present = is_there(root, REAL_ESELECT) and is_there(root, f"{MODULES}/{module}.eselect")
    may_wait = os.path.exists(MAY_WAIT)
    if module and not present and may_wait:
        return put_off(root, words)
    try:
        lent = LentRoot(root, copies=not may_wait)
    except OSError as error:
        if may_wait:
            return put_off(root, words)
        complain(f"cannot show '{root}' as '/': {error}")
        complain("a phase that only runs a script needs 'policy = \"emerge\"' for it")
        return 1
    try:
        return choose(lent, words)
    finally:
        lent.close()


# --- the end of a phase ---


def take_waiting(root):
    try:
        with open(WAITING, encoding="utf-8") as lines:
            calls = [json.loads(line) for line in lines]
    except FileNotFoundError:
        return []
    others = [call for call in calls if call["root"] != root]
    with open(WAITING, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(call) + "\n" for call in others)
    if not others:
        os.unlink(WAITING)
        if not os.listdir(os.path.dirname(WAITING)):
            os.rmdir(os.path.dirname(WAITING))
    return [call["words"] for call in calls if call["root"] == root]


def wanted_locales(root):
    """Of etc/locale.gen, by the names that they are stored under: 'en_US.UTF-8' is en_US.utf8."""
    names = []
    try:
        with open(root + "/etc/locale.gen", encoding="utf-8", errors="replace") as lines:
            words = [line.split("#")[0].split() for line in lines]
    except OSError:
        return names
    for word in words:
        if len(word) >= 2 and not word[0].startswith(("C.", "POSIX")):
            name, _, charset = word[0].partition(".")
            charset = "".join(filter(str.isalnum, charset or word[1])).lower()
            names.append(f"{name}.{charset}")
    return names


def there_are_locales(root, names):
    listed = []
    if localedef := shutil.which("localedef"):
        command = [localedef, f"--prefix={root}", "--list-archive"]
        answer = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        listed = answer.stdout.decode("utf-8", "replace").split()
    listed += [os.path.basename(path) for path in glob.glob(root + "/usr/lib/locale/*")]
    return all(name in listed for name in names)


def make_locales(root, lent):
    """The builder's own are no part of it: they are hidden first."""
    for path in glob.glob(lent.inside("/usr/lib/locale/*")):
        if not lstat(root + "/usr/lib/locale/" + os.path.basename(path)):
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)
    return lent.run(["locale-gen"])


class Finish:
    def __init__(self, root):
        self.root = root
        self.lent = None
        self.done = []
        self.failed = []

    def show(self):
        if self.lent is None:
            self.lent = LentRoot(self.root, copies=True)
        return self.lent

    def do(self, what, command):
        status = command()
        if status == 0:
            self.done.append(what)
        else:
            self.failed.append(f"{what} (exit {status})")

    def has(self, program):
        return any(
            is_there(self.root, f"{place}/{program}")
            for place in ("/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin")
        )

    def run(self):
        for words in take_waiting(self.root):
            name = "eselect " + " ".join(words)
            self.do(name, lambda words=words: self.show().run([REAL_ESELECT, *words]))
        names = wanted_locales(self.root)
        if names and self.has("locale-gen") and not there_are_locales(self.root, names):
            self.do(counted(len(names), "locale"), lambda: make_locales(self.root, self.show()))
        for pattern, program, argument in CACHES:
            found = sorted(glob.glob(f"{self.root}/{pattern}"))
            if not found or not self.has(program):
                continue
            command = [program, argument]
            if program == "systemd-tmpfiles":
                command += TMPFILES + [os.path.basename(path) for path in found]
            self.do(program, lambda command=command: self.show().run(command))
        if self.lent is not None:
            brought = self.lent.bring_back()
            if brought:
                say(f"brought to '{self.root}': {show(brought)}")
        self.settle_environment()
        self.settle_libraries()

    # Of the whole of ROOT and nothing else: not in the lent one.
    def settle_environment(self):
        if os.path.isdir(self.root + "/etc/env.d") and shutil.which("env-update"):
            environment = {**os.environ, "ROOT": self.root}
            command = ["env-update", "--no-ldconfig"]
            self.do("env-update", lambda: subprocess.run(command, env=environment).returncode)

    def settle_libraries(self):
        for loader in glob.glob(self.root + "/lib*/ld-musl-*.so.1"):
            self.do("library path", lambda loader=loader: self.tell_musl(loader))
        program = shutil.which("ldconfig")
        loaders = [p for p in LOADERS if glob.glob(f"{self.root}/lib*/{p}")]
        if not loaders or program is None:
            return
        # -X as Portage does: links are what packages installed.
        command = [program, "-X", "-r", self.root]
        self.do("ldconfig", lambda: subprocess.run(command, cwd="/").returncode)
        # Only for the next run, and full of times.
        if lstat(self.root + LINKERS_NOTES):
            os.unlink(self.root + LINKERS_NOTES)

    def tell_musl(self, loader):
        """musl has no cache: it reads where to look, instead of what it knows by itself."""
        paths = ["/lib", "/usr/local/lib", "/usr/lib"]
        try:
            with open(self.root + "/etc/ld.so.conf", encoding="utf-8") as lines:
                paths += [line.strip() for line in lines if line.startswith("/")]
        except FileNotFoundError:
            pass
        name = os.path.basename(loader).removesuffix(".so.1")
        with open(f"{self.root}/etc/{name}.path", "w", encoding="utf-8") as file:
            file.writelines(path + "\n" for path in dict.fromkeys(paths))
        return 0


def finish(root):
    if not os.path.isdir(root):
        return 0  # nothing was merged
    work = Finish(os.path.realpath(root))
    try:
        work.run()
    finally:
        if work.lent is not None:
            work.lent.close()
    if work.done:
        say(f"done in '{root}': {', '.join(work.done)}")
    if work.failed:
        complain(f"not done in '{root}': {', '.join(work.failed)}")
    return 1 if work.failed else 0


def main(words):
    if words[:1] == ["eselect"]:
        return eselect(words[1:])
    if words[:1] == ["finish"] and len(words) == 2:
        return finish(words[1])
    print("usage: root-effects eselect WORD… | finish ROOT", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
