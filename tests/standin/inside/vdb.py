#!/usr/bin/python3
"""Enters what Debian provides into Portage's database of installed packages.

has_version, blockers, preserved libraries and the check for unresolved sonames
read that database and nothing else (package.provided does not reach
has_version), so a userland without records would fail or be misjudged.

  vdb.py collect RECORDS PROVIDES PURGED...   before trimming: dpkg is asked
  vdb.py write RECORDS                        after it: what is left is recorded

Called by ./all only, as root of the chroot.
"""

import hashlib
import json
import os
import re
import stat
import subprocess
import sys

VDB = "/var/db/pkg"
# Never part of a package: made at run time, or the recipe's own scratch.
UNOWNED = ("/dev", "/proc", "/run", "/standin", "/sys", "/tmp", "/var/tmp", VDB, "/var/cache",
           "/var/db/repos", "/var/lib/dpkg", "/var/lib/apt", "/root", "/home")
EBUILD = """EAPI=8
DESCRIPTION="{description}"
SLOT="{slot}"
KEYWORDS="amd64"
IUSE="{iuse}"
RDEPEND="{rdepend}"
S="${{WORKDIR}}"
"""


def real(path):
    """The path with its directory's links resolved: dpkg says /lib/x, merged-usr has /usr/lib/x."""
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))


def read_provides(path):
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            line = line.strip()
            if line and not line.startswith("#"):
                cpv, slot, iuse, rdepend, packages = (f.strip() for f in line.split("|"))
                yield {"cpv": cpv, "slot": slot, "iuse": iuse, "rdepend": rdepend,
                       "packages": packages.split()}


def dpkg_versions():
    output = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version}\n"], check=True,
                            capture_output=True, text=True).stdout
    return dict(line.split() for line in output.splitlines())


def check_version(cpv, package, debian):
    """The ebuilds of the repository are named after these versions: a silent drift would
    show as spurious upgrades in a test far from here."""
    wanted = re.search(r"-(\d[\w.]*)$", cpv).group(1)
    upstream = re.sub(r"^\d+:", "", debian)
    if not re.match(re.escape(wanted) + r"(?![0-9])", upstream):
        return [f"inside/provides says {cpv}, but Debian's '{package}' is {debian}"]
    return []


def collect(records_path, provides_path, purged):
    versions = dpkg_versions()
    records = list(read_provides(provides_path))
    taken = set()
    wrong = []
    for record in records:
        packages = record["packages"]
        if packages and packages[0][0] not in "*/":
            if packages[0] not in versions:
                wrong.append(f"inside/provides names '{packages[0]}', which is not installed")
            else:
                wrong += check_version(record["cpv"], packages[0], versions[packages[0]])
        taken.update(packages)
    if wrong:
        sys.exit("\n".join(wrong))
    others = sorted(set(versions) - taken - set(purged))
    for record in records:
        paths = set()
        for package in others if record["packages"] == ["*"] else record["packages"]:
            if package == "/":
                paths.update("/" + name for name in os.listdir("/") if "/" + name not in UNOWNED)
            elif package.startswith("/"):
                paths.add(package)
            elif package in versions:
                listing = subprocess.run(["dpkg", "-L", package], check=True, text=True,
                                         capture_output=True).stdout
                paths.update(real(p) for p in listing.splitlines() if p.startswith("/") and p != "/.")
        record["paths"] = sorted(paths)
    with open("/standin/portage.files", encoding="utf-8") as log:
        files = [line.rstrip("\n") for line in log if line.startswith("/")]
    records.append({"cpv": "sys-apps/portage-" + portage_version(), "slot": "0", "iuse": "",
                    "rdepend": "dev-lang/python app-shells/bash", "packages": [],
                    "paths": [real(p) for p in files]})
    with open(records_path, "w", encoding="utf-8") as output:
        json.dump(records, output)


def portage_version():
    import portage  # pylint: disable=import-outside-toplevel  # only installed in the chroot
    return portage.VERSION


def walk(top="/"):
    for directory, names, files in os.walk(top):
        names[:] = [n for n in names if os.path.join(directory, n) not in UNOWNED]
        for name in names + files:
            yield os.path.join(directory, name)


def contents_line(path, epoch):
    status = os.lstat(path)
    mtime = min(int(status.st_mtime), epoch)
    if stat.S_ISDIR(status.st_mode):
        return f"dir {path}\n"
    if stat.S_ISLNK(status.st_mode):
        return f"sym {path} -> {os.readlink(path)} {mtime}\n"
    if stat.S_ISFIFO(status.st_mode):
        return f"fif {path}\n"
    with open(path, "rb") as data:
        digest = hashlib.md5(data.read(), usedforsecurity=False).hexdigest()
    return f"obj {path} {digest} {mtime}\n"


