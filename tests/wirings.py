"""What several tests of readers need: tables written to a folder, and wirings by the names of their cells."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from neuroevo.connectome import bundled
from neuroevo.connectome.model import Connectome, Edges
from neuroevo.wiring.statistics import Wiring, neurons_of

WORMS = [name for name in bundled.names() if name.startswith("celegans")]  # cells, signs and weights differ


def write(folder: Path, **files: str) -> Path:
    """Writes files, `wiring` as `wiring.csv`.

    Args:
        folder: Where they are written.
        files: Their text by name, without the ending.

    Returns:
        The path of the first.
    """
    paths = [folder / f"{name}.csv" for name in files]
    for path, text in zip(paths, files.values(), strict=True):
        path.write_text(text, encoding="utf-8")
    return paths[0]


def matrix_of(wiring: Wiring) -> np.ndarray:
    """Returns the matrix of the chemical synapses among neurons, bool [N, N], presynaptic cells in rows.

    Args:
        wiring: A connectome or an architecture.
    """
    return neurons_of(wiring).matrix()


def pairs(wiring: Connectome, kind: str) -> dict[tuple[str, str], float]:
    """Returns weights of one kind by the names of the two cells.

    Args:
        wiring: The connectome.
        kind: One of `model.KINDS`.
    """
    edges = getattr(wiring, kind)
    ends = zip(edges.pre, edges.post, edges.weight.tolist(), strict=True)
    return {(wiring.cells[i], wiring.cells[j]): weight for i, j, weight in ends}


def ports(wiring: Connectome) -> tuple[list[str], list[str]]:
    """Returns the names of the input and the output cells.

    Args:
        wiring: The connectome.
    """
    return [wiring.cells[i] for i in wiring.inputs], [wiring.cells[i] for i in wiring.outputs]


def signed(wiring: Connectome) -> list[dict[tuple[str, ...], float]]:
    """Returns the weights of each kind of edge by the names of its ends, with the sign of synapses.

    Args:
        wiring: The connectome; the ends of a gap junction are sorted.
    """

    def named(kind: Edges) -> Iterator[tuple[str, str, float, int]]:
        for i, j, weight in zip(kind.pre, kind.post, kind.weight, strict=True):
            yield wiring.cells[i], wiring.cells[j], float(weight), int(wiring.sign[i])

    synapses = [
        {(pre, post): weight * sign for pre, post, weight, sign in named(kind)}
        for kind in (wiring.chemical, wiring.neuromuscular)
    ]
    gaps = {tuple(sorted((a, b))): weight for a, b, weight, _ in named(wiring.electrical)}
    return [*synapses, gaps]
