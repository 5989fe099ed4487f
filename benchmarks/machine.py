"""The machine and the versions that a measurement is of."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

OURS = ("neuroevo", "torch", "numpy", "mujoco", "gymnasium", "evotorch", "ray", "numba", "scipy", "networkx")
PEERS = ("envpool", "networkit", "bctpy", "jax", "jaxlib", "brax", "evosax", "evojax")
_ASK = (
    "import importlib.metadata as m, json, sys\nversions = {}\nfor n in sys.argv[1:]:\n"
    " try: versions[n] = m.version(n)\n except m.PackageNotFoundError: pass\nprint(json.dumps(versions))"
)


def machine() -> dict[str, Any]:
    """Returns facts about the machine."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "caches": _caches(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def versions(peers_python: str) -> dict[str, str]:
    """Returns versions of this project's dependencies and of peers; "not installed" of those that are not."""
    ours = {name: _version(name) for name in OURS}
    asked = subprocess.run(
        [peers_python or sys.executable, "-c", _ASK, *PEERS], capture_output=True, text=True, check=True
    )
    there = json.loads(asked.stdout)
    return ours | {name: there.get(name, "not installed") for name in PEERS}


def load() -> float:
    """Returns the load average over a minute."""
    return round(os.getloadavg()[0], 2)


def _version(name: str) -> str:
    """Returns the version of a package."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    """Returns the name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next(
        (x.partition(":")[2].strip() for x in lines if x.startswith("model name")), platform.machine()
    )


def _caches() -> dict[str, str]:
    """Returns the sizes of the first core's caches, by level and kind."""
    sizes = {}
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        kind = (folder / "type").read_text().strip().lower()
        if kind != "instruction":
            sizes[f"L{(folder / 'level').read_text().strip()}"] = (folder / "size").read_text().strip()
    return sizes
