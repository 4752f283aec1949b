"""What all of the helper uses: Portage itself, and its parts by name."""

import glob
import os
import sys


class Missing(Exception):
    """Portage lacks a part that the helper looks at."""


def part(owner, *names):
    """owner.a.b.c, or Missing naming the first that is not there."""
    for name in names:
        try:
            owner = getattr(owner, name)
        except AttributeError:
            kind = getattr(owner, "__name__", type(owner).__name__)
            raise Missing(f"'{kind}' has no '{name}'") from None
    return owner


def find_portage():
    """Makes `import portage` work, by another python of the image when this one has none."""
    try:
        import portage  # noqa: F401
    except ImportError as error:
        # Gentoo installs emerge for the pythons that sys-apps/portage was built for; 'python3'
        # may be another one.
        for emerge in sorted(glob.glob("/usr/lib/python-exec/python3.*/emerge"), reverse=True):
            python = os.path.join(os.path.dirname(emerge), "python3")
            if os.access(python, os.X_OK) and "--second-python" not in sys.argv[1:2]:
                os.lseek(0, 0, os.SEEK_SET)  # this very file
                os.execv(python, [python, "-I", "-", "--second-python", *sys.argv[1:]])
        raise Missing(f"python3 cannot import portage: {error}") from None


def flat(text, use, eapi):
    """The words of a dependency-like string, its USE conditionals resolved."""
    from portage.dep import use_reduce

    return use_reduce(text, uselist=use, eapi=eapi, flat=True) if text else []
