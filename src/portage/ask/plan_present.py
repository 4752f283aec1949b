"""What is there when a package is built: the packages that its build may read."""

from plan_parts import part

# What builds use without saying so: PMS lets an ebuild take the compiler, the C library and what
# selects them for granted, and what they are is in each object file.
TOOLCHAIN = (
    "sys-devel/gcc",
    "sys-devel/binutils",
    "sys-devel/gcc-config",
    "sys-devel/binutils-config",
    "sys-libs/binutils-libs",
    "sys-libs/glibc",
    "sys-libs/musl",
    "sys-kernel/linux-headers",
    # Where they are the profile's compiler, linker and C++ library; their older category, too.
    "llvm-core/clang",
    "llvm-core/clang-common",
    "llvm-core/clang-runtime",
    "llvm-core/clang-toolchain-symlinks",
    "llvm-core/lld",
    "llvm-core/lld-toolchain-symlinks",
    "llvm-core/llvm",
    "llvm-core/llvm-toolchain-symlinks",
    "llvm-runtimes/compiler-rt",
    "llvm-runtimes/libcxx",
    "llvm-runtimes/libcxxabi",
    "llvm-runtimes/libunwind",
    "sys-devel/clang",
    "sys-devel/clang-common",
    "sys-devel/clang-runtime",
    "sys-devel/lld",
    "sys-devel/llvm",
    "sys-devel/mold",
    "sys-libs/compiler-rt",
    "sys-libs/libcxx",
    "sys-libs/libcxxabi",
    "sys-libs/llvm-libunwind",
)


class Wish:
    """An atom, reduced to what says which packages can be meant: name, versions and slot.

    Its USE and sub-slot are left out: a build reads what is there, also where that is not what
    the ebuild asks for (the rest of a '||' group, a binding that is out of date).
    """

    def __init__(self, atom):
        self.cp = atom.cp
        self.slot = atom.slot
        self.versions = None
        if atom.operator:
            self.versions = part(part(atom, "without_use"), "without_slot").without_repo

    def meets(self, package):
        if self.slot is not None and self.slot != package.slot:
            return False
        return self.versions is None or bool(part(self.versions, "match")(package))


class Present:
    """The packages in '/', as they come and go in the order of the plan."""

    def __init__(self, graph, use_of):
        self.use_of = use_of
        frozen = part(graph, "_frozen_config")
        self.root = part(frozen, "_running_root").root
        tree = part(frozen, "trees")[self.root]["vartree"]
        # Portage's copy of the database may have dependencies of today's ebuilds in it.
        self.recorded = part(tree, "_real_vardb")
        self.packages = []  # by number; those that are gone stay
        self.numbers = {}
        self.by_cp = {}  # what is there: cp → {slot: number}
        self.wishes = {}  # number → its RDEPEND
        self.reached = {}  # number → the numbers that its RDEPEND means now
        self.wished_by = {}  # cp → the numbers whose RDEPEND names it
        self.parsed = {}
        for package in sorted(tree.dbapi, key=lambda package: str(package.cpv)):
            self.add(package)

    def add(self, package):
        if package.root != self.root:
            return
        number = self.numbers.setdefault(package, len(self.packages))
        if number == len(self.packages):
            self.packages.append(package)
        self.by_cp.setdefault(package.cp, {})[str(package.slot)] = number
        self.forget(package.cp)

    def remove(self, package):
        if package.root != self.root:
            return
        slots = self.by_cp.get(package.cp, {})
        for slot, number in list(slots.items()):
            if self.packages[number].cpv == package.cpv:
                del slots[slot]
        self.forget(package.cp)

    def forget(self, cp):
        """What a dependency on `cp` means has changed."""
        for number in self.wished_by.get(cp, ()):
            self.reached.pop(number, None)

    def wishes_of(self, text, package, use):
        from portage.dep import Atom, use_reduce

        if not text.strip():
            return ()
        key = (text, use, package.eapi, package.built)
        if key not in self.parsed:
            # Each alternative of '||' that is there counts: the build may read any of them.
            words = use_reduce(
                text,
                uselist=use,
                eapi=package.eapi,
                flat=True,
                token_class=Atom,
                is_valid_flag=None if package.built else part(package, "iuse", "is_valid_flag"),
            )
            self.parsed[key] = [
                Wish(word) for word in words if isinstance(word, Atom) and not word.blocker
            ]
        return self.parsed[key]

    def meant(self, wishes):
        found = set()
        for wish in wishes:
            for number in self.by_cp.get(wish.cp, {}).values():
                if wish.meets(self.packages[number]):
                    found.add(number)
        return found

    def runtime_of(self, number):
        if number in self.reached:
            return self.reached[number]
        package = self.packages[number]
        if number not in self.wishes:
            if package.type_name == "installed":
                text, use = part(self.recorded, "aux_get")(package.cpv, ["RDEPEND", "USE"])
                use = frozenset(use.split())
            else:
                text, use = package._metadata.get("RDEPEND", ""), self.use_of(package)
            self.wishes[number] = self.wishes_of(text or "", package, use)
            for wish in self.wishes[number]:
                self.wished_by.setdefault(wish.cp, set()).add(number)
        self.reached[number] = self.meant(self.wishes[number])
        return self.reached[number]

    def when_built(self, package):
        """The packages that the build of `package` may read now, the oldest first."""
        use = self.use_of(package)
        found = set()
        for name in ("DEPEND", "BDEPEND"):
            text = package._metadata.get(name) or ""
            found |= self.meant(self.wishes_of(text, package, use))
        waiting = list(found)
        while waiting:
            new = self.runtime_of(waiting.pop()) - found
            found |= new
            waiting += new
        for cp in TOOLCHAIN:
            found.update(self.by_cp.get(cp, {}).values())
        return [self.packages[number] for number in sorted(found)]
