"""What every row needs: places to work in, the program, the floors, the peers; and the few deeds
that several rows have in common."""

import json
import os
import shutil
import subprocess
import tempfile

from lib.measure import Command, Failed, run_quietly

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(os.path.dirname(HERE))

FLOORS = {"enter": ["-static"], "start": ["-static"], "hash": ["-lcrypto"]}


class Context:
    def __init__(self, gbox: str, place: str, quick: bool, runs: int) -> None:
        self.gbox_program = gbox
        self.quick = quick
        self.runs = runs
        self.work = tempfile.mkdtemp(prefix="gbox-bench.", dir=place)
        os.chmod(self.work, 0o755)  # peers' mapped ids pass through it
        self.log = os.path.join(self.work, "log")
        self.serial = 0
        self.floors: dict[str, str] = {}
        self.env = {
            name: value
            for name, value in os.environ.items()
            if name in ("HOME", "PATH", "USER", "LOGNAME", "LANG")
        }

    # --- places ---
    def path(self, *parts: str) -> str:
        return os.path.join(self.work, *parts)

    def directory(self, *parts: str) -> str:
        path = self.path(*parts)
        os.makedirs(path, exist_ok=True)
        return path

    def fresh(self, stem: str) -> str:
        """A path that nothing has, and nothing has had."""
        self.serial += 1
        return self.path(f"{stem}.{self.serial}")

    def remove(self, *paths: str) -> None:
        """Files of mapped ids included."""
        there = [path for path in paths if os.path.lexists(path)]
        if there:
            subprocess.run([self.floors["enter"], "rm", "-rf", *there], check=True)

    # --- programs ---
    def compile_floors(self) -> None:
        for name, flags in FLOORS.items():
            target = self.path("floor-" + name)
            source = os.path.join(HERE, "floor", name + ".c")
            result = subprocess.run(
                ["cc", "-O2", "-D_GNU_SOURCE", "-o", target, source, *flags],
                capture_output=True,
                text=True,
                check=False,
            )
            if result.returncode != 0:
                raise Failed(f"cannot compile '{source}': {result.stderr.strip()}")
            self.floors[name] = target

    def tool(self, name: str) -> str | None:
        return shutil.which(name, path=self.env["PATH"])

    def shell(self, script: str, **variables: str) -> Command:
        """A floor or a peer that is a pipeline; its variables are given by name, never pasted."""
        env = {**self.env, **{key.upper(): value for key, value in variables.items()}}
        return Command(["bash", "-euc", "set -o pipefail\n" + script], env)

    def run_shell(self, script: str, **variables: str) -> str:
        return run_quietly(self.shell(script, **variables), self.log)

    # --- gbox ---
    def gbox(self, store: str, *arguments: str, **env: str) -> Command:
        return Command([self.gbox_program, *arguments], {**self.env, "GBOX_STORE": store, **env})

    def run_gbox(self, store: str, *arguments: str) -> str:
        return run_quietly(self.gbox(store, *arguments), self.log)

    def snapshot_of(self, store: str, step: str) -> str:
        """The directory of a finished step's files."""
        with os.scandir(os.path.join(store, "records")) as entries:
            for entry in entries:
                with open(entry.path, encoding="utf-8") as file:
                    record = json.load(file)
                if record["step"] == step:
                    return os.path.join(store, "snapshots", record["snapshot"], "fs")
        raise Failed(f"no record of step '{step}' in '{store}'")

    def close(self) -> None:
        if "enter" in self.floors:
            self.remove(self.work)
        else:
            shutil.rmtree(self.work, ignore_errors=True)


def step_seconds(step: str):
    """Reads the seconds of a step out of the events of '--progress json'."""

    def seconds(events: str) -> float:
        for line in events.splitlines():
            if not line.startswith("{"):
                continue
            event = json.loads(line)
            if event.get("event") == "step-done" and event.get("step") == step:
                return float(event["seconds"])
        raise Failed(f"no 'step-done' of '{step}' among the events")

    return seconds
