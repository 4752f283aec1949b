"""What the configuration gives to the build of a package: variables, eclasses, hooks, patches.

gbox keys a package by it. So what can change a package has to be here, and nothing that two builds
of the same package may differ in: places, jobs, how to fetch, what happens when it is merged.
"""

import os
import re

from plan_parts import Missing, part

# Of FEATURES, those that change what a binary package holds. The others decide where and how
# strictly it is built (sandboxes, ccache, parallel…), or act when it is merged (nodoc, noinfo,
# noman, sfperms, suidctl, collision-protect…: Portage packs before the pkg_preinst in which
# it applies them).
DECIDING_FEATURES = {
    "binpkg-docompress",  # documentation is compressed before packing, not at the merge
    "binpkg-dostrip",  # likewise for stripping
    "compressdebug",  # estrip compresses the debug sections
    "dedupdebug",  # dwz on them
    "fixlafiles",  # rewrites .la files
    "installsources",  # sources beside the debug files
    "noauto",  # src_* phases run, or do not
    "nostrip",  # symbols stay
    "packdebug",  # debug files go into an archive of their own
    "splitdebug",  # symbols go to /usr/lib/debug
    "strict-keepdir",  # empty directories are removed
    "test",  # USE=test, and what src_test leaves
    "xattr",  # doins keeps extended attributes
}

# Variables that do not decide, by their start.
PASSED_OVER_STARTS = (
    "ACCEPT_",  # what may be installed at all
    "BASH_FUNC_",  # IUSE as a function
    "BINPKG_",  # how the archive is compressed and signed
    "CCACHE_",  # the same objects, faster
    "COLLISION_",
    "CONFIG_PROTECT",  # at the merge
    "DISTCC_",
    "EGENCACHE_",
    "EMERGE_",
    "FETCHCOMMAND",
    "GPG_",
    "ICECC_",
    "ICECREAM_",
    "PORTAGE_BINHOST",
    "PORTAGE_BINPKG_",
    "PORTAGE_COLOR",
    "PORTAGE_ELOG_",
    "PORTAGE_FETCH_",
    "PORTAGE_GPG_",
    "PORTAGE_LOG",
    "PORTAGE_RSYNC_",
    "PORTAGE_SCHEDULING_",
    "PORTAGE_SYNC_",
    "PORT_LOGDIR",
    "QEMU_",
    "RESUMECOMMAND",
    "SANDBOX_",
    "SSH_",
    "USE_EXPAND",  # which variables are part of USE, not their values
)

