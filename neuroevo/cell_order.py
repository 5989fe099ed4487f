"""Cells in the order in which pictures show them: by role, class and name."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neuroevo.architecture import Architecture
from neuroevo.connectome import Connectome

ROLES = ("sensory", "interneuron", "motor", "neuron", "muscle")


@dataclass(frozen=True, eq=False)
class Arrangement:
    """Cells in order.

    Attributes:
        order: int [N], the cells.
        roles: Of each cell in that order, one of ROLES or another that its wiring names.
        classes: Likewise; "" where none is known.
    """

    order: np.ndarray
    roles: tuple[str, ...]
    classes: tuple[str, ...]


def arrange(architecture: Architecture, connectome: Connectome | None) -> Arrangement:
    """Returns the cells of an architecture by role, then class, then name; numbers count as numbers.

    Args:
        architecture: The wiring.
        connectome: What it was derived from, which knows the roles; None: unknown. Cells that it has not are
            muscles or neurons.
    """
    known = {} if connectome is None else dict(zip(connectome.cells, _about(connectome), strict=True))
    about = [
        known.get(cell, ("muscle" if is_muscle else "neuron", ""))
        for cell, is_muscle in zip(architecture.cells, architecture.is_muscle, strict=True)
    ]
    if architecture.classes:
        about = [(role, own) for (role, _), own in zip(about, architecture.classes, strict=True)]
    rank = {role: k for k, role in enumerate(ROLES)}
    order = sorted(
        range(len(about)),
        key=lambda i: (
            rank.get(about[i][0], len(rank)),
            about[i][0],
            _natural(about[i][1]),
            _natural(architecture.cells[i]),
        ),
    )
    roles, classes = zip(*(about[i] for i in order), strict=True) if order else ((), ())
    return Arrangement(np.array(order, int), roles, classes)


def runs(labels: Sequence[str]) -> list[tuple[str, int, int]]:
    """Returns stretches of equal labels: label, first place, place after the last."""
    found, start = [], 0
    for label, group in itertools.groupby(labels):
        end = start + len(list(group))
        found.append((label, start, end))
        start = end
    return found


def _about(connectome: Connectome) -> list[tuple[str, str]]:
    """Returns role and class of every cell."""
    return list(zip(connectome.role, connectome.cell_class, strict=True))


def _natural(text: str) -> list[tuple[int, int, str]]:
    """Returns a key that sorts VA2 before VA10."""
    parts = re.findall(r"\d+|\D+", text)
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts]
