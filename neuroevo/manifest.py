"""What a run folder says of its origin: versions, commit, device, hashes of data and graphs."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neuroevo.connectome import Connectome
    from neuroevo.tournament import Tournament

PACKAGES = (
    "neuroevo",
    "torch",
    "evotorch",
    "numpy",
    "networkx",
    "ray",
    "mujoco",
    "numba",
    "scipy",
    "scikit-learn",
)


def manifest(
    tournament: Tournament, wiring: Connectome, command: Sequence[str], workers: int
) -> dict[str, Any]:
    """Returns what is known of a run before it starts.

    Args:
        tournament: The plan.
        wiring: The source connectome.
        command: Arguments of the command line.
        workers: Evaluators; results do not depend on them.
    """
    return {
        "schema": 1,
        "status": "running",
        "command": ["python", "run.py", *command],
        "versions": {"python": platform.python_version(), **_versions()},
        "commit": _commit(),
        "platform": platform.platform(),
        "device": tournament.config.device,
        "workers": workers,
        "connectome": {"name": wiring.name, "sha256": wiring.fingerprint()},
        "graphs": [
            {"genome": s.genome, "graph": s.graph, "sha256": s.graph_hash, "notes": s.architecture.notes}
            for s in tournament.samples
        ],
        "data": {
            label: task.data_hashes()
            for label, task in tournament.tasks.items()
            if hasattr(task, "data_hashes")
        },
        "tasks": {
            label: {"unit": task.unit, "fitness_unit": getattr(task, "fitness_unit", task.unit)}
            for label, task in tournament.tasks.items()
        },
        "lineages": tournament.lineages(),
    }


def _versions() -> dict[str, str]:
    """Returns versions of the packages that results depend on, where installed."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # run from a checkout that is not installed
            continue
    return found


def _commit() -> str | None:
    """Returns the checkout's commit, with `+` if files were changed since; None outside git."""
    here = Path(__file__).parent.parent
    if not (here / ".git").exists():
        return None
    try:
        git = ["git", "-C", str(here)]
        head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
        changes = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return head.stdout.strip() + ("+" if changes.stdout.strip() else "")