PASSED_OVER = frozenset(
    # The package itself and its metadata: the ebuild's digest says it all.
    """A AA BDEPEND CATEGORY DEFINED_PHASES DEPEND DESCRIPTION EAPI EBUILD EBUILD_PHASE
    EBUILD_PHASE_FUNC EMERGE_FROM HOMEPAGE IDEPEND INHERITED IUSE IUSE_EFFECTIVE
    IUSE_IMPLICIT KEYWORDS LICENSE MERGE_TYPE P PDEPEND PF PKGUSE PN PORTAGE_IUSE
    PORTAGE_PROPERTIES PORTAGE_REPO_NAME PORTAGE_RESTRICT PORTAGE_BUILT_USE PORTAGE_USE PR
    PROPERTIES PV PVR RDEPEND REPLACED_BY_VERSION REPLACING_VERSIONS REPOSITORY REQUIRED_USE
    RESTRICT SLOT SRC_URI"""
    # Places. EPREFIX is none: it is compiled in.
    """ BROOT BUILD_PREFIX D DISTDIR ECLASSDIR ED EROOT ESYSROOT FILESDIR HOME O OLDPWD PATH PKGDIR
    PKG_LOGDIR PKG_TMPDIR PM_EBUILD_HOOK_DIR PORTAGE_ACTUAL_DISTDIR PORTAGE_BASHRC
    PORTAGE_BASHRC_FILES PORTAGE_BIN_PATH PORTAGE_BUILDDIR PORTAGE_CONFIGROOT
    PORTAGE_DEPCACHEDIR PORTAGE_ECLASS_LOCATIONS PORTAGE_OVERRIDE_EPREFIX PORTAGE_PYM_PATH
    PORTAGE_PYTHON PORTAGE_PYTHONPATH PORTAGE_REPOSITORIES PORTAGE_REPO_REVISIONS
    PORTAGE_RO_DISTDIRS PORTAGE_TMPDIR PORTDIR PORTDIR_OVERLAY PREROOTPATH PWD
    PYTHONDONTWRITEBYTECODE PYTHONPATH ROOT ROOTPATH RPMDIR SYSROOT T TEMP TMP TMPDIR WORKDIR"""
    # Who builds, and at what terminal.
    """ BASH_ENV CLEAN_DELAY COLORTERM COLUMNS CVS_RSH DISPLAY ECHANGELOG_USER EDITOR HOST HOSTNAME
    LESS LESSCLOSE LESSOPEN LINES LOGNAME LS_COLORS NOCOLOR NO_COLOR PAGER
    PORTAGE_BUILD_GROUP PORTAGE_BUILD_USER PORTAGE_DEBUG PORTAGE_GID PORTAGE_GRPNAME
    PORTAGE_INTERNAL_CALLER PORTAGE_IPC_DAEMON PORTAGE_PIPE_FD PORTAGE_QUIET PORTAGE_USERNAME
    PORTAGE_VERBOSE SHELL SHLVL STY TERM TERMCAP USER VISUAL WINDOW XAUTHORITY _"""
    # How fast.
    """ CARGO_BUILD_JOBS CMAKE_BUILD_PARALLEL_LEVEL GOMAXPROCS OMP_NUM_THREADS PORTAGE_IONICE_COMMAND
    PORTAGE_NICENESS"""
    # How Portage fetches, and what it does before and after the build.
    """ AUTOCLEAN FETCH_WRAPPER GENTOO_MIRRORS INSTALL_MASK PORTAGE_ARCHLIST
    PORTAGE_FEATURES PORTAGE_SOCKS5_PROXY PORTAGE_SSH_OPTS PORTAGE_UPDATE_ENV
    PORTAGE_WORKDIR_MODE UNINSTALL_IGNORE USE_ORDER""".split()
)
PROXY = re.compile(r"(?i)(?:^|_)proxy$")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

# make's and ninja's options. What is left without the jobs decides: "V=1", "CC=clang".
MAKE_OPTIONS = ("MAKEOPTS", "MAKEFLAGS", "GNUMAKEFLAGS", "NINJAOPTS", "SAMUFLAGS")
JOBS = re.compile(
    r"(?:(?<!\S)(?:-[jl]|--jobs|--load-average|--max-load)(?:[\s=]*\d[\d.]*)?"
    r"|(?<!\S)(?:-O|--output-sync)(?:=?(?:none|line|target|recurse))?)(?!\S)"
)


def deciding_value(name, value):
    """The part of a variable's value that decides: empty for none."""
    if name == "FEATURES":
        return " ".join(sorted(DECIDING_FEATURES.intersection(value.split())))
    if name in MAKE_OPTIONS:
        return " ".join(JOBS.sub(" ", value).split())
    return value


def configured_path(settings, *names):
    """A path in /etc/portage."""
    root = part(settings, "get")("PORTAGE_CONFIGROOT", "/")
    return os.path.normpath(os.path.join(root, "etc/portage", *names))


