"""What a run folder says of its origin: versions, commit, device, hashes of data and graphs."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuroevo import statistics
from neuroevo.comparison import is_comparable
from neuroevo.configuration import margins
from neuroevo.seeds import derive
from neuroevo.triads import TRIADS, triad_census, triad_error

if TYPE_CHECKING:
    import numpy as np

    from neuroevo.architecture import Architecture
    from neuroevo.connectome import Connectome
    from neuroevo.plan import Plan

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


def manifest(plan: Plan, wiring: Connectome, command: Sequence[str], workers: int) -> dict[str, Any]:
    """Returns what is known of a run before it starts.

    Args:
        plan: What is to be run.
        wiring: The source connectome.
        command: Arguments of the command line.
        workers: Evaluators; results do not depend on them.
    """
    margin, figures = margins(plan.config, plan.tasks), _Figures(wiring, plan.config.seed)
    return {
        "schema": 1,
        "status": "running",
        "command": ["python", "run.py", *command],
        "versions": {"python": platform.python_version(), **_versions()},
        "commit": _commit(),
        "platform": platform.platform(),
        "device": plan.config.device,
        "workers": workers,
        "connectome": {"name": wiring.name, "sha256": wiring.fingerprint()},
        "graphs": [
            {
                "genome": s.genome,
                "graph": s.graph,
                "sha256": s.graph_hash,
                "notes": s.architecture.notes,
                "statistics": figures.of(s.architecture),
            }
            for s in plan.samples
        ],
        "priors": {
            label: {
                "name": plan.genomes[label].plugin.name,
                "options": plan.genomes[label].options,
                "one_point": drawn.one_point,
                "core": _core(drawn.samples[0].architecture),
            }
            for label, drawn in plan.draws.items()
        },
        "data": {
            label: task.data_hashes() for label, task in plan.tasks.items() if hasattr(task, "data_hashes")
        },
        "tasks": {
            label: {
                "unit": task.unit,
                "fitness_unit": getattr(task, "fitness_unit", task.unit),
                "margin": margin[label],
            }
            for label, task in plan.tasks.items()
        },
        "lineages": plan.lineages(),
    }


def _core(architecture: Architecture) -> str:
    """Returns what of the wiring evolves; "none" where there is no wiring that could."""
    is_bare = not (len(architecture.synapses) or len(architecture.gap_junctions))
    return "none" if is_bare and architecture.core == "frozen" else architecture.core


class _Figures:
    """Statistics of graphs, null where a graph has not the connectome's cells and they need them."""

    def __init__(self, wiring: Connectome, seed: int) -> None:
        self._wiring, self._seed = wiring, derive(seed, "modules")
        self._matrix = statistics.neurons_of(wiring)
        self._census = triad_census(self._matrix)
        self._known: dict[bytes, Mapping[str, Any]] = {}  # by matrix, which several priors may share

    def of(self, architecture: Architecture) -> dict[str, float | int | None]:
        """Returns the statistics of one graph; all but the first two are of synapses among neurons."""
        matrix = statistics.neurons_of(architecture)
        found, same = self._structure(matrix), is_comparable(self._wiring, architecture)
        census = {label: int(found[f"triads_{label}"]) for label in TRIADS}
        names = ("density", "reciprocity", "clustering", "path_length", "rich_club", "assortativity")
        length = statistics.wiring_length(architecture, self._wiring.position) if same else None
        return {
            "cells": architecture.num_cells,
            "synapses": len(architecture.synapses),
            **{name: found[name] for name in (*names, "modularity")},
            "triad_error": triad_error(census, self._census) if same else None,
            "wiring_length": length,
            "excitatory": statistics.sign_fraction(matrix, architecture.sign[~architecture.is_muscle]),
            "overlap": statistics.overlap(self._matrix, matrix) if same else None,
        }

    def _structure(self, matrix: np.ndarray) -> Mapping[str, Any]:
        """Returns `statistics.structure`, computed once for equal matrices."""
        key = matrix.shape[0].to_bytes(8, "little") + matrix.tobytes()
        if key not in self._known:
            self._known[key] = statistics.structure(matrix, self._seed)
        return self._known[key]


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
