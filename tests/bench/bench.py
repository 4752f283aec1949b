"""The benchmark itself; ./run prepares and calls it."""

import argparse
import json
import os
import signal
import sys
import time

import lib.place as place
from lib.context import Context
from lib.measure import Failed, measure
from lib.peers import Peers
from lib.report import Result
from rows import (commit_layer, packages, sandbox_start, single_id, ten_steps, unpack, unpack_xz,
                  update_bytes)

ROWS = [sandbox_start, *single_id.ROWS, unpack, unpack_xz, *commit_layer.ROWS, *ten_steps.ROWS,
        *packages.ROWS, *update_bytes.ROWS]


def parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests/bench/run")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--runs", type=int, default=0)
    parser.add_argument("--rows", default="")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--gbox", default="gbox")
    parser.add_argument("--place", default="")
    parser.add_argument("--cache", default=".")
    parser.add_argument("--json-fd", type=int, default=-1)
    return parser.parse_args(argv)


def chosen(names: str, quick: bool) -> list:
    if not names:
        return [row for row in ROWS if not (quick and getattr(row, "LONG", False))]
    wanted = [name for name in names.split(",") if name]
    known = {row.NAME: row for row in ROWS}
    for name in wanted:
        if name not in known:
            sys.exit(f"bench: error: no row '{name}'; there are {', '.join(known)}")
    return [known[name] for name in wanted]


def run_row(row, context: Context, peers: Peers) -> Result:
    started = time.monotonic()
    print(f"{row.NAME}: prepare", end=" ", file=sys.stderr, flush=True)
    if hasattr(row, "result"):  # that measures by itself
        result = row.result(context, peers)
        print(file=sys.stderr)
        result.print()
        print(f"{row.NAME}: {time.monotonic() - started:.0f} s in all", file=sys.stderr)
        return result
    contenders = row.contenders(context, peers)
    rounds = context.runs or row.ROUNDS["quick" if context.quick else "full"]
    print(f"run {len(contenders)} in turns", end=" ", file=sys.stderr, flush=True)
    times, left_out = measure(contenders, rounds, context.quick, context.log)
    roles = {contender.name: contender.role for contender in contenders}
    result = Result(row.NAME, row.what(context), row.TARGET, times, roles, left_out)
    result.print()
    print(f"{row.NAME}: {time.monotonic() - started:.0f} s in all", file=sys.stderr)
    return result


def print_surroundings(context: Context, peers: Peers) -> None:
    kernel = os.uname().release
    load = os.getloadavg()[0]
    print(f"kernel {kernel}, {len(os.sched_getaffinity(0))} processors, load {load:.1f}, "
          f"working on {place.describe(context.work)}")
    if not place.is_fit(context.work):
        print("  figures of rows that write files cannot be trusted here; let root run this, or "
              "name a better place with --place DIR")
    if load > len(os.sched_getaffinity(0)):
        print("  the machine is busy: ratios of 'cpu' say more than those of wall time")
    versions = " · ".join(f"{name} {version}" for name, version in peers.versions.items())
    print(f"peers: {versions or 'none'}")
    for name, reason in peers.absent.items():
        print(f"  {name} is left out: {reason}")
    sys.stdout.flush()


def main() -> int:
    sys.stdout.reconfigure(encoding="utf-8")
    options = parse(sys.argv[1:])
    rows = chosen(options.rows, options.quick)
    if options.list:
        print("\n".join(row.NAME for row in rows))
        return 0
    # So that the tidying below happens.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    size = "quick" if options.quick else "full"
    context = Context(options.gbox, options.place or place.choose(options.cache, size),
                      options.quick, options.runs)
    peers = None
    try:
        context.compile_floors()
        peers = Peers(context)
        print_surroundings(context, peers)
        file_system = place.describe(context.work)
        results = [run_row(row, context, peers) for row in rows]
    except Failed as error:
        print(f"\nbench: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        if peers is not None:
            peers.close()
        context.close()
    if options.json_fd >= 0:
        with os.fdopen(options.json_fd, "w") as file:
            json.dump({"rows": [result.json() for result in results],
                       "file_system": file_system,
                       "quick": options.quick, "peers": peers.versions}, file, indent=2)
            file.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
