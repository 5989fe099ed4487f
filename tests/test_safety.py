"""A run with a Ray worker, from outside: what listens to the network, and what a failure says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from neuroevo.workers.requests import ATTEMPTS
from tests import ROOT
from tests.faulty import order
from tests.small import CIRCUIT

NICENESS = "RAY_worker_niceness"  # which `conftest` sets
LOOPBACK = ("0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000")


def descendants(pid: int) -> set[int]:
    """A process and all that came from it, as /proc has them."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:  # it has ended
                continue
    family = {pid}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return family


def listening(pids: set[int]) -> Iterator[str]:
    """Addresses, in hexadecimal, at which processes wait for connections."""
    sockets = set()
    for pid in pids:
        for handle in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                sockets.add(os.readlink(handle))
            except OSError:
                continue
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:] if Path(table).exists() else ():
            place = line.split()
            if place[3] == "0A" and f"socket:[{place[9]}]" in sockets:
                yield place[1].split(":")[0]


@dataclass(frozen=True)
class Ended:
    """A run with a Ray worker, as the program is started by a person, once it has failed.

    Attributes:
        addresses: Where its processes listened while it ran, in hexadecimal.
        status: Exit status.
        out: What it printed.
        err: What it printed on errors.
        has_left_token: Whether it wrote a token of Ray's into its home folder.
        is_lured: Whether a process of it ran the `numpy.py` in its working folder.
    """

    addresses: list[str]
    status: int
    out: str
    err: str
    has_left_token: bool
    is_lured: bool


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """A run whose only lineage fails once its addresses are known; RAY_ADDRESS names a cluster."""
    folder = tmp_path_factory.mktemp("safety")
    (folder / "faults").mkdir()
    (folder / "numpy.py").write_text(f"open({str(folder / 'lured')!r}, 'w')\n")
    task = f'late=tests.faulty:Faulty:folder="{folder / "faults"}"'
    command = [sys.executable, str(ROOT / "run.py"), "--genome", "random", "--task", task]
    command += ["--out", str(folder / "x")]
    command += ["--connectome", CIRCUIT, "--workers", "1", "--generations", "100000"]
    environment = {k: v for k, v in os.environ.items() if k == NICENESS or not k.startswith("RAY_")}
    environment |= {"RAY_ADDRESS": "127.0.0.1:1", "HOME": str(folder)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, **pipes)
    try:
        while not (folder / "x/metrics.jsonl").exists():
            assert process.poll() is None, process.communicate()
            time.sleep(0.1)
        addresses = list(listening(descendants(process.pid)))
        order(folder / "faults", *["raise"] * ATTEMPTS)
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
    lured, token = (folder / "lured").exists(), (folder / ".ray").exists()
    return Ended(addresses, process.returncode, out, err, token, lured)


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux's /proc")
def test_nothing_of_a_run_listens_beyond_this_machine(ended: Ended) -> None:
    """Nor does it join a cluster that it was not told of."""
    assert len(ended.addresses) >= 3  # a driver, its node and its workers talk to each other
    assert [address for address in ended.addresses if address not in LOOPBACK] == []


def test_failure_in_a_ray_worker_names_the_lineage(ended: Ended) -> None:
    line = r"error: random on late, graph 0, seed 0, generation \d+ failed with FloatingPointError: "
    assert ended.status == 1
    assert re.match(line, ended.err), ended.err
    assert "Traceback" not in ended.out


def test_run_leaves_no_token_behind(ended: Ended) -> None:
    """One that it did leave, `ray start --head` would want of everybody from then on."""
    assert not ended.has_left_token


def test_workers_run_no_module_that_lies_in_the_working_folder(ended: Ended) -> None:
    assert not ended.is_lured
