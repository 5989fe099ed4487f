"""Measures this program beside its peers, on the machine it is run on.

    python -m benchmarks                         # all but the long one, tens of minutes
    python -m benchmarks list                    # what there is
    python -m benchmarks closed-loop vision      # some of it
    python -m benchmarks closed-loop --only halfcheetah-v5    # the cases whose title has this in it
    python -m benchmarks --json figures.json     # the same as data
    python -m benchmarks --peers-python PATH     # peers that another interpreter has

Rivals take turns, so that other load falls on all alike, and a figure is the median of several turns, with
their quartiles. "ours, times" is how many times as good ours was, from each pair of turns side by side, and
"goal" what it should reach. A peer that cannot take part is named with the reason.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import load, machine, versions
from benchmarks.turns import Options, Row, print_row
from neuroevo.errors import NeuroevoError, OptionError, unknown
from neuroevo.workers.ray_cluster import default_workers

MEASUREMENTS = {
    "closed-loop": "closed_loop",
    "vision": "vision",
    "network-step": "network_step",
    "network-memory": "network_memory",
    "kernels": "kernels",
    "reservoirs": "reservoirs",
    "tournament": "whole_tournament",
    "samplers": "samplers",
    "time-to-accuracy": "time_to_accuracy",
}
LONG = ("time-to-accuracy",)  # run when it is named
BY_CASE = ("closed-loop", "vision")  # of which some cases may be chosen


def module(name: str) -> Any:
    """Returns the module of a measurement, which has `measure(options) -> rows`."""
    return importlib.import_module(f"benchmarks.{MEASUREMENTS[name]}")


def run(names: Sequence[str], options: Options) -> Iterator[tuple[str, Row | None, float]]:
    """Yields the rows of measurements as they are measured, and after each measurement how long it took."""
    for name in names:
        begin, is_empty = time.perf_counter(), True
        for row in module(name).measure(options):
            is_empty = False
            yield name, row, 0.0
        if is_empty:
            raise OptionError(f"--only is {options.only!r}; wanted part of the title of a case of {name}.")
        yield name, None, time.perf_counter() - begin


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the command line, measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="; ".join(MEASUREMENTS))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as data too")
    parser.add_argument(
        "--repeats", type=int, metavar="N", help="turns of each rival; each has its usual number"
    )
    parser.add_argument(
        "--cores", type=int, default=default_workers(), help="of every rival that can use several"
    )
    parser.add_argument("--seed", type=int, default=0, help="of wirings, parameters, starts and images")
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="cases of closed-loop and vision whose title has TEXT"
    )
    parser.add_argument("--no-peers", action="store_true", help="leave other libraries out")
    parser.add_argument("--peers-python", default="", metavar="PATH", help="interpreter that has the peers")
    parser.add_argument("--smallest", action="store_true", help="smallest sizes: does it run, not how fast")
    given = parser.parse_args(arguments)
    if given.names == ["list"]:
        for name in MEASUREMENTS:
            print(f"{name:<18}{(module(name).__doc__ or '').splitlines()[0]}")
        return
    for name in given.names:
        if name not in MEASUREMENTS:
            raise OptionError(unknown("measurement", name, MEASUREMENTS))
        if given.only and name not in BY_CASE:
            raise OptionError(f"--only chooses cases of {' and '.join(BY_CASE)}, not of {name}.")
    if given.only and not given.names:
        raise OptionError(f"--only chooses cases of {' and '.join(BY_CASE)}: name one of them.")
    for name, value in (("--repeats", given.repeats), ("--cores", given.cores)):
        if value is not None and not 1 <= value <= 1000:
            raise OptionError(f"{name} is {value}; use 1 to 1000.")
    options = Options(
        given.repeats,
        given.smallest,
        not given.no_peers,
        given.peers_python,
        given.cores,
        given.seed,
        only=given.only,
    )
    figures = measured(given.names or [name for name in MEASUREMENTS if name not in LONG], options)
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def measured(names: Sequence[str], options: Options) -> dict[str, Any]:
    """Measures and prints; returns the same as plain JSON types."""
    about: dict[str, Any] = {"machine": machine(), "versions": versions(options.peers_python)}
    about["date"] = time.strftime("%Y-%m-%d %H:%M:%S")
    for head in ("machine", "versions"):
        print(f"{head}: " + ", ".join(f"{k} {v}" for k, v in about[head].items()))
    print(f"date: {about['date']}; load average {load()} on {options.cores} cores", flush=True)
    measurements: dict[str, Any] = {}
    last: Row | None = None
    for name, row, seconds in run(names, options):
        entry = measurements.setdefault(name, {"rows": [], "load_before": load()})
        if row is None:
            entry |= {"seconds": seconds, "load_after": load()}
            print(f"\n{name}: {seconds:.0f} s; load average {entry['load_after']}", flush=True)
            last = None
            continue
        print_row(row, last)
        last = row
        entry["rows"].append(row.to_dict())
    names = ("repeats", "smallest", "peers", "cores", "seed", "only")
    settings = {name: getattr(options, name) for name in names}
    return {"schema": 1, **about, "options": settings, "measurements": measurements}


if __name__ == "__main__":
    try:
        main()
    except NeuroevoError as error:
        sys.exit(f"error: {error}")