class Configuration:
    """What Portage's configuration says to the build of each package."""

    def __init__(self, frozen, use_of):
        self.frozen = frozen
        self.use_of = use_of
        self._settings = {}

    def settings_of(self, package):
        """The configuration as the package's ebuild gets it, package.env applied."""
        import portage

        if package.root not in self._settings:
            original = part(self.frozen, "pkgsettings")[package.root]
            self._settings[package.root] = portage.config(clone=original)
        settings = self._settings[package.root]
        part(settings, "setcpv")(package)
        return settings

    def variables(self, package, settings):
        # Variables that only /etc/env.d sets are left out: they come and go with installed
        # packages, needed ones or not, and are not there yet for what the plan builds first.
        installed = part(settings, "configdict")["env.d"]
        configured = set().union(
            *(layer for layer in part(settings, "lookuplist") if layer is not installed)
        )
        expand = set(settings.get("USE_EXPAND", "").split())
        expand -= set(settings.get("USE_EXPAND_IMPLICIT", "").split())
        result = {}
        for name, value in sorted(part(settings, "environ")().items()):
            if (
                name in PASSED_OVER
                or name.startswith(PASSED_OVER_STARTS)
                or PROXY.search(name)
                or not NAME.match(name)
                or name in expand  # they follow from USE
            ):
                continue
            if name == "USE":
                # Flags of IUSE are the plan's; these are the profile's: amd64, elibc_musl, prefix.
                value = " ".join(sorted(set(value.split()) - part(package, "iuse", "all")))
            elif name not in configured:
                continue
            value = deciding_value(name, value)
            if value or name not in ("FEATURES", "USE", *MAKE_OPTIONS):
                result[name] = value
        return result

    def eclasses(self, package):
        """Each inherited eclass where inherit() finds it: the last master or overlay first."""
        repository = part(self.frozen, "roots")[package.root].settings.repositories[package.repo]
        trees = part(repository, "eclass_db", "porttrees")
        result = {}
        for name in (package._metadata.get("INHERITED") or "").split():
            for tree in reversed(trees):
                path = os.path.normpath(f"{tree}/eclass/{name}.eclass")
                if os.path.isfile(path):
                    result[name] = path
                    break
            else:
                raise Missing(f"no repository has the eclass '{name}' of '{package.cpv}'")
        return result

    def profile_bashrcs(self, settings):
        profiles = part(settings, "_locations_manager", "profiles_complex")
        return [
            os.path.normpath(os.path.join(profile.location, "profile.bashrc"))
            for profile, there in zip(profiles, part(settings, "_profile_bashrc"))
            if there
        ]

    def bashrcs(self, package, settings):
        """What is sourced for the package beside the profiles' profile.bashrc, in order."""
        # package.bashrc of profiles; /etc/portage/bashrc; scripts in /etc/portage/env.
        paths = [p for p in part(settings, "_pbashrc") if not p.endswith("/profile.bashrc")]
        paths.append(configured_path(settings, "bashrc"))
        category, name, version, _ = part(package, "cpv", "cpv_split")
        plain = f"{name}-{version}"
        for last in dict.fromkeys((name, f"{name}:{package.slot}", plain, str(package.pf))):
            paths.append(configured_path(settings, "env", category, last))
        paths = [os.path.normpath(path) for path in paths]
        return [path for path in paths if os.path.isfile(path) and os.access(path, os.R_OK)]

    def patches(self, package, settings):
        """What eapply_user applies, in order: of equal names the most specific, no empty ones."""
        category, name, version, revision = part(package, "cpv", "cpv_split")
        plain = f"{name}-{version}"
        chosen = {}
        for last in (name, plain, f"{plain}-{revision}"):
            directory = configured_path(settings, "patches", category, last)
            for path in (directory, f"{directory}:{package.slot}"):
                for entry in os.listdir(path) if os.path.isdir(path) else ():
                    if not entry.endswith((".diff", ".patch")):
                        continue
                    file = f"{path}/{entry}"
                    if os.path.exists(file) and os.stat(file).st_size > 0:
                        chosen[entry] = file
                    else:
                        chosen.pop(entry, None)
        return [chosen[entry] for entry in sorted(chosen, key=os.fsencode)]

    def saved_configuration(self, package, settings):
        """What savedconfig.eclass takes with USE=savedconfig: a file, or a directory of them."""
        inherited = (package._metadata.get("INHERITED") or "").split()
        if "savedconfig" not in inherited or "savedconfig" not in self.use_of(package):
            return []
        category, name, version, _ = part(package, "cpv", "cpv_split")
        hosts = [settings.get(variable, "") for variable in ("CTARGET", "CHOST")]
        for last in (str(package.pf), f"{name}-{version}", name):
            for host in (*filter(None, hosts), ""):
                path = configured_path(settings, "savedconfig", host, category, last)
                if os.path.isdir(path):
                    below = ([os.path.join(at, n) for n in names] for at, _, names in os.walk(path))
                    return sorted(filter(os.path.isfile, sum(below, [])))
                if os.path.exists(path):
                    return [path]
        return []

    def of(self, package):
        settings = self.settings_of(package)
        return {
            "variables": self.variables(package, settings),
            "eclasses": self.eclasses(package),
            "bashrcs": self.bashrcs(package, settings),
            "patches": self.patches(package, settings)
            + self.saved_configuration(package, settings),
        }
