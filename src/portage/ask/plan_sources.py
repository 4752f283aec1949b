"""What a package's ebuild fetches, and from where."""

import os

from plan_parts import part


class Sources:
    """What a package's ebuild fetches, and from where."""

    def __init__(self):
        from portage.const import CUSTOM_MIRRORS_FILE
        from portage.util import grabdict

        self._grabdict = grabdict
        self._custom_file = CUSTOM_MIRRORS_FILE
        self._custom = {}
        self._manifests = {}

    def custom_mirrors(self, settings):
        root = settings["PORTAGE_CONFIGROOT"]
        if root not in self._custom:
            path = os.path.join(root, self._custom_file)
            self._custom[root] = self._grabdict(path, recursive=1)
        return self._custom[root]

    def _digests(self, portdb, ebuild, name):
        directory = os.path.dirname(ebuild)
        if directory not in self._manifests:
            repository = os.path.dirname(os.path.dirname(directory))
            manifest = part(portdb, "repositories", "get_repo_for_location")(repository)
            manifest = part(manifest, "load_manifest")(directory, portdb.settings["DISTDIR"])
            self._manifests[directory] = part(manifest, "getTypeDigests")("DIST")
        return self._manifests[directory].get(name) or {}

    def _expanded(self, settings, uri):
        """mirror://NAME/PATH as the URIs it stands for; others as they are."""
        if not uri.startswith("mirror://"):
            return [uri]
        name, _, path = uri[len("mirror://") :].partition("/")
        hosts = list(self.custom_mirrors(settings).get(name, ()))
        hosts += part(settings, "thirdpartymirrors")().get(name, ())
        return [host.rstrip("/") + "/" + path for host in hosts]

    def of(self, package, use, restrict):
        portdb = package.root_config.trees["porttree"].dbapi
        settings = portdb.settings
        ebuild, tree = part(portdb, "findname2")(package.cpv, myrepo=package.repo)
        files = part(portdb, "getFetchMap")(package.cpv, useflags=use, mytree=tree)
        result = []
        for name, uris in files.items():
            # PMS 7.3.2: 'fetch+' lifts the fetch restriction of one URI, 'mirror+' that and the
            # mirror restriction of the file.
            mirror = not {"fetch", "mirror", "nomirror"} & restrict
            urls, closed = [], []
            for uri in uris:
                prefix, plus, bare = uri.partition("+")
                lifted = bool(plus) and prefix in ("fetch", "mirror")
                if lifted:
                    uri = bare
                    mirror = mirror or prefix == "mirror"
                # A mirror:// URI names hosts that may give the file, restricted or not.
                allowed = lifted or "fetch" not in restrict or uri.startswith("mirror://")
                (urls if allowed else closed).extend(self._expanded(settings, uri))
            digests = self._digests(portdb, ebuild, name)
            result.append(
                {
                    "name": name,
                    "uris": list(uris),
                    "urls": urls,
                    "closed_urls": closed,
                    "mirror": mirror,
                    "primary": "primaryuri" in restrict,
                    "size": digests.get("size"),
                    "digests": {k: v for k, v in digests.items() if k != "size"},
                }
            )
        return ebuild, result
