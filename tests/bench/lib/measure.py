"""Running the things that are compared: in turns, so that a busy minute of the machine hits all of
them, with a warm-up that is not counted, and with times that a program cannot flatter (wall clock
from before fork to after wait, processor time of the whole tree that was waited for)."""

import dataclasses
import os
import statistics
import sys
import time
from collections.abc import Callable

# In a quick run the warm-up of a contender that needs this long is the only time it is run.
PATIENCE_SECONDS = 2.0


class Failed(Exception):
    """What went wrong, for a person; `brief` leaves out the command."""

    def __init__(self, text: str, brief: str = "") -> None:
        super().__init__(text)
        self.brief = brief or text


@dataclasses.dataclass
class Command:
    """A program to be timed, with the environment it runs in."""

    argv: list[str]
    env: dict[str, str]


@dataclasses.dataclass
class Contender:
    """One of those that are compared. `prepare` and `clean` are not timed; `command` is asked for
    after `prepare`, so that each run may have directories of its own."""

    name: str
    role: str  # "gbox", "floor", "peer", or "part": printed, compared with nothing
    command: Callable[[], Command]
    prepare: Callable[[], None] = lambda: None
    clean: Callable[[], None] = lambda: None
    # Takes the seconds out of the output instead of the clock, where a part of a run is meant.
    seconds_from: Callable[[str], float] | None = None


@dataclasses.dataclass
class Times:
    """What one contender took, a value for each run."""

    wall: list[float] = dataclasses.field(default_factory=list)
    cpu: list[float] = dataclasses.field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.wall)

    @property
    def least(self) -> float:
        return min(self.wall)

    @property
    def cpu_median(self) -> float:
        return statistics.median(self.cpu)


def run(command: Command, log: str) -> tuple[float, float]:
    """Runs it to its end with output into `log`; returns wall and processor seconds."""
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    start = time.monotonic()
    # posix_spawn and not subprocess: nothing of this program's size is copied, so that a
    # millisecond's work can be timed.
    pid = os.posix_spawnp(command.argv[0], command.argv, command.env, file_actions=actions)
    _, status, usage = os.wait4(pid, 0)
    wall = time.monotonic() - start
    if status != 0:
        code = os.waitstatus_to_exitcode(status)
        shown = " ".join(command.argv)
        reason = f"ended with {code}: {tail(log)}"
        raise Failed(f"'{shown[:300]}' {reason}", reason)
    return wall, usage.ru_utime + usage.ru_stime


def tail(log: str, lines: int = 3) -> str:
    try:
        with open(log, encoding="utf-8", errors="replace") as file:
            return " | ".join(file.read().strip().splitlines()[-lines:])
    except OSError:
        return ""


def run_quietly(command: Command, log: str) -> str:
    """For what is not timed: runs it, returns its output."""
    run(command, log)
    with open(log, encoding="utf-8", errors="replace") as file:
        return file.read()


def _once(contender: Contender, log: str) -> tuple[float, float]:
    contender.prepare()
    try:
        wall, cpu = run(contender.command(), log)
        if contender.seconds_from is not None:
            with open(log, encoding="utf-8", errors="replace") as file:
                wall = contender.seconds_from(file.read())
        return wall, cpu
    finally:
        contender.clean()


def measure(
    contenders: list[Contender], rounds: int, quick: bool, log: str
) -> tuple[dict[str, Times], dict[str, str]]:
    """Times each in turns; returns the times and, by name, why a peer was left out. What gbox or a
    floor says when it fails ends the benchmark: there is nothing to compare then."""
    times: dict[str, Times] = {}
    left_out: dict[str, str] = {}
    wanted: dict[str, int] = {}
    for contender in contenders:  # the warm-up
        try:
            wall, cpu = _once(contender, log)
        except (Failed, OSError) as error:
            if contender.role in ("gbox", "floor"):
                raise Failed(f"{contender.name}: {error}") from error
            left_out[contender.name] = error.brief if isinstance(error, Failed) else str(error)
            continue
        times[contender.name] = Times()
        wanted[contender.name] = rounds
        if quick and contender.role not in ("gbox", "floor") and wall > PATIENCE_SECONDS:
            times[contender.name] = Times([wall], [cpu])
            wanted[contender.name] = 0
    for turn in range(rounds):
        for contender in contenders:
            if turn >= wanted.get(contender.name, 0):
                continue
            wall, cpu = _once(contender, log)
            times[contender.name].wall.append(wall)
            times[contender.name].cpu.append(cpu)
        print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return times, left_out
