"""The tools gbox is compared with: which of them are here and work here, and how each is called by
an ordinary user. None is needed; what is missing is said and left out."""

import json
import os
import shutil
import subprocess

from lib.context import HERE, Context
from lib.measure import Command, Failed, run_quietly

PACKAGES = {"bwrap": "bubblewrap"}  # Debian packages that are not called as their program


class Peers:
    def __init__(self, context: Context) -> None:
        self.context = context
        self.absent: dict[str, str] = {}
        self.versions: dict[str, str] = {}
        for name in ("bwrap", "crun", "runc", "podman", "buildah", "umoci", "skopeo"):
            if context.tool(name) is None:
                package = PACKAGES.get(name, name)
                self.absent[name] = f"not installed (apt install {package})"
            else:
                self.versions[name] = self._version(name)
        self.env: dict[str, str] = dict(context.env)
        self.run_arguments: list[str] = []
        self._recipe: subprocess.Popen[str] | None = None
        self._learn_recipe()

    def _version(self, name: str) -> str:
        result = subprocess.run([name, "--version"], capture_output=True, text=True, check=False)
        words = result.stdout.split("\n")[0].split()
        return next((word for word in words if word[0].isdigit()), "?")

    def has(self, name: str) -> bool:
        return name not in self.absent

    # --- podman's recipe ---
    def _learn_recipe(self) -> None:
        if not self.has("podman"):
            for name in ("buildah", "skopeo"):
                self.absent.setdefault(name, "its configuration here is taken from podman's")
            return
        scratch = self.context.directory("podman")
        self._recipe = subprocess.Popen(
            [os.path.join(HERE, "lib/podman-recipe"), scratch],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**self.context.env, "TMPDIR": "/tmp"},
            text=True,
        )
        answer = (self._recipe.stdout.readline() if self._recipe.stdout else "").strip()
        if answer != "yes":
            for name in ("podman", "buildah", "skopeo"):
                self.absent[name] = answer.removeprefix("no ") or "its recipe failed"
            return
        with open(os.path.join(scratch, "recipe.env"), encoding="utf-8") as file:
            pairs = [pair.split("=", 1) for pair in file.read().split("\0") if "=" in pair]
        self.env = {name: value for name, value in pairs if name not in ("_", "SHLVL", "PWD")}
        self.env["PATH"] = self.context.env["PATH"]
        with open(os.path.join(scratch, "recipe.arguments"), encoding="utf-8") as file:
            self.run_arguments = file.read().split("\n")[:-2]  # the last is the image
        self.run_arguments.remove("run")
        # Where buildah and podman build run a RUN line: in the same runtime as podman run.
        self.env["BUILDAH_RUNTIME"] = self._configured("runtime")
        self.env["BUILDAH_ISOLATION"] = "oci"

    def _configured(self, key: str) -> str:
        with open(self.env["CONTAINERS_CONF"], encoding="utf-8") as file:
            for line in file:
                name, _, value = line.partition("=")
                if name.strip() == key:
                    return value.strip().strip('"')
        return "runc"

    # --- calling them ---
    def runroot(self, root: str) -> str:
        # Not beside the root: podman refuses one of more than 50 characters.
        name = os.path.relpath(root, self.context.work).replace("/", "-")
        return os.path.join(self.env["XDG_RUNTIME_DIR"], name)

    def storage(self, root: str) -> list[str]:
        return ["--root", root, "--runroot", self.runroot(root)]

    def podman(self, root: str, *arguments: str) -> Command:
        return Command(["podman", *self.storage(root), *arguments], self.env)

    def buildah(self, root: str, *arguments: str) -> Command:
        return Command(["buildah", *self.storage(root), *arguments], self.env)

    def skopeo(self, *arguments: str) -> Command:
        return Command(["skopeo", *arguments], self.env)

    def quietly(self, command: Command) -> str:
        return run_quietly(command, self.context.log).strip()

    def drop_storage(self, root: str) -> None:
        self.context.remove(root, self.runroot(root))

    def bundle(self, runtime: str, tree: str) -> str:
        """An OCI bundle of the tree for crun or runc, with all subordinate ids mapped."""
        directory = self.context.directory("bundle-" + runtime)
        run_quietly(Command([runtime, "spec", "--rootless", "--bundle", directory], self.env),
                    self.context.log)
        path = os.path.join(directory, "config.json")
        with open(path, encoding="utf-8") as file:
            config = json.load(file)
        config["root"] = {"path": tree, "readonly": True}
        config["process"]["terminal"] = False
        config["process"]["args"] = ["/bin/true"]
        # The rest of the default mounts needs mount points that the small base has, or cgroups.
        config["mounts"] = [mount for mount in config["mounts"]
                            if mount["destination"] in ("/proc", "/dev")]
        linux = config["linux"]
        linux["namespaces"] = [{"type": kind} for kind in
                               ("user", "mount", "pid", "network", "ipc", "uts")]
        linux["uidMappings"] = self._map("/etc/subuid", os.getuid())
        linux["gidMappings"] = self._map("/etc/subgid", os.getgid())
        linux.pop("resources", None)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)
        return directory

    def runtime(self, runtime: str, bundle: str) -> Command:
        context = self.context
        state = context.directory("state-" + runtime)
        context.serial += 1
        arguments = [runtime, "--root", state]
        if runtime == "crun":
            # It refuses hybrid cgroups; podman's recipe takes runc there, we take none.
            arguments += ["--cgroup-manager", "disabled"]
        arguments += ["run", "--bundle", bundle, f"bench-{context.serial}"]
        return Command(arguments, self.env)

    def _map(self, file: str, own: int) -> list[dict[str, int]]:
        extents = [{"containerID": 0, "hostID": own, "size": 1}]
        inside = 1
        with open(file, encoding="utf-8") as lines:
            for line in lines:
                owner, first, count = line.strip().split(":")
                if owner in (self.context.env.get("USER"), str(os.getuid())):
                    extents.append({"containerID": inside, "hostID": int(first),
                                    "size": int(count)})
                    inside += int(count)
        return extents

    def close(self) -> None:
        if self._recipe is not None:
            if self._recipe.stdin:
                self._recipe.stdin.close()
            self._recipe.wait()
            shutil.rmtree(self.context.path("podman"), ignore_errors=True)


def imported(peers: Peers, root: str, tarball: str, name: str) -> str:
    """The tarball as an image of one layer in podman's storage at `root`."""
    if not peers.has("podman"):
        raise Failed("podman is needed to import the base")
    peers.quietly(peers.podman(root, "import", "--quiet", tarball, name))
    return name