def elf_entries(paths):
    """NEEDED.ELF.2's entries, made as Portage itself makes them after an install phase."""
    # pylint: disable=import-outside-toplevel  # only installed in the chroot
    from portage.dep.soname.multilib_category import compute_multilib_category
    from portage.util._dyn_libs.NeededEntry import NeededEntry
    from portage.util.elf.header import ELFHeader

    files = [p for p in paths if os.path.isfile(p) and not os.path.islink(p) and is_elf(p)]
    if not files:
        return
    output = subprocess.run(["scanelf", "-yBF", "%a;%p;%S;%r;%n", *files], check=True, text=True,
                            capture_output=True).stdout
    for line in sorted(output.splitlines()):
        entry = NeededEntry.parse("scanelf", line.removeprefix("EM_"))
        with open(entry.filename, "rb") as data:
            entry.multilib_category = compute_multilib_category(ELFHeader.read(data))
        yield entry


def is_elf(path):
    with open(path, "rb") as data:
        return data.read(4) == b"\x7fELF"


def sonames(entries):
    # pylint: disable=import-outside-toplevel  # only installed in the chroot
    from portage.util._dyn_libs.soname_deps import SonameDepsProcessor

    processor = SonameDepsProcessor("", "")
    for entry in entries:
        if entry.multilib_category is not None:
            processor.add(entry)
    return processor.provides or "", processor.requires or ""


def write_record(record, counter, epoch):
    category, package = record["cpv"].split("/")
    directory = os.path.join(VDB, category, package)
    os.makedirs(directory)
    paths = [p for p in record["paths"] if os.path.lexists(p)]
    entries = list(elf_entries(paths))
    provides, requires = sonames(entries)
    size = sum(os.lstat(p).st_size for p in paths if os.path.isfile(p) and not os.path.islink(p))
    description = "Stand-in record of what Debian provides"
    fields = {
        "BUILD_TIME": str(epoch), "CATEGORY": category, "CHOST": "x86_64-pc-linux-gnu",
        "COUNTER": str(counter), "DEFINED_PHASES": "-", "DESCRIPTION": description, "EAPI": "8",
        "FEATURES": "", "INHERITED": "", "IUSE": record["iuse"], "KEYWORDS": "amd64",
        "LICENSE": "standin", "PF": package, "PROVIDES": provides, "RDEPEND": record["rdepend"],
        "REQUIRES": requires, "SIZE": str(size), "SLOT": record["slot"],
        "USE": "amd64 elibc_glibc kernel_linux", "repository": "standin",
    }
    for name, value in fields.items():
        if value or name in ("SIZE", "FEATURES"):
            write(os.path.join(directory, name), value.rstrip("\n") + "\n")
    write(os.path.join(directory, "CONTENTS"), "".join(contents_line(p, epoch) for p in paths))
    if entries:
        write(os.path.join(directory, "NEEDED.ELF.2"), "".join(str(e) for e in entries))
    # Replacing or unmerging a package sources the ebuild that is kept with it.
    write(os.path.join(directory, package + ".ebuild"), EBUILD.format(
        description=description, slot=record["slot"], iuse=record["iuse"], rdepend=record["rdepend"]))


def write(path, text):
    with open(path, "w", encoding="utf-8") as output:
        output.write(text)


def write_all(records_path):
    epoch = int(os.environ["SOURCE_DATE_EPOCH"])
    with open(records_path, encoding="utf-8") as data:
        records = json.load(data)
    # Each file belongs to one record; named paths go before what lists contain.
    owned = set()
    for record in sorted(records, key=lambda r: r["packages"][:1] != ["/"]):
        record["paths"] = [p for p in record["paths"] if p not in owned or os.path.isdir(p)]
        owned.update(record["paths"])
    rest = next(r for r in records if r["packages"] == ["*"])
    # Links, configuration made on installing, and the overlay.
    rest["paths"] = sorted(set(rest["paths"]) | {p for p in walk() if p not in owned})
    for counter, record in enumerate(records, start=1):
        write_record(record, counter, epoch)
    os.makedirs("/var/cache/edb", exist_ok=True)
    write("/var/cache/edb/counter", str(len(records)))
    # World: what a Gentoo stage3 selects beyond its profile's system set is nothing.
    write("/var/lib/portage/world", "")


if __name__ == "__main__":
    if sys.argv[1] == "collect":
        collect(sys.argv[2], sys.argv[3], sys.argv[4:])
    else:
        write_all(sys.argv[2])
