"""Safety: what listens to the network, and what is read and run."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.small import CIRCUIT

ROOT = Path(__file__).parent.parent
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
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


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


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux's /proc")
def test_nothing_of_a_run_listens_beyond_this_machine(tmp_path: Path) -> None:
    """Nor does it join a cluster that it was not told of."""
    command = [sys.executable, str(ROOT / "run.py"), "--genome", "random", "--task", "swimmer:steps=20"]
    command += ["--connectome", CIRCUIT, "--workers", "1", "--generations", "100000", "--quiet"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
    environment["RAY_ADDRESS"] = "127.0.0.1:1"
    process = subprocess.Popen([*command, "--out", "x"], cwd=tmp_path, env=environment)
    try:
        while not (tmp_path / "x/metrics.jsonl").exists():
            assert process.poll() is None
            time.sleep(0.1)
        found = list(listening(descendants(process.pid)))
    finally:
        process.terminate()
        process.wait()
    assert len(found) >= 3  # a driver, its node and its workers talk to each other
    assert [address for address in found if address not in LOOPBACK] == []
