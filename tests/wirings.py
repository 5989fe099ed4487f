"""What several tests of readers need: tables written to a folder, and wirings by the names of their cells."""

from __future__ import annotations

from pathlib import Path

from neuroevo.connectome.model import Connectome


def write(folder: Path, **files: str) -> Path:
    """Writes files, `wiring` as `wiring.csv`, and returns the first."""
    paths = [folder / f"{name}.csv" for name in files]
    for path, text in zip(paths, files.values(), strict=True):
        path.write_text(text, encoding="utf-8")
    return paths[0]


def pairs(wiring: Connectome, kind: str) -> dict[tuple[str, str], float]:
    """Returns weights of one kind by the names of the two cells."""
    edges = getattr(wiring, kind)
    ends = zip(edges.pre, edges.post, edges.weight.tolist(), strict=True)
    return {(wiring.cells[i], wiring.cells[j]): weight for i, j, weight in ends}


def ports(wiring: Connectome) -> tuple[list[str], list[str]]:
    """Returns the names of the input and the output cells."""
    return [wiring.cells[i] for i in wiring.inputs], [wiring.cells[i] for i in wiring.outputs]
