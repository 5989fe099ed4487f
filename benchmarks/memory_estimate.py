"""Estimates of memory held against measured peaks: requests of different kinds, driver and largest worker.

    python -m benchmarks.memory_estimate [NAME ...]

A peak is VmHWM, as Linux keeps it of each process. `experiment.estimate` has its constants from here.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import populations
import tasks
from benchmarks.crew import ROOT
from neuroevo.cli.parser import given_fields
from neuroevo.cli.run import parser_of_run
from neuroevo.experiment.config import Configuration, flags
from neuroevo.experiment.estimate import Estimate, Numbers, estimate
from neuroevo.experiment.plan import Plan
from neuroevo.experiment.request import resolve

REGISTERED = populations.__name__, tasks.__name__
MB = 10**6
POLL = 0.02  # seconds between two looks at the processes
BRIEF = "swimmer:steps=1,held-out=1"
REQUESTS = {
    "small": "--genome connectome --task digits --generations 2 --population 64 --workers 1",
    "population": "--genome connectome --task digits --generations 3 --population 20000 --workers 1",
    "genetic": "--genome connectome --task digits --search ga --generations 3 --population 20000 --workers 0",
    "lineages": f"--genome connectome degree --task {BRIEF} --generations 2 --population 8 --seeds 250 "
    "--graphs 2 --workers 1",
    "wirings": f"--genome degree random --task {BRIEF} --generations 1 --population 2 --graphs 500 "
    "--workers 0",
    "rows": f"--genome connectome --task {BRIEF} --generations 20000 --population 2 --seeds 10 --workers 1",
    "whole worm": "--genome connectome random --task swimmer --connectome celegans --generations 2 "
    "--population 256 --seeds 4 --workers 1",
    "episodes": "--genome connectome --task swimmer:steps=20,episodes=100 --generations 2 --population 256 "
    "--workers 1",
    "readouts": "--genome connectome --task mnist:episodes=2500 --connectome celegans --adapter "
    "ridge:read=all,times=3 --generations 1 --population 12 --workers 0",
    "two workers": "--genome connectome random --task digits --generations 2 --population 4096 --workers 2",
}


def main() -> None:
    """Prints a row for each request: estimate and measured peak of the driver, and of a worker, in MB."""
    columns = f"{'measured':>9} {'ratio':>6}"
    print(f"{'request':<12} {'driver':>8} {columns} {'worker':>8} {columns}")
    for name in sys.argv[1:] or REQUESTS:
        arguments = REQUESTS[name].split()
        expected = expect(arguments)
        driver, worker = peaks(arguments)
        ours = [expected.driver_bytes, expected.worker_bytes]
        if not worker:
            ours = [sum(ours), 0.0]
        cells = []
        for amount, peak in zip(ours, (driver, worker), strict=True):
            ratio = f"{amount / peak:6.2f}" if peak else f"{'-':>6}"
            cells.append(f"{amount / MB:>8,.0f} {peak / MB:>9,.0f} {ratio}")
        print(f"{name:<12} {' '.join(cells)}", flush=True)


def expect(arguments: list[str]) -> Estimate:
    """Returns the estimate of a request, given as arguments of the command line."""
    options = parser_of_run().read(arguments)
    experiment = resolve(Configuration().override(given_fields(options, flags())))
    return estimate(experiment, Numbers.of(experiment), Plan(experiment).blueprints)


def peaks(arguments: list[str]) -> tuple[int, int]:
    """Returns the peak memory of the driver and of the largest worker of a run, in bytes."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "run.py", *arguments, "--quiet", "--out", f"{folder}/run"]
        driver, worker = 0, 0
        with subprocess.Popen(command, cwd=ROOT) as process:
            while process.poll() is None:
                driver = max(driver, peak(process.pid))
                worker = max([worker, *(peak(pid) for pid in children(process.pid) if is_worker(pid))])
                time.sleep(POLL)
        if process.returncode:
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return driver, worker


def peak(pid: int) -> int:
    """Returns the most memory that a process has had, in bytes; 0 if it is gone."""
    with suppress(OSError):
        text = Path(f"/proc/{pid}/status").read_text()
        if match := re.search(r"VmHWM:\s+(\d+) kB", text):
            return int(match[1]) * 1024
    return 0


def children(pid: int) -> Iterator[int]:
    """Yields all processes that a process has started, and those that these have."""
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                yield child
                yield from children(child)


def is_worker(pid: int) -> bool:
    """Says whether a process is one of Ray's that computes."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"ray::Actor")
    return False


if __name__ == "__main__":
    main()
